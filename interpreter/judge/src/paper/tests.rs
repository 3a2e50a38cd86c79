use super::*;

fn judge(gold: &str, response: &str) -> Verdict {
    MathPaper.judge(&Case {
        problem: "",
        gold,
        response,
        truncated: false,
        gold_is_text: false,
    })
}

/// Rows of gold, answer in a box, and whether it is right.
fn assert_judged(rows: &[(&str, &str, bool)]) {
    for (gold, answer, right) in rows {
        let verdict = judge(gold, &format!("\\boxed{{{answer}}}"));
        assert_eq!(
            verdict.outcome == Outcome::Correct,
            *right,
            "{gold} / {answer}: {verdict:?}"
        );
    }
}

#[test]
fn the_quirks_are_kept() {
    let rows = [
        // A factor of 100 either way, and a relative error of 1e-4.
        ("0.03", "3", true),
        ("204", "20400", true),
        ("99999", "100000", true),
        ("104", "104.02", false),
        // Brackets hardly count, commas neither.
        ("(1,2)", "[1,2)", true),
        ("1234", "1,2,3,4", true),
        // Units go, single letters too.
        ("5", "5\\text{ cm}", true),
        ("5", "5 m", true),
        // Lists are compared in order, mixed numbers are products.
        ("1,2", "2,1", false),
        ("2\\frac{1}{2}", "\\frac{5}{2}", false),
        ("\\frac{1}{2}", "0.5", true),
        ("x^2+2x+1", "(x+1)^2", true),
        ("\\frac{3}{4}", "\\dfrac34", true),
        ("C", "The choice is C", true),
        ("five", "5", true),
    ];
    assert_judged(&rows);
}

#[test]
fn answers_are_taken_as_the_original_takes_them() {
    let rows = [
        ("\\boxed{3} and \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{5", "5"),
        ("The final answer is $7$. I hope it is correct.", "7"),
        ("so the answer is 12.", "12"),
        ("first 3, then 1,234.5 of them", "1234.5"),
        ("答案是42", "42"),
        ("x=-3.", "-3"),
    ];
    for (response, answer) in rows {
        assert_eq!(
            judge("0", response).extracted.as_deref(),
            Some(answer),
            "{response}"
        );
    }
    assert_eq!(judge("5", "").outcome, Outcome::Unparsed);
}

/// Each class in which the system's reading differs from a mathematician's.
#[test]
fn the_systems_reading_is_kept() {
    let rows = [
        // Of LaTeX the beginning has to parse, no more.
        ("x,2", "x,3", true),
        ("3 :", "3", true),
        ("11\\cdot", "11", true),
        // A command without a meaning is a name.
        ("4\\pm x", "x\\pm 4", false),
        ("6\\pi", "18.8495559215", false),
        // A letter before a bracket is a function, a number is a factor.
        ("3k(k+2)", "3k^2+6k", false),
        ("3(k+2)", "3k+6", true),
        // Commands run on where a space is dropped.
        ("\\sin y", "\\cos y", false),
        ("2\\cos(y)\\sin(y)", "\\sin(2y)", true),
        // Names may be complex.
        ("\\sqrt{p^2}", "|p|", false),
        ("\\sqrt[3]{-27}", "-3", false),
        ("e^{i\\pi}", "-1", false),
        ("\\ln 7", "\\log 7", true),
        ("\\log_2 16", "4", false),
        ("\\log_2 9", "\\frac{\\ln 9}{\\ln 2}", true),
        // It knows factorials, binomials, sums and integrals.
        ("\\frac{(n+1)!}{n!}", "n+1", true),
        ("\\binom{p}{q}", "\\binom{p}{p-q}", true),
        ("\\frac{p!}{q!(p-q)!}", "\\binom{p}{q}", true),
        ("\\sum_{k=1}^{q} k", "\\frac{q^2+q}{2}", true),
        ("\\int_0^2 u\\,du", "2", true),
        // An unknown floor prints as the system's own, but has no value.
        ("\\floor(y)", "\\left\\lfloor{y}\\right\\rfloor", true),
        ("\\floor(5.5)", "5", false),
        // Sets in any order, tuples and lists in theirs.
        ("\\{4,5,6\\}", "\\{6,5,4\\}", true),
        ("4;5", "5;4", false),
        ("\\{\\{4\\},\\{5\\}\\}", "\\{\\{5\\},\\{4\\}\\}", false),
        // Matrices cell by cell, with brackets around them or not.
        (
            "(\\begin{pmatrix}\\frac{1}{4}&2\\\\3&5\\\\\\end{pmatrix})",
            "\\begin{pmatrix}0.25&2\\\\3&5\\end{pmatrix}",
            true,
        ),
        (
            "\\begin{pmatrix}6\\\\-2\\end{pmatrix}",
            "\\left(\\begin{matrix}6\\\\-2\\end{matrix}\\right)",
            false,
        ),
        // Ends of lines may stand behind a formula, a single backslash may not.
        ("8", "8\\\\", true),
        ("8", "8\\", false),
        ("8", "~8", false),
        ("8", "~8~", true),
        ("8", "\\quad 8", true),
        ("12^3", "12\\,^3", true),
        // Python's own numbers.
        ("8", "\u{ff18}", true),
        ("1101_2", "1101", false),
        ("11012", "1101_2", true),
        // Number words, as far as the word list goes.
        ("105", "one hundred five", true),
        ("25000", "twenty five thousand", true),
        ("5.2", "five point two", true),
        ("0", "point", true),
        // Of whatever kind: relations by the size of the difference of their sides.
        ("x<5", "x\\le 5", true),
        ("2x+3y=6", "4x+6y=12", false),
        // A name before the sign is dropped where it is short.
        ("y-1=x", "y=x+1", false),
    ];
    assert_judged(&rows);
}

#[test]
fn hostile_answers_end_the_systems_reading() {
    let rows = [
        "x(".repeat(2_000),
        "\\frac{".repeat(900),
        "(((((".repeat(1_000),
        "|".repeat(5_000),
        "9^{".repeat(1_000) + "9" + &"}".repeat(1_000),
        "9!!!!!!!!".to_owned(),
        "\\sum_{i=1}^{99999999999} i".to_owned(),
        "\\sum_{i=1}^{900}".repeat(12) + "i",
        "\\int_0^1 ".repeat(30) + "x",
        "\\log_2".repeat(500) + "8",
        "~".repeat(3_000) + "1",
        "{".repeat(3_000),
        "a,".repeat(3_900),
    ];
    for row in rows {
        // What runs away here never ends; the time of each row is held by tests/hostile.rs.
        let verdict = judge("5+x_1", &format!("\\boxed{{{row}}}"));
        assert_ne!(verdict.outcome, Outcome::Correct, "{verdict:?}");
    }
}
