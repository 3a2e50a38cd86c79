//! `CodeTask`: a response that holds a program, with the tests it has to pass.

use super::packed::unpack;
use serde::{Deserialize, Serialize};

/// What the response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProgramKind {
    /// A model's answer, from which the program is taken.
    #[default]
    Reply,
    /// The whole source.
    Program,
    /// Text to be appended to the prompt.
    Completion,
}

/// How a test reaches the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestType {
    /// Input on standard input, the answer on standard output.
    #[default]
    Stdin,
    /// A call with one JSON value a line of the input; the result is the output's JSON value.
    Functional,
}

/// One test of a list, as LiveCodeBench writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TestCase {
    pub input: String,
    pub output: String,
    #[serde(default)]
    pub testtype: TestType,
}

/// What a program has to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tests {
    /// Python source that runs after the program and asserts.
    Source(String),
    /// Inputs with their outputs, all of one type.
    Stdin(Vec<TestCase>),
    Functional(Vec<TestCase>),
}

/// Tests that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestsError {
    #[error("there are no tests: a program that is not tested cannot pass")]
    Empty,
    #[error("the tests mix `stdin` and `functional`: give each problem one of them")]
    Mixed,
    #[error("the hidden tests cannot be unpacked ({why}): fetch the file again, or name another column")]
    Packed { why: String },
    #[error(
        "tests are Python source, a list of source lines, or a list of {{\"input\", \"output\", \"testtype\"}} ({why})"
    )]
    Form { why: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Source(String),
    Lines(Vec<String>),
    Cases(Vec<TestCase>),
}

/// What a problem of a study keeps in place of a gold answer: its tests, and what belongs to them. As JSON, so that the
/// tests enter the problem's hash like any other answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestGold {
    pub tests: serde_json::Value,
    /// Source that runs before the program.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub setup: String,
    /// The function that HumanEval's `check` is called with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub entry_point: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub starter_code: String,
    /// Further tests, as a list or packed (see [`crate::code::unpack`]); null for none.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub hidden: serde_json::Value,
    /// Responses continue the prompt, instead of answering it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completion: bool,
}

impl TestGold {
    /// The tests, ready to run.
    ///
    /// # Errors
    /// As [`Tests::read`].
    pub fn read_tests(&self) -> Result<Tests, TestsError> {
        Ok(Tests::read(&self.tests)?.calling(&self.entry_point))
    }

    /// The tests with the hidden ones behind them.
    ///
    /// # Errors
    /// As [`Tests::read`]; and hidden tests that cannot be unpacked, or are of another kind than the others.
    pub fn read_all(&self) -> Result<Tests, TestsError> {
        let tests = self.read_tests()?;
        let hidden = match &self.hidden {
            serde_json::Value::Null => return Ok(tests),
            serde_json::Value::String(text) if text.trim().is_empty() => return Ok(tests),
            serde_json::Value::String(text) if !text.trim_start().starts_with('[') => {
                Tests::read(&unpack(text)?)
            }
            other => Tests::read(other),
        };
        match (tests, hidden) {
            (tests, Err(TestsError::Empty)) => Ok(tests),
            (Tests::Stdin(mut tests), Ok(Tests::Stdin(hidden))) => {
                tests.extend(hidden);
                Ok(Tests::Stdin(tests))
            }
            (Tests::Functional(mut tests), Ok(Tests::Functional(hidden))) => {
                tests.extend(hidden);
                Ok(Tests::Functional(tests))
            }
            (_, Err(error)) => Err(error),
            _ => Err(TestsError::Mixed),
        }
    }
}

impl Tests {
    /// HumanEval's tests only define `check`: with the function's name they call it too.
    #[must_use]
    pub fn calling(self, entry_point: &str) -> Self {
        match self {
            Tests::Source(text) if !entry_point.is_empty() && !text.contains("\ncheck(") => {
                Tests::Source(format!("{text}\ncheck({entry_point})\n"))
            }
            other => other,
        }
    }

    /// Reads tests as rows have them; a text that is itself a JSON list of tests is read as that list.
    ///
    /// # Errors
    /// [`TestsError`] where there is nothing to be passed, or the form is another.
    pub fn read(value: &serde_json::Value) -> Result<Self, TestsError> {
        let form = |why: String| TestsError::Form { why };
        let written = match value {
            // An empty list is one, too: some problems have no hidden tests.
            serde_json::Value::String(text) if text.trim_start().starts_with("[{") || text.trim() == "[]" => {
                Written::Cases(serde_json::from_str(text).map_err(|error| form(error.to_string()))?)
            }
            _ => Written::deserialize(value).map_err(|_| {
                form(match value {
                    serde_json::Value::Null => "they are missing".to_owned(),
                    _ => "they are neither".to_owned(),
                })
            })?,
        };
        let source = |text: String| {
            if text.trim().is_empty() {
                Err(TestsError::Empty)
            } else {
                Ok(Tests::Source(text))
            }
        };
        match written {
            Written::Source(text) => source(text),
            Written::Lines(lines) => source(lines.join("\n")),
            Written::Cases(cases) => {
                let functional = cases
                    .iter()
                    .filter(|case| case.testtype == TestType::Functional)
                    .count();
                match functional {
                    _ if cases.is_empty() => Err(TestsError::Empty),
                    0 => Ok(Tests::Stdin(cases)),
                    all if all == cases.len() => Ok(Tests::Functional(cases)),
                    _ => Err(TestsError::Mixed),
                }
            }
        }
    }
}

