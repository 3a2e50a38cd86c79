//! The change of the text that a diagnostic asks for, where it asks for one.

use std::sync::Arc;

use rlx_grammar::ast::Span;

use crate::diagnostic::{Diagnostic, Source};

/// A piece of a text and what should stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mend {
    pub file: Arc<Source>,
    /// Empty where something is put in.
    pub span: Span,
    pub text: String,
    /// `write \`top_p\``: what an editor offers.
    pub title: String,
}

impl Diagnostic {
    /// The mend, where the help names one that can be made without asking: a name in the place of a misspelt one, a
    /// missing `use`, a written form in the place of another language's.
    pub fn mend(&self) -> Option<Mend> {
        let label = self.labels.first()?;
        let help = self.help.as_deref()?;
        let replace = |text: &str| Mend {
            file: Arc::clone(&label.file),
            span: label.span,
            text: text.to_owned(),
            title: format!("write `{text}`"),
        };
        let written = label.file.text.get(label.span.start..label.span.end)?;
        if let Some(name) = quoted(help, "did you mean `", "`?") {
            return Some(replace(name));
        }
        if let Some(clause) = quoted(help, "add `use ", "` at the top") {
            let clause = format!("use {clause}");
            let at = first_item(&label.file.text);
            return Some(Mend {
                file: Arc::clone(&label.file),
                span: Span { start: at, end: at },
                title: format!("add `{clause}`"),
                text: format!("{clause}\n"),
            });
        }
        let one_line = !written.is_empty() && !written.contains('\n');
        match self.code {
            "rlx::unit::mismatch" if written.starts_with(|c: char| c.is_ascii_digit()) => {
                quoted(help, "write `", "`").map(replace)
            }
            "rlx::syntax::habit" if one_line => {
                let text = quoted(help, "write `", "`").filter(|text| !text.contains(['…', '{']))?;
                (text != "name = value").then(|| replace(text))
            }
            _ => None,
        }
    }
}

fn quoted<'h>(help: &'h str, before: &str, after: &str) -> Option<&'h str> {
    let rest = help.strip_prefix(before)?;
    rest.strip_suffix(after)
        .or_else(|| rest.split_once('`').map(|(text, _)| text))
        .filter(|text| !text.is_empty() && !text.contains('`'))
}

/// Where the first declaration or import stands: after the docs and comments at the head.
fn first_item(text: &str) -> usize {
    let mut at = 0;
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let code = line.trim_start();
        if code.is_empty() || code.starts_with("//!") || (code.starts_with("//") && !code.starts_with("///"))
        {
            begin = at;
        } else {
            break;
        }
    }
    begin
}
