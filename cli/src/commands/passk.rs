//! `rlx passk`: pass@k from counts made elsewhere.

use crate::{
    args::{Format, PasskArgs},
    failure::Failure,
    project,
};
use rlx_analysis::{Design, Evidence, Outcomes, Resampling, Results, SampleRow};
use rlx_language::{ModelRef, Query};
use std::process::ExitCode;

/// One line of the table.
struct Count {
    problem: String,
    n: u64,
    c: u64,
}

pub(crate) fn run(args: &PasskArgs) -> Result<ExitCode, Failure> {
    let counts = read(
        &project::read_text(&args.counts)?,
        &args.counts.display().to_string(),
    )?;
    let ks = ks(&args.k)?;
    let samples = counts.iter().map(|count| count.n).min().unwrap_or(0);
    if let Some(k) = ks.iter().find(|k| **k > samples) {
        let message = format!("k = {k} is above the {samples} samples of the problem with the fewest");
        return Err(Failure::user(
            "rlx::passk",
            message,
            Some(format!("use k up to {samples}")),
        ));
    }
    if counts.iter().any(|count| count.n != samples) {
        let help = "give every problem the same number of samples: the intervals resample them side by side";
        return Err(Failure::user(
            "rlx::passk",
            "the problems have different n",
            Some(help.into()),
        ));
    }
    let design = Design {
        evaluation: "counts".into(),
        benchmark: args.counts.display().to_string(),
        problems: counts.iter().map(|count| count.problem.clone()).collect(),
        models: vec!["model".into()],
        samples,
        verdicts: vec!["correct".into(), "wrong".into()],
    };
    let rows = counts.iter().flat_map(|count| {
        (0..count.n).map(|sample| SampleRow {
            model: "model",
            problem: &count.problem,
            sample,
            correct: sample < count.c,
            verdict: if sample < count.c { "correct" } else { "wrong" },
            tokens: 0,
            truncated: false,
        })
    });
    let failed = |error: String| Failure::user("rlx::passk", error, None);
    let outcomes = Outcomes::new(design, rows, []).map_err(|error| failed(error.to_string()))?;
    let mut evidence = Evidence::default();
    evidence.evaluations.insert("counts".into(), outcomes);
    let of = vec![ModelRef::Model { name: "model".into() }];
    let query = Query::PassAtK {
        evaluation: "counts".into(),
        of,
        k: ks,
    };
    let results = rlx_analysis::answer(&query, &evidence, &Resampling::new(args.seed), 0.95)
        .map_err(|error| failed(error.to_string()))?;
    let Results::PassAtK(results) = results else {
        return Err(failed("no curve came out".into()));
    };
    if args.format == Format::Json {
        println!("{:#}", serde_json::json!(results));
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} problems, {} samples each; intervals at 95%",
        results.problems, results.samples
    );
    println!(
        "{:>6}  {:>8}  {:<18} {:<18}",
        "k", "pass@k", "these problems", "problems like these"
    );
    for point in results.curves.iter().flat_map(|curve| &curve.points) {
        let interval = |interval: Option<rlx_analysis::Interval>| match interval {
            Some(interval) => format!("[{:.1}, {:.1}]", 100.0 * interval.low, 100.0 * interval.high),
            None => "undefined".to_owned(),
        };
        let value = point
            .pass
            .value
            .map_or_else(|| "undefined".to_owned(), |value| format!("{:.1}", 100.0 * value));
        println!(
            "{:>6}  {value:>8}  {:<18} {:<18}",
            point.k,
            interval(point.pass.these_problems),
            interval(point.pass.problems_like_these)
        );
    }
    for warning in &results.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(ExitCode::SUCCESS)
}

fn read(text: &str, name: &str) -> Result<Vec<Count>, Failure> {
    let bad = |line: usize, what: String| {
        let help = "the first line names the columns problem, n, c; each other line holds one problem";
        Failure::user(
            "rlx::passk",
            format!("{name}: line {line}: {what}"),
            Some(help.into()),
        )
    };
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let Some((_, head)) = lines.next() else {
        return Err(bad(1, "the file is empty".into()));
    };
    let columns: Vec<&str> = head.split(',').map(str::trim).collect();
    let column = |wanted: &str| {
        let at = columns.iter().position(|name| *name == wanted);
        at.ok_or_else(|| {
            bad(
                1,
                format!("there is no column `{wanted}` (found: {})", columns.join(", ")),
            )
        })
    };
    let (problem, n, c) = (column("problem")?, column("n")?, column("c")?);
    let mut counts = Vec::new();
    for (at, line) in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |column: usize| {
            cells
                .get(column)
                .copied()
                .ok_or_else(|| bad(at + 1, "a cell is missing".into()))
        };
        let number = |column: usize| {
            let text = cell(column)?;
            text.parse::<u64>()
                .map_err(|_| bad(at + 1, format!("`{text}` is not a whole number")))
        };
        let count = Count {
            problem: cell(problem)?.to_owned(),
            n: number(n)?,
            c: number(c)?,
        };
        if count.c > count.n || count.n == 0 {
            return Err(bad(
                at + 1,
                format!("c = {} right ones of n = {} samples cannot be", count.c, count.n),
            ));
        }
        counts.push(count);
    }
    Ok(counts)
}

/// `1..256*2`, `1..10`, `1,5,10`
fn ks(text: &str) -> Result<Vec<u64>, Failure> {
    let bad = || {
        let help = "write `1..256*2` (doubling), `1..10` or `1,5,10`";
        Failure::user(
            "rlx::passk",
            format!("`{text}` is no range of k"),
            Some(help.into()),
        )
    };
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|k| *k > 0).ok_or_else(bad);
    let Some((first, rest)) = text.split_once("..") else {
        return text.split(',').map(number).collect();
    };
    let (last, factor) = match rest.split_once('*') {
        Some((last, factor)) => (number(last)?, Some(number(factor)?.max(2))),
        None => (number(rest)?, None),
    };
    let mut ks = Vec::new();
    let mut k = number(first)?;
    while k <= last {
        ks.push(k);
        k = factor.map_or(k + 1, |factor| k * factor);
    }
    if ks.is_empty() { Err(bad()) } else { Ok(ks) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive() {
        assert_eq!(ks("1..8*2").unwrap(), [1, 2, 4, 8]);
        assert_eq!(ks("1..3").unwrap(), [1, 2, 3]);
        assert_eq!(ks("1, 5").unwrap(), [1, 5]);
        assert!(ks("0..3").is_err());
        assert!(ks("x").is_err());
    }

    #[test]
    fn counts_that_cannot_be_are_named_by_line() {
        assert_eq!(read("problem,n,c\na,4,1\n", "t").unwrap().len(), 1);
        for text in [
            "problem,n\na,4\n",
            "problem,n,c\na,4,5\n",
            "problem,n,c\na,x,1\n",
            "",
        ] {
            assert!(read(text, "t").is_err());
        }
    }
}