/// One response to be judged by running it.
#[derive(Debug, Clone, Copy)]
pub struct CodeTask<'a> {
    pub kind: ProgramKind,
    pub response: &'a str,
    /// The problem's prompt; for a completion the text before it, for a reply a source of imports and helpers.
    pub prompt: &'a str,
    /// Source that runs before the program.
    pub setup: &'a str,
    pub tests: &'a Tests,
    /// The text that the problem gives to begin with; names the method of a functional problem.
    pub starter_code: &'a str,
    /// The response ran into the token limit.
    pub truncated: bool,
}

impl CodeTask<'_> {
    /// The function or class that the tests reach for, where that can be seen.
    pub fn wanted(&self) -> Option<String> {
        match self.tests {
            Tests::Stdin(_) => None,
            Tests::Functional(_) if self.starter_code.contains("class Solution") => {
                Some("Solution".to_owned())
            }
            Tests::Functional(_) => self.method(),
            Tests::Source(text) => called(text),
        }
    }

    /// The method of a functional problem: the last function that the starter code begins.
    pub fn method(&self) -> Option<String> {
        self.starter_code
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("def "))
            .filter_map(identifier)
            .rfind(|name| !name.starts_with("__"))
    }
}

/// `f` of a last line `check(f)`, else the first function called in an assertion.
fn called(tests: &str) -> Option<String> {
    let check = tests
        .lines()
        .rev()
        .find_map(|line| identifier(line.strip_prefix("check(")?));
    check.or_else(|| {
        tests.lines().find_map(|line| {
            let condition = line.trim_start().strip_prefix("assert ")?;
            // The innermost of wrappers like `set(f(…))` and `math.isclose(f(…), …)`.
            const WRAPPERS: [&str; 16] = [
                "set", "sorted", "list", "tuple", "abs", "round", "str", "int", "float", "len", "isclose",
                "not", "math", "sum", "bool", "all",
            ];
            let mut rest = condition.trim_start_matches('(');
            loop {
                let name = identifier(rest)?;
                rest = rest.get(name.len()..)?.trim_start();
                if !WRAPPERS.contains(&name.as_str()) {
                    return rest.starts_with('(').then_some(name);
                }
                rest = rest.trim_start_matches(['(', '.', ' ']);
            }
        })
    })
}

/// The Python name at the start of a text.
fn identifier(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let starts = name.chars().next().is_some_and(|c| !c.is_numeric());
    starts.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tests_come_in_three_forms() {
        assert_eq!(
            Tests::read(&json!("assert f(1) == 2")).unwrap(),
            Tests::Source("assert f(1) == 2".into())
        );
        assert_eq!(
            Tests::read(&json!(["assert f(1)", "assert f(2)"])).unwrap(),
            Tests::Source("assert f(1)\nassert f(2)".into())
        );
        let case = json!([{"input": "1\n", "output": "2\n", "testtype": "stdin"}]);
        assert!(matches!(Tests::read(&case).unwrap(), Tests::Stdin(cases) if cases.len() == 1));
        assert_eq!(
            Tests::read(&json!(case.to_string())).unwrap(),
            Tests::read(&case).unwrap()
        );
    }

    #[test]
    fn tests_that_cannot_fail_are_refused() {
        assert_eq!(Tests::read(&json!(" \n")), Err(TestsError::Empty));
        assert_eq!(Tests::read(&json!([])), Err(TestsError::Empty));
        assert!(matches!(Tests::read(&json!(null)), Err(TestsError::Form { .. })));
        let mixed =
            json!([{"input": "", "output": ""}, {"input": "", "output": "", "testtype": "functional"}]);
        assert_eq!(Tests::read(&mixed), Err(TestsError::Mixed));
    }

    #[test]
    fn what_the_tests_reach_for_is_seen() {
        assert_eq!(
            called("def check(candidate):\n    assert candidate(1) == 1\n\ncheck(inc)\n").as_deref(),
            Some("inc")
        );
        assert_eq!(
            called("assert set(shared((1,), (2,))) == set()").as_deref(),
            Some("shared")
        );
        assert_eq!(
            called("assert math.isclose(area(1), 2.0)").as_deref(),
            Some("area")
        );
        assert_eq!(called("x = 1"), None);
    }
}
