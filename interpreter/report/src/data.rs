//! `ReportData`: everything a finished study's report says, as plain data.

use rlx_analysis::{ClaimVerdict, Results};
use serde::{Deserialize, Serialize};

/// A finished study. Two equal values give the same bytes in every output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportData {
    /// The file's stem, `quickstart`.
    pub name: String,
    /// First line of the doc comment.
    pub title: String,
    /// The whole doc comment, without its `//!`.
    pub doc: String,
    /// The spec as it was written.
    pub source: SpecSource,
    pub profile: Option<ReportProfile>,
    /// What `--set` changed.
    pub overrides: Vec<ReportChange>,
    pub seed: u64,
    /// Every seed that was derived from it, by what it seeds.
    pub seeds: Vec<(String, u64)>,
    /// Figures and tables in the order they are declared.
    pub outputs: Vec<ReportOutput>,
    pub claims: Vec<ClaimVerdict>,
    /// Every model that was used, in the order of declaration: the order gives the colours.
    pub models: Vec<ReportModel>,
    pub evaluations: Vec<EvaluationSettings>,
    /// Problem sets as they were read.
    #[serde(default)]
    pub data: Vec<ReportDataSet>,
    pub steps: Vec<ReportStep>,
    pub machine: Machine,
    /// `rlx`, `libtorch`, …, by name.
    pub versions: Vec<(String, String)>,
    /// Wall time of all steps, in seconds, also those of earlier runs.
    pub wall_seconds: f64,
    pub cost: Cost,
    pub warnings: Vec<String>,
    pub responses: Vec<SampledEvaluation>,
    /// Empty in reports that were made before it was kept.
    #[serde(default)]
    pub identity: Identity,
}

/// What the results were made from: 16 hexadecimal digits each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The key of the plan's last step, which holds what every step means.
    pub plan: String,
    /// Every response, verdict, score and label that was read.
    pub rows: String,
}

/// The `.rlx` file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecSource {
    /// Name as given, `experiments/quickstart.rlx`.
    pub file: String,
    pub text: String,
}

/// The applied profile and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportProfile {
    pub name: String,
    pub changes: Vec<ReportChange>,
}

/// One value that was put in place of another, as rlx writes values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportChange {
    /// `rl.batch`
    pub path: String,
    pub from: Option<String>,
    pub to: String,
}

/// A figure or a table of the study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportOutput {
    pub name: String,
    pub kind: OutputForm,
    pub title: Option<String>,
    pub results: Results,
}

/// How an output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputForm {
    Figure,
    Table,
}

/// A model by the label that the results use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportModel {
    /// `base`, `rl@150`
    pub label: String,
    pub role: ModelRole,
    /// `hf:Qwen/Qwen2.5-7B@…`, a path, or `GRPO from base, step 150`.
    pub source: String,
    /// Content key of the weights.
    pub key: String,
}

/// Where a model comes from; decides its colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelRole {
    /// It existed before the study.
    Given,
    /// A checkpoint of a `train` (reinforcement learning or supervised).
    Trained { training: String, step: u64 },
    /// A checkpoint of a `distill`.
    Distilled { training: String, step: u64 },
}

/// A problem set by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportDataSet {
    pub name: String,
    pub problems: u64,
    /// Of ids, texts and answers.
    pub hash: String,
}

/// How an evaluation sampled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationSettings {
    pub name: String,
    pub benchmark: String,
    pub problems: usize,
    /// Samples a problem.
    pub samples: u64,
    /// None while the search that finds it goes on.
    pub temperature: Option<f64>,
    /// The search that found the temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_by: Option<String>,
    pub top_p: f64,
    pub max_tokens: u64,
    /// Models whose responses lie in a file: nobody here knows how they were drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<String>,
    /// None of its models was drawn from.
    #[serde(default)]
    pub only_recorded: bool,
}

/// One step of the plan as it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportStep {
    pub name: String,
    /// `done`, `cached`, `failed`, as the run names it.
    pub state: String,
    pub seconds: Option<f64>,
    /// Tokens sampled, scored or trained on.
    pub tokens: Option<u64>,
}

/// What it ran on, and why on that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub device: String,
    pub device_reason: String,
    pub precision: String,
    pub precision_reason: String,
}

/// What the study took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub tokens_sampled: u64,
    pub tokens_trained: u64,
}

/// The problems of one evaluation with what the models answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledEvaluation {
    pub evaluation: String,
    pub problems: Vec<SampledProblem>,
    /// Problems that are not shown at all: the page has a bound.
    #[serde(default)]
    pub left_out: u64,
}

/// One problem with responses of several models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledProblem {
    pub id: String,
    pub prompt: String,
    pub gold: Option<String>,
    /// How each model did on it, in the evaluation's order.
    #[serde(default)]
    pub tallies: Vec<ProblemTally>,
    /// A few of the responses; none where the page would have grown too large.
    pub responses: Vec<SampledResponse>,
}

/// How one model did on one problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemTally {
    /// The model's label.
    pub model: String,
    /// Judged responses, and how many of them are right.
    pub samples: u64,
    pub right: u64,
    /// The most frequent extracted answers, the most frequent first.
    pub answers: Vec<TalliedAnswer>,
}

/// An answer as the judge extracted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TalliedAnswer {
    pub text: String,
    pub count: u64,
    pub correct: bool,
}

/// One response and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledResponse {
    /// The model's label.
    pub model: String,
    /// Which of the n samples.
    pub sample: u64,
    pub text: String,
    /// Characters of it that are not shown.
    #[serde(default)]
    pub cut: u64,
    pub correct: bool,
    /// The judge's word: `correct`, `wrong`, `unparsed`, `truncated`, …
    pub verdict: String,
    pub extracted: Option<String>,
    pub reason: String,
    pub tokens: u64,
}
