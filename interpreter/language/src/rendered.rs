//! Diagnostics as miette draws them.

use std::fmt;
use std::sync::Arc;

use miette::{
    LabeledSpan, MietteError, MietteSpanContents, NamedSource, SourceCode, SourceSpan, SpanContents,
};

use crate::diagnostic::{Diagnostic, Label, Severity, Source};

/// A [`Diagnostic`] with its source text, ready for `miette::Report::new`.
///
/// miette draws one source a diagnostic, so labels in other files become related notes.
#[derive(Debug)]
pub struct Rendered {
    code: Option<&'static str>,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    source: Option<NamedSource<Text>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Rendered>,
}

impl From<&Diagnostic> for Rendered {
    fn from(diagnostic: &Diagnostic) -> Self {
        let home = diagnostic.labels.first().map(|label| Arc::clone(&label.file));
        let (here, elsewhere): (Vec<&Label>, Vec<&Label>) = diagnostic
            .labels
            .iter()
            .partition(|label| Some(&label.file) == home.as_ref());
        Rendered {
            code: Some(diagnostic.code),
            severity: match diagnostic.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
            },
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            source: home.as_deref().map(named),
            labels: here.into_iter().map(underline).collect(),
            related: elsewhere.into_iter().map(note).collect(),
        }
    }
}

fn named(source: &Source) -> NamedSource<Text> {
    NamedSource::new(&source.name, Text(source.text.clone()))
}

/// A text that counts the lines of what it shows. miette's own counts them from the top of the file, and so draws all
/// the lines between two labels that are far apart.
#[derive(Debug)]
struct Text(String);

impl SourceCode for Text {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let shown = self.0.read_span(span, before, after)?;
        let lines = shown.data().split(|byte| *byte == b'\n').count();
        Ok(Box::new(MietteSpanContents::new(
            shown.data(),
            *shown.span(),
            shown.line(),
            shown.column(),
            lines,
        )))
    }
}

fn underline(label: &Label) -> LabeledSpan {
    let text = (!label.text.is_empty()).then(|| label.text.clone());
    LabeledSpan::new(
        text,
        label.span.start,
        label.span.end.saturating_sub(label.span.start),
    )
}

fn note(label: &Label) -> Rendered {
    Rendered {
        code: None,
        severity: miette::Severity::Advice,
        message: label.text.clone(),
        help: None,
        source: Some(named(&label.file)),
        labels: vec![underline(label)],
        related: Vec::new(),
    }
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Rendered {}

impl miette::Diagnostic for Rendered {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        (!self.related.is_empty()).then(|| {
            Box::new(self.related.iter().map(|note| note as &dyn miette::Diagnostic))
                as Box<dyn Iterator<Item = &'a dyn miette::Diagnostic>>
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rlx_grammar::ast::Span;

    #[test]
    fn lines_between_labels_that_are_far_apart_are_not_drawn() {
        let text = (0..60).fold(String::new(), |text, line| text + &format!("line{line:02}\n"));
        let source = Arc::new(Source::new("study.rlx", text));
        let span = |line: usize| Span {
            start: line * 7,
            end: line * 7 + 6,
        };
        let diagnostic = Diagnostic::error("rlx::test", "two places")
            .label(&source, span(30), "one")
            .label(&source, span(50), "other");
        let mut drawn = String::new();
        miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none())
            .render_report(&mut drawn, &Rendered::from(&diagnostic))
            .expect("a String takes all");
        for line in [30, 50] {
            assert!(drawn.contains(&format!("line{line}")), "{drawn}");
        }
        assert!(!drawn.contains("line40"), "{drawn}");
    }
}
