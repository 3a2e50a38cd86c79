//! `Study`: the meaning of a file. Flat, fully resolved, every value with its origin. No later phase looks at syntax.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A whole study, after imports, profile and `--set` were applied and every constraint was checked.
/// Maps keep the order of declaration; only what the study's results need is in them.
#[derive(Debug, Clone, Serialize)]
pub struct Study {
    /// The file's stem; names the results folder.
    pub name: String,
    /// First sentence of the `//!` doc, or the name.
    pub title: String,
    /// The whole `//!` doc.
    pub doc: String,
    pub seed: u64,
    pub models: IndexMap<String, Model>,
    pub problem_sets: IndexMap<String, ProblemSet>,
    pub algorithms: IndexMap<String, Algorithm>,
    /// `train` and `distill`, each after what it starts from.
    pub trainings: IndexMap<String, Training>,
    pub evaluations: IndexMap<String, Evaluation>,
    pub outputs: IndexMap<String, Output>,
    pub claims: IndexMap<String, Claim>,
    /// The profile that was applied, with what it changed.
    pub profile: Option<AppliedProfile>,
    /// What `--set` changed.
    pub overrides: Vec<Change>,
    /// Every value by its dotted path (`rl.batch`), written or defaulted.
    pub origins: IndexMap<String, Leaf>,
}

/// A model that exists before the study: on the hub, in a folder or file, freshly initialised, or only heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub name: String,
    pub source: ModelSource,
    /// The folder of a LoRA adapter that is merged into the weights, joined as paths of `source` are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// Longest sequence in tokens, prompt and response together, where the declaration states it.
    pub context: Option<u64>,
    /// Number of parameters, for cost estimates, where stated.
    pub parameters: Option<u64>,
    /// The tokenizer's family, for the check of logit distillation and for reports.
    pub vocabulary: Option<u64>,
    /// SPDX identifier: whether a package may pass the weights on.
    pub licence: Option<String>,
    /// It reads pictures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vision: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelSource {
    /// `hf:org/name@revision`
    Hub { repo: String, revision: String },
    /// A Hugging Face directory or a `.gguf` file; relative paths are relative to the file that declares them
    /// and are already joined with its folder here.
    Path { path: String },
    /// Fresh weights: `source = init { family = qwen2, hidden = 128, … }`.
    Init {
        architecture: Architecture,
        tokenizer: String,
        seed: u64,
    },
    /// Responses that were drawn elsewhere: `source = responses { file = "./r1.jsonl" }`.
    Responses { recorded: crate::Recorded },
    /// A server that draws responses: `source = endpoint { url = "https://…/v1", model = "…" }`.
    Endpoint { endpoint: crate::Endpoint },
}

/// Sizes of a freshly initialised decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// `qwen2` or `llama`
    pub family: String,
    pub hidden: u64,
    pub layers: u64,
    pub heads: u64,
    pub kv_heads: u64,
    pub feed_forward: u64,
    pub context: u64,
    pub rope_theta: f64,
    pub norm_epsilon: f64,
    pub tied: bool,
}

/// A model that is used: one that exists before, or a checkpoint of a training of this study.
/// Step 0 of a training is its end, for a `distill`: how many steps it takes is known only when the
/// teacher's responses are drawn and filtered. A `train` is always named by a kept step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelRef {
    Model { name: String },
    Checkpoint { training: String, step: u64 },
}

