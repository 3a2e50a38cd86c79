//! What labels add up to.

use crate::{InspectError, Label, Labels, Reading, Said};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// The counts of the paper's section 3.1 for one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validity {
    pub evaluation: String,
    pub model: String,
    /// Problems with 0 < accuracy < the bound.
    pub hardest: u64,
    /// Of those, the ones on which readers have said enough: one valid chain, or a word on every chain.
    pub read: u64,
    /// With at least one chain that every reader of it calls valid.
    pub valid: u64,
    /// Read, without a valid chain, and with an ambiguous one.
    pub ambiguous: u64,
    /// Read, and only guesses.
    pub guessed: u64,
}

/// Counts over readings of several models, in their order.
///
/// # Errors
/// Labels that cannot be read.
pub fn validity(readings: &[Reading], labels: &Labels) -> Result<Vec<Validity>, InspectError> {
    let mut rows: Vec<Validity> = Vec::new();
    // A model's readings share one key: its labels are read once.
    let mut by_key: BTreeMap<&str, Said> = BTreeMap::new();
    for reading in readings {
        let said = match by_key.entry(&reading.key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(labels.of(&reading.key)?),
        };
        let known = rows
            .iter()
            .position(|row| row.evaluation == reading.evaluation && row.model == reading.model);
        let at = known.unwrap_or_else(|| {
            rows.push(Validity {
                evaluation: reading.evaluation.clone(),
                model: reading.model.clone(),
                hardest: 0,
                read: 0,
                valid: 0,
                ambiguous: 0,
                guessed: 0,
            });
            rows.len() - 1
        });
        let row = &mut rows[at];
        row.hardest += 1;
        let verdicts: Vec<Option<Label>> = reading
            .chains
            .iter()
            .map(|chain| {
                let words: BTreeSet<Label> = said
                    .values()
                    .filter(|word| word.problem == reading.problem && word.sample == chain.sample)
                    .filter_map(|word| word.label)
                    .collect();
                match words.len() {
                    0 => None,
                    1 => words.first().copied(),
                    // Readers who do not agree leave it open.
                    _ => Some(Label::Ambiguous),
                }
            })
            .collect();
        let valid = verdicts.contains(&Some(Label::Valid));
        if valid || verdicts.iter().all(Option::is_some) {
            row.read += 1;
            if valid {
                row.valid += 1;
            } else if verdicts.contains(&Some(Label::Ambiguous)) {
                row.ambiguous += 1;
            } else {
                row.guessed += 1;
            }
        }
    }
    Ok(rows)
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

/// Cohen's kappa, (p_o − p_e) / (1 − p_e), of pairs of labels; None where p_e = 1 or there are none.
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

/// Agreement of every pair of readers, over all readings.
///
/// # Errors
/// Labels that cannot be read.
pub fn agreements(readings: &[Reading], labels: &Labels) -> Result<Vec<Agreement>, InspectError> {
    let keys: BTreeSet<&str> = readings.iter().map(|reading| reading.key.as_str()).collect();
    let mut by_response: BTreeMap<(String, String, u64), BTreeMap<String, Label>> = BTreeMap::new();
    let mut readers = BTreeSet::new();
    for key in keys {
        for ((reader, problem, sample), row) in labels.of(key)? {
            if let Some(label) = row.label {
                readers.insert(reader.clone());
                let response = (key.to_owned(), problem, sample);
                by_response.entry(response).or_default().insert(reader, label);
            }
        }
    }
    let readers: Vec<String> = readers.into_iter().collect();
    let mut found = Vec::new();
    for (at, one) in readers.iter().enumerate() {
        for other in &readers[at + 1..] {
            let pairs: Vec<(Label, Label)> = by_response
                .values()
                .filter_map(|words| Some((*words.get(one)?, *words.get(other)?)))
                .collect();
            found.push(Agreement {
                readers: [one.clone(), other.clone()],
                both: pairs.len() as u64,
                agree: pairs.iter().filter(|(one, other)| one == other).count() as u64,
                kappa: kappa(&pairs),
            });
        }
    }
    Ok(found)
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
}
