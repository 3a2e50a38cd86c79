//! Text made safe for the format it goes into. Everything that a person or a model wrote passes through here.

/// For XML and HTML, in text and in quoted attributes. Characters that XML 1.0 forbids become U+FFFD.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            // A bare carriage return would become a line feed; say so instead of hiding it.
            '\r' => out.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            // Direction overrides could make a response read as something that it is not.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

/// The text without characters that would hide something from a reader: each becomes U+FFFD.
pub(crate) fn visible(text: &str) -> String {
    let hides = |character: char| {
        matches!(character, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}')
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| if hides(character) { '\u{fffd}' } else { character })
        .collect()
}

/// For LaTeX text mode.
pub(crate) fn latex(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\textbackslash{}"),
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => {
                out.push('\\');
                out.push(character);
            }
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '|' => out.push_str("\\textbar{}"),
            '"' => out.push_str("\\textquotedbl{}"),
            '−' => out.push_str("$-$"),
            '–' => out.push_str("--"),
            'Δ' => out.push_str("$\\Delta$"),
            '±' => out.push_str("$\\pm$"),
            '×' => out.push_str("$\\times$"),
            '∩' => out.push_str("$\\cap$"),
            '\n' | '\r' | '\t' => out.push(' '),
            character if character.is_control() => {}
            _ => out.push(character),
        }
    }
    out
}

/// A field of RFC 4180 CSV: quoted where it must be.
pub(crate) fn csv(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) || field.starts_with(' ') || field.ends_with(' ') {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A cell of a Markdown table.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' => {
                out.push('\\');
                out.push(character);
            }
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

/// For a terminal: control characters (a model may write escape sequences) become U+FFFD.
pub(crate) fn terminal(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' => '\n',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            character if character.is_control() => '\u{fffd}',
            _ => character,
        })
        .collect()
}

/// A name that is safe as a file name and as an id: letters, digits, `_`, `.` and `-`.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || "_.-".contains(character) {
            slug.push(character);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches(['-', '.']);
    if slug.is_empty() {
        "unnamed".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_keeps_its_own_signs() {
        assert_eq!(
            xml("</script>\u{1b}[31m\"'&"),
            "&lt;/script&gt;\u{fffd}[31m&quot;&#39;&amp;"
        );
        assert_eq!(
            latex(r"50% of $x_1$ & \boxed{3} #~^"),
            r"50\% of \$x\_1\$ \& \textbackslash{}boxed\{3\} \#\textasciitilde{}\textasciicircum{}"
        );
        assert_eq!(csv("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv("plain"), "plain");
        assert_eq!(markdown("a|b_c"), "a\\|b\\_c");
        assert_eq!(terminal("\u{1b}]0;x\u{7}"), "\u{fffd}]0;x\u{fffd}");
        assert_eq!(slug("fig[ppo] ../x"), "fig-ppo-..-x");
        assert_eq!(slug("coverage[grpo, 150]"), "coverage-grpo-150");
        assert_eq!(slug("../.."), "unnamed");
    }
}
