//! Texts, words and truth values; what a value is called in a message.

use rlx_grammar::ast::ExprKind;

use super::{Elaborator, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::schema::Type;
use crate::suggest;

/// `0.6`, `5%`, `450 steps`
fn is_number(text: &str) -> bool {
    let digits = text
        .trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%')
        .trim_end();
    digits.parse::<f64>().is_ok() || text.parse::<f64>().is_ok()
}

impl<'a> Elaborator<'a> {
    /// A text, with where it is written: file for paths, place for blame.
    pub(super) fn text(&mut self, at: Sited<'a>) -> Result<(&'a str, Sited<'a>), Fail> {
        let at = self.resolve(at).ok_or(Fail::Reported)?;
        match &at.expr.node {
            ExprKind::Text(text) => Ok((text, at)),
            _ => Err(Fail::Kind),
        }
    }

    pub(super) fn boolean(&mut self, at: Sited<'a>) -> Result<(bool, Place), Fail> {
        let at = self.resolve(at).ok_or(Fail::Reported)?;
        match &at.expr.node {
            ExprKind::Bool(value) => Ok((*value, at.place())),
            _ => Err(Fail::Kind),
        }
    }

    /// One of the words, written bare, directly or behind a `let`.
    pub(super) fn word(
        &mut self,
        at: Sited<'a>,
        words: &'static [&'static str],
        field: &str,
    ) -> Result<(&'static str, Place), Fail> {
        let mut at = at;
        loop {
            let written = match &at.expr.node {
                ExprKind::Path(path) => match path.node.as_slice() {
                    [word] => &word.node,
                    _ => return Err(Fail::Kind),
                },
                ExprKind::Text(text) if words.contains(&text.as_str()) => {
                    let diagnostic =
                        Diagnostic::error("rlx::value::word", format!("`{field}` takes a word, not a text"));
                    let diagnostic = self
                        .at(diagnostic, at.place(), "a text")
                        .help(format!("write it without quotes: `{field} = {text}`"));
                    self.report(diagnostic);
                    return Err(Fail::Reported);
                }
                _ => return Err(Fail::Kind),
            };
            if let Some(word) = words.iter().find(|word| *word == written) {
                return Ok((word, at.place()));
            }
            let ExprKind::Path(path) = &at.expr.node else {
                return Err(Fail::Kind);
            };
            if let Some(bound) = self.axis(path, at.site) {
                at = bound.value;
                continue;
            }
            let bound = self
                .program
                .lookup(at.site.module, &path.node)
                .ok()
                .map(|(id, _)| id)
                .filter(|id| self.is_binding(*id));
            match bound.and_then(|id| self.binding(id)) {
                Some(value) => at = value,
                None => {
                    let help = suggest::did_you_mean(written, words.iter().copied())
                        .unwrap_or_else(|| format!("it can be {}", suggest::list(words.iter().copied())));
                    let diagnostic =
                        Diagnostic::error("rlx::value::word", format!("`{field}` cannot be `{written}`"));
                    let diagnostic = self.at(diagnostic, at.place(), "unknown word").help(help);
                    self.report(diagnostic);
                    return Err(Fail::Reported);
                }
            }
        }
    }

    /// What a value is, for messages: `a text`, `a list`.
    pub(super) fn describe(&self, at: Sited<'a>) -> String {
        match &at.expr.node {
            ExprKind::Number(_) => "a number".into(),
            ExprKind::Text(_) => "a text".into(),
            ExprKind::Bool(_) => "a truth value".into(),
            ExprKind::None => "`none`".into(),
            ExprKind::List(_) => "a list".into(),
            ExprKind::Record(_) => "a record".into(),
            ExprKind::Range { .. } => "a range".into(),
            ExprKind::Checkpoint { .. } => "a checkpoint".into(),
            ExprKind::Members { of, .. } => {
                let names: Vec<&str> = of.node.iter().map(|name| name.node.as_str()).collect();
                format!("a member of `{}`", names.join("."))
            }
            ExprKind::Call { callee, .. } => {
                format!(
                    "a call of `{}`",
                    callee
                        .node
                        .iter()
                        .map(|name| name.node.as_str())
                        .collect::<Vec<_>>()
                        .join(".")
                )
            }
            ExprKind::Path(path) => {
                let name = path
                    .node
                    .iter()
                    .map(|name| name.node.as_str())
                    .collect::<Vec<_>>()
                    .join(".");
                match self.program.lookup(at.site.module, &path.node) {
                    Ok((id, _)) => format!("{} (`{name}`)", super::entries::word(self.program.keyword(id))),
                    Err(_) => format!("`{name}`"),
                }
            }
            ExprKind::Update { .. } => "a changed record".into(),
            ExprKind::Negate(_) | ExprKind::Binary { .. } | ExprKind::Not(_) => "an expression".into(),
        }
    }

    /// Reports that a field takes something else.
    pub(super) fn mismatch(&mut self, at: Sited<'a>, field: &str, ty: &Type) {
        self.mismatch_with(at, field, &ty.describe());
    }

    pub(super) fn mismatch_with(&mut self, at: Sited<'a>, field: &str, wanted: &str) {
        let value = self.resolve_quietly(at);
        let found = self.describe(value);
        let diagnostic = Diagnostic::error(
            "rlx::type::mismatch",
            format!("`{field}` takes {wanted}, not {found}"),
        );
        let mut diagnostic = self.at(diagnostic, value.place(), format!("this is {found}"));
        if value.place() != at.place() {
            diagnostic = self.at(diagnostic, at.place(), "read here");
        }
        let takes_number = wanted.contains("number") || wanted.contains("share");
        if let ExprKind::Text(text) = &value.expr.node
            && (takes_number && is_number(text)
                || (wanted.contains("`true`") && matches!(text.as_str(), "true" | "false"))
                || (wanted.contains("`none`") && text == "none"))
        {
            diagnostic = diagnostic.help(format!("write it without quotes: `{field} = {text}`"));
        }
        self.report(diagnostic);
    }

    fn resolve_quietly(&mut self, at: Sited<'a>) -> Sited<'a> {
        let reported = self.out.len();
        let value = self.resolve(at).unwrap_or(at);
        self.out.truncate(reported);
        value
    }
}
