//! What readers say of chains of thought, and what it adds up to.
//!
//! A right answer may be a lucky guess. The problems that a model solves, but rarely, are the ones where that matters:
//! "limit of RLVR" (its section 3.1) reads every right response to the problems of 0 < accuracy < 5%, and counts a problem
//! as valid when at least one of them is right for the right reasons.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::across::Problems;
use crate::evidence::Evidence;
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::passes::{Complete, mean_of, pass_of_probability};
use crate::resampling::Resampling;
use crate::undefined::Undefined;
use crate::within::Worlds;

/// What a reader says of a right response's chain of thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Every step follows.
    Valid,
    /// The answer is right, the way to it is not.
    Guess,
    /// It cannot be told: steps are left out, say.
    Ambiguous,
}

impl Label {
    pub const ALL: [Label; 3] = [Label::Valid, Label::Guess, Label::Ambiguous];

    /// As it stands in a row.
    pub fn name(self) -> &'static str {
        match self {
            Label::Valid => "valid",
            Label::Guess => "guess",
            Label::Ambiguous => "ambiguous",
        }
    }

    /// The label of a row's word.
    pub fn by_name(name: &str) -> Option<Label> {
        Label::ALL.into_iter().find(|label| label.name() == name)
    }

    /// What several readers say of one response: None where nobody has read it; where they differ it stays open.
    pub fn of(words: impl IntoIterator<Item = Label>) -> Option<Label> {
        let words: BTreeSet<Label> = words.into_iter().collect();
        match words.len() {
            0 => None,
            1 => words.first().copied(),
            _ => Some(Label::Ambiguous),
        }
    }
}

/// One reader's word on one response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledRow {
    /// Label of the model: `rl@150`.
    pub model: String,
    pub problem: String,
    /// Number of the sample within the evaluation.
    pub sample: u64,
    pub reader: String,
    pub label: Label,
}

/// What the labels of a problem's right responses say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not read far enough: no valid chain, and not a word on every one.
    Unread,
    /// At least one valid chain.
    Valid,
    /// None is valid, and one or more cannot be told.
    Ambiguous,
    /// All are guesses.
    Guessed,
}

impl Standing {
    /// From the labels of all right responses to a problem. One valid chain is enough, whatever the others are.
    pub fn of(chains: &[Option<Label>]) -> Standing {
        if chains.contains(&Some(Label::Valid)) {
            Standing::Valid
        } else if chains.contains(&None) {
            Standing::Unread
        } else if chains.contains(&Some(Label::Ambiguous)) {
            Standing::Ambiguous
        } else {
            Standing::Guessed
        }
    }
}

/// Whether a problem with `right` of `samples` is a hard one that was solved: 0 < accuracy < `below`.
pub fn hard(right: u64, samples: u64, below: f64) -> bool {
    // A count on the bound is not below it, whatever the rounding of the bound.
    right > 0 && (right as f64) < below * samples as f64 - 1e-9
}

/// Cohen's kappa, (p_o − p_e) / (1 − p_e), of pairs of labels; None where p_e = 1 or there are none (J. Cohen 1960, "A
/// coefficient of agreement for nominal scales").
pub fn kappa(pairs: &[(Label, Label)]) -> Option<f64> {
    let n = pairs.len() as f64;
    if pairs.is_empty() {
        return None;
    }
    let observed = pairs.iter().filter(|(one, other)| one == other).count() as f64 / n;
    let expected: f64 = Label::ALL
        .iter()
        .map(|label| {
            let first = pairs.iter().filter(|(one, _)| one == label).count() as f64 / n;
            let second = pairs.iter().filter(|(_, other)| other == label).count() as f64 / n;
            first * second
        })
        .sum();
    (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}

/// Two readers on the responses that both labelled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    pub readers: [String; 2],
    /// Responses that both labelled.
    pub both: u64,
    pub agree: u64,
    /// None where it is undefined: nothing in common, or both use one label only.
    pub kappa: Option<f64>,
}

