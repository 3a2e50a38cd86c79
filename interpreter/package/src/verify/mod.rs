//! The checks of a pack, from a second's work to training everything again.
//!
//! | level | compares |
//! |---|---|
//! | 0 | the hash of every file |
//! | 1 | every number, interval, figure and verdict of a claim, made again from the packed rows |
//! | 2 | every verdict on a response, judged again |
//! | 3 | a part of the responses, drawn again |
//! | 4 | everything, trained, drawn and judged again |

mod again;
mod cost;
mod judge;
mod opened;
mod recompute;
mod sample;

pub use again::again;
pub use cost::{Cost, Estimator};
pub use judge::judge;
pub use opened::{Local, Opened};
pub use recompute::recompute;
pub use sample::{chance_of_missing, sample};

use crate::{archive::Fault, statement};
use serde::Serialize;
use serde_json::Value;

/// What one level found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Findings {
    /// What was compared and is as packed, a sentence each.
    pub passed: Vec<String>,
    /// What could not be compared, and why; or what differs for a reason that is no fault.
    pub notes: Vec<String>,
    /// What differs.
    pub faults: Vec<Fault>,
}

impl Findings {
    pub(crate) fn fault(&mut self, file: impl Into<String>, what: impl Into<String>) {
        self.faults.push(Fault {
            file: file.into(),
            what: what.into(),
        });
    }

    /// Adds what another level found.
    pub fn extend(&mut self, other: Findings) {
        self.passed.extend(other.passed);
        self.notes.extend(other.notes);
        self.faults.extend(other.faults);
    }
}

/// What an attestation says of a check.
pub(crate) struct Attested<'a> {
    pub(crate) pack: &'a str,
    pub(crate) sha256: &'a str,
    pub(crate) level: u8,
    pub(crate) version: &'a str,
    pub(crate) passed: &'a [String],
    pub(crate) faults: &'a [Fault],
    pub(crate) notes: &'a [String],
    pub(crate) costs: &'a [Cost],
}

/// An in-toto statement (test-result predicate) about a checked pack, with what each level was to cost and took.
pub fn attestation(
    pack: &str,
    sha256: &str,
    level: u8,
    version: &str,
    findings: &Findings,
    costs: &[Cost],
) -> Value {
    statement::attestation(&Attested {
        pack,
        sha256,
        level,
        version,
        passed: &findings.passed,
        faults: &findings.faults,
        notes: &findings.notes,
        costs,
    })
}
