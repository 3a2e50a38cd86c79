//! What labels add up to on the page: the counts of the paper's section 3.1, and how far readers agree.

use crate::{InspectError, Reading};
use rlx_analysis::{Agreement, Label, Standing};
use rlx_store::Labels;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

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

/// By key, problem and sample of a response what each reader says of it.
type Words = BTreeMap<(String, String, u64), BTreeMap<String, Label>>;

/// Every label on the responses of the readings; a word that is none counts as nothing said.
fn words(readings: &[Reading], labels: &Labels) -> Result<Words, InspectError> {
    let chains = readings.iter().flat_map(|reading| &reading.chains);
    let keys: BTreeSet<&str> = chains.map(|chain| chain.key.as_str()).collect();
    let mut found = Words::new();
    for key in keys {
        for ((reader, problem, sample), row) in labels.of(key)? {
            if let Some(label) = row.label.as_deref().and_then(Label::by_name) {
                let response = (key.to_owned(), problem, sample);
                found.entry(response).or_default().insert(reader, label);
            }
        }
    }
    Ok(found)
}

/// Counts over readings of several models, in their order.
///
/// # Errors
/// Labels that cannot be read.
pub fn validity(readings: &[Reading], labels: &Labels) -> Result<Vec<Validity>, InspectError> {
    let words = words(readings, labels)?;
    let mut rows: Vec<Validity> = Vec::new();
    for reading in readings {
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
        let said: Vec<Option<Label>> = reading
            .chains
            .iter()
            .map(|chain| {
                let response = (chain.key.clone(), reading.problem.clone(), chain.sample);
                Label::of(
                    words
                        .get(&response)
                        .into_iter()
                        .flat_map(BTreeMap::values)
                        .copied(),
                )
            })
            .collect();
        let row = &mut rows[at];
        row.hardest += 1;
        let standing = Standing::of(&said);
        row.read += u64::from(standing != Standing::Unread);
        row.valid += u64::from(standing == Standing::Valid);
        row.ambiguous += u64::from(standing == Standing::Ambiguous);
        row.guessed += u64::from(standing == Standing::Guessed);
    }
    Ok(rows)
}

/// Agreement of every pair of readers over the responses of the readings, each response once.
///
/// # Errors
/// Labels that cannot be read.
pub fn agreements(readings: &[Reading], labels: &Labels) -> Result<Vec<Agreement>, InspectError> {
    let mut words = words(readings, labels)?;
    let shown: BTreeSet<(&str, &str, u64)> = readings
        .iter()
        .flat_map(|reading| {
            let chains = reading.chains.iter();
            chains.map(|chain| (chain.key.as_str(), reading.problem.as_str(), chain.sample))
        })
        .collect();
    words.retain(|(key, problem, sample), _| shown.contains(&(key.as_str(), problem.as_str(), *sample)));
    Ok(rlx_analysis::agreements(words.values()))
}
