//! The backend on libtorch: engine and trainer behind the run's traits.

use crate::{failure, model::Loaded, train};
use std::path::Path;

use rlx_cli::DeviceOptions;
use rlx_engine::{
    Config, Family, ImageProcessor, Init, LanguageModel, Rope, RopeScaling, Runtime, Sampler, Tokenizer,
};
use rlx_language::Architecture;
use rlx_run::{
    Backend, BackendError, DeviceReport, ModelAt, OpenModel, TrainJob, TrainStepSeen, TrainingEnd,
};

/// Engine and trainer on one device.
pub(crate) struct Torch {
    pub(crate) runtime: Runtime,
    /// Bytes that a drawing model may take, with its keys and values.
    memory: Option<u64>,
}

/// Chooses the device as the command line asks.
pub(crate) fn open(options: &DeviceOptions) -> Result<Box<dyn Backend>, BackendError> {
    let device = options.device.parse().map_err(failure::engine)?;
    let precision = options
        .precision
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(failure::engine)?;
    let runtime = Runtime::detect(device, precision).map_err(failure::engine)?;
    Ok(Box::new(Torch {
        runtime,
        memory: options.memory,
    }))
}

impl Torch {
    fn open_weights(
        &self,
        path: &Path,
        adapter: Option<&Path>,
    ) -> Result<(LanguageModel, Tokenizer), BackendError> {
        let tokenizer = Tokenizer::open(path).map_err(failure::engine)?;
        let model =
            LanguageModel::open_with_adapter(path, adapter, &self.runtime).map_err(failure::engine)?;
        tokenizer
            .check_fits(&model.config, path)
            .map_err(failure::engine)?;
        Ok((model, tokenizer))
    }

    /// Weights and tokenizer of a model, checked against each other.
    pub(crate) fn load(&self, at: &ModelAt) -> Result<(LanguageModel, Tokenizer), BackendError> {
        match at {
            ModelAt::Path(path) => self.open_weights(path, None),
            ModelAt::Adapted { base, adapter } => self.open_weights(base, Some(adapter)),
            ModelAt::Init {
                architecture,
                tokenizer: folder,
                seed,
            } => {
                let tokenizer = Tokenizer::open(folder).map_err(failure::engine)?;
                let config = fresh(architecture, &tokenizer)?;
                let model = LanguageModel::init(config, &Init::default(), *seed, &self.runtime)
                    .map_err(failure::engine)?;
                Ok((model, tokenizer))
            }
        }
    }
}

/// What weights leave of a budget for keys and values.
fn rest(memory: u64, model: &Sampler) -> Result<usize, BackendError> {
    let weights = model.bytes();
    match memory.checked_sub(weights).filter(|rest| *rest > 0) {
        Some(rest) => Ok(usize::try_from(rest).unwrap_or(usize::MAX)),
        None => Err(BackendError {
            code: "rlx::engine::memory".into(),
            message: format!(
                "the weights alone take {} MiB, and `--memory` gives {} MiB",
                weights >> 20,
                memory >> 20
            ),
            help: Some("give more memory, a smaller model, or `--precision bf16`".into()),
        }),
    }
}

/// The configuration of a model with fresh weights.
fn fresh(architecture: &Architecture, tokenizer: &Tokenizer) -> Result<Config, BackendError> {
    let refuse = |message: String| BackendError {
        code: "rlx::model::architecture".into(),
        message,
        help: Some("mend the `init { … }` record of the model".into()),
    };
    let family = match architecture.family.as_str() {
        "qwen2" => Family::Qwen2,
        "llama" => Family::Llama,
        "qwen3" => Family::Qwen3,
        other => {
            return Err(refuse(format!(
                "a model of family `{other}` cannot be initialised"
            )));
        }
    };
    if architecture.heads == 0 || !architecture.hidden.is_multiple_of(architecture.heads) {
        let (hidden, heads) = (architecture.hidden, architecture.heads);
        return Err(refuse(format!(
            "hidden = {hidden} cannot be divided among heads = {heads}"
        )));
    }
    Ok(Config {
        family,
        vocab: tokenizer.vocab_size() as i64,
        hidden: architecture.hidden as i64,
        layers: architecture.layers as i64,
        heads: architecture.heads as i64,
        kv_heads: architecture.kv_heads as i64,
        head_dim: (architecture.hidden / architecture.heads) as i64,
        ff: architecture.feed_forward as i64,
        eps: architecture.norm_epsilon,
        rope: Rope {
            theta: architecture.rope_theta,
            scaling: RopeScaling::Default,
        },
        tied: architecture.tied,
        qkv_bias: family == Family::Qwen2,
        o_bias: false,
        mlp_bias: false,
        bos: None,
        eos: tokenizer.eos_ids().to_vec(),
        context: architecture.context as i64,
        sliding: None,
        vision: None,
    })
}

impl Backend for Torch {
    fn device(&self) -> DeviceReport {
        let cuda = self.runtime.device.is_cuda();
        DeviceReport {
            device: self.runtime.device_name(),
            precision: self
                .runtime
                .precision
                .map_or_else(|| "by model".to_owned(), |precision| precision.to_string()),
            why: self.runtime.why.clone(),
            versions: vec![(
                "libtorch".into(),
                option_env!("RLX_LIBTORCH_VERSION")
                    .unwrap_or("unknown")
                    .to_owned(),
            )],
            // Sustained by libtorch in this work, roughly: an estimate for plans, not a promise.
            speed: if cuda { (1.0e14, 1.5e14) } else { (2.0e11, 1.5e11) },
        }
    }

    fn open(&mut self, at: &ModelAt) -> Result<Box<dyn OpenModel>, BackendError> {
        let (model, tokenizer) = self.load(at)?;
        let pictures = match (at, &model.config.vision) {
            (ModelAt::Path(path) | ModelAt::Adapted { base: path, .. }, Some(_)) if path.is_dir() => {
                Some(ImageProcessor::open(path).map_err(failure::engine)?)
            }
            _ => None,
        };
        let model = model.into_sampler().map_err(failure::engine)?;
        let cache_bytes = self.memory.map(|memory| rest(memory, &model)).transpose()?;
        Ok(Box::new(Loaded {
            cache_bytes,
            pictures,
            model,
            tokenizer,
            runtime: self.runtime.clone(),
        }))
    }

    fn tokenizer(&mut self, at: &ModelAt) -> Result<String, BackendError> {
        let (ModelAt::Path(path)
        | ModelAt::Adapted { base: path, .. }
        | ModelAt::Init { tokenizer: path, .. }) = at;
        Ok(Tokenizer::open(path).map_err(failure::engine)?.fingerprint())
    }

    fn train(
        &mut self,
        job: TrainJob<'_>,
        observer: &mut dyn FnMut(TrainStepSeen),
    ) -> Result<TrainingEnd, BackendError> {
        train::run(self, job, observer)
    }
}
