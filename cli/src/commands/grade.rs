//! `rlx grade`: verdicts on responses made elsewhere.

use crate::{
    args::GradeArgs,
    commands::{benchmark::Golds, grade_command::Program, lines, verdicts::Sink},
    failure::Failure,
};
use rayon::prelude::*;
use rlx_judge::{Case, Judge, Verdict};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write, process::ExitCode, time::Instant};

/// Rows that are in memory together, and judged by all cores between two writes.
const BLOCK: usize = 2048;

#[derive(Deserialize)]
struct Row {
    id: Value,
    #[serde(default)]
    problem: String,
    #[serde(default)]
    gold: String,
    response: String,
    #[serde(default)]
    gold_is_text: bool,
    #[serde(default)]
    truncated: bool,
    /// Decimal places to which the answer is compared.
    #[serde(default)]
    precision: Option<u32>,
}

impl Row {
    /// With problem and gold of a benchmark, where one was asked for.
    fn of(mut self, golds: Option<&Golds>) -> Result<Self, Failure> {
        if let Some(golds) = golds {
            let problem = golds.problem(&self.id, &self.problem)?;
            self.response = golds.turn(&self.response);
            self.gold = problem.answer.clone().unwrap_or_default();
            // GSM8K's golds are worked solutions that end in `#### answer`.
            self.gold_is_text = self.gold.contains("####");
            self.problem.clone_from(&problem.text);
            self.precision = problem.precision;
        }
        Ok(self)
    }
}

pub(crate) fn run(args: &GradeArgs) -> Result<ExitCode, Failure> {
    let golds = match &args.benchmark {
        Some(name) => Some(Golds::open(name, args.source.as_deref())?),
        None => None,
    };
    let wanted = args
        .judge
        .as_deref()
        .or(golds.as_ref().map(|golds| golds.judge.as_str()));
    let wanted = wanted.unwrap_or_default();
    if wanted == "code" {
        return super::grade_code::run(args, golds.as_ref());
    }
    let judge = named(wanted, args)?;
    let second = args
        .against
        .as_deref()
        .map(|name| named(name, args))
        .transpose()?;
    let mut table = Disagreements::default();
    let mut sink = Sink::open(args)?;
    let mut rows = lines::read::<Row>(&args.answers)?;
    for at in 0..sink.done() {
        match rows.next() {
            Some(row) => sink.check(at, &row?.id)?,
            None => break,
        }
    }
    loop {
        // A bad row ends the run after the rows before it are written.
        let mut bad = None;
        let mut block = Vec::with_capacity(BLOCK);
        for row in rows.by_ref().take(BLOCK) {
            match row.and_then(|row: Row| row.of(golds.as_ref())) {
                Ok(row) => block.push(row),
                Err(failure) => {
                    bad = Some(failure);
                    break;
                }
            }
        }
        let judged: Vec<_> = block
            .par_iter()
            .map(|row| {
                let case = Case {
                    problem: &row.problem,
                    gold: &row.gold,
                    response: &row.response,
                    truncated: row.truncated,
                    gold_is_text: row.gold_is_text,
                };
                let clock = Instant::now();
                let judged = |judge: &(dyn Judge + Send + Sync)| {
                    let verdict = judge.judge(&case);
                    match row.precision {
                        Some(places) if matches!(judge.name(), "number" | "math") => {
                            rlx_judge::to_places(verdict, case.gold, places)
                        }
                        _ => verdict,
                    }
                };
                let verdict = judged(judge.as_ref());
                let took = clock.elapsed();
                (
                    verdict,
                    took,
                    second.as_ref().map(|second| judged(second.as_ref())),
                )
            })
            .collect();
        for (row, (verdict, took, other)) in block.iter().zip(&judged) {
            sink.write(&row.id, verdict, *took, other.as_ref())?;
            if let Some(other) = other {
                table.add(&row.id, verdict, other);
            }
        }
        sink.flush()?;
        if let Some(failure) = bad {
            return Err(failure);
        }
        if block.len() < BLOCK {
            if let Some(second) = &second {
                eprint!("{}", table.text(judge.name(), second.name()));
            }
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn named(name: &str, args: &GradeArgs) -> Result<Box<dyn Judge + Send + Sync>, Failure> {
    if name == "command" {
        return Ok(Box::new(Program::open(args)?));
    }
    rlx_judge::by_name(name).ok_or_else(|| {
        let help = format!("the judges are {}, code, command", rlx_judge::NAMES.join(", "));
        Failure::user("rlx::judge", format!("there is no judge `{name}`"), Some(help))
    })
}

/// How often two judges gave which pair of verdicts, with the first rows of each pair on which they differ.
#[derive(Default)]
struct Disagreements {
    rows: u64,
    pairs: BTreeMap<(&'static str, &'static str), (u64, Vec<String>)>,
}

impl Disagreements {
    fn add(&mut self, id: &Value, first: &Verdict, second: &Verdict) {
        self.rows += 1;
        // Wrong and unparsed differ in name only: neither solves the problem.
        if first.outcome.solved() == second.outcome.solved() {
            return;
        }
        let pair = self
            .pairs
            .entry((first.outcome.name(), second.outcome.name()))
            .or_default();
        pair.0 += 1;
        if pair.1.len() < 5 {
            pair.1.push(id.to_string());
        }
    }

    fn text(&self, first: &str, second: &str) -> String {
        let differing: u64 = self.pairs.values().map(|(count, _)| count).sum();
        let mut text = format!(
            "{first} and {second} differ on {differing} of {} rows judged now\n",
            self.rows
        );
        if differing > 0 {
            let _ = writeln!(text, "{first:>12} {second:>12} {:>8}  ids", "rows");
            for ((a, b), (count, ids)) in &self.pairs {
                let more = if *count > ids.len() as u64 { ", …" } else { "" };
                let _ = writeln!(text, "{a:>12} {b:>12} {count:>8}  {}{more}", ids.join(", "));
            }
        }
        text
    }
}
