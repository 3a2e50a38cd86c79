//! Tokens → one piece for each declaration, so that a broken one costs only itself.

use crate::ast::Span;
use crate::error::{BRACKET, DOC, NESTING, SyntaxError};
use crate::scan::{KEYWORDS, Token, TokenKind};
use crate::{MAX_NESTING, MAX_OPERATORS};

/// The part of the text that holds one declaration.
pub(crate) struct Piece {
    /// The `///` lines before it.
    pub(crate) doc: Option<String>,
    pub(crate) span: Span,
    /// Its brackets are broken or too deep: `errors` says so and it is not parsed further.
    pub(crate) broken: bool,
    pub(crate) errors: Vec<SyntaxError>,
    /// Offsets of brackets that close nothing.
    pub(crate) stray: Vec<usize>,
}

pub(crate) struct Pieces {
    pub(crate) doc: Option<String>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) errors: Vec<SyntaxError>,
}

pub(crate) fn cut(source: &str, tokens: &[Token]) -> Pieces {
    let mut cutter = Cutter {
        source,
        doc: Vec::new(),
        pending: Vec::new(),
        pieces: Vec::new(),
        errors: Vec::new(),
        open: Vec::new(),
        deeper: 0,
        operators: 0,
    };
    let mut previous: Option<Token> = None;
    let mut head = Head::default();
    let mut line_start = true;
    let mut line = if source.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    for (index, &token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::Newline {
            line_start = true;
            line = token.end;
            continue;
        }
        if token.is_comment() {
            if line_start && token.kind == TokenKind::Comment {
                cutter.comment(token, previous.is_some());
            }
            continue;
        }
        let depth = cutter.open.len();
        let starts = match previous {
            None => true,
            Some(_) if !line_start => false,
            Some(before) if depth == 0 && head.goes_on(source, token, before, tokens.get(index + 1..)) => {
                false
            }
            Some(_) if opens_declaration(source, token, tokens.get(index + 1)) => {
                depth == 0 || token.start == line
            }
            Some(before) => depth == 0 && starts_stray(source, token, before),
        };
        if starts {
            cutter.start(token);
            head = Head::default();
        }
        head.take(source, token, depth);
        cutter.pending.clear();
        cutter.token(token);
        previous = Some(token);
        line_start = false;
    }
    cutter.finish()
}

/// The head of a declaration, which can go on in the next line before `for`, before `where` and
/// after a comma between axes.
#[derive(Default)]
struct Head {
    /// `=` or a bracket came: only a head with `for` goes on behind it.
    body: bool,
    family: bool,
}

impl Head {
    fn take(&mut self, source: &str, token: Token, depth: usize) {
        let text = token.text(source);
        if depth == 0 && !self.body && token.kind == TokenKind::Word && text == "for" {
            self.family = true;
        }
        self.body |= matches!(text, "=" | "{" | "[" | "(");
    }

    fn goes_on(&self, source: &str, token: Token, before: Token, after: Option<&[Token]>) -> bool {
        let mut after = after
            .unwrap_or_default()
            .iter()
            .filter(|token| token.is_significant())
            .map(|token| token.text(source));
        match token.text(source) {
            "for" => !self.body && after.nth(1) == Some("in"),
            "where" => self.family && after.next() != Some("="),
            _ => self.family && before.text(source) == "," && after.next() == Some("in"),
        }
    }
}

/// A keyword with a name after it on its line.
fn opens_declaration(source: &str, token: Token, next: Option<&Token>) -> bool {
    let word = token.text(source);
    token.kind == TokenKind::Word
        && KEYWORDS.contains(&word)
        && next.is_some_and(|next| match next.kind {
            TokenKind::Word => true,
            TokenKind::Text | TokenKind::OpenText | TokenKind::OtherQuotes => word == "use",
            _ => false,
        })
}

/// Outside of all brackets, a line that cannot go on with the value of the line before.
fn starts_stray(source: &str, token: Token, before: Token) -> bool {
    let goes_on =
        is_operator(source, before) || matches!(before.text(source), "=" | "." | ".." | "@" | ":" | "by");
    let word = match token.kind {
        TokenKind::Word => !is_operator(source, token),
        TokenKind::Sign => token.text(source) == "[",
        _ => false,
    };
    word && !goes_on
}

pub(crate) fn is_operator(source: &str, token: Token) -> bool {
    match token.kind {
        TokenKind::Sign => matches!(
            token.text(source),
            "+" | "-"
                | "*"
                | "/"
                | "|"
                | "&"
                | "<"
                | ">"
                | "<="
                | ">="
                | "=="
                | "!="
                | "!"
                | "**"
                | "&&"
                | "||"
        ),
        TokenKind::Word => matches!(token.text(source), "and" | "or" | "not"),
        _ => false,
    }
}

/// The text of doc lines without their marker.
fn doc_text(lines: &[&str]) -> Option<String> {
    if lines.is_empty() {
        return None;
    }
    let strip = |line: &&str| {
        let text = line.get(3..).unwrap_or_default();
        text.strip_prefix(' ').unwrap_or(text).to_owned()
    };
    Some(lines.iter().map(strip).collect::<Vec<_>>().join("\n"))
}

struct Open {
    token: Token,
    /// The operators that were open around it.
    operators: usize,
}

