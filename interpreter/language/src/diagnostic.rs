//! What is wrong with a file, where, and how to mend it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rlx_grammar::ast::Span;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A text that was read, with the name under which it is shown.
#[derive(Clone)]
pub struct Source {
    pub name: String,
    pub text: String,
    /// Where each line starts, once somebody asks.
    lines: OnceLock<Vec<usize>>,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for Source {}

/// The name alone: texts are long.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.name).finish()
    }
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Source {
            name: name.into(),
            text: text.into(),
            lines: OnceLock::new(),
        }
    }

    /// The byte offsets at which lines start; the first is 0.
    pub fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let breaks = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect()
        })
    }

    /// The 1-based line and column (in characters) of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.lines().partition_point(|start| *start <= offset);
        let start = self.lines().get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

/// One underlined place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub file: Arc<Source>,
    pub span: Span,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// An error or a warning. The first label is the place to mend; a second one is the rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable: `rlx::unit::mismatch`. See [`crate::codes`].
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub labels: Vec<Label>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(code, message)
        }
    }

    pub(crate) fn label(mut self, file: &Arc<Source>, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            file: Arc::clone(file),
            // Where the text was repaired to be read on, a place can lie inside of a character.
            span: Span {
                start: file.text.floor_char_boundary(span.start),
                end: file.text.ceil_char_boundary(span.end.max(span.start)),
            },
            text: text.into(),
        });
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// One line: `experiments/aime.rlx:12:17: error[rlx::unit::mismatch]: …`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = self.labels.first() {
            let (line, column) = label.file.position(label.span.start);
            write!(f, "{}:{line}:{column}: ", label.file.name)?;
        }
        let severity = if self.is_error() { "error" } else { "warning" };
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// `{code, severity, message, labels: [{file, start, end, line, column, text}], help}`; offsets are bytes.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Diagnostic", 5)?;
        out.serialize_field("code", self.code)?;
        out.serialize_field("severity", if self.is_error() { "error" } else { "warning" })?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("labels", &self.labels)?;
        out.serialize_field("help", &self.help)?;
        out.end()
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (line, column) = self.file.position(self.span.start);
        let mut out = serializer.serialize_struct("Label", 6)?;
        out.serialize_field("file", &self.file.name)?;
        out.serialize_field("start", &self.span.start)?;
        out.serialize_field("end", &self.span.end)?;
        out.serialize_field("line", &line)?;
        out.serialize_field("column", &column)?;
        out.serialize_field("text", &self.text)?;
        out.end()
    }
}
