//! `Problem`: one problem with its gold answer, and what makes two of them the same.

use crate::countdown::Puzzle;
use crate::picture::Picture;
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
    /// What it shows, in the order of the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Picture>,
    /// Decimal places to which the answer is compared, where the set says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<u32>,
    /// Hash of text, answer and response (not of the id), and of pictures and precision where there are any; 32
    /// hexadecimal digits.
    pub hash: String,
}

impl Problem {
    pub fn new(id: String, text: String, answer: Option<String>, response: Option<String>) -> Self {
        let mut problem = Problem {
            id,
            text,
            answer,
            response,
            pictures: Vec::new(),
            precision: None,
            hash: String::new(),
        };
        problem.hash = problem.hashed();
        problem
    }

    /// The same problem with pictures.
    #[must_use]
    pub fn showing(mut self, pictures: Vec<Picture>) -> Self {
        self.pictures = pictures;
        self.hash = self.hashed();
        self
    }

    /// The same problem, its answer compared to so many decimal places.
    #[must_use]
    pub fn to_places(mut self, precision: Option<u32>) -> Self {
        self.precision = precision;
        self.hash = self.hashed();
        self
    }

    fn hashed(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [Some(&self.text), self.answer.as_ref(), self.response.as_ref()] {
            match part {
                None => hasher.update(&[0]),
                Some(part) => hasher
                    .update(&[1])
                    .update(&(part.len() as u64).to_le_bytes())
                    .update(part.as_bytes()),
            };
        }
        for picture in &self.pictures {
            hasher.update(&[2]).update(picture.hash.as_bytes());
        }
        if let Some(places) = self.precision {
            hasher.update(&[3]).update(&places.to_le_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// Two problems with the same key are the same problem, whatever their answers: for countdown the sorted numbers
    /// and the target, for any other text its words and pictures. Used to keep training and held-out problems apart.
    pub fn key(&self) -> String {
        match Puzzle::parse(&self.text) {
            Some(puzzle) => puzzle.key().to_string(),
            None => {
                let shown = self.pictures.iter().map(|picture| picture.hash.as_str());
                let words = self.text.split_whitespace().chain(shown);
                words.collect::<Vec<_>>().join(" ")
            }
        }
    }
}
