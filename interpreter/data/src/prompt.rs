//! Prompts: a template filled with a problem's text.

use crate::error::DataError;
use crate::picture::Picture;
use crate::problem::Problem;
use rlx_language::study::Prompt;

/// What the engine makes tokens of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenderedPrompt {
    /// Encoded as it stands.
    Text(String),
    /// Wrapped in the model's own chat template.
    Chat {
        system: Option<String>,
        /// Turns before the user's: what was asked and answered.
        examples: Vec<(String, String)>,
        user: String,
        /// The assistant's turn begins with it.
        prefill: Option<String>,
    },
    /// A chat whose user shows pictures.
    Shown {
        system: Option<String>,
        /// As in a chat without pictures.
        examples: Vec<(String, String)>,
        user: Vec<Part>,
        prefill: Option<String>,
    },
}

/// A part of what a user says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Picture(Picture),
}

impl RenderedPrompt {
    /// What the user says, the pictures by their names.
    pub fn said(&self) -> String {
        match self {
            RenderedPrompt::Text(text) | RenderedPrompt::Chat { user: text, .. } => text.clone(),
            RenderedPrompt::Shown { user, .. } => user
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.clone(),
                    Part::Picture(picture) => format!("[picture {}]", picture.name),
                })
                .collect(),
        }
    }

    /// The pictures, in the order in which they are shown.
    pub fn pictures(&self) -> Vec<&Picture> {
        match self {
            RenderedPrompt::Text(_) | RenderedPrompt::Chat { .. } => Vec::new(),
            RenderedPrompt::Shown { user, .. } => user
                .iter()
                .filter_map(|part| match part {
                    Part::Picture(picture) => Some(picture),
                    Part::Text(_) => None,
                })
                .collect(),
        }
    }
}

/// Fills `{problem}` in. A brace before anything but a lower-case name is itself, so `\boxed{}` needs no escape;
/// `{{name}}` gives `{name}`. The problem's text is not looked into, nor is the system message.
///
/// A problem's pictures stand where its text says so: `<image>` is the next one, `<image2>` the second (once; a further
/// one, and the number of a picture that is not there, is text). Those without a place come first.
///
/// # Errors
/// A placeholder other than `{problem}`, a template without it, more places than pictures, and pictures outside of a chat.
pub fn render(prompt: &Prompt, problem: &Problem) -> Result<RenderedPrompt, DataError> {
    let text = fill(&prompt.template, &problem.text)?;
    let examples: Vec<(String, String)> = prompt
        .examples
        .iter()
        .map(|example| {
            Ok((
                fill(&prompt.template, &example.problem)?,
                example.response.clone(),
            ))
        })
        .collect::<Result<_, DataError>>()?;
    if !problem.pictures.is_empty() {
        if !prompt.chat {
            return Err(DataError::NoChat {
                problem: problem.id.clone(),
            });
        }
        return Ok(RenderedPrompt::Shown {
            system: prompt.system.clone(),
            examples,
            user: parts(&text, problem)?,
            prefill: prompt.prefill.clone(),
        });
    }
    Ok(match prompt.chat {
        true => RenderedPrompt::Chat {
            system: prompt.system.clone(),
            examples,
            user: text,
            prefill: prompt.prefill.clone(),
        },
        false => {
            let mut whole = String::new();
            for (asked, answered) in examples {
                whole.push_str(&asked);
                whole.push_str(&answered);
                whole.push_str("\n\n");
            }
            RenderedPrompt::Text(whole + &text)
        }
    })
}

fn parts(text: &str, problem: &Problem) -> Result<Vec<Part>, DataError> {
    let mut left: Vec<Option<&Picture>> = problem.pictures.iter().map(Some).collect();
    let mut said = Vec::new();
    let (mut rest, mut own, mut places) = (text, String::new(), 0);
    while let Some(at) = rest.find("<image") {
        let (before, from) = rest.split_at(at);
        own.push_str(before);
        let inner = from.strip_prefix("<image").unwrap_or_default();
        let length = inner.find(|c: char| !c.is_ascii_digit()).unwrap_or(inner.len());
        let (number, after) = inner.split_at(length);
        let Some(after) = after.strip_prefix('>') else {
            own.push_str("<image");
            rest = inner;
            continue;
        };
        let picture = match number.parse::<usize>() {
            Ok(number) => number
                .checked_sub(1)
                .and_then(|at| left.get_mut(at))
                .and_then(Option::take),
            Err(_) => {
                places += 1;
                let next = left.iter_mut().find_map(Option::take);
                Some(next.ok_or_else(|| DataError::Places {
                    problem: problem.id.clone(),
                    pictures: problem.pictures.len(),
                    places,
                })?)
            }
        };
        match picture {
            Some(picture) => {
                if !own.is_empty() {
                    said.push(Part::Text(std::mem::take(&mut own)));
                }
                said.push(Part::Picture(picture.clone()));
            }
            None => own.push_str(&format!("<image{number}>")),
        }
        rest = after;
    }
    own.push_str(rest);
    if !own.is_empty() {
        said.push(Part::Text(own));
    }
    let first = left.into_iter().flatten().cloned().map(Part::Picture);
    Ok(first.chain(said).collect())
}

fn fill(template: &str, problem: &str) -> Result<String, DataError> {
    let mut text = String::with_capacity(template.len() + problem.len());
    let mut rest = template;
    let mut filled = false;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        if let Some((name, after)) = from.strip_prefix("{{").and_then(|inner| named(inner, "}}")) {
            text.push('{');
            text.push_str(name);
            text.push('}');
            rest = after;
        } else if let Some((name, after)) = from.strip_prefix('{').and_then(|inner| named(inner, "}")) {
            if name != "problem" {
                return Err(DataError::Placeholder {
                    placeholder: name.to_owned(),
                });
            }
            text.push_str(problem);
            filled = true;
            rest = after;
        } else {
            text.push('{');
            rest = from.strip_prefix('{').unwrap_or_default();
        }
    }
    text.push_str(rest);
    if filled {
        Ok(text)
    } else {
        Err(DataError::NoPlaceholder)
    }
}

