//! One spelling for what LaTeX and keyboards spell in many ways.

/// A bare answer in the parser's spelling: no dollar signs, spacing commands or size commands; plain ASCII operators.
pub(super) fn normal(text: &str) -> String {
    // `\\\\` parts rows; the spacing commands below must not eat its second half.
    let mut text = letters(text);
    if !text.contains("\\begin") {
        // Outside of matrices a doubled backslash before a letter is an escape that was left in.
        text = undoubled(&text);
    }
    let mut text = text.replace("\\\\", "\u{1}");
    for (from, to) in REPLACED {
        if text.contains(from) {
            text = text.replace(from, to);
        }
    }
    let text = text.replace('\u{1}', "\\\\");
    let trimmed = text.trim().trim_end_matches(['.', ',', ';', ':', ' ']);
    let trimmed = trimmed.trim_start_matches(['=', ':', ' ']);
    strip_markup(trimmed).to_owned()
}

fn undoubled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\' && chars.peek() == Some(&'\\') {
            chars.next();
            if !chars.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
                out.push('\\');
            }
        }
    }
    out
}

/// Characters beyond ASCII that people type for mathematics.
fn letters(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '−' | '–' | '—' | '－' => plain.push('-'),
            '×' | '·' | '⋅' | '∙' => plain.push('*'),
            '÷' | '∕' => plain.push('/'),
            'π' => plain.push_str("\\pi "),
            '∞' => plain.push_str("\\infty "),
            '√' => plain.push_str("\\sqrt "),
            '≤' | '⩽' => plain.push_str("\\le "),
            '≥' | '⩾' => plain.push_str("\\ge "),
            '≠' => plain.push_str("\\ne "),
            '±' => plain.push_str("\\pm "),
            '∪' => plain.push_str("\\cup "),
            '∈' => plain.push_str("\\in "),
            '°' | '€' | '£' | '¥' | '\u{200b}' | '\u{feff}' => {}
            '％' => plain.push('%'),
            '²' => plain.push_str("^2 "),
            '³' => plain.push_str("^3 "),
            '½' => plain.push_str("\\frac{1}{2}"),
            '¼' => plain.push_str("\\frac{1}{4}"),
            '¾' => plain.push_str("\\frac{3}{4}"),
            '，' => plain.push(','),
            '。' => plain.push('.'),
            '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2003}' => plain.push(' '),
            '\u{ff01}'..='\u{ff5e}' => plain.extend(char::from_u32(c as u32 - 0xfee0)),
            c => plain.push(c),
        }
    }
    plain
}

/// What stands for a degree mark that counts; never part of an answer otherwise, since [`normal`] drops degree marks.
pub(super) const DEGREE: &str = "\u{2}";

/// As [`normal`], with degrees kept as [`DEGREE`], a factor of π/180; None where none are written.
pub(super) fn in_radians(text: &str) -> Option<String> {
    const MARKS: [&str; 4] = ["^{\\circ}", "^\\circ", "\\degree", "°"];
    if !MARKS.iter().any(|mark| text.contains(mark)) {
        return None;
    }
    let replaced = MARKS
        .iter()
        .fold(text.to_owned(), |text, mark| text.replace(mark, DEGREE));
    Some(normal(&replaced))
}

/// In this order: longer spellings before those they begin with.
const REPLACED: [(&str, &str); 62] = [
    ("\\$", ""),
    ("$", ""),
    ("\\(", ""),
    ("\\)", ""),
    ("\\[", ""),
    ("\\]", ""),
    ("**", ""),
    ("{,}", ","),
    (",\\! ", ","),
    (",\\!", ","),
    ("\\mleft", ""),
    ("\\mright", ""),
    ("\\langle", "("),
    ("\\rangle", ")"),
    ("\\vert", "|"),
    ("\\lvert", "|"),
    ("\\rvert", "|"),
    ("\\,", ""),
    ("\\!", ""),
    ("\\;", " "),
    ("\\:", " "),
    ("\\ ", " "),
    ("~", " "),
    ("\\quad", " "),
    ("\\qquad", " "),
    ("\\displaystyle", " "),
    ("\\textstyle", " "),
    ("\\limits", ""),
    ("\\bigl", ""),
    ("\\bigr", ""),
    ("\\Bigl", ""),
    ("\\Bigr", ""),
    ("\\biggl", ""),
    ("\\biggr", ""),
    ("\\big", ""),
    ("\\Big", ""),
    ("\\left", ""),
    ("\\right", ""),
    ("\\dfrac", "\\frac"),
    ("\\tfrac", "\\frac"),
    ("\\cfrac", "\\frac"),
    ("\\dbinom", "\\binom"),
    ("\\tbinom", "\\binom"),
    ("^{\\circ}", ""),
    ("^\\circ", ""),
    ("{}^\\circ", ""),
    ("\\degree", ""),
    ("\\circ", ""),
    ("\\leqslant", "\\le"),
    ("\\geqslant", "\\ge"),
    ("\\leq", "\\le"),
    ("\\geq", "\\ge"),
    ("\\neq", "\\ne"),
    ("<=", "\\le "),
    (">=", "\\ge "),
    ("\\lt", "<"),
    ("\\gt", ">"),
    ("\\lbrace", "\\{"),
    ("\\rbrace", "\\}"),
    ("\\colon", ":"),
    ("\\operatorname", "\\mathrm"),
    ("\\text{or}", "\\text{ or }"),
];

/// `\boxed{…}` or braces around the whole.
fn strip_markup(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("\\boxed{").or_else(|| text.strip_prefix('{'));
    match inner.and_then(|inner| inner.strip_suffix('}')) {
        Some(inner) if balanced(inner) => strip_markup(inner),
        _ => text,
    }
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
