//! LaTeX in running text → HTML with MathML, which browsers draw without any script.

use pulldown_latex::{Parser, RenderConfig, Storage, config::DisplayMode, push_mathml};

use crate::escape;

/// Longer formulas are shown as they were written: nobody reads them drawn.
const LONGEST_FORMULA: usize = 4_000;

/// The pairs that open and close a formula, and whether it stands on a line of its own. `$$` before `$`.
const DELIMITERS: [(&str, &str, bool); 4] = [
    ("$$", "$$", true),
    ("\\[", "\\]", true),
    ("\\(", "\\)", false),
    ("$", "$", false),
];

/// HTML of a text with LaTeX in it. Everything that is not a formula is escaped, so a response can bring no markup of its own.
///
/// A formula that cannot be read stays as it was written.
pub fn render(text: &str) -> String {
    let text = escape::visible(text);
    let mut html = String::new();
    let mut rest = text.as_str();
    while let Some((before, formula, display, after)) = next_formula(rest) {
        html.push_str(&lines(before));
        match draw(formula, display) {
            Some(drawn) => html.push_str(&drawn),
            None => html.push_str(&format!("<code>{}</code>", escape::xml(formula))),
        }
        rest = after;
    }
    html.push_str(&lines(rest));
    html
}

/// Whether a text holds what reads as a formula.
pub(crate) fn has_formula(text: &str) -> bool {
    next_formula(text).is_some()
}

/// The first formula: what comes before it, its inside, whether it is displayed, what comes after.
fn next_formula(text: &str) -> Option<(&str, &str, bool, &str)> {
    let mut from = 0;
    loop {
        let (at, open, close, display) = DELIMITERS
            .iter()
            .filter_map(|(open, close, display)| {
                let at = text[from..].find(open)? + from;
                Some((at, *open, *close, *display))
            })
            .min_by_key(|(at, open, _, _)| (*at, std::cmp::Reverse(open.len())))?;
        let inside = at + open.len();
        let escaped = open.starts_with('$') && text[..at].ends_with('\\');
        let end = text[inside..].find(close).map(|length| inside + length);
        match end {
            Some(end) if !escaped && is_formula(&text[inside..end], open) => {
                return Some((
                    &text[..at],
                    &text[inside..end],
                    display,
                    &text[end + close.len()..],
                ));
            }
            _ => from = inside,
        }
    }
}

/// `$5 and $6` is money: between single dollars a formula begins and ends with no space, and stays in its paragraph.
fn is_formula(inside: &str, open: &str) -> bool {
    let spaced = inside.starts_with(char::is_whitespace) || inside.ends_with(char::is_whitespace);
    !inside.trim().is_empty() && !(open == "$" && (spaced || inside.contains("\n\n")))
}

fn draw(formula: &str, display: bool) -> Option<String> {
    if formula.len() > LONGEST_FORMULA {
        return None;
    }
    let storage = Storage::new();
    let parser = Parser::new(formula, &storage);
    let events: Vec<_> = parser.collect();
    if events.iter().any(Result::is_err) {
        return None;
    }
    let mode = if display {
        DisplayMode::Block
    } else {
        DisplayMode::Inline
    };
    let mut html = String::new();
    let config = RenderConfig {
        display_mode: mode,
        ..RenderConfig::default()
    };
    push_mathml(&mut html, events.into_iter(), config).ok()?;
    Some(html)
}

/// Running text: a line stays a line.
fn lines(text: &str) -> String {
    escape::xml(text).replace('\n', "<br>\n")
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn formulas_are_drawn_and_the_rest_is_escaped() {
        let html = render("So $x^2 < 4$ and <b>not</b> \\[\\frac{1}{2}\\]");
        assert!(html.contains("<msup>"), "{html}");
        assert!(html.contains("<mfrac>"), "{html}");
        assert!(html.contains("&lt;b&gt;not&lt;/b&gt;"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
    }

    #[test]
    fn money_is_no_formula() {
        assert_eq!(render("it costs $5 and $6"), "it costs $5 and $6");
        assert_eq!(render("it costs \\$5"), "it costs \\$5");
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_was_written() {
        assert_eq!(render("$\\frac{1$"), "<code>\\frac{1</code>");
        assert_eq!(render("an open $x"), "an open $x");
    }

    #[test]
    fn nothing_hides_in_a_formula() {
        let html = render("$\\text{a\u{202e}b}$ and \u{0}");
        assert!(!html.contains('\u{202e}') && !html.contains('\u{0}'), "{html}");
        assert!(!html.contains("://"), "{html}");
    }

    #[test]
    fn a_formula_brings_no_markup() {
        let html = render("$\\text{<img src=x onerror=alert(1)>}$ $a<b>c$ $\\href{javascript:x}{y}$");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
        assert!(!html.contains("javascript:x\""), "{html}");
    }
}
