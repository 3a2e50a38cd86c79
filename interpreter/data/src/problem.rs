//! `Problem`: one problem with its gold answer, and what makes two of them the same.

use crate::countdown::Puzzle;
use serde::{Deserialize, Serialize};

/// One problem of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Unique within its set: the id column, else the row's number from 0 (for a task: the number of the draw).
    pub id: String,
    /// The raw text, before any prompt template.
    pub text: String,
    /// The gold answer as the set has it; running text where the set's answer is a worked solution.
    pub answer: Option<String>,
    /// A worked response to imitate.
    pub response: Option<String>,
    /// Hash of text, answer and response (not of the id); 32 hexadecimal digits.
    pub hash: String,
}

impl Problem {
    pub fn new(id: String, text: String, answer: Option<String>, response: Option<String>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [Some(&text), answer.as_ref(), response.as_ref()] {
            match part {
                None => hasher.update(&[0]),
                Some(part) => hasher
                    .update(&[1])
                    .update(&(part.len() as u64).to_le_bytes())
                    .update(part.as_bytes()),
            };
        }
        let hash = hasher.finalize().to_hex()[..32].to_owned();
        Problem {
            id,
            text,
            answer,
            response,
            hash,
        }
    }

    /// Two problems with the same key are the same problem, whatever their answers: for countdown the sorted numbers
    /// and the target, for any other text its words. Used to keep training and held-out problems apart.
    pub fn key(&self) -> String {
        match Puzzle::parse(&self.text) {
            Some(puzzle) => puzzle.key().to_string(),
            None => self.text.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}
