//! A model made ready to draw and to score, again and again.

use tch::Device;

use crate::cpu::{Network, Path};
use crate::layers::Weights;
use crate::sample::{self, Order};
use crate::score;
use crate::{
    Completion, Config, EngineError, LanguageModel, Precision, Progress, SampleOptions, SampleRequest,
    SamplingParams, Score, ScoreRequest,
};

/// A model whose weights lie as drawing and scoring read them.
///
/// [`crate::sample_each`] and [`crate::score_each`] make one for a single call, which is right for weights that change.
/// Weights that stay are better given away with [`LanguageModel::into_sampler`]: they are packed once, and the tensors
/// they came in are let go.
pub struct Sampler {
    config: Config,
    precision: Precision,
    device: Device,
    work: Work,
}

enum Work {
    Fp32(Box<Network<f32>>),
    Bf16(Box<Network<half::bf16>>),
    /// Tensor operations.
    Device(Box<LanguageModel>),
}

impl LanguageModel {
    /// Packs the weights for drawing and scoring, layer by layer, and lets the tensors go.
    pub fn into_sampler(self) -> Result<Sampler, EngineError> {
        let (config, precision, device) = (self.config.clone(), self.precision(), self.device());
        let pack = |model: Self| Sampler::pack(config.clone(), precision, model.weights);
        let work = if device == Device::Cpu {
            pack(self)?
        } else if self.is_fused() {
            Work::Device(Box::new(self))
        } else {
            Work::Device(Box::new(self.to_inference(precision)?))
        };
        Ok(Sampler {
            config,
            precision,
            device,
            work,
        })
    }
}

impl Sampler {
    /// Of a model that stays as it is.
    pub(crate) fn of(model: &LanguageModel) -> Result<Self, EngineError> {
        model.shallow().into_sampler()
    }

    fn pack(config: Config, precision: Precision, weights: Weights) -> Result<Work, EngineError> {
        let threads = sample::threads(None);
        Ok(match precision {
            Precision::Fp32 => Work::Fp32(Box::new(Network::new(&config, weights, threads, Path::detect())?)),
            Precision::Bf16 => Work::Bf16(Box::new(Network::new(&config, weights, threads, Path::detect())?)),
        })
    }

    /// The model's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Number format of the weights.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes of the weights.
    pub fn bytes(&self) -> u64 {
        let each = match self.precision {
            Precision::Fp32 => 4,
            Precision::Bf16 => 2,
        };
        self.config.parameters().saturating_mul(each)
    }

    /// Where the weights live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// As [`crate::sample_each`].
    pub fn sample_each(
        &mut self,
        requests: &[SampleRequest],
        params: &SamplingParams,
        options: &SampleOptions<'_>,
        row: &mut dyn FnMut(usize, usize, Completion),
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<(), EngineError> {
        sample::check(&self.config, requests, params)?;
        let order = Order {
            requests,
            params,
            options,
        };
        match &mut self.work {
            Work::Fp32(network) => sample::on_cpu(network, &order, row, progress),
            Work::Bf16(network) => sample::on_cpu(network, &order, row, progress),
            Work::Device(model) => crate::decode::on_device(model, &order, row, progress),
        }
    }

    /// As [`crate::score_each`].
    pub fn score_each(
        &mut self,
        pairs: &[ScoreRequest],
        temperature: f64,
        entropy: bool,
        cache_bytes: Option<usize>,
    ) -> Result<Vec<Score>, EngineError> {
        score::check(&self.config, pairs, temperature)?;
        let scores = match &mut self.work {
            Work::Fp32(network) => score::on_cpu(network, pairs, temperature, entropy, cache_bytes)?,
            Work::Bf16(network) => score::on_cpu(network, pairs, temperature, entropy, cache_bytes)?,
            Work::Device(model) => score::on_device(model, pairs, temperature, entropy)?,
        };
        score::all_finite(scores)
    }
}
