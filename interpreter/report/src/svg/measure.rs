//! Widths of text without a font: an upper estimate that holds for the common system fonts.

/// Width of a line in pixels, on the wide side (DejaVu Sans is the widest of the fonts in the stack).
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

fn advance(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.33,
        ' ' | 'I' | 'f' | 't' | 'r' | '[' | ']' | '(' | ')' | '/' => 0.41,
        'm' | 'M' | 'W' | '%' | '@' => 0.98,
        'w' | '+' | '−' | '=' | '<' | '>' => 0.84,
        'A'..='Z' => 0.74,
        'ⅰ'..='\u{ffff}' => 1.0,
        _ => 0.63,
    }
}

/// The text, shortened in its middle so that it takes at most `width` pixels.
pub(crate) fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    for kept in (2..characters.len()).rev() {
        let head = kept.div_ceil(2);
        let short: String = characters[..head]
            .iter()
            .chain(&['…'])
            .chain(&characters[characters.len() - (kept - head)..])
            .collect();
        if text_width(&short, size) <= width {
            return short;
        }
    }
    "…".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_labels_are_shortened_in_the_middle() {
        let short = fit("a_very_long_training_name@450", 12.0, 100.0);
        assert!(
            short.starts_with("a_v") && short.ends_with("450") && short.contains('…'),
            "{short}"
        );
        assert!(text_width(&short, 12.0) <= 100.0);
        assert_eq!(fit("base", 12.0, 100.0), "base");
    }
}