/// Problems with checkable answers: a `data` declaration (training) or a `benchmark`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemSet {
    pub name: String,
    pub source: ProblemSource,
    /// Column that holds the problem's text.
    pub problem: String,
    /// Column that holds the gold answer.
    pub answer: Option<String>,
    /// Column with a worked response to imitate (supervised training).
    pub response: Option<String>,
    /// Column with a stable id; else the row's number.
    pub id: Option<String>,
    pub prompt: Prompt,
    pub judge: Judge,
    /// At most this many problems (after `skip`).
    pub limit: Option<u64>,
    pub skip: u64,
    /// The published number of problems.
    pub size: Option<u64>,
    /// Another problem set whose problems must not occur in this one.
    pub exclude: Vec<String>,
    /// SPDX identifier: whether a package may pass the content on.
    pub licence: Option<String>,
    /// Rows for which it does not hold are left out, before everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<crate::Filter>,
    /// Seed of the order in which rows are taken, before `skip` and `limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<u64>,
    /// Only problems that an evaluation puts into this set, after everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<ProblemsExpr>,
    /// Columns with pictures, of which the first that a row has counts; none where problems are text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image: Vec<String>,
    /// Column with the decimal places to which answers are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// Only with `judge = code`; its `answer` is the column with the tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeColumns>,
    /// Only with `judge = command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<JudgeProgram>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProblemSource {
    /// `hf:org/name@revision`, with configuration and split.
    Hub {
        repo: String,
        revision: String,
        config: Option<String>,
        split: String,
    },
    /// JSON lines, joined with the folder of the declaring file.
    Path { path: String },
    /// A procedural family: `source = countdown { … }`. Options are part of the meaning.
    Task {
        task: String,
        options: IndexMap<String, f64>,
        seed: u64,
    },
}

/// How a problem becomes a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Text with `{problem}` in it.
    pub template: String,
    /// Wrapped in the model's own chat template.
    pub chat: bool,
    pub system: Option<String>,
    /// Worked examples before the problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<PromptExample>,
    /// What the assistant's turn begins with; the judge reads it before the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<String>,
}

/// A worked example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptExample {
    pub problem: String,
    pub response: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// The last number equals the gold number.
    Number,
    /// `\boxed{}` or final answer, mathematical equality.
    Math,
    /// The rules of the paper's repository, quirks included.
    MathPaper,
    /// The letter chosen is the gold letter.
    Choice,
    /// The final answer is the gold answer's text.
    Exact,
    /// A countdown solution is checked step by step.
    Countdown,
    /// A program is run against its tests.
    Code,
    /// A program of the user's own says.
    Command,
}

impl Judge {
    /// All judges.
    pub const ALL: [Judge; 8] = [
        Judge::Number,
        Judge::Math,
        Judge::MathPaper,
        Judge::Choice,
        Judge::Exact,
        Judge::Countdown,
        Judge::Code,
        Judge::Command,
    ];

    /// The judge of this name in the language.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|judge| judge.name() == name)
    }

    /// As the language writes it.
    pub fn name(self) -> &'static str {
        match self {
            Judge::Number => "number",
            Judge::Math => "math",
            Judge::MathPaper => "math_paper",
            Judge::Choice => "choice",
            Judge::Exact => "exact",
            Judge::Countdown => "countdown",
            Judge::Code => "code",
            Judge::Command => "command",
        }
    }
}

/// What a problem set says of problems that ask for a program, beside the column with the tests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CodeColumns {
    /// Column with source that runs before the program.
    pub setup: Option<String>,
    /// Column with the name of the function that is asked for.
    pub entry_point: Option<String>,
    /// Column with the code that the problem gives to begin with.
    pub starter_code: Option<String>,
    /// Column with further tests, plain or as LiveCodeBench packs its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
    /// Responses continue the problem's text, instead of answering it.
    pub completion: bool,
    /// Seconds of CPU time of a program, where the judge's own limit is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// Bytes of its memory, where the judge's own limit is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

/// A program of the user's own that judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeProgram {
    /// Python source, joined with the folder of the declaring file.
    pub path: String,
    /// Seconds of CPU time a response, where the sandbox's own limit is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// Bytes of its memory, where the sandbox's own limit is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Algorithm {
    pub name: String,
    pub method: Method,
    pub optimizer: Optimizer,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)] // a handful a study: a box would only be in the way
pub enum Method {
    Sft,
    Rl(Rl),
}

