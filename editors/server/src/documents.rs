//! Open texts, their indexes, and places in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_types::{Position, Range, TextDocumentContentChangeEvent, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rlx_grammar::ast::Span;
use rlx_language::index::Index;
use rlx_language::{Source, Sources};

/// What stands as it is in the path of a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) uri: Uri,
    pub(crate) version: i32,
    pub(crate) source: Source,
    pub(crate) index: Option<Index>,
}

/// Open texts by name: a path where the URI is that of a file, else the URI itself.
#[derive(Debug, Default)]
pub(crate) struct Documents(pub(crate) BTreeMap<String, Document>);

/// What is open goes before what is on disk.
impl Sources for Documents {
    fn read(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            Some(document) => Some(document.source.text.clone()),
            None => std::fs::read_to_string(name).ok(),
        }
    }
}

impl Documents {
    pub(crate) fn open(&mut self, uri: Uri, version: i32, text: String) -> String {
        let name = name(&uri);
        let document = Document {
            uri,
            version,
            source: Source::new(name.clone(), text),
            index: None,
        };
        self.0.insert(name.clone(), document);
        self.renew(&name);
        name
    }

    pub(crate) fn change(&mut self, name: &str, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(document) = self.0.get_mut(name) else {
            return;
        };
        document.version = version;
        for change in changes {
            let text = match change.range {
                None => change.text,
                Some(range) => {
                    let Span { start, end } = span(&document.source, range);
                    let old = &document.source.text;
                    let before = old.get(..start).unwrap_or_default();
                    let after = old.get(end..).unwrap_or_default();
                    format!("{before}{}{after}", change.text)
                }
            };
            document.source = Source::new(name, text);
        }
        self.renew(name);
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.0.remove(name);
        self.renew(name);
    }

    /// Reads anew what depends on a text: its own index, and those of the open texts that import it or miss a file.
    pub(crate) fn renew(&mut self, changed: &str) {
        let due = |document: &Document| match &document.index {
            None => true,
            Some(index) => {
                let mut missing = index.diagnostics().iter().map(|diagnostic| diagnostic.code);
                index.files().any(|file| file.name == changed)
                    || missing.any(|code| code == "rlx::import::missing")
            }
        };
        let names: Vec<String> = self
            .0
            .iter()
            .filter(|(name, document)| *name == changed || due(document))
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let index = Index::new(self, &name);
            if let Some(document) = self.0.get_mut(&name) {
                document.index = match (index, document.index.take()) {
                    (Some(index), Some(earlier)) => Some(index.after(&earlier)),
                    (index, _) => index,
                };
            }
        }
    }
}

/// The name of a URI's text: the path of a file, else the URI.
pub(crate) fn name(uri: &Uri) -> String {
    match path(uri) {
        Some(path) => path.to_string_lossy().into_owned(),
        None => uri.as_str().to_owned(),
    }
}

/// The path of a `file:` URI.
pub(crate) fn path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    let path = rest.get(rest.find('/')?..)?;
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    Some(PathBuf::from(decoded.into_owned()))
}

/// The URI of a text's name.
pub(crate) fn uri(name: &str) -> Option<Uri> {
    if Path::new(name).is_absolute() {
        Uri::from_str(&format!("file://{}", utf8_percent_encode(name, PATH))).ok()
    } else {
        Uri::from_str(name).ok()
    }
}

/// Line and UTF-16 unit of a byte offset.
pub(crate) fn position(source: &Source, offset: usize) -> Position {
    let offset = source.text.floor_char_boundary(offset);
    let lines = source.lines();
    let line = lines.partition_point(|start| *start <= offset).saturating_sub(1);
    let start = lines.get(line).copied().unwrap_or(0);
    let before = source.text.get(start..offset).unwrap_or_default();
    Position {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        character: u32::try_from(before.encode_utf16().count()).unwrap_or(u32::MAX),
    }
}

/// The byte offset of a position; past the end of a line it is the line's end.
pub(crate) fn offset(source: &Source, position: Position) -> usize {
    let lines = source.lines();
    let Some(&start) = lines.get(position.line as usize) else {
        return source.text.len();
    };
    let rest = source.text.get(start..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut left = position.character as usize;
    for (at, character) in line.char_indices() {
        if left < character.len_utf16() {
            return start + at;
        }
        left -= character.len_utf16();
    }
    start + line.len()
}

pub(crate) fn range(source: &Source, span: Span) -> Range {
    Range {
        start: position(source, span.start),
        end: position(source, span.end),
    }
}

fn span(source: &Source, range: Range) -> Span {
    let start = offset(source, range.start);
    Span {
        start,
        end: offset(source, range.end).max(start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_utf16_units() {
        let source = Source::new("x", "a𝄞é\r\nb\n");
        for (offset_, line, character) in [
            (0, 0, 0),
            (1, 0, 1),
            (5, 0, 3),
            (7, 0, 4),
            (9, 1, 0),
            (10, 1, 1),
            (11, 2, 0),
        ] {
            let place = Position { line, character };
            assert_eq!(position(&source, offset_), place);
            assert_eq!(offset(&source, place), offset_);
        }
        let at = |line, character| offset(&source, Position { line, character });
        assert_eq!(at(0, 2), 1, "the middle of a pair is its start");
        assert_eq!(at(0, 99), 7, "the end of the line, before its break");
        assert_eq!(at(99, 0), 11);
    }

    #[test]
    fn names_and_uris_belong_together() {
        let uri_ = uri("/tmp/ein Fall/späť.rlx").expect("a uri");
        assert_eq!(uri_.as_str(), "file:///tmp/ein%20Fall/sp%C3%A4%C5%A5.rlx");
        assert_eq!(name(&uri_), "/tmp/ein Fall/späť.rlx");
        let untitled = Uri::from_str("untitled:Untitled-1").expect("a uri");
        assert_eq!(name(&untitled), "untitled:Untitled-1");
        assert_eq!(uri("untitled:Untitled-1"), Some(untitled));
    }
}
