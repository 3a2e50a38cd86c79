//! What a run needs from whoever can compute with tensors. `rlx-compute` gives the real thing, tests a scripted one.

use rlx_data::{Picture, RenderedPrompt};
use rlx_language::{Architecture, Divergence, LowRank, Optimizer, Rl, Token};
use rlx_store::Finish;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Something that went wrong while computing.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BackendError {
    /// Stable, for `rlx explain`: `rlx::engine::corrupt`.
    pub code: String,
    /// What and where.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// Where a model's weights are, or how to make them.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelAt {
    /// A Hugging Face directory or a `.gguf` file.
    Path(PathBuf),
    /// The same with a LoRA adapter's folder, merged as it is opened.
    Adapted { base: PathBuf, adapter: PathBuf },
    /// Fresh weights with a tokenizer from a folder.
    Init {
        architecture: Architecture,
        tokenizer: PathBuf,
        seed: u64,
    },
}

/// The device and why it was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// `cpu`, `cuda:0`
    pub device: String,
    /// `fp32`, `bf16`, or `by model` when each model decides.
    pub precision: String,
    /// One sentence a reason.
    pub why: Vec<String>,
    /// Name and version of what computes: (`libtorch`, `2.13.0`).
    pub versions: Vec<(String, String)>,
    /// Operations a second for time estimates: (sampling, training).
    pub speed: (f64, f64),
}

/// Opens models and trains them.
pub trait Backend {
    fn device(&self) -> DeviceReport;

    /// Loads a model for sampling and scoring.
    fn open(&mut self, at: &ModelAt) -> Result<Box<dyn OpenModel>, BackendError>;

    /// Name of a model's tokenizer, as [`OpenModel::tokenizer`] gives it, without loading the weights.
    fn tokenizer(&mut self, at: &ModelAt) -> Result<String, BackendError>;

    /// Runs a training to its end in `job.folder`, from wherever an earlier call was interrupted.
    ///
    /// Leaves `checkpoints/step-NNNNNN/` for every step in `keep` and for the last one, and `metrics.jsonl`.
    fn train(
        &mut self,
        job: TrainJob<'_>,
        observer: &mut dyn FnMut(TrainStepSeen),
    ) -> Result<TrainingEnd, BackendError>;
}

/// A loaded model.
pub trait OpenModel {
    /// Engine, device, precision, threads: goes into every row.
    fn fingerprint(&self) -> String;
    /// Longest sequence in tokens.
    fn context(&self) -> u64;
    /// Equal for two models whose token ids mean the same.
    fn tokenizer(&self) -> String;
    /// Token ids of a prompt; those of its pictures are written out.
    fn encode_prompt(&self, prompt: &RenderedPrompt) -> Result<Vec<u32>, BackendError>;
    /// Token ids of a response; with the end-of-sequence token when `ended`.
    fn encode_response(&self, text: &str, ended: bool) -> Result<Vec<u32>, BackendError>;
    /// Draws every request's rows, however many they are, and hands each over as it ends.
    fn sample(
        &mut self,
        requests: &[Request],
        settings: &Settings,
        listener: &mut Rows<'_>,
    ) -> Result<(), BackendError>;
    /// Log-probability of every response token given what comes before it, at temperature 1.
    fn score(&mut self, pairs: &[Pair]) -> Result<Vec<Vec<f32>>, BackendError>;
}

/// Where rows go while they are drawn.
pub struct Rows<'a> {
    /// Hears of a row that has ended: number of its request, place of its stream there, what was drawn. Returns false
    /// when no more are wanted; the call then ends soon, without an error.
    pub row: &'a mut dyn FnMut(usize, usize, Drawn) -> bool,
    /// Hears the number of new tokens now and then.
    pub tokens: &'a mut dyn FnMut(u64),
}

/// A prompt and the random streams of the rows to draw for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub prompt: Vec<u32>,
    /// In the order of their places in the prompt.
    pub pictures: Vec<Picture>,
    pub streams: Vec<u64>,
}

