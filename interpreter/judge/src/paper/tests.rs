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
    for (gold, answer, right) in rows {
        let verdict = judge(gold, &format!("\\boxed{{{answer}}}"));
        assert_eq!(
            verdict.outcome == Outcome::Correct,
            right,
            "{gold} / {answer}: {verdict:?}"
        );
    }
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
