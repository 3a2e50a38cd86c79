//! `Puzzle`: numbers and a target, and the key under which two puzzles are the same.

use std::fmt;

/// Numbers in the order of the text, and the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Puzzle {
    numbers: Vec<u8>,
    target: u8,
}

/// What makes two puzzles the same problem: the sorted numbers and the target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountdownKey {
    sorted: Vec<u8>,
    target: u8,
}

impl Puzzle {
    pub(crate) fn new(numbers: &[u8], target: u8) -> Self {
        Puzzle {
            numbers: numbers.to_vec(),
            target,
        }
    }

    /// Reads `Use 5 20 15 14 to make 12`; None for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (list, target) = text.trim().strip_prefix("Use ")?.split_once(" to make ")?;
        let numbers = list
            .split(' ')
            .map(|n| n.parse().ok())
            .collect::<Option<Vec<u8>>>()?;
        Some(Puzzle {
            numbers,
            target: target.parse().ok()?,
        })
    }

    pub fn numbers(&self) -> &[u8] {
        &self.numbers
    }

    pub fn target(&self) -> u8 {
        self.target
    }

    pub fn key(&self) -> CountdownKey {
        let mut sorted = self.numbers.clone();
        sorted.sort_unstable();
        CountdownKey {
            sorted,
            target: self.target,
        }
    }
}

/// The problem's text, without a newline.
impl fmt::Display for Puzzle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Use")?;
        for number in &self.numbers {
            write!(f, " {number}")?;
        }
        write!(f, " to make {}", self.target)
    }
}

impl fmt::Display for CountdownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("countdown")?;
        for number in &self.sorted {
            write!(f, " {number}")?;
        }
        write!(f, " = {}", self.target)
    }
}
