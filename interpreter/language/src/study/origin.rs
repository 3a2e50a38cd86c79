//! Where values come from.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppliedProfile {
    pub name: String,
    pub changes: Vec<Change>,
}

/// A value that a profile or `--set` put in place of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub path: String,
    pub from: Option<String>,
    pub to: String,
}

/// One value of the elaborated study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// As rlx would write it.
    pub value: String,
    pub unit: Option<String>,
    pub origin: Origin,
    /// What the value replaced, nearest first.
    pub overrode: Vec<Origin>,
    /// The names behind which the value was found, from the field on: `n` for `samples = n`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<Through>,
}

/// A name on the way from a field to its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Through {
    pub name: String,
    /// Where its value is written.
    pub origin: Origin,
    /// What that replaced.
    pub overrode: Vec<Origin>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Written in a file (name as given or `std/models.rlx`), 1-based line and column.
    Written {
        file: String,
        line: usize,
        column: usize,
    },
    /// The schema's default.
    Default,
    Profile {
        name: String,
        file: String,
        line: usize,
        column: usize,
    },
    Set {
        text: String,
    },
}
