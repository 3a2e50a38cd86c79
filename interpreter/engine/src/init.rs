//! Fresh weights for pre-training.

use tch::Tensor;

use crate::config::Config;
use crate::random::normal_pair;
use crate::{EngineError, LanguageModel, Runtime};

/// Standard deviations of fresh weights. Biases start at 0, norms at 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Init {
    /// Of every matrix but the embedding.
    pub std: f64,
    /// Of the embedding (and of an untied head).
    pub embedding_std: f64,
    /// Divide the matrices that write into the residual stream (o, down) by sqrt(2 * layers), as GPT-2 does.
    pub scale_residual: bool,
}

impl Default for Init {
    /// N(0, 0.04), embedding N(0, 0.02), residual writers scaled: suits widths near 128.
    fn default() -> Self {
        Self {
            std: 0.04,
            embedding_std: 0.02,
            scale_residual: true,
        }
    }
}

impl LanguageModel {
    /// A model with fresh fp32 weights. The same seed gives the same weights on every machine and device:
    /// element i of the n-th tensor is a function of (seed, n, i).
    pub fn init(config: Config, init: &Init, seed: u64, runtime: &Runtime) -> Result<Self, EngineError> {
        config.check(std::path::Path::new("(configuration in memory)"))?;
        let residual = if init.scale_residual {
            (2.0 * config.layers as f64).sqrt()
        } else {
            1.0
        };
        let mut tensors = std::collections::BTreeMap::new();
        for (number, (name, shape)) in config.shapes().into_iter().enumerate() {
            let count: i64 = shape.iter().product();
            let count =
                usize::try_from(count).map_err(|_| EngineError::invalid("a negative shape", "mend it"))?;
            // A vector of weights is a norm's.
            let values = if shape.len() == 1 && name.ends_with(".weight") {
                vec![1.0f32; count]
            } else if name.ends_with(".bias") {
                vec![0.0; count]
            } else {
                let std = if name.ends_with("embed_tokens.weight") || name == "lm_head.weight" {
                    init.embedding_std
                } else if name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight") {
                    init.std / residual
                } else {
                    init.std
                };
                // One stream a tensor: the golden ratio spreads the numbers over the key space.
                let stream = seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let mut values = Vec::with_capacity(count + 1);
                for pair in 0..count.div_ceil(2) as u64 {
                    let (a, b) = normal_pair(stream, pair);
                    values.push((a * std) as f32);
                    values.push((b * std) as f32);
                }
                values.truncate(count);
                values
            };
            let tensor = Tensor::f_from_slice(&values)?
                .f_reshape(&shape)?
                .f_to_device(runtime.device)?;
            tensors.insert(name, tensor);
        }
        Self::from_tensors(config, crate::Precision::Fp32, runtime.device, tensors)
    }
}
