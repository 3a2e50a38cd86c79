//! A finished study with the numbers of a prototype run: countdown, 64 problems × 256 samples, six models.

use rlx_analysis::{
    ClaimVerdict, Coverage, CoverageRow, Crossing, Curve, CurvePoint, DeltaSe, DeltaSeRow, Estimate,
    Histogram, HistogramSeries, Interval, Listing, ListingCell, ListingColumn, ListingUnit, Panel, PassAtK,
    Perplexity, PerplexityGroup, Results, Series, Subset, SubsetRow, Summary, SummaryRow, TrainingCurves,
    Verdict,
};
use rlx_report::*;

const KS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// pass@k in %.
const CURVES: [(&str, [f64; 9]); 6] = [
    ("base", [10.8, 19.3, 31.5, 46.0, 59.9, 71.4, 79.9, 85.6, 89.1]),
    ("rl@20", [12.2, 21.0, 32.8, 45.9, 58.2, 68.7, 77.2, 83.2, 85.9]),
    ("rl@40", [13.6, 23.1, 35.2, 47.6, 58.5, 68.1, 76.6, 83.0, 85.9]),
    ("rl@80", [14.6, 23.8, 34.7, 45.5, 54.9, 62.8, 69.9, 75.1, 76.6]),
    ("teacher", [26.2, 39.6, 55.0, 70.1, 82.5, 91.0, 95.7, 97.9, 98.4]),
    ("student", [14.1, 24.1, 37.4, 52.2, 66.2, 77.7, 85.6, 90.2, 92.2]),
];

const SPEC: &str = r#"//! Does reinforcement learning with verifiable rewards let a small model solve
//! countdown puzzles that its base model cannot?
//!
//! A base model of a million parameters is trained with GRPO and, apart from that,
//! by distillation from a stronger teacher; all are measured on held-out puzzles.

use std.algorithms.grpo

param n = 256 samples                        // `--set n=64`

model base    { source = "models/countdown-base" }
model teacher { source = "models/countdown-teacher" }

train rl {
    start     = base
    algorithm = grpo { kl = none, learning_rate = 1e-4 }
    data      = countdown_train
    batch     = 32 prompts
    rollouts  = 8 samples
    steps     = 80 steps
    keep      = [20, 40, 80]                 // rl@20, rl@40, rl@80
}

distill student { start = base, teacher = teacher, data = countdown_train, epochs = 1 }

evaluate held_out {
    models    = [base, rl@*, teacher, student]
    benchmark = countdown_test
    sampling  = { temperature = 1.0, top_p = 0.95, max_tokens = 48 }
    samples   = n
}

figure coverage   = pass_at_k(held_out, k = 1..n by *2)
table  numbers    = pass_at_k(held_out, k = 1..n by *2)
table  gap        = delta_se(held_out, of = [rl@*, student], against = base, k = 256)
figure solved     = subset(held_out, of = [rl@80, student], within = base)
figure likelihood = perplexity(held_out, of = [base, rl@80, teacher], under = [base, rl@80])

claim overtaken "the base model overtakes the RL model at large k" {
    pass(held_out, base, k = 256) > pass(held_out, rl@80, k = 256)
}
claim bounded "what RL solves, the base model solves too" {
    share(solved(held_out, rl@80) - solved(held_out, base)) < 5%
}
"#;

fn near(value: f64, sampling: f64, population: f64) -> Estimate {
    let around = |half: f64| Interval {
        low: (value - half).max(0.0),
        high: (value + half * 0.96).min(1.0),
    };
    Estimate {
        value: Some(value),
        these_problems: Some(around(sampling)),
        problems_like_these: Some(around(population)),
    }
}

fn gap(value: f64, sampling: f64, population: f64) -> Estimate {
    let around = |half: f64| {
        Some(Interval {
            low: value - half,
            high: value + half * 1.04,
        })
    };
    Estimate {
        value: Some(value),
        these_problems: around(sampling),
        problems_like_these: around(population),
    }
}

