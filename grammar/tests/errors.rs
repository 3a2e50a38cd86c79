//! What is said about broken texts. Each case marks the place with `«…»`.

#![allow(clippy::unwrap_used)]

use rlx_grammar::{CODES, MAX_BYTES, MAX_DECLARATION, MAX_NESTING, MAX_OPERATORS, SyntaxError};
use rlx_grammar::{parse, parse_bytes};

/// Text with marked places, and code (without `rlx::syntax::`) and message of each error.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    // What has to stand there.
    (
        "param n =«»\nparam m = 1",
        &[(
            "expected",
            "expected a value after `=`, found the end of the line",
        )],
    ),
    (
        "param n = 5 «5»",
        &[("expected", "expected the end of the line, found `5`")],
    ),
    (
        "param n = 5 «§»",
        &[("expected", "expected the end of the line, found `§`")],
    ),
    (
        "param n = 5 «\u{a0}»",
        &[(
            "expected",
            "expected the end of the line, found the invisible character U+00A0",
        )],
    ),
    ("param «=» 5", &[("expected", "expected a name, found `=`")]),
    ("train rl «=»= x", &[]),
    (
        "let x = [150 «300»]",
        &[("expected", "expected `,` or `]`, found `300`")],
    ),
    (
        "let x = [\n  150,\n  200\n  «300»\n]",
        &[("expected", "expected `,` or `]`, found `300`")],
    ),
    (
        "let x = f(a «b»)",
        &[("expected", "expected `,` or `)`, found `b`")],
    ),
    (
        "let x = { a = 1 «b» = 2 }",
        &[("expected", "expected a new line, `,` or `}`, found `b`")],
    ),
    (
        "let x = { a «==» 2 }",
        &[("expected", "expected `=`, found `==`")],
    ),
    ("let x = { a «2» }", &[("expected", "expected `=`, found `2`")]),
    (
        "let x = a +«»\nlet y = 1",
        &[("expected", "expected a value, found the end of the declaration")],
    ),
    (
        "let x = (a\n «-» b)",
        &[("expected", "a line cannot begin with `-`")],
    ),
    (
        "let x = rl@«»",
        &[(
            "expected",
            "expected a checkpoint (a step, `*` or `last`), found the end of the declaration",
        )],
    ),
    (
        "let x = rl@«(»3)",
        &[(
            "expected",
            "expected a checkpoint (a step, `*` or `last`), found `(`",
        )],
    ),
    (
        "let x «{» a = 1 }",
        &[("expected", "expected `=` after the name of a `let`, found `{`")],
    ),
    (
        "let «true» = 3",
        &[("expected", "`true` is a word of the language and no name")],
    ),
    (
        "data d {\n  a = 1\n  «or» = 3\n}",
        &[("expected", "`or` is a word of the language and no name")],
    ),
    (
        "model my«-»model = x",
        &[("expected", "expected `=` or `{`, found `-`")],
    ),
    (
        "model m «\"Title\"» = x",
        &[("expected", "a `model` has no title")],
    ),
    (
        "data d«»\n{\n  a = 1\n}",
        &[("expected", "expected `{` on this line")],
    ),
    (
        "data d {\n  «a.b» = 1\n}",
        &[("expected", "dotted names of fields stand only in a profile")],
    ),
    (
        "use std.models.{a «b»}",
        &[("expected", "expected `,` or `}`, found `b`")],
    ),
    (
        "use std.models.«*»",
        &[("expected", "expected a name, found `*`")],
    ),
    (
        "claim a «{» b > c }",
        &[("expected", "expected the statement of the claim, found `{`")],
    ),
    (
        "claim a \"x\" { b «=» c }",
        &[("expected", "expected `}`, found `=`")],
    ),
    ("claim a \"x\" «=» b", &[("expected", "expected `{`, found `=`")]),
    (
        "claim a \"x\" { a > b «>» c }",
        &[("chain", "comparisons do not chain")],
    ),
    (
        "train a {\n  model «base» = 1\n}",
        &[("expected", "expected `=` after the name `model`, found `base`")],
    ),
    // All errors of one declaration.
    (
        "train a {\n  keep = [1 «2»]\n  ok = 3\n  batch «5»\n  x =«»\n  y = {\n    z = 1 «§»\n  }\n  s = \"«\\q»\"\n}\nlet b = «@»",
        &[
            ("expected", "expected `,` or `]`, found `2`"),
            ("expected", "expected `=`, found `5`"),
            (
                "expected",
                "expected a value after `=`, found the end of the line",
            ),
            ("expected", "expected a new line, `,` or `}`, found `§`"),
            ("text", "`\\q` is no escape"),
            ("expected", "expected a value, found `@`"),
        ],
    ),
    // Words that open no declaration.
    (
        "«modle» base = x\nparam n = 1",
        &[("keyword", "expected a declaration, found `modle`")],
    ),
    (
        "param n = 1\n«evalute» e {\n}\nlet m = 2",
        &[("keyword", "expected a declaration, found `evalute`")],
    ),
    (
        "param n = 1\n«[»model]\nlet a = 1",
        &[("keyword", "expected a declaration, found `[`")],
    ),
    (
        "«import» grpo",
        &[("keyword", "expected a declaration, found `import`")],
    ),
    // Brackets.
    (
        "train rl «{»\n  a = 1\n\nparam n = 1",
        &[("bracket", "this `{` is never closed")],
    ),
    (
        "train rl {\n  a = «[»1, 2\n  b = 3\n}\nparam n = 1",
        &[("bracket", "this `[` is never closed")],
    ),
    (
        "param n = 1\n«}»\nlet a = 2",
        &[("bracket", "this `}` closes nothing")],
    ),
    // Texts and numbers.
    (
        "model m = «\"»x\nmodel k = \"y\"\nlet z = [1 «2»]",
        &[
            ("text", "this text is never closed"),
            ("expected", "expected `,` or `]`, found `2`"),
        ],
    ),
    ("let a = «\"»x", &[("text", "this text is never closed")]),
    (
        "let a = \"«\\u»{110000}\"",
        &[("text", "`\\u` needs the number of a character in braces")],
    ),
    (
        "let a = «1e999»",
        &[("number", "this number is larger than any number can be")],
    ),
    (
        "let a = «9_007_199_254_740_993_000»",
        &[("number", "this whole number cannot be kept exactly")],
    ),
    // Other languages.
    ("train rl {\n  start«:» base\n  \"«»", &[]),
    (
        "train rl {\n  start«:» base\n}",
        &[("habit", "a value is given with `=`")],
    ),
    ("train rl«:»\n", &[("habit", "fields stand in braces")]),
    (
        "let a = { «\"b\"»«:» 1 }",
        &[
            ("habit", "names stand without quotes"),
            ("habit", "a value is given with `=`"),
        ],
    ),
    ("let a = «:=» 1", &[]),
    ("let a «:=» 1", &[("habit", "a value is given with `=`")]),
    ("let a = «True»", &[("habit", "`True` is written `true`")]),
    (
        "let a = [«False», «None», «null»]",
        &[
            ("habit", "`False` is written `false`"),
            ("habit", "`None` is written `none`"),
            ("habit", "`null` is written `none`"),
        ],
    ),
    ("«# note»\nlet a = 1", &[("habit", "comments begin with `//`")]),
    (
        "«/* note\n */»\nlet a = 1",
        &[("habit", "comments begin with `//` and end with their line")],
    ),
    ("let a = «'b'»", &[("habit", "texts stand in double quotes")]),
    ("let a = «“b”»", &[("habit", "texts stand in double quotes")]),
    (
        "let a = «\"\"\"b\nc\"\"\"»",
        &[("habit", "one `\"` opens a text, also over several lines")],
    ),
    ("let a = 2 «**» 3", &[("habit", "there is no power operator")]),
    ("let a = «.5»", &[("habit", "a number begins with a digit")]),
    ("let a = [1, «.5»]", &[("habit", "a number begins with a digit")]),
    ("let a = 1«;»", &[("habit", "lines end without `;`")]),
    (
        "claim a \"x\" { b > c «&&» «!»d «||» e }",
        &[
            ("habit", "`&&` is written `and`"),
            ("habit", "`!` is written `not`"),
            ("habit", "`||` is written `or`"),
        ],
    ),
    (
        "train rl { a = 1 } «for» a in [b, c] {\n}",
        &[("habit", "there are no loops")],
    ),
    // Docs.
    (
        "let a = 1\n«/// of what?»",
        &[("doc", "these `///` lines document nothing")],
    ),
    (
        "let a = 1\n«//! late»\nlet b = 2",
        &[("doc", "a `//!` line describes the file and stands at its head")],
    ),
];

