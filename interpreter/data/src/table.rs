//! Reading rows: JSON lines, JSON arrays and CSV, each also compressed; Parquet.

use crate::error::DataError;
use crate::parquet;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// One row with the place it comes from (`line 3`, `item 3`), for messages.
pub(crate) struct Row {
    pub(crate) place: String,
    pub(crate) cells: Map<String, Value>,
}

/// Calls `each` for every row of the file, in order, until it returns false.
pub(crate) fn read(
    path: &Path,
    mut each: impl FnMut(Row) -> Result<bool, DataError>,
) -> Result<(), DataError> {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let file = File::open(path).map_err(|e| DataError::io(path, e))?;
    if file.metadata().map_err(|e| DataError::io(path, e))?.is_dir() {
        return Err(DataError::Format {
            path: path.to_owned(),
            what: "this is a folder".to_owned(),
        });
    }
    if name.ends_with(".parquet") {
        return parquet::rows(path, file, &mut each);
    }
    let (plain, reader): (&str, Box<dyn Read>) = if let Some(plain) = name.strip_suffix(".gz") {
        (
            plain,
            Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
        )
    } else if let Some(plain) = name.strip_suffix(".zst") {
        let decoder = zstd::stream::read::Decoder::new(file).map_err(|e| DataError::io(path, e))?;
        (plain, Box::new(decoder))
    } else {
        (&name, Box::new(file))
    };
    let mut reader = BufReader::new(reader);
    match plain.rsplit_once('.').map(|(_, extension)| extension) {
        Some("jsonl" | "ndjson") => lines(path, &mut reader, &mut each),
        Some("json") => array(path, &mut reader, &mut each),
        Some("csv") => csv(path, &mut reader, &mut each),
        Some(other) => Err(DataError::Format {
            path: path.to_owned(),
            what: format!("`.{other}` files are not read"),
        }),
        None => Err(DataError::Format {
            path: path.to_owned(),
            what: "the file has no extension".to_owned(),
        }),
    }
}

pub(crate) type Each<'a> = &'a mut dyn FnMut(Row) -> Result<bool, DataError>;

fn lines(path: &Path, reader: &mut dyn BufRead, each: Each) -> Result<(), DataError> {
    let mut line = Vec::new();
    let mut number = 0u64;
    loop {
        line.clear();
        number += 1;
        if reader
            .read_until(b'\n', &mut line)
            .map_err(|e| DataError::io(path, e))?
            == 0
        {
            return Ok(());
        }
        let place = format!("line {number}");
        // A byte order mark may open the file.
        let bytes = if number == 1 {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line)
        } else {
            &line
        };
        let text = std::str::from_utf8(bytes).map_err(|e| DataError::Row {
            path: path.to_owned(),
            place: place.clone(),
            what: format!("not UTF-8 from byte {} on", e.valid_up_to() + 1),
            mend: "save the file as UTF-8".to_owned(),
        })?;
        if text.trim().is_empty() {
            continue;
        }
        let value = serde_json::from_str(text).map_err(|e| bad_json(path, &place, &e))?;
        if !each(Row {
            cells: object(path, &place, value)?,
            place,
        })? {
            return Ok(());
        }
    }
}

fn array(path: &Path, reader: &mut dyn BufRead, each: Each) -> Result<(), DataError> {
    let mut text = String::new();
    reader
        .read_to_string(&mut text)
        .map_err(|e| DataError::io(path, e))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|e| bad_json(path, &format!("line {}, column {}", e.line(), e.column()), &e))?;
    let items: Vec<(String, Value)> = match value {
        Value::Array(items) => (1..)
            .map(|number: usize| format!("item {number}"))
            .zip(items)
            .collect(),
        // Rows by their ids, as MathVista has them.
        Value::Object(rows) if !rows.is_empty() && rows.values().all(Value::is_object) => rows
            .into_iter()
            .map(|(name, row)| (format!("item `{name}`"), row))
            .collect(),
        value => {
            return Err(DataError::Format {
                path: path.to_owned(),
                what: format!(
                    "a .json file must be an array of objects or an object of them, this is {}",
                    kind(&value)
                ),
            });
        }
    };
    for (place, value) in items {
        if !each(Row {
            cells: object(path, &place, value)?,
            place,
        })? {
            break;
        }
    }
    Ok(())
}

/// Comma-separated values after RFC 4180: a header line, fields in double quotes may hold commas and line breaks.
fn csv(path: &Path, reader: &mut dyn BufRead, each: Each) -> Result<(), DataError> {
    let mut text = String::new();
    reader
        .read_to_string(&mut text)
        .map_err(|e| DataError::io(path, e))?;
    let bad = |line: usize, what: &str, mend: &str| DataError::Row {
        path: path.to_owned(),
        place: format!("line {line}"),
        what: what.to_owned(),
        mend: mend.to_owned(),
    };
    let mut header: Option<Vec<String>> = None;
    let mut chars = text.strip_prefix('\u{feff}').unwrap_or(&text).chars().peekable();
    let mut line = 1;
    while chars.peek().is_some() {
        let begun = line;
        let (mut record, mut field, mut quoted) = (Vec::new(), String::new(), false);
        loop {
            match chars.next() {
                None if quoted => {
                    return Err(bad(
                        begun,
                        "a quoted field is never closed",
                        "add the closing quote",
                    ));
                }
                Some('"') if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    field.push('"');
                }
                Some('"') if quoted => quoted = false,
                Some('"') if field.is_empty() => quoted = true,
                Some(',') if !quoted => record.push(std::mem::take(&mut field)),
                Some('\r') if !quoted && chars.peek() == Some(&'\n') => {}
                None => break,
                Some('\n') if !quoted => {
                    line += 1;
                    break;
                }
                Some(c) => {
                    line += usize::from(c == '\n');
                    field.push(c);
                }
            }
        }
        record.push(field);
        let Some(names) = &header else {
            header = Some(record);
            continue;
        };
        if record.len() == 1 && record.iter().all(String::is_empty) {
            continue;
        }
        if record.len() != names.len() {
            let what = format!("{} fields where the header has {}", record.len(), names.len());
            return Err(bad(begun, &what, "quote fields that hold a comma or a quote"));
        }
        let cells = names
            .iter()
            .cloned()
            .zip(record.into_iter().map(Value::String))
            .collect();
        if !each(Row {
            place: format!("line {begun}"),
            cells,
        })? {
            break;
        }
    }
    Ok(())
}

fn object(path: &Path, place: &str, value: Value) -> Result<Map<String, Value>, DataError> {
    match value {
        Value::Object(cells) => Ok(cells),
        other => Err(DataError::Row {
            path: path.to_owned(),
            place: place.to_owned(),
            what: format!("{} where an object was expected", kind(&other)),
            mend: "write `{\"column\": value, …}`".to_owned(),
        }),
    }
}

fn bad_json(path: &Path, place: &str, error: &serde_json::Error) -> DataError {
    let what = if error.is_eof() {
        "the JSON ends too early".to_owned()
    } else {
        format!("not JSON: {error}")
    };
    DataError::Row {
        path: path.to_owned(),
        place: place.to_owned(),
        what,
        mend: "write one complete JSON object a line, or mend the file's download".to_owned(),
    }
}

/// How a message names a JSON value.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
