//! One spelling for what LaTeX and keyboards spell in many ways.

use super::parse::THOUSANDS;

/// What stands for a degree mark.
pub(super) const DEGREE: &str = "\u{2}";

/// A bare answer in the parser's spelling: no dollar signs, spacing or size commands; plain ASCII operators.
pub(super) fn normal(text: &str) -> String {
    let matrix = text.contains("\\begin");
    let mut writer = Writer {
        out: String::with_capacity(text.len() + 8),
        matrix,
        marked: false,
    };
    writer.write(text);
    let mut text = if writer.marked {
        separated(&writer.out)
    } else {
        writer.out
    };
    if text.contains('\u{4}') {
        text = text.replace('\u{4}', "");
    }
    for (infix, prefix) in [("\\over", "\\frac"), ("\\choose", "\\binom")] {
        if text.contains(infix) {
            text = prefixed(&text, infix, prefix);
        }
    }
    let trimmed = trim(&text);
    strip_markup(trimmed).to_owned()
}

/// `{a \over b}` as `\frac{a}{b}`; without braces the whole text.
fn prefixed(text: &str, infix: &str, prefix: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..16 {
        let command = text.match_indices(infix).map(|(at, _)| at).find(|at| {
            text.get(at + infix.len()..)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        });
        let Some(at) = command else { break };
        // The braces around it; escaped ones are brackets of sets.
        let bytes = text.as_bytes();
        let brace = |place: usize, kind: u8| {
            bytes.get(place) == Some(&kind) && (place == 0 || bytes.get(place - 1) != Some(&b'\\'))
        };
        let mut depth = 0i32;
        let open = (0..at).rev().find(|place| {
            depth += i32::from(brace(*place, b'}')) - i32::from(brace(*place, b'{'));
            depth < 0
        });
        depth = 0;
        let close = (at..bytes.len()).find(|place| {
            depth += i32::from(brace(*place, b'{')) - i32::from(brace(*place, b'}'));
            depth < 0
        });
        let (from, to) = match (open, close) {
            (Some(open), Some(close)) => (open + 1, close),
            (None, None) => (0, text.len()),
            _ => break,
        };
        let (Some(a), Some(b)) = (text.get(from..at), text.get(at + infix.len()..to)) else {
            break;
        };
        let written = format!("{prefix}{{{}}}{{{}}}", a.trim(), b.trim());
        text.replace_range(from..to, &written);
    }
    text
}

fn trim(text: &str) -> &str {
    let text = text.trim().trim_end_matches(['.', ',', ';', ':', ' ', '\n']);
    text.trim_start_matches(['=', ':', ' ', '\n']).trim()
}

struct Writer {
    out: String,
    matrix: bool,
    /// [`THOUSANDS`] occurs in the output.
    marked: bool,
}

