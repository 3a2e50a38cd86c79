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
    Seconds,
    Bytes,
}

/// Further names of durations and sizes, in seconds and bytes.
const MULTIPLES: [(&str, Unit, f64); 11] = [
    ("minutes", Unit::Seconds, 60.0),
    ("hours", Unit::Seconds, 3600.0),
    ("days", Unit::Seconds, 86_400.0),
    ("KiB", Unit::Bytes, 1024.0),
    ("MiB", Unit::Bytes, 1_048_576.0),
    ("GiB", Unit::Bytes, 1_073_741_824.0),
    ("TiB", Unit::Bytes, 1_099_511_627_776.0),
    ("kB", Unit::Bytes, 1e3),
    ("MB", Unit::Bytes, 1e6),
    ("GB", Unit::Bytes, 1e9),
    ("TB", Unit::Bytes, 1e12),
];

impl Unit {
    pub const ALL: [Unit; 9] = [
        Unit::Samples,
        Unit::Prompts,
        Unit::Steps,
        Unit::Tokens,
        Unit::Epochs,
        Unit::Problems,
        Unit::Percent,
        Unit::Seconds,
        Unit::Bytes,
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
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
        }
    }

    /// The unit of a name, plural or singular, and how many of it one of the name is: `1 epoch`, `2 epochs`; an hour is
    /// 3,600 seconds, `5%` is 0.05.
    pub fn parse(name: &str) -> Option<(Unit, f64)> {
        let is = |known: &str| known == name || known.strip_suffix('s') == Some(name);
        if name == Unit::Percent.name() {
            return Some((Unit::Percent, 0.01));
        }
        let counts = Unit::ALL
            .into_iter()
            .find(|unit| is(unit.name()))
            .map(|unit| (unit, 1.0));
        counts.or_else(|| {
            let measure = MULTIPLES.iter().find(|(known, _, _)| is(known))?;
            Some((measure.1, measure.2))
        })
    }

    /// All that can be written behind a number.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let counts = Unit::ALL.into_iter().map(Unit::name);
        counts.chain(MULTIPLES.iter().map(|(name, _, _)| *name))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
