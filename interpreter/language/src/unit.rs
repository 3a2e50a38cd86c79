//! Units of numbers.

use std::fmt;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Samples,
    Prompts,
    Steps,
    Tokens,
    Epochs,
    Problems,
    Percent,
}

impl Unit {
    pub const ALL: [Unit; 7] = [
        Unit::Samples,
        Unit::Prompts,
        Unit::Steps,
        Unit::Tokens,
        Unit::Epochs,
        Unit::Problems,
        Unit::Percent,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Unit::Samples => "samples",
            Unit::Prompts => "prompts",
            Unit::Steps => "steps",
            Unit::Tokens => "tokens",
            Unit::Epochs => "epochs",
            Unit::Problems => "problems",
            Unit::Percent => "%",
        }
    }

    /// The unit of a name, plural or singular: `1 epoch`, `2 epochs`.
    pub fn parse(name: &str) -> Option<Unit> {
        Unit::ALL
            .into_iter()
            .find(|unit| unit.name() == name || unit.name().strip_suffix('s') == Some(name))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
