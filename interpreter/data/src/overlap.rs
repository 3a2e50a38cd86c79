//! Words in a row that training and test problems share: a sign that a test was trained on.

use crate::problem::Problem;
use std::collections::{BTreeMap, HashMap};

/// Words in a row that count as shared text: 13, as in "Language Models are Few-Shot Learners", appendix C.
pub const SHARED_WORDS: usize = 13;

/// Test problems that share text with training problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Test problem, the first training problem that it shares words with, and these words.
    pub shared: Vec<(String, String, String)>,
    /// All test problems.
    pub tests: usize,
}

/// Looks for `length` words in a row that a test problem's text shares with a training problem's text or worked response.
/// Words are runs of letters and digits, in lower case. A test of fewer words is shared where a training problem has no
/// other words.
pub fn overlap(training: &[Problem], tests: &[Problem], length: usize) -> Overlap {
    let length = length.max(1);
    let mut names = Names::default();
    let read: Vec<[Vec<u32>; 2]> = training
        .iter()
        .map(|problem| {
            let response = problem.response.as_deref().unwrap_or_default();
            [names.words(&problem.text), names.words(response)]
        })
        .collect();
    let mut first: HashMap<&[u32], usize> = HashMap::new();
    for (at, texts) in read.iter().enumerate() {
        for words in texts {
            for run in words.windows(length) {
                first.entry(run).or_insert(at);
            }
        }
        if let [words, _] = texts
            && words.len() < length
        {
            first.entry(words).or_insert(at);
        }
    }
    let mut shared = Vec::new();
    for test in tests {
        let words = names.words(&test.text);
        let runs: Vec<&[u32]> = match words.len() {
            0 => continue,
            short if short < length => vec![&words],
            _ => words.windows(length).collect(),
        };
        let found = runs
            .into_iter()
            .find_map(|run| Some((run, training.get(*first.get(run)?)?)));
        if let Some((run, problem)) = found {
            shared.push((test.id.clone(), problem.id.clone(), names.text(run)));
        }
    }
    Overlap {
        shared,
        tests: tests.len(),
    }
}

/// Words as numbers.
#[derive(Default)]
struct Names {
    numbers: BTreeMap<String, u32>,
    words: Vec<String>,
}

impl Names {
    fn words(&mut self, text: &str) -> Vec<u32> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| {
                let word = word.to_lowercase();
                if let Some(number) = self.numbers.get(&word) {
                    return *number;
                }
                let number = self.words.len() as u32;
                self.words.push(word.clone());
                self.numbers.insert(word, number);
                number
            })
            .collect()
    }

    fn text(&self, run: &[u32]) -> String {
        let words = run.iter().filter_map(|number| self.words.get(*number as usize));
        words.cloned().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(id: &str, text: &str) -> Problem {
        Problem::new(id.into(), text.into(), None, None)
    }

    #[test]
    fn words_in_a_row_are_found_whatever_stands_between_them() {
        let training = [
            problem("a", "A train leaves the station at noon, and drives 60 km/h."),
            problem("b", "What is 2 + 2?"),
        ];
        let tests = [
            problem("same", "the STATION at\nnoon and drives 61"),
            problem("other", "the station at midnight and drives"),
            problem("short", "what is 2+2"),
            problem("shorter", "what is"),
        ];
        let found = overlap(&training, &tests, 6);
        let expected = [
            ("same", "a", "the station at noon and drives"),
            ("short", "b", "what is 2 2"),
        ];
        let expected: Vec<_> = expected
            .map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()))
            .into();
        assert_eq!(found.shared, expected);
        assert_eq!(found.tests, 4);
        assert!(
            overlap(&training, &tests, 13)
                .shared
                .iter()
                .all(|(id, ..)| id == "short")
        );
    }

    #[test]
    fn worked_responses_are_trained_on_too() {
        let training = [Problem::new(
            "a".into(),
            "x".into(),
            None,
            Some("one two three four".into()),
        )];
        let found = overlap(&training, &[problem("t", "zero one two three")], 3);
        assert_eq!(found.shared.len(), 1);
    }
}