/// Policy gradients on rewards, as a composition of parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rl {
    pub baseline: Baseline,
    pub normalize_std: bool,
    pub epsilon: f64,
    /// Advantages are whitened over the tokens of the batch.
    pub whiten: bool,
    pub gamma: f64,
    pub lambda: f64,
    /// With `Baseline::Critic`, and only there.
    pub critic: Option<Critic>,
    pub loss: PolicyLoss,
    pub clip_low: f64,
    pub clip_high: f64,
    pub dual_clip: Option<f64>,
    pub ceiling: Option<f64>,
    pub aggregation: Aggregation,
    /// Divisor of `seq_mean_token_sum_norm`, in tokens.
    pub loss_length: Option<u64>,
    pub kl: Option<Kl>,
    pub entropy_bonus: f64,
    /// Passes over a batch of rollouts.
    pub updates: u64,
    /// Prompts an optimiser update; `None`: all of the step's.
    pub mini_batch: Option<u64>,
    /// Batches of prompts that a step may draw where groups of equal rewards are left out.
    pub dynamic_sampling: Option<u64>,
    pub overlong: Option<Overlong>,
    pub mask_truncated: bool,
    pub format: Option<FormatReward>,
    pub correction: Option<Correction>,
    pub temperature: f64,
    pub top_p: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    GroupMean,
    LeaveOneOut,
    Greedy,
    Critic,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyLoss {
    Clip,
    Sequence,
    Cispo,
}

/// The value network of PPO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Critic {
    pub optimizer: Optimizer,
    pub clip: Option<f64>,
    pub warmup: u64,
}

/// DAPO's punishment of responses near the length limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overlong {
    /// Tokens before the limit.
    pub buffer: u64,
    pub factor: f64,
}

/// A reward for a response that matches a regular expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormatReward {
    pub pattern: String,
    pub reward: f64,
}

/// Rollout correction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// `token`, `sequence`
    pub weights: Option<String>,
    pub low: Option<f64>,
    pub high: f64,
    pub normalize: bool,
    /// verl's name of a criterion: `seq_mean_k3`.
    pub reject: Option<String>,
    pub reject_low: Option<f64>,
    pub reject_high: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    TokenMean,
    TokenSum,
    SeqMeanTokenSum,
    SeqMeanTokenMean,
    SeqMeanTokenSumNorm,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kl {
    /// `k1`, `k2`, `k3`, `abs`
    pub estimator: String,
    pub coefficient: f64,
    /// Taken off the rewards instead of added to the loss.
    pub in_reward: bool,
    /// The gradient is that of k2.
    pub straight_through: bool,
    /// Target and horizon of an adaptive coefficient.
    pub adaptive: Option<[f64; 2]>,
}

/// How a gradient becomes a change of the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateRule {
    #[default]
    AdamW,
    Adafactor,
}

impl UpdateRule {
    fn is_adamw(&self) -> bool {
        *self == Self::AdamW
    }
}

/// Low-rank changes in the place of the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LowRank {
    pub rank: u64,
    pub alpha: f64,
    pub targets: LowRankTargets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LowRankTargets {
    All,
    Attention,
    FeedForward,
}

fn usual_skip_limit() -> u64 {
    5
}

fn is_usual_skip_limit(limit: &u64) -> bool {
    *limit == usual_skip_limit()
}

/// The optimiser and its schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    // Not written where usual, so that keys of studies without it stay what they are.
    #[serde(default, skip_serializing_if = "UpdateRule::is_adamw")]
    pub rule: UpdateRule,
    pub learning_rate: f64,
    pub betas: [f64; 2],
    pub epsilon: f64,
    pub weight_decay: f64,
    pub clip_norm: Option<f64>,
    pub warmup: u64,
    /// `constant`, `linear` or `cosine`
    pub schedule: Schedule,
    /// What the schedule ends at, as a share of `learning_rate`.
    pub floor: f64,
    /// Updates in a row that are not finite, at which the training stops. No part of what a training means.
    #[serde(default = "usual_skip_limit", skip_serializing_if = "is_usual_skip_limit")]
    pub skip_limit: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    Constant,
    Linear,
    Cosine,
}

/// A `train` or a `distill`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    pub name: String,
    pub start: ModelRef,
    /// A key of `Study::problem_sets`.
    pub data: String,
    pub recipe: Recipe,
    pub optimizer: Optimizer,
    /// Steps (optimiser batches) whose checkpoints are kept, ascending; the last step is always among them.
    /// Empty for a `distill`, which keeps its end (step 0 of a [`ModelRef`]).
    pub keep: Vec<u64>,
    pub seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LowRank>,
    /// Activations are made again on the way back. No part of what a training means.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpointing: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)] // a handful a study: a box would only be in the way
