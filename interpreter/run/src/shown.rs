//! What the page shows of each problem: how every model did, and some of the responses, within a bound.

use crate::{
    RunError,
    evidence::{ModelRows, solved},
};
use rlx_data::Problem;
use rlx_language::{Evaluation, Study};
use rlx_report::{ProblemTally, SampledEvaluation, SampledProblem, SampledResponse, TalliedAnswer};
use rlx_store::{Response, VerdictRow};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Problems of an evaluation that the page shows.
const PROBLEMS: usize = 1_000;
/// Responses of a model and problem: one that is right and one that is not, where there are both.
const RESPONSES: usize = 2;
/// Characters of a response.
const LONGEST: usize = 6_000;
/// Characters of prompts and responses of one evaluation: a browser opens the page at once.
const BUDGET: usize = 1_500_000;
/// Problems that are first in the budget, spread over the benchmark.
const SPREAD: usize = 8;
/// Answers of a model and problem, and characters of one.
const ANSWERS: usize = 4;
const LONGEST_ANSWER: usize = 80;

/// One model's rows by problem.
struct Rows<'a> {
    model: &'a str,
    of_problem: BTreeMap<&'a str, Vec<(&'a Response, &'a VerdictRow)>>,
}

impl<'a> Rows<'a> {
    fn new(rows: &'a ModelRows) -> Self {
        let mut of_problem: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for response in &rows.responses {
            let place = (response.problem.clone(), response.sample);
            if let Some(verdict) = rows.verdicts.get(&place) {
                of_problem
                    .entry(response.problem.as_str())
                    .or_default()
                    .push((response, verdict));
            }
        }
        Rows {
            model: &rows.label,
            of_problem,
        }
    }

    fn of(&self, problem: &str) -> &[(&'a Response, &'a VerdictRow)] {
        self.of_problem.get(problem).map_or(&[], Vec::as_slice)
    }
}

fn right(verdict: &VerdictRow) -> bool {
    solved(&verdict.verdict)
}

/// The problems of an evaluation: a tally for each, texts while the bound allows them.
pub(crate) fn shown(
    evaluation: &Evaluation,
    problems: &[Problem],
    models: &[ModelRows],
    study: &Study,
) -> Result<SampledEvaluation, RunError> {
    let rows: Vec<Rows<'_>> = models.iter().map(Rows::new).collect();
    let judged = |problem: &&Problem| rows.iter().any(|rows| !rows.of(&problem.id).is_empty());
    let with_rows: Vec<&Problem> = problems.iter().filter(judged).collect();
    let listed = &with_rows[..with_rows.len().min(PROBLEMS)];
    let mut shown: Vec<SampledProblem> = listed
        .iter()
        .map(|problem| SampledProblem {
            id: problem.id.clone(),
            prompt: String::new(),
            gold: problem.answer.clone(),
            tallies: rows.iter().filter_map(|rows| tally(rows, &problem.id)).collect(),
            responses: Vec::new(),
        })
        .collect();
    let stride = listed.len().div_ceil(SPREAD).max(1);
    let (first, rest): (Vec<usize>, Vec<usize>) =
        (0..listed.len()).partition(|place| place.is_multiple_of(stride));
    let mut left = BUDGET;
    for place in first.into_iter().chain(rest) {
        let (Some(problem), Some(entry)) = (listed.get(place), shown.get_mut(place)) else {
            continue;
        };
        let prompt = prompt(evaluation, problem, study)?;
        let responses: Vec<SampledResponse> = rows
            .iter()
            .flat_map(|rows| picked(rows.of(&problem.id)).map(|row| response(rows.model, row)))
            .collect();
        let size = prompt.len() + responses.iter().map(|row| row.text.len()).sum::<usize>();
        if size > left {
            continue;
        }
        left -= size;
        entry.prompt = prompt;
        entry.responses = responses;
    }
    Ok(SampledEvaluation {
        evaluation: evaluation.name.clone(),
        left_out: (with_rows.len() - listed.len()) as u64,
        problems: shown,
    })
}

fn prompt(evaluation: &Evaluation, problem: &Problem, study: &Study) -> Result<String, RunError> {
    let Some(set) = study.problem_sets.get(&evaluation.benchmark) else {
        return Ok(problem.text.clone());
    };
    Ok(rlx_data::render(&set.prompt, problem)?.said())
}

fn tally(rows: &Rows<'_>, problem: &str) -> Option<ProblemTally> {
    let of_problem = rows.of(problem);
    if of_problem.is_empty() {
        return None;
    }
    let mut answers: BTreeMap<(&str, bool), u64> = BTreeMap::new();
    for (_, verdict) in of_problem {
        if let Some(extracted) = &verdict.extracted {
            *answers.entry((extracted, right(verdict))).or_default() += 1;
        }
    }
    let mut answers: Vec<((&str, bool), u64)> = answers.into_iter().collect();
    answers.sort_by_key(|(_, count)| Reverse(*count));
    Some(ProblemTally {
        model: rows.model.to_owned(),
        samples: of_problem.len() as u64,
        right: of_problem.iter().filter(|(_, verdict)| right(verdict)).count() as u64,
        answers: answers
            .into_iter()
            .take(ANSWERS)
            .map(|((text, correct), count)| TalliedAnswer {
                text: cut(text, LONGEST_ANSWER).0,
                count,
                correct,
            })
            .collect(),
    })
}

/// The first right one and the first wrong one, or two of one kind.
fn picked<'a, 'b>(
    rows: &'b [(&'a Response, &'a VerdictRow)],
) -> impl Iterator<Item = &'b (&'a Response, &'a VerdictRow)> {
    let mut places: BTreeSet<usize> = BTreeSet::new();
    places.extend(rows.iter().position(|(_, verdict)| right(verdict)));
    places.extend(rows.iter().position(|(_, verdict)| !right(verdict)));
    for place in 0..rows.len().min(RESPONSES) {
        if places.len() < RESPONSES {
            places.insert(place);
        }
    }
    places.into_iter().filter_map(|place| rows.get(place))
}

fn response(model: &str, (row, verdict): &(&Response, &VerdictRow)) -> SampledResponse {
    let (text, left_out) = cut(&row.text, LONGEST);
    SampledResponse {
        model: model.to_owned(),
        sample: row.sample,
        text,
        cut: left_out as u64,
        correct: right(verdict),
        verdict: verdict.verdict.clone(),
        extracted: verdict.extracted.as_ref().map(|text| cut(text, LONGEST).0),
        reason: verdict.reason.clone(),
        tokens: row.length(),
    }
}

/// A text of at most `longest` characters and an ellipsis, and how many were left out.
fn cut(text: &str, longest: usize) -> (String, usize) {
    match text.char_indices().nth(longest) {
        None => (text.to_owned(), 0),
        Some((end, _)) => (format!("{}…", &text[..end]), text[end..].chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_says_what_it_lacks() {
        assert_eq!(cut("äöü", 3), ("äöü".to_owned(), 0));
        assert_eq!(cut("äöüß!", 3), ("äöü…".to_owned(), 2));
    }
}
