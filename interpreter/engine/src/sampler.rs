//! A model made ready to draw and to score, again and again.

use tch::Device;

use crate::cpu::{Network, Path};
use crate::layers::Weights;
use crate::sample::{self, Order};
use crate::score;
use crate::vision::{self, Album, Sight};
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
    /// What reads pictures for a packed network.
    sight: Option<Sight>,
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
    pub fn into_sampler(mut self) -> Result<Sampler, EngineError> {
        let (config, precision, device) = (self.config.clone(), self.precision(), self.device());
        let mut sight = None;
        let work = if device == Device::Cpu {
            if let (Some(tower), Some(vision)) = (self.weights.tower.take(), &config.vision) {
                sight = Some(Sight {
                    tower,
                    vision: vision.clone(),
                    rope: config.rope.clone(),
                    head_dim: config.head_dim,
                });
            }
            Sampler::pack(config.clone(), precision, self.weights)?
        } else if self.is_fused() {
            Work::Device(Box::new(self))
        } else {
            Work::Device(Box::new(self.to_inference(precision)?))
        };
        Ok(Sampler {
            config,
            precision,
            device,
            sight,
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
            Work::Fp32(network) => sample::on_cpu(network, &order, &[], row, progress),
            Work::Bf16(network) => sample::on_cpu(network, &order, &[], row, progress),
            Work::Device(model) => crate::decode::on_device(model, &order, row, progress),
        }
    }

    /// As [`Sampler::sample_each`], of prompts with pictures: every picture's tokens are written out
    /// ([`crate::ImageProcessor::expand`]). On CPUs rows are batched continuously, as without pictures; on other devices a
    /// prompt's rows are a batch.
    ///
    /// A model that reads no pictures, and numbers of pictures and places that do not agree, are
    /// [`EngineError::InvalidRequest`].
    pub fn sample_with_pictures_each(
        &mut self,
        requests: &[SampleRequest],
        album: &mut Album<'_>,
        params: &SamplingParams,
        options: &SampleOptions<'_>,
        row: &mut dyn FnMut(usize, usize, Completion),
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<(), EngineError> {
        sample::check(&self.config, requests, params)?;
        album.check(requests.len())?;
        let order = Order {
            requests,
            params,
            options,
        };
        match (&mut self.work, &self.sight) {
            (Work::Fp32(network), Some(sight)) => {
                vision::sample_on_cpu(network, sight, &order, album, row, progress)
            }
            (Work::Bf16(network), Some(sight)) => {
                vision::sample_on_cpu(network, sight, &order, album, row, progress)
            }
            (Work::Device(model), _) => crate::plain::sample_album(model, &order, album, row, progress),
            (_, None) => Err(vision::blind(&self.config)),
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
            Work::Fp32(network) => score::on_cpu(network, pairs, &[], temperature, entropy, cache_bytes)?,
            Work::Bf16(network) => score::on_cpu(network, pairs, &[], temperature, entropy, cache_bytes)?,
            Work::Device(model) => score::on_device(model, pairs, temperature, entropy)?,
        };
        score::all_finite(scores)
    }

    /// As [`Sampler::score_each`], of prompts with pictures; see [`Sampler::sample_with_pictures_each`].
    pub fn score_with_pictures_each(
        &mut self,
        pairs: &[ScoreRequest],
        album: &mut Album<'_>,
        temperature: f64,
        entropy: bool,
        cache_bytes: Option<usize>,
    ) -> Result<Vec<Score>, EngineError> {
        score::check(&self.config, pairs, temperature)?;
        album.check(pairs.len())?;
        let how = (temperature, entropy);
        let scores = match (&mut self.work, &self.sight) {
            (Work::Fp32(network), Some(sight)) => {
                vision::score_on_cpu(network, sight, pairs, album, how, cache_bytes)?
            }
            (Work::Bf16(network), Some(sight)) => {
                vision::score_on_cpu(network, sight, pairs, album, how, cache_bytes)?
            }
            (Work::Device(model), _) => score::album_on_device(model, pairs, album, temperature, entropy)?,
            (_, None) => return Err(vision::blind(&self.config)),
        };
        score::all_finite(scores)
    }
}
