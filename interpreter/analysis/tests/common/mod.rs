//! Simulated evaluations of known truth, and short ways to write questions.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;

use rlx_analysis::{Design, Evidence, Outcomes, Resampling, SampleRow, Stream};
use rlx_language::{Claim, Comparison, Condition, ModelRef, ProblemsExpr, Quantity};

/// Uniform numbers of a test, from a name and a turn.
pub struct Dice {
    stream: Stream,
    drawn: u32,
}

impl Dice {
    pub fn new(name: &str, turn: u64) -> Self {
        Dice {
            stream: Stream::new(turn, &["test", name]),
            drawn: 0,
        }
    }

    pub fn unit(&mut self) -> f64 {
        self.drawn += 1;
        (f64::from(self.stream.block(self.drawn, 0, 0)[0]) + 0.5) / 4_294_967_296.0
    }

    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        (0..n).filter(|_| self.unit() < p).count() as u64
    }

    /// A problem as benchmarks have them: a tenth never solved, the rest from nearly never to nearly always.
    pub fn difficulty(&mut self) -> f64 {
        if self.unit() < 0.1 {
            return 0.0;
        }
        let u = self.unit();
        u * u * u
    }
}

/// An evaluation `main` on `bench` whose models have the given numbers of right samples, of `n` a problem.
pub fn evidence(n: u64, models: &[(&str, &[u64])]) -> Evidence {
    Evidence {
        evaluations: BTreeMap::from([("main".into(), outcomes(n, models))]),
        trainings: Vec::new(),
        ..Evidence::default()
    }
}

pub fn outcomes(n: u64, models: &[(&str, &[u64])]) -> Outcomes {
    let problems: Vec<String> = (0..models[0].1.len()).map(|i| format!("p{i}")).collect();
    let design = Design {
        evaluation: "main".into(),
        benchmark: "bench".into(),
        problems: problems.clone(),
        models: models.iter().map(|(label, _)| (*label).into()).collect(),
        samples: n,
        verdicts: vec!["right".into(), "wrong".into()],
    };
    let mut rows = Vec::new();
    for (label, right) in models {
        for (problem, &c) in problems.iter().zip(*right) {
            for sample in 0..n {
                let correct = sample < c;
                let verdict = if correct { "right" } else { "wrong" };
                rows.push(SampleRow {
                    model: label,
                    problem,
                    sample,
                    correct,
                    verdict,
                    tokens: 10,
                    truncated: false,
                    answer: None,
                    surprisal: None,
                });
            }
        }
    }
    Outcomes::new(design, rows, []).unwrap()
}

pub fn resampling(seed: u64, resamples: u32) -> Resampling {
    Resampling::new(seed).with_resamples(resamples).unwrap()
}

pub fn model(label: &str) -> ModelRef {
    match label.split_once('@') {
        Some((training, step)) => ModelRef::Checkpoint {
            training: training.into(),
            step: step.parse().unwrap(),
        },
        None => ModelRef::Model { name: label.into() },
    }
}

pub fn pass(label: &str, k: u64) -> Quantity {
    Quantity::Pass {
        evaluation: "main".into(),
        model: model(label),
        k,
    }
}

pub fn solved(label: &str) -> ProblemsExpr {
    ProblemsExpr::Solved {
        evaluation: "main".into(),
        model: model(label),
    }
}

pub fn without(left: ProblemsExpr, right: ProblemsExpr) -> ProblemsExpr {
    ProblemsExpr::Difference {
        left: Box::new(left),
        right: Box::new(right),
    }
}

pub fn share(set: ProblemsExpr) -> Quantity {
    Quantity::Share { set }
}

pub fn number(value: f64) -> Quantity {
    Quantity::Number { value }
}

pub fn compare(left: Quantity, comparison: Comparison, right: Quantity) -> Condition {
    Condition::Compare {
        comparison,
        left,
        right,
    }
}

pub fn claim(condition: Condition) -> Claim {
    Claim {
        name: "claim".into(),
        statement: "a statement".into(),
        condition,
        text: "as written".into(),
        confidence: 0.95,
    }
}
