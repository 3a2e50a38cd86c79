//! Responses made to hurt a judge: each verdict comes at once, in little memory, and none is `correct`.

use rlx_judge::{Case, Choice, Exact, Judge, Math, MathPaper, Number, Outcome};
use std::time::{Duration, Instant};

fn case<'a>(gold: &'a str, response: &'a str) -> Case<'a> {
    Case {
        problem: "",
        gold,
        response,
        truncated: false,
        gold_is_text: false,
    }
}

/// Time that this thread has spent on a core, so that a machine under load fails no row; None where it is not told.
fn on_core() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace()
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

/// The verdict, and the shortest of some times.
fn timed(judge: &dyn Judge, case: &Case) -> (Outcome, Duration) {
    let mut best = Duration::MAX;
    let mut outcome = Outcome::GaveUp;
    for _ in 0..4 {
        let (clock, core) = (Instant::now(), on_core());
        outcome = judge.judge(case).outcome;
        let took = match (core, on_core()) {
            (Some(start), Some(end)) => end.saturating_sub(start),
            _ => clock.elapsed(),
        };
        best = best.min(took);
        if best < Duration::from_millis(25) {
            break;
        }
    }
    (outcome, best)
}

fn hostile() -> Vec<String> {
    let list = |item: &dyn Fn(u32) -> String, count: u32| (0..count).map(item).collect::<Vec<_>>().join(",");
    vec![
        "9^{9^{9^{9}}}".to_owned(),
        "10^{10^{10}}".to_owned(),
        "(9^{9999})^{9999}".to_owned(),
        "2^{2^{20}}+1".to_owned(),
        "e^{e^{e^{10}}}".to_owned(),
        "1000000!!!!".to_owned(),
        "((3!)!)!".to_owned(),
        "\\binom{10^{9}}{5}".to_owned(),
        "\\sum_{k=1}^{10^9} k^{k}".to_owned(),
        "\\sum_{i=1}^{300}\\sum_{j=1}^{300}\\sum_{k=1}^{300} \\sqrt{ijk}".to_owned(),
        "\\prod_{k=1}^{1000} k^{1000}".to_owned(),
        "\\frac{".repeat(50_000),
        "(".repeat(200_000) + &")".repeat(200_000),
        "-".repeat(100_000),
        "x^{".repeat(5_000),
        "1,".repeat(5_000),
        "\\sqrt{".repeat(2_000) + &"}".repeat(2_000),
        "\\sqrt{2+".repeat(50) + "2" + &"}".repeat(50),
        "\\sin(".repeat(50) + "1" + &")".repeat(50),
        "1+\\frac{1}{".repeat(50) + "x" + &"}".repeat(50),
        "\\boxed{".repeat(50_000),
        "(x+1)^{500}".to_owned(),
        "(a+b+c+d)^{24}\\cdot(a+b+c+e)^{24}".to_owned(),
        "(x+\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}+\\pi)^{20}".to_owned(),
        "x^{1000000}+1".to_owned(),
        "\\sin(10^{1000})".to_owned(),
        "0.".to_owned() + &"1".repeat(399),
        "9".repeat(100_000),
        "\\text{".repeat(20_000),
        "\\text{a}".repeat(1_000),
        "\u{1d7d8}٣".repeat(1_000),
        "\\begin{pmatrix}".repeat(300),
        "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}".repeat(150),
        "1/0".to_owned(),
        "|".repeat(3_000),
        "\\{".repeat(2_000),
        "\\sqrt{2}+".repeat(800) + "1",
        list(&|n| format!("\\sqrt{{{}}}", n + 2), 64),
        list(&|n| format!("\\sin {n}"), 200),
        (0..38)
            .map(|n| format!("(\\sqrt{{{}}},\\sqrt{{{}}})", n + 2, n + 3))
            .collect::<Vec<_>>()
            .join("\\cup"),
        "\\pm ".repeat(40) + "1",
        "1 \\pm 2 \\pm 3 \\pm 4 \\pm 5 \\pm 6 \\pm 7 \\pm 8".to_owned(),
        "f(".repeat(40) + "x" + &")".repeat(40),
        "five ".repeat(1_000),
        "A".repeat(5_000),
        "\\left".repeat(1_500),
        "{,}\\!".repeat(1_500),
        "°".repeat(2_000),
        "²".repeat(2_000),
    ]
}

#[test]
fn hostile_input_ends_at_once() {
    let golds = [
        "42",
        "\\sqrt{2}+\\pi",
        "(x+1)^{24}",
        "\\{1,2,3\\}",
        "(0,1)\\cup(2,\\sqrt{7})",
        "\\text{Evelyn}",
    ];
    let limit = Duration::from_millis(50);
    for answer in &hostile() {
        let start: String = answer.chars().take(30).collect();
        for response in [
            format!("\\boxed{{{answer}}}"),
            format!("the answer is {answer}"),
            format!("${answer}$"),
        ] {
            for gold in golds {
                let (outcome, took) = timed(&Math, &case(gold, &response));
                assert_ne!(outcome, Outcome::Correct, "{gold} / {start}");
                assert!(took < limit, "{gold} / {start} took {took:?}");
            }
            for judge in [&Number as &dyn Judge, &Choice, &Exact] {
                let (outcome, took) = timed(judge, &case("42", &response));
                assert_ne!(outcome, Outcome::Correct, "{start}");
                assert!(took < limit, "{} / {start} took {took:?}", judge.name());
            }
            let (_, took) = timed(&MathPaper, &case("42", &response));
            assert!(took < 2 * limit, "math_paper / {start} took {took:?}");
        }
        let (_, took) = timed(&Math, &case(answer, "\\boxed{\\sqrt{2}+\\pi}"));
        assert!(took < limit, "gold {start} took {took:?}");
        let (_, took) = timed(&Math, &case(answer, &format!("\\boxed{{{answer} }}")));
        assert!(took < limit, "both {start} took {took:?}");
    }
    // The most memory that the process has ever had, of which the judges' share is a part.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status")
        && let Some(line) = status.lines().find(|line| line.starts_with("VmHWM:"))
        && let Some(kilobytes) = line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse::<u64>().ok())
    {
        assert!(kilobytes < 64 * 1024, "{kilobytes} kB were in use at once");
    }
}
