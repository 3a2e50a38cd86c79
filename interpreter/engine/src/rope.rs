//! Rotary position embeddings in the rotate-half layout of Hugging Face.

use std::f32::consts::PI;

use tch::{Device, Kind, Tensor};

use crate::EngineError;

/// How the rotation frequencies are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f64,
    /// Change to the plain frequencies.
    pub scaling: RopeScaling,
}

/// The kinds of frequency scaling that the engine knows.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// None.
    Default,
    /// Every frequency is divided by the factor.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// NTK scaling that sets in beyond the model's context, which the engine never leaves: no change here.
    Dynamic {
        /// How far the context could be stretched.
        factor: f64,
    },
    /// YaRN, with which Qwen2.5 and Qwen3 reach 131,072 tokens.
    Yarn(Yarn),
    /// Llama 3.1's: long wavelengths are divided by the factor, short ones kept, those between interpolated.
    Llama3 {
        /// The divisor of long wavelengths.
        factor: f64,
        /// Wavelengths above context / this are long.
        low_freq_factor: f64,
        /// Wavelengths below context / this are short.
        high_freq_factor: f64,
        /// The context of pre-training, in tokens.
        original_context: f64,
    },
}

/// YaRN (Peng et al. 2023, arXiv:2309.00071) with the options that transformers has.
#[derive(Debug, Clone, PartialEq)]
pub struct Yarn {
    /// How far the context is stretched; at least 1.
    pub factor: f64,
    /// The context of pre-training, in tokens.
    pub original_context: f64,
    /// Scale of cosines and sines; `None` derives it from the factor.
    pub attention_factor: Option<f64>,
    /// Rotations over the original context above which a pair is left as it is.
    pub beta_fast: f64,
    /// Rotations below which a pair is slowed by the whole factor.
    pub beta_slow: f64,
    /// Weights of log(factor) in the derived scale, over and under the fraction.
    pub mscale: Option<f64>,
    /// See `mscale`.
    pub mscale_all_dim: Option<f64>,
    /// Round the borders of the ramp outwards to whole pairs.
    pub truncate: bool,
}

impl Yarn {
    fn attention_factor(&self) -> f64 {
        let scale = |weight: f64| {
            if self.factor <= 1.0 {
                1.0
            } else {
                0.1 * weight * self.factor.ln() + 1.0
            }
        };
        match (self.attention_factor, self.mscale, self.mscale_all_dim) {
            (Some(factor), _, _) => factor,
            (None, Some(over), Some(under)) => scale(over) / scale(under),
            _ => scale(1.0),
        }
    }

    fn frequencies(&self, theta: f64, head_dim: i64) -> Vec<f32> {
        let dim = head_dim as f64;
        // The pair that turns `rotations` times over the original context.
        let pair = |rotations: f64| {
            let turns = self.original_context / (rotations * 2.0 * std::f64::consts::PI);
            dim * turns.ln() / (2.0 * theta.ln())
        };
        let (mut low, mut high) = (pair(self.beta_fast), pair(self.beta_slow));
        if self.truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        (low, high) = (low.max(0.0), high.min(dim - 1.0));
        if low == high {
            high += 0.001;
        }
        let (low, width) = (low as f32, (high - low) as f32);
        (0..head_dim / 2)
            .map(|i| {
                let period = (theta as f32).powf((2 * i) as f32 / head_dim as f32);
                let (kept, slowed) = (1.0 / period, 1.0 / (self.factor as f32 * period));
                let keep = 1.0 - ((i as f32 - low) / width).clamp(0.0, 1.0);
                slowed * (1.0 - keep) + kept * keep
            })
            .collect()
    }
}

impl Rope {
    /// What cosines and sines are multiplied by.
    pub(crate) fn attention_factor(&self) -> f64 {
        match &self.scaling {
            RopeScaling::Yarn(yarn) => yarn.attention_factor(),
            _ => 1.0,
        }
    }

