//! Where in a text somebody is writing: the open brackets, and what stands before each. Found from words and signs alone,
//! since a text that is being written seldom parses.

use rlx_grammar::ast::Span;
use rlx_grammar::{Lexeme, LexemeKind};

/// An open bracket, or the file around all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame<'t> {
    /// `{`, `[`, `(`; empty for the file.
    pub(super) open: &'t str,
    /// The dotted name right before the bracket.
    pub(super) head: Vec<&'t str>,
    /// The field whose value is being written.
    pub(super) field: Option<Vec<&'t str>>,
    /// Fields and arguments that are written already.
    pub(super) named: Vec<&'t str>,
    /// Commas so far.
    pub(super) commas: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Context<'t> {
    /// From the outermost; never empty.
    pub(super) frames: Vec<Frame<'t>>,
    /// The words of the declaration before its first bracket or `=`.
    pub(super) opening: Vec<&'t str>,
    /// What was typed of the word at the cursor.
    pub(super) prefix: Span,
    /// The dotted name right before the cursor.
    pub(super) recent: Vec<&'t str>,
    /// The sign right before the word at the cursor.
    pub(super) before: &'t str,
    /// Nothing stands before it on its line.
    pub(super) line_start: bool,
}

impl<'t> Context<'t> {
    /// The context at an offset; None inside of a text or a comment.
    pub(super) fn at(text: &'t str, offset: usize) -> Option<Context<'t>> {
        let lexemes = rlx_grammar::lexemes(text);
        let mut context = Context {
            frames: vec![Frame::default()],
            prefix: Span {
                start: offset,
                end: offset,
            },
            line_start: true,
            ..Context::default()
        };
        for (at, lexeme) in lexemes.iter().enumerate() {
            let Span { start, end } = lexeme.span;
            if start >= offset {
                break;
            }
            match lexeme.kind {
                LexemeKind::Word if offset <= end => {
                    context.prefix = Span { start, end: offset };
                    break;
                }
                LexemeKind::Comment if offset <= end => return None,
                LexemeKind::Text if offset < end || !text.get(start..end)?.ends_with('"') => return None,
                _ => context.take(text, *lexeme, lexemes.get(at + 1)),
            }
        }
        Some(context)
    }

    fn frame(&mut self) -> &mut Frame<'t> {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn take(&mut self, text: &'t str, lexeme: Lexeme, next: Option<&Lexeme>) {
        let Span { start, end } = lexeme.span;
        let word = text.get(start..end).unwrap_or_default();
        match lexeme.kind {
            LexemeKind::Comment => return,
            LexemeKind::Newline => {
                self.line_start = true;
                let goes_on = matches!(
                    self.before,
                    "=" | "," | "+" | "-" | "*" | "/" | "|" | "&" | "<" | ">" | "<=" | ">=" | "." | ".."
                );
                let frame = self.frame();
                if !goes_on && (frame.open == "{" || frame.open.is_empty()) {
                    frame.field = None;
                }
                if !goes_on {
                    self.recent.clear();
                    self.before = "";
                }
                return;
            }
            LexemeKind::Word => self.word(text, word, start, next),
            LexemeKind::Number | LexemeKind::Text => self.recent.clear(),
            LexemeKind::Sign => self.sign(word),
        }
        self.line_start = false;
        self.before = if lexeme.kind == LexemeKind::Sign { word } else { "" };
    }

    fn word(&mut self, text: &str, word: &'t str, start: usize, next: Option<&Lexeme>) {
        let first = start == 0 || text.as_bytes().get(start - 1) == Some(&b'\n');
        let named = next.is_some_and(|next| matches!(next.kind, LexemeKind::Word | LexemeKind::Text));
        let opens = self.line_start && rlx_grammar::keywords().any(|keyword| keyword == word);
        if opens && (self.frames.len() == 1 || (first && named)) {
            self.frames.clear();
            self.frames.push(Frame::default());
            self.opening = vec![word];
            self.recent.clear();
            return;
        }
        let top = self.frames.len() == 1 && self.frames.iter().all(|frame| frame.field.is_none());
        if top && self.opening.len() < 8 {
            self.opening.push(word);
        }
        if self.before != "." {
            self.recent.clear();
        }
        self.recent.push(word);
    }

    fn sign(&mut self, sign: &'t str) {
        let recent = std::mem::take(&mut self.recent);
        match sign {
            "=" => {
                let frame = self.frame();
                frame.named.extend(recent.first());
                frame.field = Some(recent);
            }
            "," => {
                let frame = self.frame();
                frame.commas += 1;
                if frame.open != "[" {
                    frame.field = None;
                }
            }
            "{" | "[" | "(" => self.frames.push(Frame {
                open: sign,
                head: recent,
                ..Frame::default()
            }),
            "}" | "]" | ")" if self.frames.len() > 1 => {
                self.frames.pop();
            }
            "." | "@" => self.recent = recent,
            _ => {}
        }
    }
}