/// The text without marks, and the marked ranges.
fn unmark(marked: &str) -> (String, Vec<(usize, usize)>) {
    let mut text = String::new();
    let mut spans = Vec::new();
    let mut start = 0;
    for char in marked.chars() {
        match char {
            '«' => start = text.len(),
            '»' => spans.push((start, text.len())),
            _ => text.push(char),
        }
    }
    (text, spans)
}

#[test]
fn broken_texts_are_explained_at_their_place() {
    for (marked, expected) in CASES.iter().filter(|(_, expected)| !expected.is_empty()) {
        let (text, spans) = unmark(marked);
        let errors = parse(&text).errors;
        let found: Vec<_> = errors
            .iter()
            .map(|e| (e.code.strip_prefix("rlx::syntax::").unwrap(), e.message.as_str()))
            .collect();
        assert_eq!(&found, expected, "{marked}");
        let places: Vec<_> = errors.iter().map(|e| (e.span.start, e.span.end)).collect();
        assert_eq!(places, spans, "{marked}: {errors:#?}");
    }
}

#[test]
fn cases_without_expectation_still_end_in_an_error() {
    for (marked, _) in CASES.iter().filter(|(_, expected)| expected.is_empty()) {
        assert!(!parse(&unmark(marked).0).errors.is_empty(), "{marked}");
    }
}