    /// Angle per position of each pair of dimensions, `head_dim / 2` numbers. Computed in f32 step by step
    /// as the reference does, since rounding is multiplied by the position.
    pub(crate) fn frequencies(&self, head_dim: i64) -> Vec<f32> {
        let theta = self.theta as f32;
        let plain = (0..head_dim / 2).map(|i| 1.0 / theta.powf((2 * i) as f32 / head_dim as f32));
        match &self.scaling {
            RopeScaling::Default | RopeScaling::Dynamic { .. } => plain.collect(),
            RopeScaling::Yarn(yarn) => yarn.frequencies(self.theta, head_dim),
            RopeScaling::Linear { factor } => plain.map(|f| f / *factor as f32).collect(),
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_context,
            } => {
                let (factor, context) = (*factor as f32, *original_context as f32);
                let (low, high) = (*low_freq_factor as f32, *high_freq_factor as f32);
                plain
                    .map(|f| {
                        let wavelength = 2.0 * PI / f;
                        if wavelength > context / low {
                            f / factor
                        } else if wavelength < context / high {
                            f
                        } else {
                            let smooth = (context / wavelength - low) / (high - low);
                            (1.0 - smooth) * f / factor + smooth * f
                        }
                    })
                    .collect()
            }
        }
    }

    /// Cosines and sines of positions `0..length`, each [length, head_dim] in fp32 (both halves equal).
    pub(crate) fn tables(
        &self,
        length: i64,
        head_dim: i64,
        device: Device,
    ) -> Result<(Tensor, Tensor), EngineError> {
        let positions = Tensor::f_arange(length, (Kind::Float, device))?;
        let angles = self.angles(&positions, head_dim)?;
        self.turn(&Tensor::f_cat(&[&angles, &angles], -1)?)
    }
}

impl Rope {
    /// Angles of positions [..] (fp32): [.., head_dim / 2].
    fn angles(&self, positions: &Tensor, head_dim: i64) -> Result<Tensor, EngineError> {
        let frequencies =
            Tensor::f_from_slice(&self.frequencies(head_dim))?.f_to_device(positions.device())?;
        Ok(positions.f_unsqueeze(-1)?.f_mul(&frequencies)?)
    }

    fn turn(&self, angles: &Tensor) -> Result<(Tensor, Tensor), EngineError> {
        let (cos, sin) = (angles.f_cos()?, angles.f_sin()?);
        match self.attention_factor() {
            1.0 => Ok((cos, sin)),
            factor => Ok((cos.f_mul_scalar(factor)?, sin.f_mul_scalar(factor)?)),
        }
    }

    /// Cosines and sines [.., head_dim] of positions [3, ..] (time, height, width): the first
    /// `sections[0]` pairs turn with time, the next with height, the last with width (M-RoPE of Qwen2-VL,
    /// arXiv:2409.12191).
    pub(crate) fn sectioned(
        &self,
        positions: &Tensor,
        sections: &[i64],
        head_dim: i64,
    ) -> Result<(Tensor, Tensor), EngineError> {
        let angles = self.angles(&positions.f_to_kind(Kind::Float)?, head_dim)?;
        let mut parts = Vec::with_capacity(sections.len());
        let mut start = 0;
        for (axis, &pairs) in sections.iter().enumerate() {
            parts.push(angles.f_select(0, axis as i64)?.f_narrow(-1, start, pairs)?);
            start += pairs;
        }
        parts.extend(parts.iter().map(Tensor::shallow_clone).collect::<Vec<_>>());
        self.turn(&Tensor::f_cat(&parts, -1)?)
    }
}

/// Rotates `x` [.., D] by tables that broadcast against it.
pub(crate) fn rotate(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor, EngineError> {
    let halves = x.f_chunk(2, -1)?;
    let turned = Tensor::f_cat(&[&halves[1].f_neg()?, &halves[0]], -1)?;
    Ok(x.f_mul(cos)?.f_add(&turned.f_mul(sin)?)?)
}
