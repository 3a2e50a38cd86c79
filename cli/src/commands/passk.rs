//! `rlx passk`: pass@k from counts made elsewhere.

use crate::{
    args::{Format, PasskArgs},
    failure::Failure,
    project,
};
use rlx_analysis::{PassAtKError, Resampling};
use std::{collections::BTreeSet, process::ExitCode};

/// One line of the table: problem, samples, right ones.
type Count = (String, u32, u32);

pub(crate) fn run(args: &PasskArgs) -> Result<ExitCode, Failure> {
    let counts = read(
        &project::read_text(&args.counts)?,
        &args.counts.display().to_string(),
    )?;
    let ks = ks(&args.k)?;
    let failed = |error: PassAtKError| {
        let samples = counts.iter().map(|count| count.1).min().unwrap_or(0);
        let help = format!("the problem with the fewest samples has {samples}: use k up to {samples}");
        Failure::user("rlx::passk", error.to_string(), Some(help))
    };
    let name = args.counts.display().to_string();
    let results = rlx_analysis::pass_of_counts(&name, &counts, &ks, &Resampling::new(args.seed), 0.95)
        .map_err(failed)?;
    if args.format == Format::Json {
        println!("{:#}", serde_json::json!(results));
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} problems, {} samples each; intervals at 95%",
        results.problems,
        match counts.iter().map(|count| count.1).max() {
            Some(most) if u64::from(most) != results.samples => format!("{} to {most}", results.samples),
            _ => results.samples.to_string(),
        }
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

/// Tables of pass@k hold a row for every count of right samples; this keeps them in memory.
const MOST_SAMPLES: u32 = 100_000;
const MOST_K: usize = 100_000;

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
    let mut seen = BTreeSet::new();
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
            match text.parse::<u32>() {
                Ok(number) if number <= MOST_SAMPLES => Ok(number),
                Ok(number) => Err(bad(at + 1, format!("{number} is above {MOST_SAMPLES} samples"))),
                Err(_) => Err(bad(at + 1, format!("`{text}` is not a whole number"))),
            }
        };
        let (problem, n, c) = (cell(problem)?.to_owned(), number(n)?, number(c)?);
        if c > n || n == 0 {
            return Err(bad(
                at + 1,
                format!("c = {c} right ones of n = {n} samples cannot be"),
            ));
        }
        if !seen.insert(problem.clone()) {
            return Err(bad(
                at + 1,
                format!("the problem `{problem}` stands in two lines"),
            ));
        }
        counts.push((problem, n, c));
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
    while k <= last && ks.len() <= MOST_K {
        ks.push(k);
        k = factor.map_or(k.saturating_add(1), |factor| k.saturating_mul(factor));
        if ks.last() == Some(&k) {
            break;
        }
    }
    if ks.len() > MOST_K {
        let message = format!("`{text}` asks for more than {MOST_K} k");
        return Err(Failure::user(
            "rlx::passk",
            message,
            Some("ask for a part of them".into()),
        ));
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
            "problem,n,c\na,4,1\na,4,1\n",
            "",
        ] {
            assert!(read(text, "t").is_err());
        }
    }
}
