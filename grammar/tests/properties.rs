//! What holds for any text: the parser ends without a panic and points into the text, the layout
//! means the same, keeps the comments and is its own layout.

use proptest::prelude::*;
use rlx_grammar::{Parsed, format, parse, parse_bytes, parse_expression};

const STUDIES: [&str; 5] = [
    include_str!("../../experiments/quickstart.rlx"),
    include_str!("../../experiments/aime.rlx"),
    include_str!("../../experiments/pretrain.rlx"),
    "train rl\n    for algo in [ppo, grpo], // two\n        steps in { short = 1, long = 2..n by *2 }\n    where not (algo == ppo and steps > 1) {\n    \
     steps = steps\n}\nfigure f for a in rl@* \"of {a}\" = summary(e[*, a = 2], of = rl[ppo]@*)\n\
     claim c for a in [1, 2] \"x\" { rl[a] > 1 }\nprofile p { rl[ppo, *].o.w = 2 }\n",
    "/// All forms.\nlet a = { b = [1, -2 samples, 5%], c = f(x, k = 1..n by *2) }\n\
     claim d \"e\" {\n    not (a | b) == c - rl@* and x <= 0.5 or g { h = none }\n}\n\
     use \"./x.rlx\" as y\nuse std.a.{b, c}\nprofile p {\n    r.s = true\n}\n\
     table t \"title\\n\" = [\n    a, // one\n    b,\n]\n",
];

/// Pieces that break things.
const PARTS: [&str; 59] = [
    " ",
    "\n",
    "\t",
    "\r\n",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    "=",
    "==",
    ":",
    ".",
    "..",
    "@",
    "*",
    "**",
    "-",
    "+",
    "/",
    "//",
    "// c\n",
    "///",
    "/// d\n",
    "//! e\n",
    "|",
    "&",
    "&&",
    "<",
    "%",
    "#",
    "'",
    "“",
    "”",
    "é",
    "\u{a0}",
    "\u{feff}",
    "\0",
    "by ",
    "for a in ",
    " where ",
    "[*]",
    "or ",
    "not ",
    "none",
    "True",
    "use ",
    "param q = ",
    "train r {\n",
    "claim ",
    "\"\"\"",
    "/*",
    "1",
    "1e",
    "word ",
];

/// Changes that most often leave a study whole.
const HARMLESS: [&str; 9] = [
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "\n\n\n",
    " // c\n",
    "\n// own line\n",
    "\r\n",
];

#[derive(Debug, Clone)]
enum Change {
    Insert(usize, usize),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn changed(text: &str, changes: &[Change], parts: &[&str]) -> String {
    let mut text = text.to_owned();
    for change in changes {
        match *change {
            Change::Insert(at, part) => {
                let at = floor(&text, at);
                text.insert_str(at, parts[part % parts.len()]);
            }
            Change::Remove(at, length) | Change::Repeat(at, length) => {
                let start = floor(&text, at);
                let end = floor(&text, (start + length % 40).min(text.len())).max(start);
                let part = text[start..end].to_owned();
                match change {
                    Change::Remove(..) => text.replace_range(start..end, ""),
                    _ => text.insert_str(start, &part),
                }
            }
        }
    }
    text
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (any::<usize>(), any::<usize>()).prop_map(|(at, part)| Change::Insert(at, part)),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

/// Names of rules that would be no word of a user.
const RULE_NAMES: [&str; 14] = [
    "open_brace",
    "close_brace",
    "open_bracket",
    "close_bracket",
    "parenthesis",
    "_word",
    "at_sign",
    "dot_brace",
    "word_of_values",
    "not_equal",
    "less_equal",
    "EOI",
    "WHITESPACE",
    "operand",
];

fn check(text: &str) -> Parsed {
    let parsed = parse(text);
    let mut last = 0;
    for error in &parsed.errors {
        let span = error.span;
        assert!(last <= span.start, "errors are in order: {text:?}");
        last = span.start;
        assert!(
            text.get(span.start..span.end).is_some(),
            "{error:?} points into {text:?}"
        );
        for name in RULE_NAMES {
            assert!(
                !error.message.contains(name) || text.contains(name),
                "a rule's name shows: {}",
                error.message
            );
        }
    }
    for item in &parsed.file.items {
        let span = item.span;
        let source = text
            .get(span.start..span.end)
            .unwrap_or_else(|| panic!("{item:?} in {text:?}"));
        let whole = parsed.errors.is_empty();
        assert!(
            !whole || source.trim() == source,
            "an item ends with its last token: {source:?}"
        );
    }
    match format(text) {
        Err(errors) => assert_eq!(errors, parsed.errors),
        Ok(formatted) => {
            assert!(parsed.errors.is_empty());
            let again = parse(&formatted);
            assert!(
                again.errors.is_empty(),
                "{text:?} became {formatted:?}: {:?}",
                again.errors
            );
            assert_eq!(meaning(&again), meaning(&parsed), "{text:?} became {formatted:?}");
            assert_eq!(
                comments(&formatted),
                comments(text),
                "{text:?} became {formatted:?}"
            );
            let twice = format(&formatted).unwrap_or_default();
            assert_eq!(twice, formatted, "{text:?}");
        }
    }
    parsed
}

/// The tree without places.
fn meaning(parsed: &Parsed) -> String {
    let tree = format!("{:?}", parsed.file);
    let mut meaning = String::with_capacity(tree.len());
    let mut rest = tree.as_str();
    while let Some(at) = rest.find("Span { start: ") {
        meaning.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = rest.find('}').map_or("", |end| &rest[end + 1..]);
    }
    meaning + rest
}

/// All comments in their order, read by a scanner of its own.
fn comments(text: &str) -> Vec<String> {
    let mut comments = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char == '"' {
            while let Some((_, inner)) = chars.next() {
                match inner {
                    '\\' => drop(chars.next()),
                    '"' => break,
                    _ => {}
                }
            }
        } else if char == '/' && chars.peek().is_some_and(|(_, next)| *next == '/') {
            let line = text[at..].split('\n').next().unwrap_or_default();
            comments.push(line.trim_end_matches([' ', '\t', '\r']).to_owned());
            while chars.peek().is_some_and(|(_, next)| *next != '\n') {
                chars.next();
            }
        }
    }
    comments
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        check(&text);
        let _ = parse_expression(&text);
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let parsed = parse_bytes(&bytes);
        prop_assert!(parsed.errors.iter().all(|error| error.span.end <= bytes.len()));
    }

    #[test]
    fn any_heap_of_parts_is_read(parts in proptest::collection::vec(0..PARTS.len(), 0..80)) {
        let text: String = parts.into_iter().map(|part| PARTS[part]).collect();
        check(&text);
        let _ = parse_expression(&text);
    }

    #[test]
    fn a_broken_study_is_read(
        study in 0..STUDIES.len(),
        changes in proptest::collection::vec(any_change(), 1..12),
    ) {
        check(&changed(STUDIES[study], &changes, &PARTS));
    }

    #[test]
    fn a_study_with_other_blanks_and_comments_is_read(
        study in 0..STUDIES.len(),
        places in proptest::collection::vec((any::<usize>(), any::<usize>()), 1..4),
    ) {
        let changes: Vec<_> = places.into_iter().map(|(at, part)| Change::Insert(at, part)).collect();
        check(&changed(STUDIES[study], &changes, &HARMLESS));
    }
}

#[test]
fn studies_hold_the_properties() {
    for study in STUDIES {
        assert!(check(study).errors.is_empty());
    }
}
