//! Text → tokens. The scanner never fails: what it does not know becomes a token of its own.

use crate::ast::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Letters, digits and `_`, not starting with a digit.
    Word,
    Number,
    /// `"…"`, with both quotes.
    Text,
    /// `"…` whose closing quote is missing.
    OpenText,
    /// `// …`, `/// …` or `//! …` up to the end of its line.
    Comment,
    /// `# …` up to the end of its line.
    HashComment,
    /// `/* … */`.
    BlockComment,
    /// `'…'` on one line, or the same in typographic quotes.
    OtherQuotes,
    /// `"""…"""`.
    TripleText,
    Newline,
    /// The `*` of `rl@*` and `rl[*]`, which is no operator.
    Every,
    /// One or two characters of punctuation.
    Sign,
    /// A character that has no place in the language.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    pub(crate) fn span(self) -> Span {
        Span {
            start: self.start,
            end: self.end,
        }
    }

    pub(crate) fn text(self, source: &str) -> &str {
        source.get(self.start..self.end).unwrap_or_default()
    }

    /// Neither a comment nor a line break.
    pub(crate) fn is_significant(self) -> bool {
        !self.is_comment() && self.kind != TokenKind::Newline
    }

    pub(crate) fn is_comment(self) -> bool {
        matches!(
            self.kind,
            TokenKind::Comment | TokenKind::HashComment | TokenKind::BlockComment
        )
    }
}

/// The words that mean something where a value stands, and name nothing.
pub(crate) const VALUE_WORDS: [&str; 7] = ["true", "false", "none", "and", "or", "not", "by"];

/// The words that open a declaration.
pub(crate) const KEYWORDS: [&str; 15] = [
    "use",
    "param",
    "let",
    "model",
    "data",
    "benchmark",
    "algorithm",
    "train",
    "distill",
    "search",
    "evaluate",
    "figure",
    "table",
    "claim",
    "profile",
];

const PAIRS: [&str; 11] = ["==", "!=", "<=", ">=", "..", "**", "&&", "||", ":=", "->", "=>"];

const OTHER_QUOTES: [(&str, &str); 3] = [("'", "'"), ("“", "”"), ("‘", "’")];

/// How texts over several lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    /// A text ends at its closing quote, however many lines away.
    AsWritten,
    /// A text that runs over a line which looks like a declaration, or to the end of the
    /// file, ends with its first line: for recovery, once the text is known to be broken.
    Suspicious,
}

pub(crate) fn scan(source: &str, texts: Texts) -> Vec<Token> {
    let mut scanner = Scanner {
        source,
        bytes: source.as_bytes(),
        at: 0,
        texts,
        barrier: 0,
        no_quote: [0; 3],
        open_block: false,
        open_triple: false,
    };
    let mut tokens = Vec::with_capacity(source.len() / 4);
    if source.starts_with('\u{feff}') {
        scanner.at = '\u{feff}'.len_utf8();
    }
    while let Some(mut token) = scanner.next() {
        // No operator stands behind these, so here `*` means all: `rl@*`, `rl[*, 150]`.
        if token.text(source) == "*"
            && tokens
                .last()
                .is_some_and(|at: &Token| matches!(at.text(source), "@" | "[" | ","))
        {
            token.kind = TokenKind::Every;
        }
        tokens.push(token);
    }
    tokens
}

