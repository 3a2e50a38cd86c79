//! Where the final answer stands in a response: the last box, `<answer>`, `####`, or a closing phrase.

/// A place in a response that its writer marked as the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marked<'a> {
    pub(crate) text: &'a str,
    /// `boxed`, `answer_tag`, `####` or `answer_phrase`
    pub(crate) rule: &'static str,
}

/// The last complete `\boxed{…}` or `\fbox{…}` (braces balanced, `\{` and `\}` not counted), or the last `\boxed 7`.
/// One pass from the right: the cost is linear in the text.
pub(crate) fn last_boxed(text: &str) -> Option<&str> {
    let mut end = text.len();
    // The braces of a box are looked for only between it and the next box begun, unless it encloses that one.
    let mut budget = 64;
    while let Some(at) = ["\\boxed", "\\fbox"]
        .iter()
        .filter_map(|name| text.get(..end)?.rfind(name))
        .max()
    {
        budget -= 1;
        if budget == 0 {
            return None;
        }
        let after = text
            .get(at..)?
            .trim_start_matches("\\boxed")
            .trim_start_matches("\\fbox");
        let body = after.trim_start();
        if let Some(rest) = body.strip_prefix('{') {
            if let Some(length) = closing_brace(rest) {
                return rest.get(..length).map(strip_nested_box);
            }
        } else if body.len() < after.len() || body.starts_with(|c: char| c.is_ascii_digit()) {
            let token = body.split([' ', '$', '\n', '\\', '.']).next().unwrap_or_default();
            if !token.is_empty() {
                return Some(token);
            }
        }
        end = at;
    }
    None
}

/// The rest of the line behind a last box that never closes, up to a dollar sign.
pub(crate) fn unclosed_box(text: &str) -> Option<&str> {
    let at = text.rfind("\\boxed{")?;
    let body = text.get(at + "\\boxed{".len()..)?;
    if closing_brace(body).is_some() {
        return None;
    }
    let line = body.split(['\n', '$']).next()?.trim();
    (!line.is_empty() && line.len() <= 400).then_some(line)
}

/// `\boxed{\boxed{3}}` holds 3.
fn strip_nested_box(body: &str) -> &str {
    match body.trim().strip_prefix("\\boxed{") {
        Some(inner) if closing_brace(inner) == Some(inner.len() - 1) => &inner[..inner.len() - 1],
        _ => body,
    }
}

/// Where the brace opened just before `text` closes.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 1usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The text of the last `<answer>…</answer>`.
pub(crate) fn last_answer_tag(text: &str) -> Option<&str> {
    let close = text.rfind("</answer>")?;
    let before = text.get(..close)?;
    let open = before.rfind("<answer>")?;
    before.get(open + "<answer>".len()..).map(str::trim)
}

/// What follows the last `####` on its line.
pub(crate) fn after_hashes(text: &str) -> Option<&str> {
    let at = text.rfind("####")?;
    let rest = text.get(at + 4..)?.trim_start_matches(['#', ' ']);
    let line = rest.split('\n').next()?.trim();
    (!line.is_empty()).then_some(line)
}

/// Marked answers in the order box, tag, hashes.
pub(crate) fn marked(text: &str) -> Option<Marked<'_>> {
    let found = |text, rule| Some(Marked { text, rule });
    last_boxed(text)
        .and_then(|body| found(body, "boxed"))
        .or_else(|| last_answer_tag(text).and_then(|body| found(body, "answer_tag")))
        .or_else(|| after_hashes(text).and_then(|line| found(line, "####")))
}

/// A gold that is not a bare answer but the text of a solution shows it by these marks.
pub(crate) fn is_marked(text: &str) -> bool {
    text.contains("\\boxed") || text.contains("####")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_nest_and_the_last_complete_one_counts() {
        let rows = [
            (r"so \boxed{3} and \boxed{\frac{1}{2}}.", Some(r"\frac{1}{2}")),
            (r"\boxed{5} then \boxed{unclosed", Some("5")),
            (r"\boxed{\{1,2\}}", Some(r"\{1,2\}")),
            (r"\boxed{a{b{c}}}", Some("a{b{c}}")),
            (r"\boxed{\boxed{7}}", Some("7")),
            (r"\boxed 7 done", Some("7")),
            (r"\fbox{x}", Some("x")),
            ("no box", None),
        ];
        for (text, expected) in rows {
            assert_eq!(last_boxed(text), expected, "{text}");
        }
        assert_eq!(last_boxed(&"\\boxed{".repeat(100_000)), None);
    }

    #[test]
    fn tags_and_hashes() {
        assert_eq!(
            last_answer_tag("<answer> 4 </answer> <answer>5</answer>"),
            Some("5")
        );
        assert_eq!(after_hashes("a\n#### 1,234\n"), Some("1,234"));
        assert_eq!(after_hashes("#### "), None);
        assert_eq!(marked("#### 3 \\boxed{4}").map(|m| m.rule), Some("boxed"));
    }
}
