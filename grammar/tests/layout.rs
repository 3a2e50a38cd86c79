//! The one layout: what it makes of snippets, and what it leaves as it is.

use rlx_grammar::format;

fn laid_out(text: &str) -> String {
    format(text).unwrap_or_else(|errors| panic!("{text}: {errors:#?}"))
}

#[test]
fn experiments_and_library_are_their_own_layout() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut count = 0;
    for folder in ["experiments", "stdlib"] {
        let Ok(files) = std::fs::read_dir(format!("{root}/{folder}")) else {
            continue;
        };
        for file in files {
            let path = file.expect("a readable folder").path();
            if path.extension().is_some_and(|extension| extension == "rlx") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                assert_eq!(laid_out(&text), text, "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count >= 4);
}

#[test]
fn snippets_are_laid_out() {
    for (before, after) in [
        ("", ""),
        ("\n\n// only a comment\n\n\n", "// only a comment\n"),
        (
            "param n=1\n\n\n\nparam m   =  2_000   samples",
            "param n = 1\n\nparam m = 2_000 samples\n",
        ),
        (
            "param n=1\nparam long=2samples",
            "param n    = 1\nparam long = 2 samples\n",
        ),
        (
            "figure a = f(x)\ntable bcd= g( x ,k=1 )",
            "figure a   = f(x)\ntable  bcd = g(x, k = 1)\n",
        ),
        // A comment of its own or a value over several lines ends the alignment.
        (
            "train r{a=1\nbcd=2\n// c\nef=3,g=4\nhij={\nk=1}\nl=2}",
            "train r {\n    a   = 1\n    bcd = 2\n    // c\n    ef = 3\n    g  = 4\n    hij = {\n        \
             k = 1\n    }\n    l = 2\n}\n",
        ),
        ("train r { }", "train r {}\n"),
        (
            "train r { // why\n\n  a = 1 // first\n  bc = [1,2,] // second\n\n\n}//end",
            "train r {                                    // why\n    a  = 1                                   \
             // first\n    bc = [1, 2]                              // second\n}                             \
             \x20              //end\n",
        ),
        // Long code pushes the comments of its neighbours.
        (
            "let a = 1 // a\nlet b = [\"0123456789\", \"0123456789\", \"0123456789\"] // b",
            "let a = 1                                          // a\n\
             let b = [\"0123456789\", \"0123456789\", \"0123456789\"] // b\n",
        ),
        (
            "let a = [\n1,2 // two\n,3\n]",
            "let a = [\n    1,\n    2,                                       // two\n    3,\n]\n",
        ),
        (
            "let a = f(\n1,k=[ 2 ]\n)",
            "let a = f(\n    1,\n    k = [2],\n)\n",
        ),
        ("let a = {b=1,c={d=2},}", "let a = { b = 1, c = { d = 2 } }\n"),
        ("let a = std.x{ b=- 1 }", "let a = std.x { b = -1 }\n"),
        ("let a = - 1 - -2*(3+4)", "let a = -1 - -2 * (3 + 4)\n"),
        ("let a = 1 .. n by * 2", "let a = 1..n by *2\n"),
        ("let a = -5 .. - 1 by 2", "let a = -5..-1 by 2\n"),
        (
            "let a = [rl @ *,rl@last , rl@ 150]",
            "let a = [rl@*, rl@last, rl@150]\n",
        ),
        ("let a = rl@* - b", "let a = rl@* - b\n"),
        ("let a = 5 % - 1", "let a = 5% - 1\n"),
        ("let a = not(b)and not c", "let a = not (b) and not c\n"),
        (
            "use std.models.{ a,b , }\nuse \"./x.rlx\"   as x",
            "use std.models.{a, b}\nuse \"./x.rlx\" as x\n",
        ),
        (
            "use std.models.{\na,b // c\n}",
            "use std.models.{\n    a,\n    b,                                       // c\n}\n",
        ),
        (
            "claim c \"says\" { a>b and\nc<d // or so\n}",
            "claim c \"says\" {\n    a > b and\n        c < d                                // or so\n}\n",
        ),
        (
            "claim c \"says\" {\na>b // first\n// then\nand c<d\n}",
            "claim c \"says\" {\n    a > b                                    // first\n        // then\n        \
             and c < d\n}\n",
        ),
        ("let a = (\nb\n|c)", "let a = (\n    b\n        | c\n)\n"),
        (
            "//! Doc.\n/// Of n.\nparam n = 1",
            "//! Doc.\n\n/// Of n.\nparam n = 1\n",
        ),
        (
            "profile p {rl.steps=1,n=2}",
            "profile p {\n    rl.steps = 1\n    n        = 2\n}\n",
        ),
        (
            "let a = \"x\n  y  \n\"  // c",
            "let a = \"x\n  y  \n\"                                            // c\n",
        ),
        (
            "\u{feff}param\tn = 1 \r\nparam m = 2\r\n",
            "param n = 1\nparam m = 2\n",
        ),
    ] {
        let formatted = laid_out(before);
        assert_eq!(formatted, after, "{before}");
        assert_eq!(laid_out(&formatted), formatted, "{before}");
    }
}

#[test]
fn a_broken_text_is_not_laid_out() {
    assert_eq!(format("param n = = 1").expect_err("broken").len(), 1);
}
