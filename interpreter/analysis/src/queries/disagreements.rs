//! Where two judges differ.

use std::collections::BTreeMap;

use rlx_language::{Judge, ModelRef};

use super::{column, models, number, text};
use crate::disputes::{Disputes, JudgedTwice};
use crate::evidence::Evidence;
use crate::results::{Listing, ListingUnit};
use crate::undefined::Undefined;

/// Examples of one pair of verdicts.
const EXAMPLES: usize = 3;
/// Characters of an answer in an example.
const LONGEST: usize = 40;

pub(super) fn answer(
    evidence: &Evidence,
    evaluation: &str,
    of: &[ModelRef],
    by: Judge,
) -> Result<Listing, Undefined> {
    let outcomes = evidence.evaluation(evaluation)?;
    let none = Disputes {
        evaluation: evaluation.to_owned(),
        judges: ["the benchmark's judge".to_owned(), by.name().to_owned()],
        rows: Vec::new(),
    };
    let disputes = evidence
        .disputes
        .iter()
        .find(|disputes| disputes.evaluation == evaluation && disputes.judges[1] == by.name())
        .unwrap_or(&none);
    let [first, second] = &disputes.judges;
    let (mut rows, mut notes, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for (label, _) in models(outcomes, of)? {
        let own: Vec<&JudgedTwice> = disputes.rows.iter().filter(|row| row.model == label).collect();
        if own.is_empty() {
            warnings.push(format!(
                "undefined: no response of {label} was judged by both judges"
            ));
            continue;
        }
        let share = |count: usize| count as f64 / own.len() as f64;
        let right = |said: &dyn Fn(&JudgedTwice) -> bool| own.iter().filter(|row| said(row)).count();
        let (by_first, by_second) = (right(&|row| row.first.solved), right(&|row| row.second.solved));
        let agreed = right(&|row| row.first.solved == row.second.solved);
        notes.push(format!(
            "{label}: {first} calls {:.1}% of {} responses right, {second} {:.1}%; they agree on {:.1}%.",
            100.0 * share(by_first),
            own.len(),
            100.0 * share(by_second),
            100.0 * share(agreed),
        ));
        let mut pairs: BTreeMap<(&str, &str), Vec<&JudgedTwice>> = BTreeMap::new();
        for row in own.iter().copied() {
            // Wrong and unparsed differ in name only: neither solves the problem.
            if row.first.solved != row.second.solved {
                let pair = (row.first.verdict.as_str(), row.second.verdict.as_str());
                pairs.entry(pair).or_default().push(row);
            }
        }
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
        for ((one, other), found) in pairs {
            let problems = found.chunk_by(|a, b| a.problem == b.problem).count();
            rows.push(vec![
                text(label.clone()),
                text(one),
                text(other),
                number(found.len() as f64),
                number(share(found.len())),
                number(problems as f64),
                text(examples(&found)),
            ]);
        }
    }
    Ok(Listing {
        title: format!("Where {first} and {second} differ in {evaluation}"),
        notes,
        confidence: None,
        columns: vec![
            column("model", "model", ListingUnit::Model),
            column("first", first.as_str(), ListingUnit::Text),
            column("second", second.as_str(), ListingUnit::Text),
            column("responses", "responses", ListingUnit::Count),
            column("share", "of all %", ListingUnit::Share),
            column("problems", "problems", ListingUnit::Count),
            column(
                "examples",
                "examples: problem #sample, what each took for the answer",
                ListingUnit::Text,
            ),
        ],
        rows,
        bars: vec![4],
        warnings,
    })
}

/// Of different problems, as far as there are such.
fn examples(found: &[&JudgedTwice]) -> String {
    let apart: Vec<&JudgedTwice> = found
        .chunk_by(|a, b| a.problem == b.problem)
        .filter_map(|rows| rows.first().copied())
        .collect();
    let told: Vec<String> = apart
        .iter()
        .take(EXAMPLES)
        .map(|row| {
            let took =
                [&row.first, &row.second].map(|said| said.answer.as_deref().map_or("–".to_owned(), cut));
            format!("{} #{}: {} | {}", row.problem, row.sample, took[0], took[1])
        })
        .collect();
    let more = if apart.len() > EXAMPLES { "; …" } else { "" };
    told.join("; ") + more
}

fn cut(answer: &str) -> String {
    let line = answer.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}