impl Writer {
    fn write(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '\\' {
                rest = self.backslash(&rest[1..]);
                continue;
            }
            let after = &rest[c.len_utf8()..];
            rest = match c {
                '$' | '\u{200b}' | '\u{feff}' => after,
                '*' if after.starts_with('*') => &after[1..],
                '{' if after.starts_with(",}") => {
                    self.mark(",");
                    &after[2..]
                }
                _ => {
                    self.letter(c);
                    after
                }
            };
        }
    }

    /// A place where thousands may be parted.
    fn mark(&mut self, comma: &str) {
        self.out.push_str(comma);
        if self
            .out
            .ends_with(|c: char| c.is_ascii_digit() || c == ',' || c == THOUSANDS)
        {
            self.out.push(THOUSANDS);
            self.marked = true;
        }
    }

    /// The degree mark, without the power sign that lifts it.
    fn degree(&mut self) {
        let bare = self.out.trim_end_matches(' ').len();
        self.out.truncate(bare);
        for lifted in ["^{", "^", "{}^{", "{}^"] {
            if self.out.ends_with(lifted) {
                self.out.truncate(self.out.len() - lifted.len());
            }
        }
        if self.out.ends_with("{}") {
            self.out.truncate(self.out.len() - 2);
        }
        self.out.push_str(DEGREE);
    }

    /// What a backslash begins; returns what is left.
    fn backslash<'a>(&mut self, rest: &'a str) -> &'a str {
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, after) = rest.split_at(length);
        if length == 0 {
            return self.symbol(rest);
        }
        match name {
            "left" | "mleft" | "right" | "mright" => return self.delimiter(name, after),
            "big" | "Big" | "bigg" | "Bigg" | "bigl" | "bigr" | "Bigl" | "Bigr" | "biggl" | "biggr"
            | "Biggl" | "Biggr" | "bigm" | "displaystyle" | "textstyle" | "scriptstyle" | "limits"
            | "nolimits" | "hline" | "nonumber" | "centering" | "large" | "Large" | "small"
            | "normalsize" => {
                if name.ends_with("style") {
                    self.out.push(' ');
                }
            }
            "quad" | "qquad" | "thinspace" | "enspace" | "space" | "nbsp" => self.out.push(' '),
            "dfrac" | "tfrac" | "cfrac" | "nicefrac" | "sfrac" => self.out.push_str("\\frac"),
            "dbinom" | "tbinom" => self.out.push_str("\\binom"),
            "leq" | "leqslant" | "leqq" => self.out.push_str("\\le"),
            "geq" | "geqslant" | "geqq" => self.out.push_str("\\ge"),
            "neq" => self.out.push_str("\\ne"),
            "lt" => self.out.push('<'),
            "gt" => self.out.push('>'),
            "langle" | "lparen" => self.out.push('('),
            "rangle" | "rparen" => self.out.push(')'),
            "lbrace" => self.out.push_str("\\{"),
            "rbrace" => self.out.push_str("\\}"),
            "lbrack" => self.out.push('['),
            "rbrack" => self.out.push(']'),
            "vert" | "mvert" => self.out.push('|'),
            "operatorname" | "mathop" | "mathsf" | "mathtt" => {
                self.out.push_str("\\mathrm");
                return after.strip_prefix('*').unwrap_or(after);
            }
            "colon" => self.out.push(':'),
            "rightarrow" | "longrightarrow" => self.out.push_str("\\to"),
            "Rightarrow" | "Longrightarrow" | "iff" | "Leftrightarrow" => self.out.push_str("\\implies"),
            "degree" | "textdegree" => self.degree(),
            "circ" if self.out.trim_end().ends_with("^{") => {
                self.degree();
                let after = after.trim_start();
                return after.strip_prefix('}').unwrap_or(after);
            }
            "circ" if self.out.trim_end().ends_with('^') => self.degree(),
            "circ" => self.out.push_str("\\cdot"),
            "infin" => self.out.push_str("\\infty"),
            "phantom" | "hspace" | "vspace" | "label" | "color" | "textcolor" | "tag" => {
                return skip_group(after);
            }
            "dots" | "ldots" | "cdots" => self.out.push_str("..."),
            "reals" | "R" => self.out.push_str("\\mathbb{R}"),
            "underline" | "cancel" => {}
            "euro" | "pounds" | "textdollar" | "yen" => {}
            _ => {
                self.out.push('\\');
                self.out.push_str(name);
            }
        }
        // A command that became a command keeps its end.
        if after.starts_with(|c: char| c.is_ascii_digit())
            && self.out.ends_with(|c: char| c.is_ascii_alphabetic())
        {
            self.out.push(' ');
        }
        after
    }

    fn symbol<'a>(&mut self, rest: &'a str) -> &'a str {
        let Some(c) = rest.chars().next() else {
            return rest;
        };
        let after = &rest[c.len_utf8()..];
        match c {
            '\\' if self.matrix => {
                self.out.push_str("\\\\");
                return skip_optional(after);
            }
            // Outside of matrices a doubled backslash before a letter is an escape that was left in.
            '\\' if after.starts_with(|c: char| c.is_ascii_alphabetic()) => return self.backslash(after),
            '\\' => self.out.push(' '),
            ',' | '!' => self.mark(""),
            ';' | ':' | ' ' | '\n' | '/' | '>' => self.out.push(' '),
            '(' | ')' | '[' | ']' | '$' => {}
            '{' | '}' => {
                self.out.push('\\');
                self.out.push(c);
            }
            '|' => self.out.push('|'),
            '%' | '_' | '&' | '#' => self.out.push(c),
            c => self.out.push(c),
        }
        after
    }

    /// `\left(`, `\right|`, `\left.`
    fn delimiter<'a>(&mut self, name: &str, after: &'a str) -> &'a str {
        let opens = name.ends_with("left");
        let body = after.trim_start();
        for bar in ["|", "\\vert", "\\lvert", "\\rvert", "\\mvert"] {
            if let Some(rest) = body.strip_prefix(bar)
                && !(bar.len() > 1 && opens && bar == "\\rvert")
            {
                self.out.push_str(if opens { "\\lvert " } else { "\\rvert " });
                return rest;
            }
        }
        if let Some(rest) = body.strip_prefix('.') {
            return rest;
        }
        after
    }

    /// Characters beyond ASCII that people type for mathematics.
    fn letter(&mut self, c: char) {
        if c.is_ascii() {
            self.out.push(if c == '~' { ' ' } else { c });
            return;
        }
        let out = &mut self.out;
        match c {
            '−' | '–' | '—' | '－' | '‐' | '‑' | '﹣' => out.push('-'),
            '×' | '·' | '⋅' | '∙' | '•' => out.push('*'),
            '÷' | '∕' | '⁄' => out.push('/'),
            '∞' => out.push_str("\\infty "),
            '√' => out.push_str("\\sqrt "),
            '≤' | '⩽' | '≦' => out.push_str("\\le "),
            '≥' | '⩾' | '≧' => out.push_str("\\ge "),
            '≠' => out.push_str("\\ne "),
            '≈' | '≅' => out.push_str("\\approx "),
            '±' => out.push_str("\\pm "),
            '∪' => out.push_str("\\cup "),
            '∩' => out.push_str("\\cap "),
            '∖' => out.push_str("\\setminus "),
            '∈' => out.push_str("\\in "),
            '∅' | 'Ø' => out.push_str("\\emptyset "),
            'ℝ' => out.push_str("\\mathbb{R}"),
            '⌊' => out.push_str("\\lfloor "),
            '⌋' => out.push_str("\\rfloor "),
            '⌈' => out.push_str("\\lceil "),
            '⌉' => out.push_str("\\rceil "),
            '∠' => out.push_str("\\angle "),
            '°' | 'º' => self.degree(),
            '€' | '£' | '¥' | '₹' | '￥' => {}
            '′' | '’' => out.push('\''),
            '½' => out.push_str("\\frac{1}{2}"),
            '¼' => out.push_str("\\frac{1}{4}"),
            '¾' => out.push_str("\\frac{3}{4}"),
            '⅓' => out.push_str("\\frac{1}{3}"),
            '⅔' => out.push_str("\\frac{2}{3}"),
            '⅛' => out.push_str("\\frac{1}{8}"),
            '，' | '、' => out.push(','),
            '。' => out.push('.'),
            '；' => out.push(';'),
            '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2003}' | '\u{3000}' => out.push(' '),
            '⁰' | '¹' | '²' | '³' | '⁴' | '⁵' | '⁶' | '⁷' | '⁸' | '⁹' | '⁻' | 'ⁿ' => {
                raised(out, c)
            }
            '₀'..='₉' => {
                out.push('_');
                out.extend(char::from_u32(c as u32 - 0x2080 + 0x30));
            }
            '\u{ff01}'..='\u{ff5e}' => out.extend(char::from_u32(c as u32 - 0xfee0)),
            c => match greek(c) {
                Some(name) => {
                    out.push('\\');
                    out.push_str(name);
                    out.push(' ');
                }
                None => out.push(c),
            },
        }
    }
}