fn share(percent: f64) -> Estimate {
    let value = percent / 100.0;
    let spread = (value * (1.0 - value) / 64.0).sqrt();
    near(value, 0.35 * spread + 0.002, 1.45 * spread + 0.003)
}

fn pass_at_k() -> PassAtK {
    let curves = CURVES.iter().map(|(model, values)| Curve {
        of: None,
        model: (*model).to_owned(),
        points: KS
            .iter()
            .zip(values)
            .map(|(k, value)| CurvePoint {
                k: *k,
                pass: share(*value),
            })
            .collect(),
    });
    let crossing = |below: &str, k| Crossing {
        above: "base".into(),
        below: below.into(),
        k,
    };
    PassAtK {
        measure: rlx_analysis::Measure::Pass,
        folded: false,
        evaluation: "held_out".into(),
        benchmark: "countdown_test".into(),
        problems: 64,
        samples: 256,
        confidence: 0.95,
        curves: curves.collect(),
        crossings: vec![
            crossing("rl@20", Some(8)),
            crossing("rl@40", Some(16)),
            crossing("rl@80", Some(8)),
            crossing("teacher", None),
            // Of no interest beside the base's: only the text alternative tells it.
            Crossing {
                above: "rl@20".into(),
                below: "rl@80".into(),
                k: Some(16),
            },
            Crossing {
                above: "teacher".into(),
                below: "base".into(),
                k: Some(1),
            },
        ],
        warnings: vec![
            "k above n/2 = 128: pass@256 rests on all samples at once and its interval is wide.".into(),
        ],
    }
}

fn ids(from: usize, to: usize) -> Vec<String> {
    (from..to)
        .map(|number| format!("countdown-{number:03}"))
        .collect()
}

fn subset() -> Subset {
    let row = |model: &str, both: usize, only_within: usize, only_model: usize| SubsetRow {
        model: model.into(),
        both: ids(0, both),
        only_within: ids(both, both + only_within),
        only_model: ids(57, 57 + only_model),
        neither: 64 - both - only_within - only_model,
        contained: near(both as f64 / (both + only_model) as f64, 0.025, 0.06),
        redraw: Some(0.97),
        p_holm: Some(if only_model > 0 { 0.727 } else { 0.0156 }),
    };
    Subset {
        evaluation: "held_out".into(),
        within: "base".into(),
        problems: 64,
        samples: 256,
        confidence: 0.95,
        rows: vec![row("rl@80", 49, 8, 0), row("student", 54, 3, 5)],
        blind_below: 0.0116,
        warnings: Vec::new(),
    }
}

fn perplexity() -> Perplexity {
    let group = |of: &str, under: &str, quantiles: [f64; 5], mean: f64| PerplexityGroup {
        of: of.into(),
        under: under.into(),
        responses: 4096,
        median: near(quantiles[2] - 1.0, 0.004, 0.009).shifted(),
        mean: near(mean - 1.0, 0.006, 0.013).shifted(),
        quantiles: quantiles.map(|point| near(point - 1.0, 0.004, 0.009).shifted()),
    };
    Perplexity {
        evaluation: "held_out".into(),
        only_correct: false,
        confidence: 0.95,
        groups: vec![
            group("base", "base", [1.031, 1.078, 1.124, 1.183, 1.302], 1.140),
            group("rl@80", "base", [1.029, 1.071, 1.117, 1.186, 1.331], 1.139),
            group("teacher", "base", [1.052, 1.104, 1.381, 2.104, 4.020], 1.773),
            group("base", "rl@80", [1.033, 1.090, 1.143, 1.221, 1.391], 1.166),
            group("rl@80", "rl@80", [1.018, 1.049, 1.082, 1.124, 1.214], 1.095),
            group("teacher", "rl@80", [1.058, 1.117, 1.452, 2.371, 5.412], 1.914),
        ],
        warnings: Vec::new(),
    }
}

trait Shifted {
    fn shifted(self) -> Self;
}