pub enum Recipe {
    /// Reinforcement learning with verifiable rewards.
    Rl {
        algorithm: Rl,
        /// Prompts a step.
        batch: u64,
        /// Samples a prompt.
        rollouts: u64,
        steps: u64,
        /// Tokens a rollout.
        max_tokens: u64,
    },
    /// Supervised fine-tuning on the data's own responses.
    Sft { batch: u64, steps: u64, max_tokens: u64 },
    /// Learning from a teacher.
    Distill {
        teacher: ModelRef,
        /// Prompts taken from the data (None: all of it).
        prompts: Option<u64>,
        /// Responses a prompt.
        samples: u64,
        sampling: Sampling,
        /// Only responses that the judge calls right.
        only_correct: bool,
        epochs: u64,
        batch: u64,
        /// The teacher's distributions are learnt, not its responses alone.
        divergence: Option<Divergence>,
    },
}

/// Logit distillation: the generalised Jensen-Shannon divergence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// 0: forward KL(teacher || student), 1: reverse.
    pub beta: f64,
    /// Temperature of both distributions.
    pub temperature: f64,
    /// Responses are drawn by the student as it learns; the teacher draws none.
    pub on_policy: bool,
}

/// A token: its number, or a text that the model's tokenizer writes as one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Token {
    Id(u64),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    pub temperature: f64,
    pub top_p: f64,
    pub top_k: Option<u64>,
    // Not written where absent, so that keys of studies without them stay what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logit_bias: Vec<(Token, f64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_tokens: Option<u64>,
    pub max_tokens: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub name: String,
    pub models: Vec<ModelRef>,
    /// A key of `Study::problem_sets`.
    pub benchmark: String,
    pub sampling: Sampling,
    /// Samples a problem, joined ones too.
    pub samples: u64,
    pub seed: u64,
    /// Evaluations whose samples count here, too, in their order; none of them is joined with others itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Joined>,
}

/// Samples of another evaluation, drawn from another seed and alike in everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    pub evaluation: String,
    /// Samples a problem that it draws itself.
    pub samples: u64,
    pub seed: u64,
}

impl Evaluation {
    /// Samples a problem that are drawn for this evaluation itself.
    pub fn own_samples(&self) -> u64 {
        let joined: u64 = self.joined.iter().map(|part| part.samples).sum();
        self.samples.saturating_sub(joined)
    }

    /// Whose samples count: its own first, each with how many there are and the number of its first one.
    pub fn parts(&self) -> Vec<(&str, u64, u64)> {
        let mut parts = vec![(self.name.as_str(), self.own_samples(), 0)];
        let mut from = self.own_samples();
        for part in &self.joined {
            parts.push((&part.evaluation, part.samples, from));
            from = from.saturating_add(part.samples);
        }
        parts
    }
}

/// A figure or a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
    pub kind: OutputKind,
    pub title: Option<String>,
    pub query: Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    Figure,
    Table,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "query", rename_all = "snake_case")]