/// A raised character; neighbours go into one exponent.
fn raised(out: &mut String, c: char) {
    let plain = match c {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁻' => '-',
        'ⁿ' => 'n',
        c => char::from_u32(c as u32 - 0x2070 + 0x30).unwrap_or('0'),
    };
    match out.strip_suffix("\u{4}}").map(str::len) {
        Some(length) => out.truncate(length),
        None => out.push_str("^{"),
    }
    out.push(plain);
    // The mark before the brace tells that the exponent may go on.
    out.push('\u{4}');
    out.push('}');
}

fn greek(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'δ' => "delta",
        'ε' => "epsilon",
        'ζ' => "zeta",
        'η' => "eta",
        'θ' => "theta",
        'κ' => "kappa",
        'λ' => "lambda",
        'μ' | 'µ' => "mu",
        'ν' => "nu",
        'ξ' => "xi",
        'π' => "pi",
        'ρ' => "rho",
        'σ' => "sigma",
        'τ' => "tau",
        'φ' | 'ϕ' => "phi",
        'χ' => "chi",
        'ψ' => "psi",
        'ω' => "omega",
        'Δ' => "Delta",
        'Ω' => "Omega",
        'Φ' => "Phi",
        'Γ' => "Gamma",
        'Σ' => "Sigma",
        'ℏ' => "hbar",
        _ => return None,
    })
}

