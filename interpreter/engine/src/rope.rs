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

impl Rope {
    /// Angle per position of each pair of dimensions, `head_dim / 2` numbers. Computed in f32 step by step
    /// as the reference does, since rounding is multiplied by the position.
    pub(crate) fn frequencies(&self, head_dim: i64) -> Vec<f32> {
        let theta = self.theta as f32;
        let plain = (0..head_dim / 2).map(|i| 1.0 / theta.powf((2 * i) as f32 / head_dim as f32));
        match &self.scaling {
            RopeScaling::Default => plain.collect(),
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
        let frequencies = Tensor::f_from_slice(&self.frequencies(head_dim))?.f_to_device(device)?;
        let positions = Tensor::f_arange(length, (Kind::Float, device))?;
        let angles = positions.f_unsqueeze(1)?.f_mul(&frequencies.f_unsqueeze(0)?)?;
        let angles = Tensor::f_cat(&[&angles, &angles], -1)?;
        Ok((angles.f_cos()?, angles.f_sin()?))
    }
}

/// Rotates `x` [.., D] by tables that broadcast against it.
pub(crate) fn rotate(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor, EngineError> {
    let halves = x.f_chunk(2, -1)?;
    let turned = Tensor::f_cat(&[&halves[1].f_neg()?, &halves[0]], -1)?;
    Ok(x.f_mul(cos)?.f_add(&turned.f_mul(sin)?)?)
}
