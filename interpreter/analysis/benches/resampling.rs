//! The size that a whole study of the paper has: 675 problems, 1,024 samples, 6 models, 11 k, 10,000 resamples.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rlx_analysis::{Design, Evidence, Outcomes, Resampling, SampleRow, Stream, answer, evaluate, pass_curve};
use rlx_language::{Claim, Comparison, Condition, ModelRef, ProblemsExpr, Quantity, Query};

const PROBLEMS: usize = 675;
const SAMPLES: u64 = 1_024;
const MODELS: [&str; 6] = ["base", "a", "b", "c", "d", "e"];

fn evidence() -> Evidence {
    let problems: Vec<String> = (0..PROBLEMS).map(|i| format!("p{i}")).collect();
    let design = Design {
        evaluation: "main".into(),
        benchmark: "bench".into(),
        problems: problems.clone(),
        models: MODELS.map(String::from).to_vec(),
        samples: SAMPLES,
        verdicts: vec!["right".into(), "wrong".into()],
    };
    let stream = Stream::new(1, &["bench"]);
    let rows = MODELS.iter().enumerate().flat_map(|(m, model)| {
        problems.iter().enumerate().flat_map(move |(i, problem)| {
            let [u, ..] = stream.block(i as u32, m as u32, 0);
            let u = f64::from(u) / 4_294_967_296.0;
            let right = (u * u * u * SAMPLES as f64) as u64;
            (0..SAMPLES).map(move |sample| {
                let correct = sample < right;
                let verdict = if correct { "right" } else { "wrong" };
                SampleRow {
                    model,
                    problem,
                    sample,
                    correct,
                    verdict,
                    tokens: 900,
                    truncated: false,
                    answer: None,
                    surprisal: None,
                }
            })
        })
    });
    let outcomes = Outcomes::new(design, rows, []).unwrap();
    Evidence {
        evaluations: BTreeMap::from([("main".into(), outcomes)]),
        trainings: Vec::new(),
        ..Evidence::default()
    }
}

fn study(criterion: &mut Criterion) {
    let evidence = evidence();
    let resampling = Resampling::new(1);
    let mut group = criterion.benchmark_group("study");
    group.sample_size(10);
    let curves = Query::PassAtK {
        evaluation: "main".into(),
        of: vec![],
        k: (0..=10).map(|i| 1 << i).collect(),
        more: vec![],
        folded: false,
    };
    group.bench_function("pass@k curves", |bencher| {
        bencher.iter(|| answer(black_box(&curves), &evidence, &resampling, 0.95));
    });
    let base = || ModelRef::Model { name: "base".into() };
    let subset = Query::Subset {
        evaluation: "main".into(),
        of: vec![],
        within: base(),
    };
    group.bench_function("solved subsets", |bencher| {
        bencher.iter(|| answer(black_box(&subset), &evidence, &resampling, 0.95));
    });
    let solved = |name: &str| {
        let model = ModelRef::Model { name: name.into() };
        Box::new(ProblemsExpr::Solved {
            evaluation: "main".into(),
            model,
        })
    };
    let claim = Claim {
        name: "bounded".into(),
        statement: String::new(),
        condition: Condition::Compare {
            comparison: Comparison::Less,
            left: Quantity::Share {
                set: ProblemsExpr::Difference {
                    left: solved("a"),
                    right: solved("base"),
                },
            },
            right: Quantity::Number { value: 0.05 },
        },
        text: String::new(),
        confidence: 0.95,
    };
    group.bench_function("claim over sets", |bencher| {
        bencher.iter(|| evaluate(black_box(&claim), &evidence, &resampling));
    });
    group.finish();
    let ks: Vec<u64> = (1..=10_000).collect();
    criterion.bench_function("pass@1 to pass@10,000 of one problem", |bencher| {
        bencher.iter(|| pass_curve(10_000, black_box(137), &ks));
    });
}

criterion_group!(benches, study);
criterion_main!(benches);
