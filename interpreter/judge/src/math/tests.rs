use super::*;

fn judge(gold: &str, response: &str) -> Verdict {
    Math.judge(&Case {
        problem: "",
        gold,
        response,
        truncated: false,
        gold_is_text: false,
    })
}

fn boxed(gold: &str, answer: &str) -> Verdict {
    judge(gold, &format!("So we get $\\boxed{{{answer}}}$."))
}

#[test]
fn equal_answers_in_another_form() {
    let rows = [
        ("\\frac{1}{2}", "0.5"),
        ("\\frac{1}{2}", "\\dfrac12"),
        ("\\frac{1}{2}", "1/2"),
        ("2\\frac{1}{2}", "2.5"),
        ("1234", "1,234"),
        ("1234", "1{,}234"),
        ("12.5\\%", "0.125"),
        ("50", "50\\%"),
        ("90^\\circ", "90"),
        ("5", "5\\text{ cm}"),
        ("5", "5 \\text{ cm}^2"),
        ("18", "\\$18.00"),
        ("5", "x = 5"),
        ("2\\sqrt{3}", "\\sqrt{12}"),
        ("\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}"),
        ("4\\pi", "\\pi \\cdot 4"),
        ("(1,2)", "\\left( 1, 2 \\right)"),
        ("\\{1,2,3\\}", "3,2,1"),
        ("1,2", "2 \\text{ and } 1"),
        ("1 \\pm \\sqrt{2}", "1+\\sqrt{2}, 1-\\sqrt{2}"),
        ("(-\\infty,3]", "x \\le 3"),
        ("[0,1) \\cup (2,3)", "(2,3) \\cup [0,1)"),
        ("x^2+2x+1", "(x+1)^2"),
        ("y=2x+1", "2x-y+1=0"),
        ("\\text{Evelyn}", "evelyn"),
        ("\\text{(C)}", "C"),
        (
            "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
            "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
        ),
        ("2^{10}", "1024"),
        ("10!", "3628800"),
        ("\\binom{5}{2}", "10"),
        ("-\\frac{3}{4}", "\\frac{-3}{4}"),
        ("3i+2", "2+3i"),
        ("10^{20}", "1e20"),
        ("5", "five"),
        ("27.0", "27"),
        ("033", "33"),
        ("\\frac{\\pi}{6}", "30^\\circ"),
        ("\\sin 30^\\circ", "1/2"),
        ("C", "\\textbf{(C)}\\ 12"),
        ("\\lceil 2.1 \\rceil", "3"),
        ("a=1,b=2", "b=2,a=1"),
        ("\\text{ellipse}", "\\text{an ellipse}"),
    ];
    for (gold, answer) in rows {
        let verdict = boxed(gold, answer);
        assert_eq!(
            verdict.outcome,
            Outcome::Correct,
            "{gold} / {answer}: {verdict:?}"
        );
    }
}

#[test]
fn unequal_answers_stay_unequal() {
    let rows = [
        ("0.2", "20"),
        ("(1,2)", "(2,1)"),
        ("(1,2)", "[1,2]"),
        ("[0,1)", "[0,1]"),
        ("99999", "100000"),
        ("\\frac{1}{3}", "0.333"),
        ("\\pi", "3.14"),
        ("1234", "1,2,3,4"),
        ("x^2+2x+1", "(x+2)^2"),
        ("\\text{Evelyn}", "\\text{Angela}"),
        ("C", "D"),
        ("2\\sqrt{3}", "3\\sqrt{2}"),
        ("5", "-5"),
        ("1,2", "1,2,3"),
        ("2^{2009}-1", "2^{2009}-9"),
        ("x=5", "y=5"),
        ("\\infty", "-\\infty"),
        ("D", "\\textbf{(C)}\\ 12"),
        ("30", "\\frac{\\pi}{6}"),
    ];
    for (gold, answer) in rows {
        let verdict = boxed(gold, answer);
        assert_eq!(verdict.outcome, Outcome::Wrong, "{gold} / {answer}: {verdict:?}");
    }
}

#[test]
fn the_answer_is_found_where_it_stands() {
    let rows = [
        ("Thus \\boxed{3}, no: \\boxed{\\frac{1}{2}}.", "boxed"),
        ("The final answer is $\\frac{1}{2}$. Good.", "answer_phrase"),
        ("Final Answer: 1/2", "answer_phrase"),
        ("work\n#### 0.5", "####"),
        ("<answer>0.5</answer>", "answer_tag"),
        ("Hence $x = \\frac{1}{2}$", "last_formula"),
        ("so half, which is 0.5", "last_number"),
        (
            "\\boxed{3} Final Answer: The final answer is $1/2$. Good.",
            "answer_phrase",
        ),
        ("0.50", "whole"),
    ];
    for (response, rule) in rows {
        let verdict = judge("\\frac{1}{2}", response);
        assert_eq!(
            (verdict.outcome, verdict.rule.as_str()),
            (Outcome::Correct, rule),
            "{response}: {verdict:?}"
        );
    }
    assert_eq!(judge("3", "no idea").outcome, Outcome::Unparsed);
    assert_eq!(
        judge("1, 2", "$\\boxed{1}$ and $\\boxed{2}$").outcome,
        Outcome::Correct
    );
    assert_eq!(
        judge("Work.\n#### 1,000", "\\boxed{1000}").outcome,
        Outcome::Correct
    );
    let cut = |response| Case {
        problem: "",
        gold: "3",
        response,
        truncated: true,
        gold_is_text: false,
    };
    assert_eq!(Math.judge(&cut("then 2 + 1 = 3")).outcome, Outcome::Truncated);
    assert_eq!(Math.judge(&cut("\\boxed{3} and then")).outcome, Outcome::Correct);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any text is judged without a panic, and a plain one equals itself.
        #[test]
        fn judges_any_text(gold in "[ -~\\\\{}^_0-9a-z]{0,40}", response in "\\PC{0,60}") {
            judge(&gold, &response);
            boxed(&gold, &response);
        }

        #[test]
        fn fractions_equal_their_multiples(top in -500i64..500, bottom in 1i64..500, factor in 1i64..50) {
            let gold = format!("\\frac{{{top}}}{{{bottom}}}");
            let same = format!("{}/{}", top * factor, bottom * factor);
            prop_assert_eq!(boxed(&gold, &same).outcome, Outcome::Correct);
            let other = format!("{}/{}", top * factor + 1, bottom * factor);
            prop_assert_eq!(boxed(&gold, &other).outcome, Outcome::Wrong);
        }
    }
}
