//! What `rlx check` says of the data that lie on this machine, beside what is wrong with the text.

use crate::{RunError, World};
use rlx_data::{DataError, SHARED_WORDS, overlap};
use rlx_language::{ProblemSource, Study};
use std::collections::BTreeSet;

/// Something that a person should know before the study runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// For `rlx explain`.
    pub code: String,
    pub message: String,
    pub help: Option<String>,
}

/// Reads the sets that are here: rows that are not as the study says, sizes other than the stated ones, and tests that
/// share text with what is trained on. Sets that are not on this machine are passed over.
pub fn look(study: &Study, world: &World) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (name, set) in &study.problem_sets {
        if matches!(set.source, ProblemSource::Task { .. }) {
            continue;
        }
        match world.problems(name) {
            Ok(_) => {}
            Err(RunError::Data(DataError::NotHere { .. }) | RunError::Undecided { .. }) => {}
            Err(RunError::Data(DataError::Io { source, .. }))
                if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => remarks.push(Remark {
                code: error.code(),
                message: error.to_string(),
                help: error.help(),
            }),
        }
    }
    let mut pairs = BTreeSet::new();
    for training in study.trainings.values() {
        for evaluation in study.evaluations.values() {
            pairs.insert((training.data.as_str(), evaluation.benchmark.as_str()));
        }
    }
    for (data, benchmark) in pairs {
        let task = |name: &str| {
            study
                .problem_sets
                .get(name)
                .is_none_or(|set| matches!(set.source, ProblemSource::Task { .. }))
        };
        // Two procedural problems share all but their numbers; `exclude` keeps those apart.
        if data == benchmark || task(data) || task(benchmark) {
            continue;
        }
        let (Ok(training), Ok(tests)) = (world.problems(data), world.problems(benchmark)) else {
            continue;
        };
        let found = overlap(training, tests, SHARED_WORDS);
        if let Some((test, other, words)) = found.shared.first() {
            remarks.push(Remark {
                code: "rlx::data::overlap".into(),
                message: format!(
                    "{} of {} problems of `{benchmark}` share {SHARED_WORDS} words in a row with `{data}`, the first \
                     `{test}` with `{other}`: “{words}”",
                    found.shared.len(),
                    found.tests
                ),
                help: Some(format!(
                    "leave problems of both out of `{data}` with `exclude = {benchmark}`, or say in the study why it \
                     does not matter"
                )),
            });
        }
    }
    remarks
}
