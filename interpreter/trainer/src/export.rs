//! The measures of a run for other tools: a table (`metrics.csv`) and TensorBoard's event file. Both are made anew of
//! `metrics.jsonl`, so they hold every step once, however often the run was interrupted.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use crate::{StepMetrics, TrainError};

/// Writes both files beside the measures, each whole or not at all.
pub(crate) fn write(dir: &Path, steps: &[StepMetrics]) -> Result<(), TrainError> {
    let rows: Vec<Map<String, Value>> = steps.iter().filter_map(row).collect();
    replace(dir, "metrics.csv", table(&rows).as_bytes())?;
    replace(dir, "events.out.tfevents.0.rlx", &events(&rows))
}

fn row(metrics: &StepMetrics) -> Option<Map<String, Value>> {
    match serde_json::to_value(metrics) {
        Ok(Value::Object(row)) => Some(row),
        _ => None,
    }
}

fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
    let (fresh, path) = (dir.join(format!("{name}.tmp")), dir.join(name));
    std::fs::write(&fresh, bytes).map_err(TrainError::io(&fresh))?;
    std::fs::rename(&fresh, &path).map_err(TrainError::io(&path))
}

/// Columns: the step, then all others by name; a cell without a value is empty.
fn table(rows: &[Map<String, Value>]) -> String {
    let names: BTreeSet<&String> = rows
        .iter()
        .flat_map(Map::keys)
        .filter(|name| *name != "step")
        .collect();
    let mut out = String::from("step");
    for name in &names {
        out.push(',');
        out.push_str(name);
    }
    out.push('\n');
    for row in rows {
        let cell = |name: &str| match row.get(name) {
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        out.push_str(&cell("step"));
        for name in &names {
            out.push(',');
            out.push_str(&cell(name));
        }
        out.push('\n');
    }
    out
}

/// TensorBoard's records: length, its checksum, the event, its checksum. Times are seconds since the run began.
fn events(rows: &[Map<String, Value>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut version = Vec::new();
    double(&mut version, 1, 0.0);
    bytes(&mut version, 3, b"brain.Event:2");
    record(&mut out, &version);
    let mut seconds = 0.0;
    for row in rows {
        let number = |name: &str| row.get(name).and_then(Value::as_f64);
        seconds += number("rollout_seconds").unwrap_or(0.0) + number("update_seconds").unwrap_or(0.0);
        let mut summary = Vec::new();
        for (name, value) in row.iter().filter(|(name, _)| *name != "step") {
            let Some(value) = value.as_f64() else {
                continue;
            };
            let mut scalar = Vec::new();
            bytes(&mut scalar, 1, name.as_bytes());
            tag(&mut scalar, 2, 5);
            scalar.extend((value as f32).to_le_bytes());
            bytes(&mut summary, 1, &scalar);
        }
        let mut event = Vec::new();
        double(&mut event, 1, seconds);
        tag(&mut event, 2, 0);
        varint(&mut event, row.get("step").and_then(Value::as_u64).unwrap_or(0));
        bytes(&mut event, 5, &summary);
        record(&mut out, &event);
    }
    out
}

fn record(out: &mut Vec<u8>, event: &[u8]) {
    let length = (event.len() as u64).to_le_bytes();
    out.extend(length);
    out.extend(masked_crc(&length).to_le_bytes());
    out.extend(event);
    out.extend(masked_crc(event).to_le_bytes());
}

/// Protocol buffers' wire format: a field's number and kind.
fn tag(out: &mut Vec<u8>, field: u64, kind: u64) {
    varint(out, (field << 3) | kind);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(((value & 0x7f) | 0x80) as u8);
        value >>= 7;
    }
    out.push(value as u8);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    tag(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    tag(out, field, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

/// CRC-32C, rotated and offset as TFRecord files have it.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn crc32c(data: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (0_u32.wrapping_sub(crc & 1)));
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_crc_32c() {
        // The check value of the CRC catalogue, and 32 zero bytes of RFC 3720.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn tables_and_records_hold_every_step() {
        let steps: Vec<StepMetrics> = (1..=3)
            .map(|step| StepMetrics {
                step,
                loss: (step != 2).then_some(0.5),
                ..StepMetrics::default()
            })
            .collect();
        let rows: Vec<_> = steps.iter().filter_map(row).collect();
        let table = table(&rows);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("step,") && lines[0].contains(",loss,"));
        let column = lines[0].split(',').position(|name| name == "loss");
        let cells: Vec<_> = lines[1..]
            .iter()
            .map(|line| line.split(',').nth(column.unwrap()).unwrap())
            .collect();
        assert_eq!(cells, ["0.5", "", "0.5"]);
        let events = events(&rows);
        let (mut at, mut count) = (0, 0);
        while at < events.len() {
            let length = u64::from_le_bytes(events[at..at + 8].try_into().unwrap()) as usize;
            let data = &events[at + 12..at + 12 + length];
            let stored = u32::from_le_bytes(events[at + 12 + length..at + 16 + length].try_into().unwrap());
            assert_eq!(stored, masked_crc(data));
            at += 16 + length;
            count += 1;
        }
        assert_eq!(count, 4);
    }
}