/// Agreement of every pair of readers, from what each says of every response.
pub fn agreements<'a>(responses: impl IntoIterator<Item = &'a BTreeMap<String, Label>>) -> Vec<Agreement> {
    let responses: Vec<&BTreeMap<String, Label>> = responses.into_iter().collect();
    let readers: BTreeSet<&String> = responses.iter().flat_map(|words| words.keys()).collect();
    let readers: Vec<&String> = readers.into_iter().collect();
    let mut found = Vec::new();
    for (at, one) in readers.iter().enumerate() {
        for other in &readers[at + 1..] {
            let pairs: Vec<(Label, Label)> = responses
                .iter()
                .filter_map(|words| Some((*words.get(*one)?, *words.get(*other)?)))
                .collect();
            found.push(Agreement {
                readers: [(*one).clone(), (*other).clone()],
                both: pairs.len() as u64,
                agree: pairs.iter().filter(|(one, other)| one == other).count() as u64,
                kappa: kappa(&pairs),
            });
        }
    }
    found
}

/// A hard solved problem with what is said of its right responses.
pub(crate) struct Hard {
    /// Place in the benchmark.
    pub(crate) problem: usize,
    /// What each reader says of each right response, in the order of the samples.
    pub(crate) words: Vec<BTreeMap<String, Label>>,
}

impl Hard {
    fn labels(&self) -> Vec<Option<Label>> {
        let words = self.words.iter();
        words.map(|words| Label::of(words.values().copied())).collect()
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing::of(&self.labels())
    }
}

/// The problems that a model solves with 0 < accuracy < `below`, in the benchmark's order.
pub(crate) fn hardest(
    outcomes: &Outcomes,
    model: usize,
    rows: &[LabelledRow],
    below: f64,
) -> Result<Vec<Hard>, Undefined> {
    // Which problems are hard is not known while rows are missing.
    Complete::new(outcomes, model)?;
    let design = outcomes.design();
    let label = &design.models[model];
    let mut said: BTreeMap<(&str, u64), BTreeMap<String, Label>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.model == *label) {
        let words = said.entry((&row.problem, row.sample)).or_default();
        words.insert(row.reader.clone(), row.label);
    }
    let mut found = Vec::new();
    for (problem, slots) in outcomes.samples_by_problem(model).enumerate() {
        let right: Vec<u64> = (0..)
            .zip(slots)
            .filter(|(_, slot)| slot.is_some_and(|sample| sample.correct))
            .map(|(sample, _)| sample)
            .collect();
        if hard(right.len() as u64, slots.len() as u64, below) {
            let id = design.problems[problem].as_str();
            let words = right
                .iter()
                .map(|sample| said.get(&(id, *sample)).cloned().unwrap_or_default());
            found.push(Hard {
                problem,
                words: words.collect(),
            });
        }
    }
    Ok(found)
}

