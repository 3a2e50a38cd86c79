//! Any bytes are read or refused, and every place that is named lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let parsed = rlx_grammar::parse_bytes(bytes);
    for error in &parsed.errors {
        assert!(error.span.start <= error.span.end && error.span.end <= bytes.len());
        assert!(!error.message.is_empty());
    }
    for item in &parsed.file.items {
        assert!(item.span.start <= item.span.end && item.span.end <= bytes.len());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let whole = |at: usize| text.is_char_boundary(at);
        assert!(parsed.errors.iter().all(|error| whole(error.span.start) && whole(error.span.end)));
        let _ = rlx_grammar::parse_expression(text);
        let _ = rlx_grammar::parse_setting(text);
    }
});
