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
    Histogram(Histogram),
    Coverage(Coverage),
    Listing(Listing),
}

/// How many problems have which accuracy, by model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    pub evaluation: String,
    pub benchmark: String,
    pub problems: usize,
    pub samples: u64,
    pub confidence: f64,
    /// `0`, `(0, 0.1]`, …, `(0.9, 1)`, `1`.
    pub bins: Vec<String>,
    pub series: Vec<HistogramSeries>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistogramSeries {
    pub model: String,
    /// Problems in each bin, with intervals of their number.
    pub counts: Vec<Estimate>,
}

/// How often each model solves each problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    pub evaluation: String,
    pub benchmark: String,
    pub samples: u64,
    /// Ids in the benchmark's order.
    pub problems: Vec<String>,
    pub rows: Vec<CoverageRow>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoverageRow {
    pub model: String,
    /// Samples a problem of this model; 0 in files of old stands for the evaluation's.
    #[serde(default)]
    pub samples: u64,
    /// Right samples of each problem; None where rows are missing.
    pub right: Vec<Option<u64>>,
}

impl CoverageRow {
    /// Samples a problem of this row's model.
    pub fn of(&self, all: &Coverage) -> u64 {
        match self.samples {
            0 => all.samples,
            own => own,
        }
    }
}

/// A table of any columns: the answer to questions without a form of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    pub title: String,
    /// Sentences of the caption.
    pub notes: Vec<String>,
    /// Of the intervals, where there are any.
    pub confidence: Option<f64>,
    pub columns: Vec<ListingColumn>,
    pub rows: Vec<Vec<ListingCell>>,
    /// Columns that a figure draws as bars.
    pub bars: Vec<usize>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingColumn {
    /// In CSV: `pass_at_1`.
    pub name: String,
    /// Over the column: `pass@1 %`.
    pub head: String,
    pub unit: ListingUnit,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListingUnit {
    Text,
    /// A label of a model.
    Model,
    /// Whole numbers.
    Count,
    /// In 0..=1, shown in per cent.
    Share,
    /// A difference of shares, shown in points.
    Points,
    Plain,
    /// A k of `Estimate`, where n + 1 stands for none up to n.
    K {
        samples: u64,
    },
    /// To four decimals: a temperature, an entropy that is held against another one.
    Fine,
    /// A p-value.
    P,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cell", rename_all = "snake_case")]
pub enum ListingCell {
    Text { text: String },
    Number { value: Option<f64> },
    Estimate { estimate: Estimate },
}

/// pass@k curves of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassAtK {
    #[serde(default)]
    pub measure: Measure,
    /// The upper part of the vertical axis has most of the room.
    #[serde(default)]
    pub folded: bool,
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

/// What becomes of k samples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "measure", rename_all = "snake_case")]
pub enum Measure {
    /// At least one is right.
    #[default]
    Pass,
    /// The commonest answer is right.
    Majority,
    /// The likeliest under a model is right.
    BestOf { by: String },
    /// One that another judge accepts is right, or any where it accepts none.
    BestJudged { by: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// `base`, `rl@150`; where several evaluations share a figure also which: `rl@150 · raised`.
    pub model: String,
    /// Where several evaluations share a figure: what the label is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<CurveOf>,
    pub points: Vec<CurvePoint>,
}

/// Whose curve it is, among those of several evaluations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurveOf {
    pub evaluation: String,
    /// What the evaluation is called beside the others: without the labels that all of them share.
    pub name: String,
    pub model: String,
    /// Samples a problem of the evaluation (the smallest over problems and models).
    pub samples: u64,
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

impl DeltaSe {
    /// Whether gaps are held against the smallest.
    pub fn compared(&self) -> bool {
        self.rows.iter().any(|row| row.over_smallest.is_some())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeltaSeRow {
    pub model: String,
    pub pass_1: Estimate,
    pub pass_k: Estimate,
    pub delta_se: Estimate,
    /// How much more that is than the smallest ΔSE of the table; None for the smallest itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_smallest: Option<Estimate>,
    /// That difference's p-value, corrected for all pairs of models by Holm's method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_holm: Option<f64>,
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
    /// The success probability that `samples` failures rule out with 95% confidence, 1 − 0.05^(1/n): what is below it can
    /// be solvable and look unsolved.
    #[serde(default)]
    pub blind_below: f64,
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
    /// What the share would be on average for a second draw of `within` itself: a subset relation is worth what it exceeds
    /// this by. None where rows are missing.
    #[serde(default)]
    pub redraw: Option<f64>,
    /// Exact sign test of the problems that only one of the two solves, corrected over the rows by Holm's method. None for
    /// `within` itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_holm: Option<f64>,
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
    pub quantiles: [Estimate; 5],
}

impl PerplexityGroup {
    /// The points of the box by themselves; NaN where one is undefined.
    pub fn points(&self) -> [f64; 5] {
        self.quantiles.map(|point| point.value.unwrap_or(f64::NAN))
    }
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
    /// Undefined where the tokens of a response were not counted (those of recorded ones).
    pub mean_tokens: Estimate,
    /// Shares of all responses, 0..=1, by verdict name, in the judge's order.
    pub verdicts: Vec<(String, Estimate)>,
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
    /// Of the effect: `points`, `tokens`, or empty.
    #[serde(default)]
    pub unit: String,
    /// What to know before trusting the verdict.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What would decide an inconclusive claim if the effect stayed as it is.
    #[serde(default)]
    pub needs: Option<Needs>,
    /// None for a claim that stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<ClaimFamily>,
}

/// A claim among those of its family, corrected for how many there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimFamily {
    pub name: String,
    /// Claims of the family that could be measured.
    pub claims: usize,
    /// The level at which the claim is decided alone, and corrected by Holm's method.
    pub p: f64,
    pub p_holm: f64,
}

/// What an inconclusive claim lacks, from how intervals narrow with samples and problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// Samples a problem on the same problems; None: no number of samples decides it.
    pub samples: Option<u64>,
    /// Problems like these with as many samples each; None: the effect is 0.
    pub problems: Option<u64>,
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