/// The share of the hard solved problems with at least one valid chain of thought, each of them read. With `left_out` those
/// of which it cannot be told are left out, else they count as without one.
///
/// For problems like these, the read problems are drawn with replacement. For these problems, what varies is how the right
/// responses came out: each problem's share of valid chains is drawn from its posterior given the labels (`prior.rs`), and
/// as many chains as there were right ones are valid or not by it; which problems are hard, and how many right responses
/// each has, stays.
pub(crate) fn valid_chains(
    evidence: &Evidence,
    (evaluation, model): (&str, usize),
    below: f64,
    left_out: bool,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let outcomes = evidence.evaluation(evaluation)?;
    let design = outcomes.design();
    let label = &design.models[model];
    let hardest = hardest(outcomes, model, evidence.labels(evaluation), below)?;
    let unread = hardest
        .iter()
        .filter(|hard| hard.standing() == Standing::Unread)
        .count();
    if unread > 0 {
        return Err(Undefined::Unread {
            evaluation: evaluation.to_owned(),
            of: label.clone(),
            unread,
            hardest: hardest.len(),
            below,
        });
    }
    let read: Vec<&Hard> = hardest
        .iter()
        .filter(|hard| !(left_out && hard.standing() == Standing::Ambiguous))
        .collect();
    if read.is_empty() {
        return Err(Undefined::NothingToRead {
            evaluation: evaluation.to_owned(),
            of: label.clone(),
            below,
            ambiguous: hardest.len(),
        });
    }
    let problems = Problems::named(
        &format!("{}, hardest", design.benchmark),
        read.iter().map(|hard| design.problems[hard.problem].as_str()),
    );
    let values: Vec<f64> = read
        .iter()
        .map(|hard| f64::from(u8::from(hard.standing() == Standing::Valid)))
        .collect();
    let across = problems
        .means(resampling, 1, &values)
        .pop()
        .ok_or(Undefined::NotFinite)?;
    let (mut labelled, mut right) = (Vec::new(), Vec::new());
    for hard in &read {
        let labels: Vec<Label> = hard.labels().into_iter().flatten().collect();
        let valid = labels.iter().filter(|label| **label == Label::Valid).count();
        labelled.push((labels.len() as u32, valid as u32));
        right.push(hard.words.len() as u32);
    }
    let names = ["labels", evaluation, label];
    let worlds = Worlds::drawing(resampling.seed(), &names, &labelled, &right);
    let scale = 1.0 / read.len() as f64;
    let simulated = resampling.series(
        2,
        || (),
        |resample, (), row| {
            row.fill(0.0);
            worlds.each(resample, |problem, point, valid| {
                row[0] += scale * f64::from(u8::from(valid > 0));
                row[1] += scale * pass_of_probability(worlds.grid[point], u64::from(right[problem]));
            });
        },
    );
    let [estimates, truths] = <[Vec<f64>; 2]>::try_from(simulated).map_err(|_| Undefined::NotFinite)?;
    Ok(Measured {
        within: (estimates, truths),
        ..mean_of(&problems, &values, across)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_knows_the_textbooks_table() {
        // 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: p_o = 0.7, p_e = 0.5, kappa = 0.4.
        let (yes, no) = (Label::Valid, Label::Guess);
        let mut pairs = vec![(yes, yes); 20];
        pairs.extend([(yes, no); 5]);
        pairs.extend([(no, yes); 10]);
        pairs.extend([(no, no); 15]);
        let value = kappa(&pairs);
        assert!(
            value.is_some_and(|value| (value - 0.4).abs() < 1e-12),
            "{value:?}"
        );
        assert_eq!(kappa(&[]), None);
        assert_eq!(kappa(&[(yes, yes)]), None);
    }

    #[test]
    fn a_bound_is_not_below_itself() {
        // 0.07 * 100 is a hair above 7 in binary.
        assert!(!hard(7, 100, 0.07) && hard(6, 100, 0.07));
        assert!(!hard(0, 100, 0.07) && !hard(1, 20, 0.05) && hard(6, 128, 0.05));
    }

    #[test]
    fn one_valid_chain_is_enough_and_a_gap_is_unread() {
        use Label::{Ambiguous, Guess, Valid};
        assert_eq!(Standing::of(&[None, Some(Valid)]), Standing::Valid);
        assert_eq!(Standing::of(&[None, Some(Guess)]), Standing::Unread);
        assert_eq!(Standing::of(&[Some(Ambiguous), Some(Guess)]), Standing::Ambiguous);
        assert_eq!(Standing::of(&[Some(Guess); 2]), Standing::Guessed);
        assert_eq!(Label::of([Valid, Guess]), Some(Ambiguous));
        assert_eq!(Label::of([Guess, Guess]), Some(Guess));
        assert_eq!(Label::of([]), None);
        for label in Label::ALL {
            assert_eq!(Label::by_name(label.name()), Some(label));
        }
    }
}