#[test]
fn what_is_whole_is_kept() {
    let names = |text: &str| {
        let parsed = parse(text);
        assert!(!parsed.errors.is_empty());
        parsed.file.items.len()
    };
    assert_eq!(names("param a = 1\nparam b =\nparam c = 3"), 2);
    assert_eq!(names("train a {\n  x = [1\nparam b = 1\nparam c = 2"), 2);
    assert_eq!(names("param a = 1\n}\nparam c = 2"), 2);
    assert_eq!(names("param a = 1\nmodle b = 2\nparam c = 3"), 2);
    // A habit is corrected in place, so the declaration is kept.
    assert_eq!(names("param a: 1\nlet b = True # yes\nparam c = 2"), 3);
    // A quote that is missing costs its own declaration.
    assert_eq!(names("model a = \"x\nmodel b = \"y\"\nmodel c = \"z\""), 3);
}

#[test]
fn every_code_has_a_case() {
    let mut codes: Vec<&str> = CASES
        .iter()
        .flat_map(|(text, _)| parse(&unmark(text).0).errors)
        .map(|e| e.code)
        .collect();
    codes.push(first(&"[".repeat(100)).code);
    codes.push(first(&"x".repeat(MAX_BYTES + 1)).code);
    codes.push(parse_bytes(b"param n = \xff").errors[0].code);
    for (code, story) in CODES {
        assert!(codes.contains(code), "{code} has no case");
        assert!(!story.is_empty());
    }
    assert!(
        codes
            .iter()
            .all(|code| CODES.iter().any(|(known, _)| known == code))
    );
}

fn first(text: &str) -> SyntaxError {
    parse(text).errors.into_iter().next().unwrap()
}

