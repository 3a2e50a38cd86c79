//! Pieces of text → items, with pest.

use std::thread;

use pest::Parser;

use crate::ast::{Expr, Field, File, Ident, Item, Span, Spanned};
use crate::cut::{Piece, cut};
use crate::error::{ENCODING, EXPECTED, SyntaxError, TOO_LARGE};
use crate::scan::{Texts, Token, TokenKind, scan};
use crate::tree::Builder;
use crate::{MAX_BYTES, MAX_DECLARATION, MAX_ERRORS, expected, habits, keyword, recover};

/// Pieces that are read before errors are counted.
const WAVE: usize = 512;
/// Bytes that are read in about the time that five threads take to start.
const WORTH_A_THREAD: usize = 8192;
/// As much as a main thread has: the deepest nesting that is read must fit.
const STACK: usize = 8 << 20;

#[derive(pest_derive::Parser)]
#[grammar = "rlx.pest"]
pub(crate) struct Grammar;

/// What a text holds, and all that is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The declarations that could be read. With errors it is a part of the study, fit for
    /// further messages and for nothing else.
    pub file: File,
    /// In the order of the text; at most the first [`MAX_ERRORS`].
    pub errors: Vec<SyntaxError>,
    /// The names that the declarations which could not be read would have given: they are not
    /// unknown, nobody knows what they stand for.
    pub unread: Vec<Ident>,
}

/// Reads one file. Never panics; time grows linearly with the text.
pub fn parse(text: &str) -> Parsed {
    if let Some(error) = too_large(text.len()) {
        return failed(error);
    }
    let parsed = parse_tokens(text, &scan(text, Texts::AsWritten));
    if parsed.errors.is_empty() || !text.contains('"') {
        return parsed;
    }
    // A quote that is missing turns the rest of the file inside out: where texts look as
    // if they had swallowed declarations, read again with them cut short.
    let tokens = scan(text, Texts::Suspicious);
    if tokens.iter().any(|token| token.kind == TokenKind::OpenText) {
        parse_tokens(text, &tokens)
    } else {
        parsed
    }
}

/// [`parse`] for the bytes of a file: what is not UTF-8 is an error with its offset.
pub fn parse_bytes(bytes: &[u8]) -> Parsed {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text),
        Err(error) => {
            let start = error.valid_up_to();
            let end = start + error.error_len().unwrap_or(bytes.len() - start);
            failed(
                SyntaxError::new(
                    ENCODING,
                    Span { start, end },
                    format!("the file is not UTF-8 text: byte {start} begins no character"),
                    "not UTF-8",
                )
                .help("save the file as UTF-8"),
            )
        }
    }
}

/// Reads one value, such as `[base, rl@*]`.
///
/// # Errors
/// All that is wrong with the text; spans count from its beginning.
pub fn parse_expression(text: &str) -> Result<Expr, Vec<SyntaxError>> {
    parse_alone(text, Rule::expression, |builder, pair| builder.expression(pair))
}

/// Reads what `--set` takes: `rl.steps = 20 steps`.
///
/// # Errors
/// All that is wrong with the text; spans count from its beginning.
pub fn parse_setting(text: &str) -> Result<Field, Vec<SyntaxError>> {
    parse_alone(text, Rule::setting, |builder, pair| builder.setting(pair))
}

fn parse_alone<T>(
    text: &str,
    rule: Rule,
    build: impl Fn(&mut Builder<'_>, pest::iterators::Pair<'_, Rule>) -> Option<T>,
) -> Result<T, Vec<SyntaxError>> {
    if let Some(error) = too_large(text.len()) {
        return Err(vec![error]);
    }
    let tokens = scan(text, Texts::Suspicious);
    let repaired = habits::repair(text, &tokens);
    let mut errors = repaired.errors;
    // Only the brackets and the depth count here: a value can look like anything else.
    let mut broken = false;
    for piece in cut(text, &tokens).pieces {
        broken |= piece.broken || !piece.stray.is_empty();
        errors.extend(piece.errors);
    }
    let mut built = None;
    if !broken {
        match Grammar::parse(rule, &repaired.text) {
            Ok(mut pairs) => {
                let mut builder = Builder::new(0, &mut errors);
                built = pairs.next().and_then(|pair| build(&mut builder, pair));
            }
            Err(error) => {
                let whole = Span {
                    start: 0,
                    end: text.len(),
                };
                errors.push(expected::explain(&repaired.text, &tokens, whole, error));
            }
        }
    }
    match built {
        Some(built) if errors.is_empty() => Ok(built),
        _ => Err(sorted(errors)),
    }
}