/// A lower-case name closed by `end`, and what follows.
fn named<'a>(inner: &'a str, end: &str) -> Option<(&'a str, &'a str)> {
    let length = inner.find(|c: char| !(c.is_ascii_lowercase() || c == '_'))?;
    let (name, rest) = inner.split_at(length);
    (!name.is_empty()).then_some((name, rest.strip_prefix(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Result<String, DataError> {
        let prompt = Prompt {
            template: template.to_owned(),
            chat: false,
            system: None,
            examples: Vec::new(),
            prefill: None,
        };
        match render(
            &prompt,
            &Problem::new("0".into(), "What is {x}?".into(), None, None),
        )? {
            RenderedPrompt::Text(text) => Ok(text),
            other => Ok(other.said()),
        }
    }

    #[test]
    fn fills_the_problem_and_leaves_other_braces() {
        assert_eq!(rendered("{problem}\n").unwrap(), "What is {x}?\n");
        assert_eq!(
            rendered("{problem} in \\boxed{}. {1} {").unwrap(),
            "What is {x}? in \\boxed{}. {1} {"
        );
        assert_eq!(
            rendered("{{problem}} {problem}").unwrap(),
            "{problem} What is {x}?"
        );
        assert!(
            rendered("{problem} {question}")
                .unwrap_err()
                .to_string()
                .contains("{question}")
        );
        assert!(matches!(rendered("Solve it."), Err(DataError::NoPlaceholder)));
    }

    #[test]
    fn chat_keeps_the_system_message() {
        let prompt = Prompt {
            template: "{problem}".into(),
            chat: true,
            system: Some("Be brief, {x}.".into()),
            examples: Vec::new(),
            prefill: Some("The sum is".into()),
        };
        let problem = Problem::new("0".into(), "2+2".into(), None, None);
        let expected = RenderedPrompt::Chat {
            system: Some("Be brief, {x}.".into()),
            user: "2+2".into(),
            examples: Vec::new(),
            prefill: Some("The sum is".into()),
        };
        assert_eq!(render(&prompt, &problem).unwrap(), expected);
    }

    #[test]
    fn pictures_stand_where_the_text_says_and_else_in_front() {
        let said = |text: &str, names: &[&str]| {
            let pictures = names
                .iter()
                .map(|name| Picture::new((*name).to_owned(), name.as_bytes().to_vec()))
                .collect();
            let problem = Problem::new("9".into(), text.into(), None, None).showing(pictures);
            let prompt = Prompt {
                template: "{problem} Go.".into(),
                chat: true,
                system: None,
                examples: Vec::new(),
                prefill: None,
            };
            render(&prompt, &problem).map(|prompt| prompt.said())
        };
        assert_eq!(said("See?", &["a"]).unwrap(), "[picture a]See? Go.");
        assert_eq!(
            said("<image>See <imag", &["a"]).unwrap(),
            "[picture a]See <imag Go."
        );
        assert_eq!(
            said("x <image1> y <image1> <image2>", &["a"]).unwrap(),
            "x [picture a] y <image1> <image2> Go."
        );
        assert_eq!(
            said("<image2>, then <image>", &["a", "b", "c"]).unwrap(),
            "[picture c][picture b], then [picture a] Go."
        );
        let error = said("<image><image>", &["a"]).unwrap_err().to_string();
        assert!(
            error.contains("problem `9` has 1 pictures and 2 places"),
            "{error}"
        );
    }

    #[test]
    fn pictures_are_part_of_what_a_problem_is() {
        let plain = Problem::new("0".into(), "Find x.".into(), Some("4".into()), None);
        let show = |bytes: &[u8]| {
            plain
                .clone()
                .showing(vec![Picture::new("p".into(), bytes.to_vec())])
        };
        assert_ne!(show(b"one").hash, plain.hash);
        assert_ne!(show(b"one").hash, show(b"two").hash);
        assert_ne!(show(b"one").key(), show(b"two").key());
        assert_eq!(show(b"one").key(), show(b"one").key());
        assert_ne!(plain.clone().to_places(Some(1)).hash, plain.hash);
        let prompt = Prompt {
            template: "{problem}".into(),
            chat: false,
            system: None,
            examples: Vec::new(),
            prefill: None,
        };
        assert!(render(&prompt, &show(b"one")).is_err());
    }

    #[test]
    fn worked_examples_come_before_the_problem() {
        let mut prompt = Prompt {
            template: "Q: {problem}\nA: ".into(),
            chat: false,
            system: None,
            examples: vec![rlx_language::study::PromptExample {
                problem: "1+1?".into(),
                response: "2".into(),
            }],
            prefill: None,
        };
        let problem = Problem::new("0".into(), "2+2?".into(), None, None);
        assert_eq!(
            render(&prompt, &problem).unwrap(),
            RenderedPrompt::Text("Q: 1+1?\nA: 2\n\nQ: 2+2?\nA: ".into())
        );
        prompt.chat = true;
        assert_eq!(
            render(&prompt, &problem).unwrap(),
            RenderedPrompt::Chat {
                system: None,
                examples: vec![("Q: 1+1?\nA: ".into(), "2".into())],
                user: "Q: 2+2?\nA: ".into(),
                prefill: None,
            }
        );
    }
}
