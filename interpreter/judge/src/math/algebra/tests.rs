use super::super::parse;
use super::*;

fn tree(text: &str) -> Expr {
    parse::parse(text).unwrap().tree
}

#[test]
fn identities_are_proved() {
    let rows = [
        ("(x+1)^2", "x^2+2x+1"),
        ("\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt{2}}{2}"),
        ("\\sqrt{12}+\\sqrt{3}", "3\\sqrt{3}"),
        ("\\frac{x^2-1}{x-1}", "x+1"),
        ("(1+i)^2", "2i"),
        ("\\sqrt{-4}", "2i"),
        ("2^{n+1}", "2 \\cdot 2^n"),
        ("\\frac{1}{2^{n}}", "2^{-n}"),
        ("(x+1)^{500}", "(1+x)^{500}"),
        ("\\sin(x+y)", "\\sin(y+x)"),
        ("\\frac{1}{1+\\sqrt{2}}", "\\sqrt{2}-1"),
        ("\\sqrt[3]{16}", "2\\sqrt[3]{2}"),
        ("8^{1/6}", "\\sqrt{2}"),
        ("e^{x} \\cdot e^{2}", "e^{x+2}"),
        ("x^{-1}", "1/x"),
    ];
    for (a, b) in rows {
        assert_eq!(equal(&tree(a), &tree(b)), Some(true), "{a} and {b}");
    }
}

#[test]
fn differences_are_proved_where_the_atoms_are_independent() {
    let rows = [
        ("(x+1)^2", "x^2+2x+2", Some(false)),
        ("\\sqrt{2}+\\sqrt{3}", "\\sqrt{5}", Some(false)),
        ("\\pi", "3", Some(false)),
        ("x", "y", Some(false)),
        ("\\pi e", "8", None),
        ("\\cos(2x)", "1-2\\sin^2 x", None),
        ("\\sqrt{x^2}", "x", None),
        ("\\sqrt{1+\\sqrt{2}}", "\\sqrt{2}", None),
    ];
    for (a, b, expected) in rows {
        assert_eq!(equal(&tree(a), &tree(b)), expected, "{a} and {b}");
    }
}