/// Behind `{…}`, where one opens.
fn skip_group(text: &str) -> &str {
    let body = text.trim_start();
    match body.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((_, rest)) => rest,
        None => text,
    }
}

/// Behind `[2pt]`.
fn skip_optional(text: &str) -> &str {
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((length, rest))
            if length.ends_with("pt") || length.ends_with("em") || length.ends_with("ex") =>
        {
            rest
        }
        _ => text,
    }
}

/// Settles the marks between digits: a separator of thousands before groups of three digits, a comma or nothing else.
fn separated(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c != THOUSANDS && !(c == ',' && chars.get(at + 1) == Some(&THOUSANDS)) {
            out.push(c);
            at += 1;
            continue;
        }
        let mut comma = false;
        let mut end = at;
        while let Some(&c) = chars.get(end)
            && (c == THOUSANDS || c == ',' || (c == ' ' && chars.get(end - 1) == Some(&THOUSANDS)))
        {
            comma |= c == ',';
            end += 1;
        }
        let group = chars.iter().skip(end).take_while(|c| c.is_ascii_digit()).count();
        let digits: usize = out.chars().rev().take_while(char::is_ascii_digit).count();
        let before = out.chars().rev().nth(digits);
        let first = (1..=3).contains(&digits) && before != Some('.') && (before != Some(',') || digits == 3);
        if group == 3 && first {
            out.push(THOUSANDS);
        } else if comma {
            out.push(',');
        }
        at = end;
    }
    out
}

/// `\boxed{…}` or braces around the whole.
fn strip_markup(text: &str) -> &str {
    let mut text = text.trim();
    for _ in 0..64 {
        let inner = text
            .strip_prefix("\\boxed{")
            .or_else(|| text.strip_prefix("\\fbox{"))
            .or_else(|| text.strip_prefix('{').filter(|inner| !inner.contains(',')));
        match inner.and_then(|inner| inner.strip_suffix('}')) {
            Some(inner) if balanced(inner) => text = trim(inner),
            _ => break,
        }
    }
    text
}

fn balanced(text: &str) -> bool {
    let mut depth = 0i64;
    let mut escaped = false;
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// For comparison as text: without white space, separators, and braces around single characters.
pub(super) fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != THOUSANDS)
        .peekable();
    while let Some(c) = chars.next() {
        if c != '{' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(single) if !matches!(single, '\\' | '{' | '}') && chars.peek() == Some(&'}') => {
                chars.next();
                out.push(single);
            }
            Some(other) => {
                out.push('{');
                out.push(other);
                // A brace that opens here is looked at again by the parser, not by this.
            }
            None => out.push('{'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_become_one() {
        let rows = [
            ("\\left( 1, 2 \\right)", "( 1, 2 )"),
            ("\\dfrac12", "\\frac 12"),
            ("1{,}000", "1\u{3}000"),
            ("10{,}\\!080", "10\u{3}080"),
            ("12,\\!345,\\!678", "12\u{3}345\u{3}678"),
            ("1\\,000", "1\u{3}000"),
            ("1{,}2", "1,2"),
            ("90^{\\circ}", "90\u{2}"),
            ("90°", "90\u{2}"),
            ("x²", "x^{2}"),
            ("\\left|x\\right|", "\\lvert x\\rvert"),
            ("\\bigcup", "\\bigcup"),
            ("$\\boxed{{\\frac{3}{4}}}$.", "\\frac{3}{4}"),
            ("5\\ ", "5"),
            ("−3", "-3"),
            ("\\text{a}", "\\text{a}"),
            ("\\\\frac{1}{2}", "\\frac{1}{2}"),
            ("{2 \\over 9}", "\\frac{2}{9}"),
            ("x+{n \\choose k}", "x+{\\binom{n}{k}}"),
            ("1 \\over 2", "\\frac{1}{2}"),
            ("\\overline{AB}", "\\overline{AB}"),
            ("\\underline{9}", "9"),
        ];
        for (text, expected) in rows {
            assert_eq!(normal(text), expected, "{text}");
        }
        assert_eq!(squeezed("\\frac{1}{2}"), squeezed("\\frac 1 2"));
    }
}