impl Shifted for Estimate {
    fn shifted(self) -> Self {
        let up = |interval: Interval| Interval {
            low: interval.low + 1.0,
            high: interval.high + 1.0,
        };
        Estimate {
            value: self.value.map(|value| value + 1.0),
            these_problems: self.these_problems.map(up),
            problems_like_these: self.problems_like_these.map(up),
        }
    }
}

fn delta_se() -> DeltaSe {
    let rows = CURVES
        .iter()
        .filter(|(model, _)| *model != "base" && *model != "teacher")
        .map(|(model, values)| DeltaSeRow {
            model: (*model).into(),
            pass_1: share(values[0]),
            pass_k: share(values[8]),
            delta_se: gap((89.1 - values[0]) / 100.0, 0.017, 0.081),
            over_smallest: (*model != "student").then(|| gap(0.021, 0.014, 0.03)),
            p_holm: (*model != "student").then_some(0.032),
        });
    DeltaSe {
        evaluation: "held_out".into(),
        against: "base".into(),
        k: 256,
        confidence: 0.95,
        against_pass_k: share(89.1),
        rows: rows.collect(),
        warnings: Vec::new(),
    }
}

fn summary() -> Summary {
    let rows = CURVES
        .iter()
        .enumerate()
        .map(|(index, (model, values))| SummaryRow {
            model: (*model).into(),
            pass_1: share(values[0]),
            solved: share(values[8]),
            mean_tokens: gap(30.4 + index as f64 * 0.37, 0.12, 0.6),
            verdicts: vec![
                ("correct".into(), share(values[0])),
                ("wrong".into(), share(97.0 - values[0])),
                ("unparsed".into(), near(0.025, 0.004, 0.01)),
                ("truncated".into(), near(0.005, 0.001, 0.004)),
            ],
        });
    Summary {
        evaluation: "held_out".into(),
        benchmark: "countdown_test".into(),
        problems: 64,
        samples: 256,
        confidence: 0.95,
        rows: rows.collect(),
        warnings: Vec::new(),
    }
}

fn training() -> TrainingCurves {
    // Means of ten steps from the prototype, with a fixed zigzag for the steps between.
    let series = |means: [f64; 8], swing: f64| Series {
        training: "rl".into(),
        points: (0..80u64)
            .map(|step| {
                let noise = ((step * 7919 + 13) % 23) as f64 / 22.0 - 0.5;
                (step + 1, means[step as usize / 10] + swing * noise)
            })
            .collect(),
    };
    let panel = |metric: &str, one| Panel {
        metric: metric.into(),
        series: vec![one],
    };
    TrainingCurves {
        panels: vec![
            panel(
                "reward",
                series([0.113, 0.115, 0.140, 0.185, 0.156, 0.184, 0.159, 0.160], 0.06),
            ),
            panel(
                "entropy",
                series([0.135, 0.129, 0.120, 0.113, 0.109, 0.104, 0.104, 0.102], 0.012),
            ),
            panel(
                "length",
                series([30.1, 30.4, 30.2, 29.8, 29.6, 29.9, 29.5, 29.7], 1.6),
            ),
            panel(
                "gradient norm",
                series([0.41, 0.38, 0.44, 0.47, 0.43, 0.45, 0.42, 0.40], 0.2),
            ),
        ],
    }
}

fn histogram() -> Histogram {
    let bins: Vec<String> = (0..12).map(|bin| format!("bin {bin}")).collect();
    let series = |model: &str, first: f64| HistogramSeries {
        model: model.into(),
        counts: (0..12)
            .map(|bin| near(first / f64::from(bin + 1), 0.5, 1.5))
            .collect(),
    };
    Histogram {
        evaluation: "held_out".into(),
        benchmark: "countdown_test".into(),
        problems: 64,
        samples: 256,
        confidence: 0.95,
        bins,
        series: vec![series("base", 20.0), series("rl@80", 28.0)],
        warnings: Vec::new(),
    }
}

