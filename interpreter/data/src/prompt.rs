//! Prompts: a template filled with a problem's text.

use crate::error::DataError;
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
        user: String,
        /// The assistant's turn begins with it.
        prefill: Option<String>,
    },
}

/// Fills `{problem}` in. A brace before anything but a lower-case name is itself, so `\boxed{}` needs no escape;
/// `{{name}}` gives `{name}`. The problem's text is not looked into, nor is the system message.
///
/// # Errors
/// A placeholder other than `{problem}`, and a template without it.
pub fn render(prompt: &Prompt, problem: &Problem) -> Result<RenderedPrompt, DataError> {
    let text = fill(&prompt.template, &problem.text)?;
    Ok(match prompt.chat {
        true => RenderedPrompt::Chat {
            system: prompt.system.clone(),
            user: text,
            prefill: prompt.prefill.clone(),
        },
        false => RenderedPrompt::Text(text),
    })
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
            prefill: None,
        };
        match render(
            &prompt,
            &Problem::new("0".into(), "What is {x}?".into(), None, None),
        )? {
            RenderedPrompt::Text(text) => Ok(text),
            RenderedPrompt::Chat { user, .. } => Ok(user),
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
            prefill: Some("The sum is".into()),
        };
        let problem = Problem::new("0".into(), "2+2".into(), None, None);
        let expected = RenderedPrompt::Chat {
            system: Some("Be brief, {x}.".into()),
            user: "2+2".into(),
            prefill: Some("The sum is".into()),
        };
        assert_eq!(render(&prompt, &problem).unwrap(), expected);
    }
}