pub enum Query {
    /// `pass_at_k(aime, k = 1..n by *2, of = [base, rl@*])`; `of` defaults to all models of the evaluation.
    PassAtK {
        evaluation: String,
        of: Vec<ModelRef>,
        k: Vec<u64>,
        /// The figure's vertical axis gives its upper part most of the room.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        folded: bool,
    },
    /// `delta_se(aime, of = rl@*, against = base, k = 256)`: pass@k of the base minus pass@1 of the model.
    DeltaSe {
        evaluation: String,
        of: Vec<ModelRef>,
        against: ModelRef,
        k: u64,
    },
    /// `subset(aime, of = rl@450, within = base)`
    Subset {
        evaluation: String,
        of: Vec<ModelRef>,
        within: ModelRef,
    },
    /// `perplexity(aime, of = [base, rl@450], under = [base], correct = true)`
    Perplexity {
        evaluation: String,
        of: Vec<ModelRef>,
        under: Vec<ModelRef>,
        only_correct: bool,
    },
    /// `summary(aime)`: pass@1, solved share, lengths, truncation, verdict counts a model.
    Summary { evaluation: String, of: Vec<ModelRef> },
    /// `training(rl)`: reward, length, entropy … over steps.
    Training { trainings: Vec<String> },
    /// `accuracy(aime)`: how many problems have which accuracy c/n, in the twelve bins of "limit of RLVR".
    Accuracy { evaluation: String, of: Vec<ModelRef> },
    /// `coverage(aime)`: which problems each model solves, and how often.
    Coverage { evaluation: String, of: Vec<ModelRef> },
    /// `solved(aime)`: the solved problems by their places in the benchmark, and what each model lacks of the first.
    Solved { evaluation: String, of: Vec<ModelRef> },
    /// `crossing(aime, of = rl@*, against = base)`: from which k on `against` leads.
    Crossing {
        evaluation: String,
        of: Vec<ModelRef>,
        against: ModelRef,
    },
    /// `lengths(aime)`: tokens a response, of right and of wrong ones, and the share cut at `max_tokens`.
    Lengths { evaluation: String, of: Vec<ModelRef> },
    /// `entropy(aime)`: of the drawn tokens, at the temperature they were drawn at.
    Entropy { evaluation: String, of: Vec<ModelRef> },
    /// `majority(aime, k = 1..n by *2)`: how often the commonest answer of k samples is right.
    Majority {
        evaluation: String,
        of: Vec<ModelRef>,
        k: Vec<u64>,
    },
    /// `best_of(aime, under = base, k = 1..n by *2)`: how often the likeliest of k samples under `under` is right.
    BestOf {
        evaluation: String,
        of: Vec<ModelRef>,
        by: ModelRef,
        k: Vec<u64>,
    },
    /// `best_judged(aime, judge = exact, k = 1..n by *2)`: how often one of k samples is right that another judge accepts.
    BestJudged {
        evaluation: String,
        of: Vec<ModelRef>,
        by: Judge,
        k: Vec<u64>,
    },
    /// `compare(aime, of = rl@*, against = base, k = [1, 256])`: differences in pass@k, corrected for their number.
    Compare {
        evaluation: String,
        of: Vec<ModelRef>,
        against: ModelRef,
        k: Vec<u64>,
    },
    /// `beside(measured = pass(…), published = published(…))`: measured numbers beside published ones.
    Beside { rows: Vec<BesideRow> },
    /// `disagreements(aime, judge = math_paper)`: responses on which the benchmark's judge and another one differ.
    Disagreements {
        evaluation: String,
        of: Vec<ModelRef>,
        by: Judge,
    },
}

/// One number that was measured, and one that somebody published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BesideRow {
    /// As it was written.
    pub label: String,
    pub measured: Quantity,
    pub published: Quantity,
}

