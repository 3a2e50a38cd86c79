//! Responses made to hurt a judge: each verdict comes at once, none is `correct`.

use rlx_judge::{Case, Judge, Math, Number, Outcome, Verdict};

fn judge(gold: &str, response: &str) -> Verdict {
    let case = Case {
        problem: "",
        gold,
        response,
        truncated: false,
        gold_is_text: false,
    };
    assert_ne!(Number.judge(&case).outcome, Outcome::Correct);
    Math.judge(&case)
}

#[test]
fn hostile_input_ends_at_once() {
    let deep = "(".repeat(200_000) + &")".repeat(200_000);
    let rows = [
        "9^{9^{9^{9}}}".to_owned(),
        "10^{10^{10}}".to_owned(),
        "(9^{9999})^{9999}".to_owned(),
        "1000000!!!!".to_owned(),
        "\\frac{".repeat(50_000),
        deep,
        "-".repeat(100_000),
        "x^{".repeat(5_000),
        "1,".repeat(5_000),
        "\\sqrt{".repeat(2_000) + &"}".repeat(2_000),
        "\\boxed{".repeat(50_000),
        "(x+1)^{500}".to_owned(),
        "9".repeat(100_000),
        "\\text{".repeat(20_000),
        "\u{1d7d8}٣".repeat(1_000),
        "\\begin{pmatrix}".repeat(300),
        "1/0".to_owned(),
        "|".repeat(3_000),
    ];
    let start = std::time::Instant::now();
    for answer in &rows {
        for response in [
            format!("\\boxed{{{answer}}}"),
            format!("the answer is {answer}"),
            format!("${answer}$"),
        ] {
            let verdict = judge("42", &response);
            assert_ne!(
                verdict.outcome,
                Outcome::Correct,
                "{}",
                &answer.chars().take(30).collect::<String>()
            );
        }
        judge(answer, "\\boxed{42}");
    }
    // Some 0.1 s in all; the bound is for a machine under load.
    assert!(start.elapsed().as_secs_f64() < 10.0, "{:?}", start.elapsed());
}
