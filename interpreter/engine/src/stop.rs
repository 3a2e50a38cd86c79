//! Strings that end a response.

use crate::{EngineError, Tokenizer};

/// Strings that end a row when they appear in its text, wherever tokens begin and end.
pub struct StopStrings<'a> {
    tokenizer: &'a Tokenizer,
    strings: Vec<String>,
    longest: usize,
}

impl<'a> StopStrings<'a> {
    /// Strings and the tokenizer of the model; empty strings are refused.
    pub fn new(tokenizer: &'a Tokenizer, strings: &[String]) -> Result<Self, EngineError> {
        if strings.iter().any(String::is_empty) {
            return Err(EngineError::invalid(
                "an empty stop string, which would end every response at once",
                "remove it",
            ));
        }
        Ok(Self {
            tokenizer,
            longest: strings.iter().map(String::len).max().unwrap_or(0),
            strings: strings.to_vec(),
        })
    }

    /// Whether a string ends within the last token. The tokens before it have been asked about already.
    pub(crate) fn found(&self, tokens: &[u32]) -> Result<bool, EngineError> {
        // A token is a byte at least (those without text cost another round), so this many hold the longest string;
        // some more, since a tokenizer may show the first one differently (without its space, say).
        let mut window = self.longest + 4;
        loop {
            let start = tokens.len().saturating_sub(window);
            let text = self
                .tokenizer
                .decode(tokens.get(start..).unwrap_or_default(), true)?;
            if self.strings.iter().any(|s| text.contains(s)) {
                return Ok(true);
            }
            if start == 0 || text.len() > self.longest + 4 {
                return Ok(false);
            }
            window *= 2;
        }
    }

    /// The text up to the first stop string in it.
    pub fn cut<'t>(&self, text: &'t str) -> &'t str {
        let end = self.strings.iter().filter_map(|s| text.find(s.as_str())).min();
        end.and_then(|end| text.get(..end)).unwrap_or(text)
    }
}
