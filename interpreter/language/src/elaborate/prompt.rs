//! Prompts: a text, or a record of template, chat and system.

use rlx_grammar::ast::ExprKind;

use super::checked::{Checked, Owner, Typed};
use super::{Elaborator, Fail};
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::schema::{self, Type};
use crate::study::{Prompt, PromptExample};

impl<'a> Elaborator<'a> {
    pub(super) fn prompt(&mut self, checked: &Checked<'a>, owner: &Owner) -> Option<Prompt> {
        let (at, nested) = checked
            .reference("prompt")
            .map(|(at, nested)| (at, nested.to_vec()))?;
        let value = self.resolve(at)?;
        let (prompt, place) = if let (ExprKind::Text(text), true) = (&value.expr.node, nested.is_empty()) {
            (
                Prompt {
                    template: text.clone(),
                    chat: false,
                    system: None,
                    examples: Vec::new(),
                    prefill: None,
                },
                value.place(),
            )
        } else {
            let Ok(mut entries) = self.record(at).map_err(|fail| {
                if fail == Fail::Kind {
                    self.mismatch(
                        at,
                        "prompt",
                        &Type::Reference(
                            "a text with `{problem}` in it, or a record of template, chat and system",
                        ),
                    );
                }
            }) else {
                return None;
            };
            self.overlay_nested(&mut entries, &nested);
            let inner = Owner {
                path: format!("{}.prompt", owner.path),
                what: "`prompt`".into(),
                place: at.place(),
                module: owner.module,
            };
            let read = self.read(&schema::PROMPT, entries, &inner);
            if !read.is_whole() {
                return None;
            }
            let examples = self.examples(&read, &inner)?;
            let prompt = Prompt {
                examples,
                template: read.text("template")?,
                chat: read.boolean("chat")?,
                system: read.maybe_text("system")?,
                prefill: read.maybe_text("prefill")?,
            };
            let only_of_chats = [
                (
                    "system",
                    prompt.system.is_some(),
                    "only a chat has a system message",
                ),
                (
                    "prefill",
                    prompt.prefill.is_some(),
                    "only a chat has a turn of the assistant",
                ),
            ];
            for (field, written, message) in only_of_chats {
                if !written || prompt.chat {
                    continue;
                }
                let diagnostic = Diagnostic::error("rlx::prompt::system", message);
                let diagnostic = self.at(diagnostic, read.place(field), "read by nobody");
                let diagnostic = self
                    .at(diagnostic, read.place("chat"), "no chat")
                    .help("write `chat = true`, or put the text into the template");
                self.report(diagnostic);
                return None;
            }
            (prompt, read.place("template"))
        };
        self.check_template(&prompt.template, place)?;
        Some(prompt)
    }

    /// Worked examples, in their order.
    fn examples(&mut self, prompt: &Checked<'a>, owner: &Owner) -> Option<Vec<PromptExample>> {
        let Typed::Reference(at, nested) = prompt.typed("examples")? else {
            return Some(Vec::new());
        };
        let wanted = "a list of records `{ problem = …, response = … }`";
        let (at, nested) = (*at, nested.first().map(|first| first.value));
        if let Some(place) = nested {
            self.mismatch_with(place, "examples", wanted);
            return None;
        }
        let at = self.resolve(at)?;
        let ExprKind::List(items) = &at.expr.node else {
            self.mismatch_with(at, "examples", wanted);
            return None;
        };
        let mut examples = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let item = at.with(item);
            let entries = match self.record(item) {
                Ok(entries) => entries,
                Err(Fail::Reported) => return None,
                Err(Fail::Kind) => {
                    self.mismatch_with(item, "examples", wanted);
                    return None;
                }
            };
            let own = Owner {
                path: format!("{}.examples.{}", owner.path, index + 1),
                what: "an example".into(),
                place: item.place(),
                module: owner.module,
            };
            let read = self.read(&schema::EXAMPLE, entries, &own);
            if !read.is_whole() {
                return None;
            }
            examples.push(PromptExample {
                problem: read.text("problem")?,
                response: read.text("response")?,
            });
        }
        Some(examples)
    }

    /// `{problem}` must occur, and no other `{name}`. `{}`, `{1}` and `{{name}}` are text.
    fn check_template(&mut self, template: &str, place: Place) -> Option<()> {
        let mut found = false;
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            let inner = &rest[at + 1..];
            let (open, close) = if inner.starts_with('{') {
                ("{", "}}")
            } else {
                ("", "}")
            };
            let name = &inner[open.len()..];
            let length = name
                .find(|c: char| !(c.is_ascii_lowercase() || c == '_'))
                .unwrap_or(name.len());
            let after = name[length..].strip_prefix(close).filter(|_| length > 0);
            if let (Some(_), true) = (after, open.is_empty()) {
                let name = &name[..length];
                if name != "problem" {
                    let diagnostic = Diagnostic::error(
                        "rlx::prompt::placeholder",
                        format!("a prompt knows no `{{{name}}}`"),
                    );
                    let diagnostic = self.at(diagnostic, place, "unknown placeholder").help(format!(
                        "the problem's text is `{{problem}}`; for the letters themselves write `{{{{{name}}}}}`"
                    ));
                    self.report(diagnostic);
                    return None;
                }
                found = true;
            }
            rest = after.unwrap_or(inner);
        }
        if !found {
            let diagnostic =
                Diagnostic::error("rlx::prompt::placeholder", "the prompt does not hold the problem");
            let diagnostic = self
                .at(diagnostic, place, "no `{problem}` in it")
                .help("write `{problem}` where the problem's text goes");
            self.report(diagnostic);
            return None;
        }
        Some(())
    }
}