struct Cutter<'a> {
    source: &'a str,
    doc: Vec<&'a str>,
    pending: Vec<Token>,
    pieces: Vec<Piece>,
    errors: Vec<SyntaxError>,
    open: Vec<Open>,
    /// How many brackets are open beyond [`MAX_NESTING`]; the piece is broken then.
    deeper: usize,
    /// Operators since the last separator, those around open brackets included.
    operators: usize,
}

impl<'a> Cutter<'a> {
    fn comment(&mut self, token: Token, begun: bool) {
        let text = token.text(self.source);
        if text.starts_with("//!") {
            if begun || !self.pending.is_empty() {
                self.errors.push(
                    SyntaxError::new(
                        DOC,
                        token.span(),
                        "a `//!` line describes the file and stands at its head",
                        "not at the head of the file",
                    )
                    .help("describe the next declaration with `///`, or note something with `//`"),
                );
            } else {
                self.doc.push(text);
            }
        } else if is_doc(text) && self.open.is_empty() {
            self.pending.push(token);
        }
    }

    fn start(&mut self, token: Token) {
        self.close(token.start);
        let lines: Vec<&str> = self
            .pending
            .drain(..)
            .map(|token| token.text(self.source))
            .collect();
        self.pieces.push(Piece {
            doc: doc_text(&lines),
            span: Span {
                start: token.start,
                end: self.source.len(),
            },
            broken: false,
            errors: Vec::new(),
            stray: Vec::new(),
        });
        self.operators = 0;
    }

    /// Ends the last piece.
    fn close(&mut self, end: usize) {
        let open = self.open.pop();
        self.open.clear();
        self.deeper = 0;
        let Some(piece) = self.pieces.last_mut() else {
            return;
        };
        piece.span.end = end;
        if let (Some(open), false) = (open, piece.broken) {
            piece.broken = true;
            piece.errors.push(never_closed(self.source, open.token));
        }
    }

    fn token(&mut self, token: Token) {
        let text = token.text(self.source);
        let Some(piece) = self.pieces.last_mut() else {
            return;
        };
        if is_operator(self.source, token) {
            self.operators += 1;
            if self.operators > MAX_OPERATORS && !piece.broken {
                piece.broken = true;
                piece.errors.push(
                    SyntaxError::new(
                        NESTING,
                        token.span(),
                        format!("a value holds more than {MAX_OPERATORS} operators"),
                        "too many before this one",
                    )
                    .help("give parts of it names with `let`"),
                );
            }
        }
        if token.kind != TokenKind::Sign {
            return;
        }
        match text {
            "{" | "[" | "(" if self.open.len() == MAX_NESTING => {
                self.deeper += 1;
                if !piece.broken {
                    piece.broken = true;
                    piece.errors.push(
                        SyntaxError::new(
                            NESTING,
                            token.span(),
                            format!("brackets are nested deeper than {MAX_NESTING} levels"),
                            "one level too deep",
                        )
                        .help("give the inner part a name with `let`"),
                    );
                }
            }
            "{" | "[" | "(" => self.open.push(Open {
                token,
                operators: self.operators,
            }),
            "}" | "]" | ")" if self.deeper > 0 => self.deeper -= 1,
            "}" | "]" | ")" => {
                let matches = |open: &Open| closing(open.token.text(self.source)) == text;
                match self.open.pop() {
                    Some(open) if matches(&open) => self.operators = open.operators,
                    Some(open) if self.open.iter().any(matches) => {
                        if !piece.broken {
                            piece.broken = true;
                            piece.errors.push(never_closed(self.source, open.token));
                        }
                        while self.open.pop().is_some_and(|open| !matches(&open)) {}
                    }
                    open => {
                        self.open.extend(open);
                        piece.stray.push(token.start);
                        // One of them says it all.
                        if piece.stray.len() == 1 && !piece.broken {
                            piece.errors.push(
                                SyntaxError::new(
                                    BRACKET,
                                    token.span(),
                                    format!("this `{text}` closes nothing"),
                                    "no open bracket of this kind",
                                )
                                .help("remove it, or open the bracket before"),
                            );
                        }
                    }
                }
            }
            "," | "=" => {
                self.operators = self.open.last().map_or(0, |open| open.operators);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Pieces {
        self.close(self.source.len());
        if let (Some(first), Some(last)) = (self.pending.first(), self.pending.last()) {
            self.errors.push(
                SyntaxError::new(
                    DOC,
                    Span {
                        start: first.start,
                        end: last.end,
                    },
                    "these `///` lines document nothing",
                    "no declaration after this",
                )
                .help("write a note with `//`"),
            );
        }
        Pieces {
            doc: doc_text(&self.doc),
            pieces: self.pieces,
            errors: self.errors,
        }
    }
}

/// `///` documents; `////` is a ruler.
fn is_doc(comment: &str) -> bool {
    comment.starts_with("///") && !comment.starts_with("////")
}

fn closing(open: &str) -> &'static str {
    match open {
        "{" => "}",
        "[" => "]",
        _ => ")",
    }
}

fn never_closed(source: &str, open: Token) -> SyntaxError {
    let open_text = open.text(source);
    SyntaxError::new(
        BRACKET,
        open.span(),
        format!("this `{open_text}` is never closed"),
        "opened here",
    )
    .help(format!("close it with `{}`", closing(open_text)))
}
