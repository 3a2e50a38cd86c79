//! The words of the system's LaTeX. White space, thin spaces, `\left` and their like are none.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Letter(char),
    Digit(char),
    /// `d` before a letter or a command: the name behind it.
    Differential(String),
    /// A command, known or not, without its backslash.
    Command(String),
    /// `=`, with an alignment mark or without.
    Equal,
    Primes(usize),
    /// Any other sign that the system knows; `\{` and `\}` are `⟨` and `⟩`.
    Sign(char),
}

/// The commands that are dropped. `\*` and others of one sign are dropped too.
const DROPPED: [&str; 17] = [
    "thinspace",
    "medspace",
    "thickspace",
    "quad",
    "qquad",
    "negthinspace",
    "negmedspace",
    "negthickspace",
    "left",
    "right",
    "vrule",
    "vcenter",
    "vbox",
    "vskip",
    "vspace",
    "hfil",
    "limits",
];

/// The tokens, up to the first character that is none; whether there is one.
pub(super) fn tokens(text: &str) -> (Vec<Token>, bool) {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    let command = |from: usize| -> String {
        chars
            .iter()
            .skip(from)
            .take_while(|c| c.is_ascii_alphabetic())
            .collect()
    };
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            c if blank(c) => {}
            'd' => {
                let mut next = at;
                while chars.get(next).copied().is_some_and(blank) {
                    next += 1;
                }
                match chars.get(next) {
                    Some(&name) if name.is_ascii_alphabetic() => {
                        out.push(Token::Differential(name.to_string()));
                        at = next + 1;
                    }
                    Some('\\') if !command(next + 1).is_empty() => {
                        let name = command(next + 1);
                        at = next + 1 + name.len();
                        out.push(Token::Differential(name));
                    }
                    _ => out.push(Token::Letter('d')),
                }
            }
            c if c.is_ascii_alphabetic() => out.push(Token::Letter(c)),
            c if c.is_ascii_digit() => out.push(Token::Digit(c)),
            '\'' => {
                let more = chars.iter().skip(at).take_while(|c| **c == '\'').count();
                at += more;
                out.push(Token::Primes(more + 1));
            }
            '=' => {
                let mut next = at;
                while chars.get(next).copied().is_some_and(blank) {
                    next += 1;
                }
                if chars.get(next) == Some(&'&') {
                    at = next + 1;
                }
                out.push(Token::Equal);
            }
            '&' => {
                let mut next = at;
                while chars.get(next).copied().is_some_and(blank) {
                    next += 1;
                }
                if chars.get(next) != Some(&'=') {
                    return (out, true);
                }
                at = next + 1;
                out.push(Token::Equal);
            }
            '+' | '-' | '*' | '/' | '(' | ')' | '{' | '}' | '[' | ']' | '|' | '_' | '^' | ':' | '<' | '>'
            | '!' | ',' | '.' => out.push(Token::Sign(c)),
            '\\' => {
                let name = command(at);
                if !name.is_empty() {
                    at += name.len();
                    if !DROPPED.contains(&name.as_str()) {
                        out.push(Token::Command(name));
                    }
                    continue;
                }
                match chars.get(at) {
                    Some(',' | ':' | ';' | '!' | '*' | '-' | '.' | '/' | '"' | '(' | '=') => {}
                    Some('{') => out.push(Token::Sign('⟨')),
                    Some('}') => out.push(Token::Sign('⟩')),
                    _ => return (out, true),
                }
                at += 1;
            }
            _ => return (out, true),
        }
    }
    (out, false)
}