fn coverage() -> Coverage {
    let row = |model: &str, step: u64| CoverageRow {
        samples: 0,
        model: model.into(),
        right: (0..64).map(|problem| Some(problem * step % 256)).collect(),
    };
    Coverage {
        evaluation: "held_out".into(),
        benchmark: "countdown_test".into(),
        samples: 256,
        problems: ids(0, 64),
        rows: vec![row("base", 4), row("rl@80", 7)],
        warnings: Vec::new(),
    }
}

fn listing() -> Listing {
    let column = |name: &str, unit| ListingColumn {
        name: name.into(),
        head: name.into(),
        unit,
    };
    let row = |model: &str, k: f64, p: f64| {
        vec![
            ListingCell::Text { text: model.into() },
            ListingCell::Estimate {
                estimate: near(k, 4.0, 9.0),
            },
            ListingCell::Number { value: Some(p) },
        ]
    };
    Listing {
        title: "Where base takes the lead".into(),
        notes: vec!["k* is the smallest k from which base leads.".into()],
        confidence: Some(0.95),
        columns: vec![
            column("model", ListingUnit::Model),
            column("k", ListingUnit::K { samples: 256 }),
            column("p", ListingUnit::P),
        ],
        rows: vec![row("rl@80", 32.0, 0.0004), row("student", 257.0, 0.3)],
        bars: vec![1],
        warnings: Vec::new(),
    }
}

fn claims() -> Vec<ClaimVerdict> {
    let claim = |name: &str, statement: &str, text: &str, verdict, effect, reason: &str| ClaimVerdict {
        name: name.into(),
        statement: statement.into(),
        text: text.into(),
        verdict,
        confidence: 0.95,
        effect,
        reason: reason.into(),
        on_these_problems: verdict,
        unit: String::new(),
        warnings: Vec::new(),
        needs: None,
        family: None,
    };
    let mut all = vec![
        claim(
            "overtaken",
            "the base model overtakes the RL model at large k",
            "pass(held_out, base, k = 256) > pass(held_out, rl@80, k = 256)",
            Verdict::Holds,
            Some(gap(0.125, 0.031, 0.078)),
            "the whole 95% interval of the difference lies above 0",
        ),
        claim(
            "bounded",
            "what RL solves, the base model solves too",
            "share(solved(held_out, rl@80) - solved(held_out, base)) < 5%",
            Verdict::Inconclusive,
            Some(gap(-0.05, 0.022, 0.061)),
            "the 95% interval of the difference contains 0: more problems would decide it",
        ),
        claim(
            "sharper",
            "RL halves the gap between pass@1 and pass@256",
            "delta_se(held_out, of = rl@80, against = base, k = 256) < 40%",
            Verdict::Refuted,
            Some(gap(0.345, 0.02, 0.083)),
            "the whole 95% interval of the difference lies above 0, on the other side of the claim",
        ),
        claim(
            "likely",
            "RL responses are likely under the base model",
            "perplexity(held_out, of = rl@150, under = base) < 1.2",
            Verdict::Error,
            None,
            "rl@150 has no responses in held_out: it is not among the kept checkpoints 20, 40 and 80",
        ),
    ];
    all[1].on_these_problems = Verdict::Holds;
    all
}