fn parse_tokens(text: &str, tokens: &[Token]) -> Parsed {
    let repaired = habits::repair(text, tokens);
    let pieces = cut(text, tokens);
    let mut errors = repaired.errors;
    errors.extend(pieces.errors);
    let mut items = Vec::with_capacity(pieces.pieces.len());
    let mut unread = Vec::new();
    // In waves, so that a text of nothing but errors ends soon.
    for wave in pieces.pieces.chunks(WAVE) {
        let read = if errors.len() < MAX_ERRORS {
            parse_wave(&repaired.text, tokens, wave)
        } else {
            Vec::new()
        };
        let mut read = read.into_iter();
        for piece in wave {
            let (item, found) = read
                .next()
                .filter(|_| errors.len() < MAX_ERRORS)
                .unwrap_or_default();
            errors.extend(found);
            match item {
                Some(item) => items.push(item),
                None => unread.extend(names_of(text, tokens, piece.span)),
            }
        }
    }
    Parsed {
        file: File {
            doc: pieces.doc,
            items,
        },
        errors: sorted(errors),
        unread,
    }
}

/// The names that a declaration gives, as far as its first words tell; of an import all of its words.
fn names_of<'t>(text: &'t str, tokens: &'t [Token], piece: Span) -> impl Iterator<Item = Ident> + 't {
    let first = tokens.partition_point(|token| token.end <= piece.start);
    let mut words = tokens
        .iter()
        .skip(first)
        .take_while(move |token| token.start < piece.end)
        .filter(|token| token.kind == TokenKind::Word);
    let most = match words.next().map(|token| token.text(text)) {
        Some("use") => usize::MAX,
        _ => 1,
    };
    words.take(most).map(|token| Spanned {
        node: token.text(text).to_owned(),
        span: token.span(),
    })
}

/// What a piece holds, and what is wrong with it.
type Read = (Option<Item>, Vec<SyntaxError>);

/// Pieces know nothing of each other: where they are long enough to be worth a thread, each processor reads a share.
/// What comes back is in the order of the text, and the same however many threads there are.
fn parse_wave(text: &str, tokens: &[Token], pieces: &[Piece]) -> Vec<Read> {
    let read = |pieces: &[Piece]| -> Vec<Read> {
        pieces
            .iter()
            .map(|piece| {
                let mut errors = Vec::new();
                (parse_piece(text, tokens, piece, &mut errors), errors)
            })
            .collect()
    };
    let length = match (pieces.first(), pieces.last()) {
        (Some(first), Some(last)) => last.span.end.saturating_sub(first.span.start),
        _ => 0,
    };
    let threads = match length / WORTH_A_THREAD {
        0 | 1 => 1,
        most => thread::available_parallelism().map_or(1, |count| count.get().min(most)),
    };
    if threads == 1 {
        return read(pieces);
    }
    let (mine, others) = pieces.split_at(pieces.len().div_ceil(threads));
    let read = &read;
    thread::scope(|scope| {
        let running: Vec<_> = others
            .chunks(mine.len())
            .map(|share| {
                let builder = thread::Builder::new().stack_size(STACK);
                (share, builder.spawn_scoped(scope, move || read(share)))
            })
            .collect();
        let mut all = read(mine);
        for (share, started) in running {
            all.extend(match started.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(found)) => found,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system gives no more threads.
                Err(_) => read(share),
            });
        }
        all
    })
}