#[test]
fn bytes_that_are_no_text_are_named_by_offset() {
    let error = parse_bytes(b"param n = 1\nlet a = \"\xc3\x28\"").errors.remove(0);
    assert_eq!((error.span.start, error.span.end), (21, 22));
    assert_eq!(error.code, "rlx::syntax::encoding");
    assert!(error.message.contains("byte 21"), "{}", error.message);
    assert!(parse_bytes("let a = \"é\"".as_bytes()).errors.is_empty());
    assert_eq!(parse_bytes(b"\xe2\x82").errors[0].span.end, 2);
}

#[test]
fn nesting_and_chains_have_an_end() {
    let nested = |levels: usize| format!("let a = {}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(&nested(MAX_NESTING)).errors.is_empty());
    let error = first(&nested(MAX_NESTING + 1));
    assert_eq!(
        (error.code, error.span.start),
        ("rlx::syntax::nesting", 8 + MAX_NESTING)
    );

    let chain = |operators: usize| format!("let a = 1{}", " + 1".repeat(operators));
    assert!(parse(&chain(MAX_OPERATORS)).errors.is_empty());
    assert_eq!(first(&chain(MAX_OPERATORS + 1)).code, "rlx::syntax::nesting");
    // The operators around brackets count too: the tree is as deep as both.
    let mixed = format!("let a = {}1{}", "- (".repeat(60), ")".repeat(60));
    assert!(parse(&mixed).errors.is_empty());
    let prefixes = format!("let a = {}1", "- ".repeat(100_000));
    assert_eq!(first(&prefixes).code, "rlx::syntax::nesting");
}

/// Time is measured with slack for a busy machine; quadratic work would take minutes.
#[test]
fn hostile_texts_end_soon() {
    let size = MAX_BYTES / 4;
    let fill = |part: &str| part.repeat(size / part.len());
    let one = |part: &str| part.repeat((MAX_DECLARATION - 64) / part.len());
    let texts = [
        fill("["),
        fill("}"),
        fill("{[("),
        fill("[}"),
        fill("\""),
        fill("\\\"\n"),
        fill("\"\n\\\"\n"),
        fill("/*"),
        fill("\"\"\"\n"),
        fill("'"),
        fill("‘"),
        fill("“x"),
        fill("#\n"),
        fill(":"),
        fill(".5"),
        fill("a:\n"),
        fill("\"a\":"),
        fill("///\n"),
        fill("\n"),
        fill("param n = 1\n"),
        fill("param n =\n"),
        fill("param n\n"),
        fill("x y = 1\n"),
        fill("\u{e9}"),
        fill("- "),
        format!("let a = [{}]", one("1,")),
        format!("let a = [{}]", one("1 // c\n,")),
        format!("let a = {{{}}}", one("a=[1]\n")),
        format!("let a = {{{}}}", one("a=[1\n")),
        format!("let a = {{{}}}", one("a 1\n")),
        format!("let a = f({})", one("k=x,")),
        format!("let a = b{}", one("\n// c")),
        format!("let a = b{} + c", one("\n// c")),
        format!("let a = b{} 5", one("\n")),
        format!("let a = \"{}\"", one("\\n")),
        format!("let a = {}", one("1")),
        format!("let a = {}", one("a.")),
        format!("let a = b |{}c", one("\n// c\n")),
        format!("let {} = 1", one("a")),
    ];
    for text in texts {
        let start = std::time::Instant::now();
        let parsed = parse(&text);
        let formatted = rlx_grammar::format(&text);
        let head: String = text.chars().take(24).collect();
        assert!(
            start.elapsed().as_secs() < 10,
            "{head:?} takes {:?}",
            start.elapsed()
        );
        assert_eq!(parsed.errors.is_empty(), formatted.is_ok());
        assert!(parsed.errors.len() <= rlx_grammar::MAX_ERRORS);
        if std::env::var_os("RLX_TIMES").is_some() {
            eprintln!("{head:?} {:?} {} errors", start.elapsed(), parsed.errors.len());
        }
    }
    let huge = "a".repeat(10 << 20);
    assert_eq!(first(&huge).code, "rlx::syntax::too_large");
    let declaration = format!("let a = [{}]", "1,".repeat(MAX_DECLARATION));
    assert_eq!(first(&declaration).code, "rlx::syntax::too_large");
}