/// A statement over measured quantities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub name: String,
    /// The sentence in quotes.
    pub statement: String,
    pub condition: Condition,
    /// The expression as it was written, on one line.
    pub text: String,
    /// Confidence of the verdict, 0.95 unless said.
    pub confidence: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Condition {
    Compare {
        comparison: Comparison,
        left: Quantity,
        right: Quantity,
    },
    And {
        left: Box<Condition>,
        right: Box<Condition>,
    },
    Or {
        left: Box<Condition>,
        right: Box<Condition>,
    },
    Not {
        condition: Box<Condition>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// A number that is measured. Shares and probabilities are in 0..=1 (`5%` is 0.05).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Quantity {
    Number {
        value: f64,
    },
    /// `pass(aime, base, k = 256)`
    Pass {
        evaluation: String,
        model: ModelRef,
        k: u64,
    },
    /// `delta_se(aime, of = rl@450, against = base, k = 256)`
    DeltaSe {
        evaluation: String,
        of: ModelRef,
        against: ModelRef,
        k: u64,
    },
    /// `perplexity(aime, of = rl@450, under = base)`: the median over responses.
    Perplexity {
        evaluation: String,
        of: ModelRef,
        under: ModelRef,
        only_correct: bool,
    },
    /// `crossing(aime, of = rl@450, against = base)`: the k from which on `against` leads; n + 1 where it never does.
    Crossing {
        evaluation: String,
        of: ModelRef,
        against: ModelRef,
    },
    /// `majority(aime, base, k = 64)`
    Majority {
        evaluation: String,
        model: ModelRef,
        k: u64,
    },
    /// `best_of(aime, rl@450, under = base, k = 64)`
    BestOf {
        evaluation: String,
        model: ModelRef,
        by: ModelRef,
        k: u64,
    },
    /// `length(aime, base)`: mean tokens a response.
    Length {
        evaluation: String,
        model: ModelRef,
    },
    /// `truncated(aime, base)`: share of responses cut at `max_tokens`.
    Truncated {
        evaluation: String,
        model: ModelRef,
    },
    /// `entropy(aime, base)`: nats a drawn token, at the sampling temperature.
    Entropy {
        evaluation: String,
        model: ModelRef,
    },
    /// `logged(rl, entropy, step = 10)`: what a training logged; without `step` at its end.
    Logged {
        training: String,
        metric: String,
        step: Option<u64>,
    },
    /// `published(NAME, k = 256)`: a number that somebody published, with the name it was read from.
    Published {
        value: f64,
        source: String,
    },
    /// `max(…)`, `min(…)` over a list.
    Largest {
        of: Vec<Quantity>,
    },
    Smallest {
        of: Vec<Quantity>,
    },
    /// `contained(set, within = other)`: the share of the set's problems that the other has, too.
    Contained {
        set: Box<ProblemsExpr>,
        within: Box<ProblemsExpr>,
    },
    /// `share(set)`: of all problems of the evaluation.
    Share {
        set: ProblemsExpr,
    },
    /// `count(set)`
    Count {
        set: ProblemsExpr,
    },
    Add {
        left: Box<Quantity>,
        right: Box<Quantity>,
    },
    Subtract {
        left: Box<Quantity>,
        right: Box<Quantity>,
    },
    Multiply {
        left: Box<Quantity>,
        right: Box<Quantity>,
    },
    Divide {
        left: Box<Quantity>,
        right: Box<Quantity>,
    },
}

/// A set of problems of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProblemsExpr {
    /// `solved(aime, base)`: at least one right sample.
    Solved { evaluation: String, model: ModelRef },
    /// `accuracy(aime, base, above = 0%, most = 5%)`: problems with `above` < c/n ≤ `most`; with `above` = −1 also c = 0.
    Accuracy {
        evaluation: String,
        model: ModelRef,
        above: f64,
        most: f64,
    },
    Union {
        left: Box<ProblemsExpr>,
        right: Box<ProblemsExpr>,
    },
    Intersection {
        left: Box<ProblemsExpr>,
        right: Box<ProblemsExpr>,
    },
    Difference {
        left: Box<ProblemsExpr>,
        right: Box<ProblemsExpr>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppliedProfile {
    pub name: String,
    pub changes: Vec<Change>,
}

/// A value that a profile or `--set` put in place of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub path: String,
    pub from: Option<String>,
    pub to: String,
}

/// One value of the elaborated study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// As rlx would write it.
    pub value: String,
    pub unit: Option<String>,
    pub origin: Origin,
    /// What the value replaced, nearest first.
    pub overrode: Vec<Origin>,
    /// The names behind which the value was found, from the field on: `n` for `samples = n`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<Through>,
}

/// A name on the way from a field to its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Through {
    pub name: String,
    /// Where its value is written.
    pub origin: Origin,
    /// What that replaced.
    pub overrode: Vec<Origin>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Written in a file (name as given or `std/models.rlx`), 1-based line and column.
    Written {
        file: String,
        line: usize,
        column: usize,
    },
    /// The schema's default.
    Default,
    Profile {
        name: String,
        file: String,
        line: usize,
        column: usize,
    },
    Set {
        text: String,
    },
}

impl Quantity {
    /// The models whose responses it counts, by evaluation, each once.
    pub fn models(&self) -> Vec<(&str, &ModelRef)> {
        let mut found = Vec::new();
        self.collect_models(&mut found);
        found
    }

