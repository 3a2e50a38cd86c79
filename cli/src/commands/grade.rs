//! `rlx grade`: verdicts on responses made elsewhere.

use crate::{args::GradeArgs, commands::lines, failure::Failure};
use rlx_judge::Case;
use serde::Deserialize;
use std::{
    io::{BufWriter, Write},
    process::ExitCode,
    time::Instant,
};

#[derive(Deserialize)]
struct Row {
    id: serde_json::Value,
    #[serde(default)]
    problem: String,
    #[serde(default)]
    gold: String,
    response: String,
    #[serde(default)]
    gold_is_text: bool,
    #[serde(default)]
    truncated: bool,
}

pub(crate) fn run(args: &GradeArgs) -> Result<ExitCode, Failure> {
    if args.judge == "code" {
        return super::grade_code::run(args);
    }
    let Some(judge) = rlx_judge::by_name(&args.judge) else {
        let help = format!("the judges are {}, code", rlx_judge::NAMES.join(", "));
        return Err(Failure::user(
            "rlx::judge",
            format!("there is no judge `{}`", args.judge),
            Some(help),
        ));
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    for row in lines::read::<Row>(&args.answers)? {
        let row = row?;
        let clock = Instant::now();
        let verdict = judge.judge(&Case {
            problem: &row.problem,
            gold: &row.gold,
            response: &row.response,
            truncated: row.truncated,
            gold_is_text: row.gold_is_text,
        });
        let line = serde_json::json!({
            "id": row.id, "verdict": verdict.outcome.name(), "extracted": verdict.extracted, "rule": verdict.rule,
            "reason": verdict.reason, "ms": clock.elapsed().as_secs_f64() * 1e3,
        });
        writeln!(out, "{line}").map_err(lines::stdout)?;
    }
    out.flush().map_err(lines::stdout)?;
    Ok(ExitCode::SUCCESS)
}
