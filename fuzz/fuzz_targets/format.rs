//! The layout is its own layout and means what the text meant.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The tree without places: two texts with equal ones mean the same.
fn meaning(text: &str) -> String {
    let tree = format!("{:?}", rlx_grammar::parse(text).file);
    let mut out = String::with_capacity(tree.len());
    let mut rest = tree.as_str();
    while let Some((before, after)) = rest.split_once("Span { start: ") {
        out.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out + rest
}

fuzz_target!(|text: &str| {
    let Ok(once) = rlx_grammar::format(text) else {
        assert!(!rlx_grammar::parse(text).errors.is_empty());
        return;
    };
    assert!(rlx_grammar::parse(text).errors.is_empty());
    assert_eq!(rlx_grammar::format(&once).as_deref(), Ok(once.as_str()));
    assert_eq!(meaning(text), meaning(&once));
});
