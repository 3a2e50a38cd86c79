//! What the analyses give: plain numbers with their intervals, ready to be drawn or printed.

use serde::{Deserialize, Serialize};

/// A closed interval at the analysis' confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// A number with its two intervals. `value` is None when rows are missing: undefined, not smaller.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub value: Option<f64>,
    /// Sampling noise only: the same problems, other samples.
    pub these_problems: Option<Interval>,
    /// Problems drawn anew from the population these come from (resampled with their samples).
    pub problems_like_these: Option<Interval>,
}

/// The answer to one figure or table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Results {
    PassAtK(PassAtK),
    DeltaSe(DeltaSe),
    Subset(Subset),
    Perplexity(Perplexity),
    Summary(Summary),
    Training(TrainingCurves),
}

/// pass@k curves of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassAtK {
    pub evaluation: String,
    pub benchmark: String,
    pub problems: usize,
    /// Samples a problem (the smallest over problems).
    pub samples: u64,
    pub confidence: f64,
    pub curves: Vec<Curve>,
    /// Where two curves cross: from this k on `above` is above `below` up to the largest k.
    pub crossings: Vec<Crossing>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// `base`, `rl@150`
    pub model: String,
    pub points: Vec<CurvePoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub k: u64,
    /// pass@k in 0..=1, mean over problems.
    pub pass: Estimate,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    pub above: String,
    pub below: String,
    /// Smallest k on the grid from which `above` leads to the end; None: it never does.
    pub k: Option<u64>,
}

/// Sampling-efficiency gap: pass@k of the base minus pass@1 of each model, in 0..=1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeltaSe {
    pub evaluation: String,
    pub against: String,
    pub k: u64,
    pub confidence: f64,
    pub against_pass_k: Estimate,
    pub rows: Vec<DeltaSeRow>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeltaSeRow {
    pub model: String,
    pub pass_1: Estimate,
    pub pass_k: Estimate,
    pub delta_se: Estimate,
}

/// Which problems each model solves at all (at least one right sample of n), against another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subset {
    pub evaluation: String,
    pub within: String,
    pub problems: usize,
    pub samples: u64,
    pub confidence: f64,
    pub rows: Vec<SubsetRow>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubsetRow {
    pub model: String,
    pub both: Vec<String>,
    pub only_within: Vec<String>,
    pub only_model: Vec<String>,
    pub neither: usize,
    /// |model ∩ within| / |model|
    pub contained: Estimate,
}

/// Perplexity of one model's responses under another: one number a response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Perplexity {
    pub evaluation: String,
    pub only_correct: bool,
    pub confidence: f64,
    pub groups: Vec<PerplexityGroup>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerplexityGroup {
    pub of: String,
    pub under: String,
    pub responses: usize,
    pub median: Estimate,
    pub mean: Estimate,
    /// 5, 25, 50, 75 and 95 per cent points.
    pub quantiles: [f64; 5],
}

/// One line a model: the numbers a reader asks for first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub evaluation: String,
    pub benchmark: String,
    pub problems: usize,
    pub samples: u64,
    pub confidence: f64,
    pub rows: Vec<SummaryRow>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    pub model: String,
    pub pass_1: Estimate,
    /// Share of problems with at least one right sample.
    pub solved: Estimate,
    pub mean_tokens: f64,
    /// Shares of all responses, 0..=1, by verdict name, in the judge's order.
    pub verdicts: Vec<(String, f64)>,
}

/// Series over training steps, one panel a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingCurves {
    pub panels: Vec<Panel>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// `reward`, `entropy`, `length`, `loss`, …
    pub metric: String,
    pub series: Vec<Series>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub training: String,
    pub points: Vec<(u64, f64)>,
}

/// A claim's verdict with what led to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimVerdict {
    pub name: String,
    pub statement: String,
    pub text: String,
    pub verdict: Verdict,
    pub confidence: f64,
    /// Left side minus right side of the (deciding) comparison, with both intervals.
    pub effect: Option<Estimate>,
    /// Why: one sentence a reader understands.
    pub reason: String,
    /// Verdict as to these problems alone (sampling noise), when it differs in kind from the population's.
    pub on_these_problems: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Holds,
    Refuted,
    Inconclusive,
    /// Could not be evaluated.
    Error,
}