fn responses() -> Vec<SampledEvaluation> {
    let response = |model: &str, sample, text: &str, correct: bool, extracted: Option<&str>, reason: &str| {
        SampledResponse {
            model: model.into(),
            sample,
            text: text.into(),
            cut: 0,
            correct,
            verdict: if correct { "correct" } else { "wrong" }.into(),
            extracted: extracted.map(str::to_owned),
            reason: reason.into(),
            tokens: 31 + sample,
        }
    };
    vec![SampledEvaluation {
        evaluation: "held_out".into(),
        left_out: 62,
        problems: vec![
            SampledProblem {
                id: "countdown-003".into(),
                prompt: "Use 5 20 15 14 to make 12\n".into(),
                gold: Some("12".into()),
                tallies: [("base", 97), ("rl@80", 201), ("teacher", 0)]
                    .into_iter()
                    .map(|(model, right)| ProblemTally {
                        model: model.into(),
                        samples: 256,
                        right,
                        answers: [("12", right, true), ("14", 31, false)]
                            .into_iter()
                            .filter(|(_, count, _)| *count > 0)
                            .map(|(text, count, correct)| TalliedAnswer {
                                text: text.into(),
                                count,
                                correct,
                            })
                            .collect(),
                    })
                    .collect(),
                responses: vec![
                    response(
                        "base",
                        0,
                        "15-5=10 left 20 14 10\n20/10=2 left 14 2\n14-2=12 yes\n",
                        true,
                        Some("12"),
                        "3 legal steps reach 12",
                    ),
                    response(
                        "base",
                        1,
                        "20-15=5 left 5 14 5\n14-5=9 left 5 9\n5+9=14 no\n",
                        false,
                        Some("14"),
                        "the last result is 14, not 12",
                    ),
                    response(
                        "rl@80",
                        0,
                        "15-5=10 left 20 14 10\n20/10=2 left 14 2\n14-2=12 yes\n",
                        true,
                        Some("12"),
                        "3 legal steps reach 12",
                    ),
                    response(
                        "teacher",
                        0,
                        "20-14=6 left 5 15 6\n15-5=10 left 6 10\n6+10=12 yes\n",
                        false,
                        Some("12"),
                        "6+10 is 16, not 12 (line 3)",
                    ),
                ],
            },
            SampledProblem {
                id: "countdown-017".into(),
                prompt: "Use 17 14 10 18 to make 84\n".into(),
                gold: None,
                tallies: Vec::new(),
                responses: vec![
                    response(
                        "teacher",
                        7,
                        "Let $x$ be it. Then \\[x = \\frac{84}{17} \\le \\sqrt{25}\\] and \\(x^2 < 25\\), so it costs $5.",
                        false,
                        Some("\\frac{84}{17}"),
                        "not an expression of the numbers",
                    ),
                    response(
                        "student",
                        4,
                        "</script><script>alert(1)</script>\n<b>not markup</b> & so on",
                        false,
                        None,
                        "line 1 is no step: </script>…",
                    ),
                    response("rl@80", 2, "", false, None, "empty response"),
                ],
            },
        ],
    }]
}