    fn collect_models<'q>(&'q self, found: &mut Vec<(&'q str, &'q ModelRef)>) {
        let mut see = |evaluation: &'q String, model: &'q ModelRef| {
            if !found.contains(&(evaluation.as_str(), model)) {
                found.push((evaluation, model));
            }
        };
        match self {
            Quantity::Number { .. } | Quantity::Published { .. } | Quantity::Logged { .. } => {}
            Quantity::Pass {
                evaluation, model, ..
            }
            | Quantity::Majority {
                evaluation, model, ..
            }
            | Quantity::BestOf {
                evaluation, model, ..
            }
            | Quantity::Length { evaluation, model }
            | Quantity::Truncated { evaluation, model }
            | Quantity::Entropy { evaluation, model } => see(evaluation, model),
            Quantity::Perplexity { evaluation, of, .. } => see(evaluation, of),
            Quantity::DeltaSe {
                evaluation,
                of,
                against,
                ..
            }
            | Quantity::Crossing {
                evaluation,
                of,
                against,
            } => {
                see(evaluation, of);
                see(evaluation, against);
            }
            Quantity::Largest { of } | Quantity::Smallest { of } => {
                of.iter().for_each(|quantity| quantity.collect_models(found));
            }
            Quantity::Share { set } | Quantity::Count { set } => set.collect_models(found),
            Quantity::Contained { set, within } => {
                set.collect_models(found);
                within.collect_models(found);
            }
            Quantity::Add { left, right }
            | Quantity::Subtract { left, right }
            | Quantity::Multiply { left, right }
            | Quantity::Divide { left, right } => {
                left.collect_models(found);
                right.collect_models(found);
            }
        }
    }

    /// The scores it needs: evaluation, whose responses, under which model; each once.
    pub fn scores(&self) -> Vec<(&str, &ModelRef, &ModelRef)> {
        match self {
            Quantity::Perplexity {
                evaluation,
                of,
                under,
                ..
            } => vec![(evaluation, of, under)],
            Quantity::BestOf {
                evaluation,
                model,
                by,
                ..
            } => vec![(evaluation, model, by)],
            Quantity::Largest { of } | Quantity::Smallest { of } => {
                of.iter().flat_map(Quantity::scores).collect()
            }
            Quantity::Add { left, right }
            | Quantity::Subtract { left, right }
            | Quantity::Multiply { left, right }
            | Quantity::Divide { left, right } => left.scores().into_iter().chain(right.scores()).collect(),
            Quantity::Number { .. }
            | Quantity::Pass { .. }
            | Quantity::DeltaSe { .. }
            | Quantity::Crossing { .. }
            | Quantity::Majority { .. }
            | Quantity::Length { .. }
            | Quantity::Truncated { .. }
            | Quantity::Entropy { .. }
            | Quantity::Logged { .. }
            | Quantity::Published { .. }
            | Quantity::Contained { .. }
            | Quantity::Share { .. }
            | Quantity::Count { .. } => Vec::new(),
        }
    }
}

impl ProblemsExpr {
    /// The models whose responses it counts, by evaluation, each once.
    pub fn models(&self) -> Vec<(&str, &ModelRef)> {
        let mut found = Vec::new();
        self.collect_models(&mut found);
        found
    }

    fn collect_models<'q>(&'q self, found: &mut Vec<(&'q str, &'q ModelRef)>) {
        match self {
            ProblemsExpr::Solved { evaluation, model }
            | ProblemsExpr::Accuracy {
                evaluation, model, ..
            } => {
                if !found.contains(&(evaluation.as_str(), model)) {
                    found.push((evaluation, model));
                }
            }
            ProblemsExpr::Union { left, right }
            | ProblemsExpr::Intersection { left, right }
            | ProblemsExpr::Difference { left, right } => {
                left.collect_models(found);
                right.collect_models(found);
            }
        }
    }
}

impl ModelRef {
    /// `base`, `rl@150`, `student`.
    pub fn label(&self) -> String {
        match self {
            ModelRef::Model { name } => name.clone(),
            ModelRef::Checkpoint { training, step: 0 } => training.clone(),
            ModelRef::Checkpoint { training, step } => format!("{training}@{step}"),
        }
    }
}
