//! Judging one response.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rlx_judge::{Case, Choice, Countdown, Judge, Math, MathPaper, Number};
use std::hint::black_box;

fn judging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("judge");
    group.throughput(Throughput::Elements(1));
    let work = "We add the two sides, so that 3 * 4 = 12 and 12 / 5 = 2.4 remain. ".repeat(30);
    let worked = format!("{work}\n#### 1,234");
    let boxed = format!("{work}Thus the answer is $\\boxed{{\\frac{{3\\sqrt{{2}}}}{{4}}}}$.");
    let chain = "15-5=10 left 20 14 10\n20/10=2 left 14 2\n14-2=12 yes";
    let puzzle = "Use 5 20 15 14 to make 12";
    let plain = format!("{work}Thus the answer is \\boxed{{42}}.");
    let identity = format!("{work}Thus \\boxed{{1-2\\sin^2 x}}.");
    let interval = format!("{work}Thus \\boxed{{-1 \\le x < \\sqrt{{2}}}}.");
    let choice = format!("{work}Thus \\boxed{{\\textbf{{(C)}}\\ 12}}.");
    let cases: [(&str, &dyn Judge, &str, &str, &str); 10] = [
        ("countdown", &Countdown, puzzle, "12", chain),
        ("number", &Number, "", "1234", &worked),
        ("number, unmarked", &Number, "", "1234", &work),
        ("math", &Math, "", "\\frac{3}{2\\sqrt{2}}", &boxed),
        ("math, the same text", &Math, "", "42", &plain),
        ("math, another number", &Math, "", "41", &plain),
        ("math, an identity", &Math, "", "\\cos(2x)", &identity),
        ("math, an interval", &Math, "", "[-1,\\sqrt{2})", &interval),
        ("math_paper", &MathPaper, "", "\\frac{3}{2\\sqrt{2}}", &boxed),
        ("choice", &Choice, "", "C", &choice),
    ];
    for (name, judge, problem, gold, response) in cases {
        let case = Case {
            problem,
            gold,
            response,
            truncated: false,
            gold_is_text: false,
        };
        group.bench_function(name, |bencher| bencher.iter(|| judge.judge(black_box(&case))));
    }
    group.finish();
}

criterion_group!(benches, judging);
criterion_main!(benches);