/// The study.
#[allow(unreachable_pub)]
pub fn study() -> ReportData {
    let model = |label: &str, role, source: &str, key: &str| ReportModel {
        label: label.into(),
        role,
        source: source.into(),
        key: key.into(),
    };
    let rl = |step| ModelRole::Trained {
        training: "rl".into(),
        step,
    };
    let figure = |name: &str, title: Option<&str>, results| ReportOutput {
        name: name.into(),
        kind: OutputForm::Figure,
        title: title.map(str::to_owned),
        results,
    };
    let table = |name: &str, title: Option<&str>, results| ReportOutput {
        name: name.into(),
        kind: OutputForm::Table,
        title: title.map(str::to_owned),
        results,
    };
    let step = |name: &str, state: &str, seconds, tokens| ReportStep {
        name: name.into(),
        state: state.into(),
        seconds,
        tokens,
    };
    ReportData {
        name: "quickstart".into(),
        title: "Does reinforcement learning with verifiable rewards let a small model solve".into(),
        doc: SPEC
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .map(|line| line.trim_start_matches("//!").trim())
            .collect::<Vec<_>>()
            .join("\n"),
        source: SpecSource {
            file: "experiments/quickstart.rlx".into(),
            text: SPEC.into(),
        },
        profile: Some(ReportProfile {
            name: "laptop".into(),
            changes: vec![
                ReportChange {
                    path: "n".into(),
                    from: Some("1024 samples".into()),
                    to: "256 samples".into(),
                },
                ReportChange {
                    path: "rl.steps".into(),
                    from: Some("450 steps".into()),
                    to: "80 steps".into(),
                },
            ],
        }),
        overrides: vec![ReportChange {
            path: "rl.optimizer.clip_norm".into(),
            from: None,
            to: "1.0".into(),
        }],
        seed: 20_250_516,
        seeds: vec![
            ("train rl".into(), 1_733_020_911),
            ("evaluate held_out".into(), 886_215_004),
        ],
        outputs: vec![
            figure(
                "coverage",
                Some("pass@k: the base model catches up"),
                Results::PassAtK(pass_at_k()),
            ),
            table("numbers", None, Results::PassAtK(pass_at_k())),
            table("overview", None, Results::Summary(summary())),
            table("gap", None, Results::DeltaSe(delta_se())),
            figure("gap_bars", None, Results::DeltaSe(delta_se())),
            figure("solved", None, Results::Subset(subset())),
            figure("likelihood", None, Results::Perplexity(perplexity())),
            table("sets", None, Results::Subset(subset())),
            figure("accuracy", None, Results::Histogram(histogram())),
            figure("which", None, Results::Coverage(coverage())),
            table("crossing", None, Results::Listing(listing())),
            figure(
                "progress",
                Some("GRPO over its 80 steps"),
                Results::Training(training()),
            ),
        ],
        claims: claims(),
        models: vec![
            model(
                "base",
                ModelRole::Given,
                "models/countdown-base",
                "5d1f3ac09be77c1284aa03b2c7710f6f",
            ),
            model(
                "rl@20",
                rl(20),
                "GRPO from base, step 20",
                "09be77c1284aa03b2c7710f6f5d1f3ac",
            ),
            model(
                "rl@40",
                rl(40),
                "GRPO from base, step 40",
                "77c1284aa03b2c7710f6f5d1f3ac09be",
            ),
            model(
                "rl@80",
                rl(80),
                "GRPO from base, step 80",
                "284aa03b2c7710f6f5d1f3ac09be77c1",
            ),
            model(
                "teacher",
                ModelRole::Given,
                "models/countdown-teacher",
                "aa03b2c7710f6f5d1f3ac09be77c1284",
            ),
            model(
                "student",
                ModelRole::Distilled {
                    training: "student".into(),
                    step: 256,
                },
                "distilled from teacher into base",
                "b2c7710f6f5d1f3ac09be77c1284aa03",
            ),
        ],
        evaluations: vec![EvaluationSettings {
            name: "held_out".into(),
            benchmark: "countdown_test".into(),
            problems: 64,
            samples: 256,
            temperature: Some(1.0),
            found_by: None,
            top_p: 0.95,
            max_tokens: 48,
            recorded: Vec::new(),
            only_recorded: false,
        }],
        steps: vec![
            step("train rl", "done", Some(53.6), Some(640_112)),
            step("sample teacher responses", "done", Some(14.1), Some(589_824)),
            step("train student", "done", Some(50.3), Some(604_511)),
            step("sample held_out, base", "done", Some(19.4), Some(786_432)),
            step("sample held_out, rl@80", "done", Some(19.6), Some(771_010)),
            step("sample held_out, teacher", "cached", None, Some(790_004)),
            step("judge held_out", "done", Some(0.8), None),
            step("score perplexity", "done", Some(14.0), Some(901_120)),
        ],
        machine: Machine {
            device: "cpu".into(),
            device_reason: "no CUDA driver found; 2 threads".into(),
            precision: "fp32".into(),
            precision_reason: "the CPU has no fast bf16 kernels for these sizes".into(),
        },
        versions: vec![
            ("rlx".into(), "0.1.0".into()),
            ("libtorch".into(), "2.13.0".into()),
            ("judge".into(), "3".into()),
        ],
        wall_seconds: 249.9,
        cost: Cost {
            tokens_sampled: 5_220_417,
            tokens_trained: 1_244_623,
        },
        warnings: vec!["One seed of each training: the intervals say nothing about other seeds.".into()],
        data: vec![ReportDataSet {
            name: "countdown_test".into(),
            problems: 64,
            hash: "3f0c11aa90de".into(),
        }],
        responses: responses(),
        identity: Identity {
            plan: "0123456789abcdef".into(),
            rows: "fedcba9876543210".into(),
        },
    }
}