fn parse_piece(text: &str, tokens: &[Token], piece: &Piece, errors: &mut Vec<SyntaxError>) -> Option<Item> {
    errors.extend(piece.errors.iter().cloned());
    if piece.broken {
        return None;
    }
    let Span { start, end } = piece.span;
    let source = text.get(start..end)?;
    let blanked;
    let source = if piece.stray.is_empty() {
        source
    } else {
        blanked = habits::blank(source, start, &piece.stray);
        &blanked
    };
    if let Some(error) = keyword::unknown(text, tokens, start) {
        errors.push(error);
        return None;
    }
    if source.len() > MAX_DECLARATION {
        errors.push(
            SyntaxError::new(
                TOO_LARGE,
                Span { start, end: start },
                format!("a declaration of more than {MAX_DECLARATION} bytes is not read"),
                "begins here",
            )
            .help("split it, or give parts of it names with `let`"),
        );
        return None;
    }
    match Grammar::parse(Rule::item, source) {
        Ok(mut pairs) => {
            let before = errors.len();
            let item = Builder::new(start, errors).item(piece.doc.clone(), pairs.next()?);
            // What is wrong in a tree would be said again by whoever reads it.
            item.filter(|_| errors.len() == before)
        }
        Err(error) => {
            let error = expected::explain(text, tokens, piece.span, error);
            let field = recover::field_around(text, tokens, piece.span, error.span.start);
            errors.push(error);
            more_errors(text, tokens, piece.span, source, field, errors);
            None
        }
    }
}

/// Blanks the broken `field` and reads on, until the declaration parses or the error lies
/// outside of its fields.
fn more_errors(
    text: &str,
    tokens: &[Token],
    piece: Span,
    source: &str,
    mut field: Option<Span>,
    errors: &mut Vec<SyntaxError>,
) {
    if source.len() > recover::LARGEST {
        return;
    }
    let mut source = source.to_owned();
    for _ in 0..recover::MOST {
        let Some(broken) = field else { return };
        let range = broken.start - piece.start..broken.end - piece.start;
        let Some(inside) = source.get(range.clone()) else {
            return;
        };
        let blanks: String = inside
            .bytes()
            .map(|b| if b == b'\n' { '\n' } else { ' ' })
            .collect();
        source.replace_range(range, &blanks);
        match Grammar::parse(Rule::item, &source) {
            Ok(mut pairs) => {
                // The tree is not whole; only what else is wrong in it counts.
                if let Some(pair) = pairs.next() {
                    Builder::new(piece.start, errors).item(None, pair);
                }
                return;
            }
            Err(error) => {
                let error = expected::explain(text, tokens, piece, error);
                field = recover::field_around(text, tokens, piece, error.span.start)
                    .filter(|next| next.start > broken.start);
                errors.push(error);
            }
        }
    }
}

fn too_large(bytes: usize) -> Option<SyntaxError> {
    (bytes > MAX_BYTES).then(|| {
        SyntaxError::new(
            TOO_LARGE,
            Span { start: 0, end: 0 },
            format!("the file has {bytes} bytes, more than the {MAX_BYTES} that are read"),
            "the file begins here",
        )
        .help("data belongs into a file of its own, named by a `data` declaration")
    })
}

fn failed(error: SyntaxError) -> Parsed {
    Parsed {
        file: File {
            doc: None,
            items: Vec::new(),
        },
        errors: vec![error],
        unread: Vec::new(),
    }
}

/// In the order of the text, without what only follows from an error at the same place.
fn sorted(mut errors: Vec<SyntaxError>) -> Vec<SyntaxError> {
    errors.sort_by_key(|error| (error.span.start, error.span.end));
    errors.dedup_by(|later, first| later.span == first.span && later.code == first.code);
    errors.truncate(MAX_ERRORS);
    let mut said = None;
    errors.retain(|error| {
        if error.code == EXPECTED {
            return said.is_none_or(|end| error.span.start > end);
        }
        said = said.max(Some(error.span.end));
        true
    });
    errors
}
