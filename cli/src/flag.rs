//! Values of flags that have a form of their own: sizes of memory, biases of tokens.

use rlx_language::Token;

/// Units and their bytes: powers of 1000, and of 1024 with an `i`.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// The bytes of `6GB`, `1.5 GiB` or `800MiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size: write a number and a unit, as in `6GB` or `800MiB`");
    let text = text.trim();
    let ends = |unit: &str| {
        let start = text.len().checked_sub(unit.len())?;
        let (number, end) = text.split_at_checked(start)?;
        end.eq_ignore_ascii_case(unit).then_some(number)
    };
    let found = UNITS.iter().find_map(|(unit, size)| Some((ends(unit)?, size)));
    let (number, size) = found.ok_or_else(wrong)?;
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let bytes = number * *size as f64;
    // Every whole number below 2^53 is exact, and no machine has more bytes.
    if (1.0..9.0e15).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err(wrong())
    }
}

/// The token and number of `198=-100`, ` yes=2.5` or `"5"=1`.
pub(crate) fn bias(text: &str) -> Result<(Token, f64), String> {
    let wrong = || {
        format!(
            "`{text}` is no bias: write a token's id or text, `=` and a number from -100 to 100, as in `198=-100`"
        )
    };
    let (token, bias) = text.rsplit_once('=').ok_or_else(wrong)?;
    let bias: f64 = bias.trim().parse().map_err(|_| wrong())?;
    if token.is_empty() || !(-100.0..=100.0).contains(&bias) {
        return Err(wrong());
    }
    let token = match token.parse() {
        Ok(id) => Token::Id(id),
        // In quotes, as JSON: a number that is a text, a line feed.
        Err(_) => Token::Text(serde_json::from_str(token).unwrap_or_else(|_| token.to_owned())),
    };
    Ok((token, bias))
}

#[cfg(test)]
mod tests {
    use super::{bias, bytes};
    use rlx_language::Token;

    #[test]
    fn biases_are_read_with_ids_and_texts() {
        let text = |text: &str| Token::Text(text.into());
        assert_eq!(bias("198=-100"), Ok((Token::Id(198), -100.0)));
        assert_eq!(bias(" yes=2.5"), Ok((text(" yes"), 2.5)));
        assert_eq!(bias("\"5\"=1"), Ok((text("5"), 1.0)));
        assert_eq!(bias("\"\\n\"=1"), Ok((text("\n"), 1.0)));
        assert_eq!(bias("===1"), Ok((text("=="), 1.0)));
        for wrong in ["", "=1", "yes", "yes=", "yes=NaN", "yes=101", "1=-inf"] {
            assert!(bias(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        assert_eq!(bytes("6GB"), Ok(6_000_000_000));
        assert_eq!(bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(bytes("800mib"), Ok(800 << 20));
        assert_eq!(bytes("12B"), Ok(12));
        for wrong in [
            "",
            "GB",
            "6",
            "-1GB",
            "0GB",
            "NaN GB",
            "inf GB",
            "1e30GB",
            "6 gigabytes",
            "é",
        ] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