/// A prompt and a response whose tokens are scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub prompt: Vec<u32>,
    /// In the order of their places in the prompt.
    pub pictures: Vec<Picture>,
    pub response: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub temperature: f64,
    pub top_p: f64,
    pub top_k: Option<u64>,
    /// Tokens less likely than this share of the likeliest one are not drawn.
    pub min_p: Option<f64>,
    pub repetition_penalty: Option<f64>,
    /// Added to the logits of single tokens; a text has to be one token of the model.
    pub logit_bias: Vec<(Token, f64)>,
    /// A response ends when this text appears.
    pub stop: Option<String>,
    pub min_tokens: Option<u64>,
    pub max_tokens: u64,
}

impl Settings {
    /// A response's text without the stop text and what follows it.
    pub fn cut(&self, mut text: String) -> String {
        if let Some(end) = self.stop.as_deref().and_then(|stop| text.find(stop)) {
            text.truncate(end);
        }
        text
    }
}

/// One drawn row.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    pub tokens: Vec<u32>,
    /// Of each drawn token at the sampling temperature, before truncation by top-p.
    pub logprobs: Vec<f32>,
    pub finish: Finish,
    /// The tokens as text, without special tokens, and without the stop text and what follows it.
    pub text: String,
}

/// A problem to train on.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainProblem {
    pub id: String,
    pub prompt: RenderedPrompt,
    /// The raw problem, for the judge.
    pub text: String,
    pub answer: Option<String>,
}

/// A response to imitate.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainExample {
    pub prompt: RenderedPrompt,
    pub response: String,
    /// The response is whole: the end-of-sequence token is learnt too.
    pub ended: bool,
}

/// A training, all of it.
pub struct TrainJob<'a> {
    pub name: String,
    pub start: ModelAt,
    pub folder: PathBuf,
    pub optimizer: Optimizer,
    pub keep: Vec<u64>,
    pub seed: u64,
    /// Low-rank changes are trained in the place of the weights.
    pub lora: Option<LowRank>,
    /// Activations are made again on the way back.
    pub checkpointing: bool,
    pub work: TrainWork<'a>,
}

/// Problems of one step, a pure function of (step, number).
pub type ProblemsOf<'a> = dyn FnMut(u64, usize) -> Result<Vec<TrainProblem>, BackendError> + 'a;
/// Reward of a response: (problem, text, truncated). NaN: it could not be judged and is left out.
pub type Reward<'a> = dyn FnMut(&TrainProblem, &str, bool) -> f64 + 'a;
/// Examples of one step, a pure function of (step, number).
pub type ExamplesOf<'a> = dyn FnMut(u64, usize) -> Result<Vec<TrainExample>, BackendError> + 'a;

#[allow(clippy::large_enum_variant)] // one a training: a box would only be in the way
pub enum TrainWork<'a> {
    Rl {
        algorithm: Rl,
        batch: u64,
        rollouts: u64,
        steps: u64,
        max_tokens: u64,
        problems: &'a mut ProblemsOf<'a>,
        reward: &'a mut Reward<'a>,
    },
    /// A stream of demonstrations.
    Demonstrations {
        batch: u64,
        steps: u64,
        max_tokens: u64,
        examples: &'a mut ExamplesOf<'a>,
    },
    /// A fixed set, shuffled every epoch.
    Responses {
        batch: u64,
        epochs: u64,
        examples: Vec<TrainExample>,
    },
    /// A teacher's distributions.
    Distributions {
        teacher: ModelAt,
        divergence: Divergence,
        batch: u64,
        on: DistilledOn<'a>,
    },
}

/// The responses on which a teacher's distributions are learnt.
pub enum DistilledOn<'a> {
    /// A fixed set, shuffled every epoch.
    Responses {
        epochs: u64,
        examples: Vec<TrainExample>,
    },
    /// The student's own to the problems of each step.
    Own {
        steps: u64,
        sampling: Settings,
        problems: &'a mut ProblemsOf<'a>,
    },
}

/// One finished training step.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainStepSeen {
    pub step: u64,
    pub steps: u64,
    pub tokens: u64,
    /// A few numbers to show: (`reward`, 0.31).
    pub shown: Vec<(String, f64)>,
    /// What the measures warn of, each once.
    pub warnings: Vec<String>,
}

/// How a training ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingEnd {
    pub steps: u64,
    /// Tokens trained on and drawn, by this call and the interrupted ones before it.
    pub tokens: u64,
    pub engine: String,
}