struct Scanner<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    texts: Texts,
    /// Before this offset a text has to close on its own line. Keeps recovery linear.
    barrier: usize,
    /// Up to where none of [`OTHER_QUOTES`] closes.
    no_quote: [usize; 3],
    /// No `*/` comes any more, and no `"""`.
    open_block: bool,
    open_triple: bool,
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn starts(&self, at: usize, prefix: &str) -> bool {
        self.bytes
            .get(at..)
            .is_some_and(|rest| rest.starts_with(prefix.as_bytes()))
    }

    fn next(&mut self) -> Option<Token> {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\r') {
            self.at += 1;
        }
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let (kind, end) = match first {
            b'\n' => (TokenKind::Newline, start + 1),
            b'"' if self.starts(start, "\"\"\"") => self.triple(start),
            b'"' => self.quoted(start),
            b'/' if self.starts(start, "//") => (TokenKind::Comment, self.line_end(start)),
            b'/' if self.starts(start, "/*") => (TokenKind::BlockComment, self.block(start)),
            b'#' => (TokenKind::HashComment, self.line_end(start)),
            b'\'' => self.other_quotes(start, 0),
            b'0'..=b'9' => (TokenKind::Number, self.number(start)),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => (TokenKind::Word, self.word(start)),
            b'{' | b'}' | b'[' | b']' | b'(' | b')' | b',' | b'.' | b'@' | b'*' | b'+' | b'-' | b'/'
            | b'|' | b'&' | b'<' | b'>' | b'%' | b':' | b';' | b'!' | b'=' => {
                let pair = PAIRS.iter().any(|pair| self.starts(start, pair));
                (TokenKind::Sign, start + if pair { 2 } else { 1 })
            }
            _ if self.starts(start, "“") => self.other_quotes(start, 1),
            _ if self.starts(start, "‘") => self.other_quotes(start, 2),
            _ => {
                let length = self.source[start..].chars().next().map_or(1, char::len_utf8);
                (TokenKind::Unknown, start + length)
            }
        };
        self.at = end;
        Some(Token { kind, start, end })
    }

    /// The end of the line without trailing white space.
    fn line_end(&self, start: usize) -> usize {
        let rest = &self.source[start..];
        let line = rest.find('\n').map_or(rest, |end| &rest[..end]);
        start + line.trim_end_matches([' ', '\t', '\r']).len()
    }

    fn word(&self, start: usize) -> usize {
        let mut end = start;
        while self.byte(end).is_ascii_alphanumeric() || self.byte(end) == b'_' {
            end += 1;
        }
        end
    }

    fn digits(&self, start: usize) -> usize {
        let mut end = start;
        while self.byte(end).is_ascii_digit()
            || (end > start && self.byte(end) == b'_' && self.byte(end + 1).is_ascii_digit())
        {
            end += 1;
        }
        end
    }

    fn number(&self, start: usize) -> usize {
        let mut end = self.digits(start);
        if self.byte(end) == b'.' && self.byte(end + 1).is_ascii_digit() {
            end = self.digits(end + 1);
        }
        if matches!(self.byte(end), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
            if self.byte(end + 1 + sign).is_ascii_digit() {
                end = self.digits(end + 1 + sign);
            }
        }
        end
    }

    fn block(&mut self, start: usize) -> usize {
        if !self.open_block {
            if let Some(length) = self.source[start + 2..].find("*/") {
                return start + 2 + length + 2;
            }
            self.open_block = true;
        }
        self.line_end(start)
    }

    /// A text in the quotes of another language, if they close on the line.
    fn other_quotes(&mut self, start: usize, kind: usize) -> (TokenKind, usize) {
        let (open, close) = OTHER_QUOTES[kind];
        let inside = start + open.len();
        if start < self.no_quote[kind] {
            return (TokenKind::Unknown, inside);
        }
        let rest = self.source.get(inside..).unwrap_or_default();
        match rest.find(|char| char == '\n' || close.starts_with(char)) {
            Some(length) if rest[length..].starts_with(close) => {
                (TokenKind::OtherQuotes, inside + length + close.len())
            }
            end => {
                self.no_quote[kind] = inside + end.unwrap_or(rest.len());
                (TokenKind::Unknown, inside)
            }
        }
    }

    fn triple(&mut self, start: usize) -> (TokenKind, usize) {
        if !self.open_triple {
            if let Some(length) = self.source[start + 3..].find("\"\"\"") {
                return (TokenKind::TripleText, start + 3 + length + 3);
            }
            self.open_triple = true;
        }
        (TokenKind::OpenText, self.line_end(start))
    }

    fn quoted(&mut self, start: usize) -> (TokenKind, usize) {
        let mut at = start + 1;
        let mut lines = false;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'"' => return (TokenKind::Text, at + 1),
                // An escaped line break still ends the line.
                b'\\' if self.byte(at + 1) != b'\n' => at += 1,
                b'\n' => {
                    lines = true;
                    if self.texts == Texts::Suspicious
                        && (start < self.barrier || looks_like_declaration(&self.source[at + 1..]))
                    {
                        self.barrier = self.barrier.max(at + 1);
                        return (TokenKind::OpenText, self.line_end(start));
                    }
                }
                _ => {}
            }
            at += 1;
        }
        if self.texts == Texts::Suspicious && lines {
            self.barrier = self.bytes.len();
            return (TokenKind::OpenText, self.line_end(start));
        }
        (TokenKind::OpenText, self.bytes.len())
    }
}

/// True for an unindented `train rl {`, `param n =`, `claim x "…`.
fn looks_like_declaration(line: &str) -> bool {
    let word = |text: &str| {
        text.bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count()
    };
    let (keyword, rest) = line.split_at(word(line));
    if !KEYWORDS.contains(&keyword) || !rest.starts_with([' ', '\t']) {
        return false;
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    if keyword == "use" {
        return rest.starts_with('"') || word(rest) > 0;
    }
    let after = rest[word(rest)..].trim_start_matches([' ', '\t']);
    word(rest) > 0 && after.starts_with(['=', '{', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<(TokenKind, &str)> {
        scan(source, Texts::AsWritten)
            .into_iter()
            .map(|t| (t.kind, t.text(source)))
            .collect()
    }

    #[test]
    fn numbers_end_before_ranges_and_units() {
        use TokenKind::{Number, Sign, Word};
        assert_eq!(
            texts("1..1_024 by 1e-6samples 0.5"),
            [
                (Number, "1"),
                (Sign, ".."),
                (Number, "1_024"),
                (Word, "by"),
                (Number, "1e-6"),
                (Word, "samples"),
                (Number, "0.5"),
            ]
        );
    }

    #[test]
    fn a_comment_ends_before_trailing_blanks() {
        assert_eq!(
            texts("a // b \r\nc"),
            [
                (TokenKind::Word, "a"),
                (TokenKind::Comment, "// b"),
                (TokenKind::Newline, "\n"),
                (TokenKind::Word, "c"),
            ]
        );
    }

    #[test]
    fn a_suspicious_text_ends_with_its_line() {
        let source = "a = \"x\nparam n = 1\nb = \"y\"";
        let kinds: Vec<_> = scan(source, Texts::Suspicious)
            .into_iter()
            .map(|t| t.text(source))
            .collect();
        assert_eq!(kinds[2], "\"x");
        assert_eq!(kinds.last(), Some(&"\"y\""));
    }
}
