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
        // A displayed formula brings its own room above and below.
        html.push_str(&lines(if display { before.trim_end() } else { before }));
        html.push_str(&formula_html(formula, display));
        rest = if display { after.trim_start() } else { after };
    }
    html.push_str(&lines(rest));
    html
}

/// HTML of an answer: as [`render`], and drawn as a formula where it is LaTeX without dollars (`\frac{1}{2}`).
pub fn render_answer(answer: &str) -> String {
    let bare = answer.contains('\\') && !has_formula(answer);
    match draw(&escape::visible(answer), false).filter(|_| bare) {
        Some(drawn) => drawn,
        None => render(answer),
    }
}

fn formula_html(formula: &str, display: bool) -> String {
    let drawn = match boxed(formula.trim()) {
        // The renderer knows no boxes. A border says the same.
        Some(inner) => draw(inner, display).map(|drawn| {
            format!("<span style=\"border:1px solid;padding:.1em .3em;display:inline-block\">{drawn}</span>")
        }),
        None => draw(&unboxed(formula), display),
    };
    drawn.unwrap_or_else(|| format!("<code>{}</code>", escape::xml(formula)))
}

/// The inside of a formula that is one box.
fn boxed(formula: &str) -> Option<&str> {
    let inside = ["\\boxed{", "\\fbox{"]
        .iter()
        .find_map(|open| formula.strip_prefix(open))?;
    (closing(inside)? + 1 == inside.len()).then(|| &inside[..inside.len() - 1])
}

/// A formula with what stands in boxes as plain groups.
fn unboxed(formula: &str) -> String {
    formula.replace("\\boxed{", "{").replace("\\fbox{", "\\text{")
}

/// Where the brace closes that was open before this text.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
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
    use super::{render, render_answer};

    #[test]
    fn formulas_are_drawn_and_the_rest_is_escaped() {
        let html = render("So $x^2 < 4$ and <b>not</b> \\[\\frac{1}{2}\\]");
        assert!(html.contains("<msup>"), "{html}");
        assert!(html.contains("<mfrac>"), "{html}");
        assert!(html.contains("&lt;b&gt;not&lt;/b&gt;"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
    }

    #[test]
    fn boxes_are_drawn_alone_and_inside() {
        let html = render("so $\\boxed{\\frac{1}{2}}$.");
        assert!(html.contains("border:") && html.contains("<mfrac>"), "{html}");
        let html = render("so $x = \\boxed{\\frac{1}{2}} > 0$.");
        assert!(html.contains("<mfrac>") && !html.contains("boxed"), "{html}");
        let html = render("$\\boxed{a} + \\boxed{b}$");
        assert!(html.contains("<math") && !html.contains("border:"), "{html}");
    }

    #[test]
    fn a_bare_answer_is_drawn_where_it_is_latex() {
        assert!(render_answer("\\frac{1}{2}").contains("<mfrac>"));
        assert_eq!(render_answer("a < b_1"), "a &lt; b_1");
        assert_eq!(render_answer("\\frac{1"), "\\frac{1");
        assert!(render_answer("$x^2$").contains("<msup>"));
    }

    #[test]
    fn displayed_formulas_leave_no_empty_lines() {
        let html = render("Then\n\\[x\\]\n\nSo");
        assert!(
            html.starts_with("Then<math") && html.ends_with("</math>So"),
            "{html}"
        );
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
