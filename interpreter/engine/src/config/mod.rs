//! The shape of a model: config.json in all of its forms.

mod keys;
mod read;
mod rope;
mod vision;
mod write;

use std::path::Path;

use crate::EngineError;
use crate::models::Family;
use crate::rope::{Rope, RopeScaling};

pub(crate) use read::token_ids;
pub use vision::Vision;

/// No decoder comes near this depth.
const MOST_LAYERS: i64 = 4096;

/// Everything about a model but its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The architecture.
    pub family: Family,
    /// Rows of the embedding; may exceed the tokenizer's size.
    pub vocab: i64,
    /// Width of the residual stream.
    pub hidden: i64,
    /// Decoder blocks.
    pub layers: i64,
    /// Query heads.
    pub heads: i64,
    /// Key and value heads, a divisor of `heads`.
    pub kv_heads: i64,
    /// Width of one head.
    pub head_dim: i64,
    /// Width of the feed-forward block.
    pub ff: i64,
    /// Epsilon of the RMS norms.
    pub eps: f64,
    /// Rotary embedding.
    pub rope: Rope,
    /// The LM head is the embedding.
    pub tied: bool,
    /// Biases on q, k, v.
    pub qkv_bias: bool,
    /// Bias on the attention output.
    pub o_bias: bool,
    /// Biases in the feed-forward block.
    pub mlp_bias: bool,
    /// First token of a text, where there is one.
    pub bos: Option<u32>,
    /// Tokens that end a response.
    pub eos: Vec<u32>,
    /// Positions that the model was made for.
    pub context: i64,
    /// Sliding windows, where layers have them.
    pub sliding: Option<Sliding>,
    /// The vision tower of a model that reads pictures.
    pub vision: Option<Vision>,
}

/// Attention that looks back a fixed number of tokens in some layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sliding {
    /// A query at position i looks at keys j with i - j < width.
    pub width: i64,
    /// One entry a layer: whether the window holds there.
    pub layers: Vec<bool>,
}

impl Config {
    /// Refuses shapes that no tensor could have.
    pub(crate) fn check(&self, path: &Path) -> Result<(), EngineError> {
        let wrong = |what: String| Err(EngineError::corrupt(path, what, "correct the configuration"));
        if self.layers > MOST_LAYERS {
            return wrong(format!(
                "{} layers are more than the {MOST_LAYERS} that the engine admits",
                self.layers
            ));
        }
        if self.heads % self.kv_heads != 0 {
            return wrong(format!(
                "{} attention heads do not divide into {} kv heads",
                self.heads, self.kv_heads
            ));
        }
        if self.head_dim < 2 || self.head_dim % 2 != 0 {
            return wrong(format!(
                "a head width of {} cannot be rotated in pairs",
                self.head_dim
            ));
        }
        if !(self.eps.is_finite() && self.eps > 0.0) {
            return wrong(format!("rms_norm_eps is {}", self.eps));
        }
        if !(self.rope.theta.is_finite() && self.rope.theta > 0.0) {
            return wrong(format!("rope_theta is {}", self.rope.theta));
        }
        if let RopeScaling::Yarn(yarn) = &self.rope.scaling
            && yarn.factor < 1.0
        {
            return wrong(format!("a yarn factor of {}", yarn.factor));
        }
        if self
            .sliding
            .as_ref()
            .is_some_and(|s| s.layers.len() as i64 != self.layers)
        {
            return wrong("the list of layer types has another length than the model has layers".to_owned());
        }
        if let Some(vision) = &self.vision {
            vision.check(self, path)?;
        }
        if self.parameters() > 1 << 44 {
            return wrong(format!("its dimensions ask for {} parameters", self.parameters()));
        }
        Ok(())
    }

    /// Number of parameters; a tied head counts once.
    pub fn parameters(&self) -> u64 {
        self.shapes()
            .iter()
            .map(|(_, shape)| {
                shape
                    .iter()
                    .map(|&d| d.unsigned_abs())
                    .fold(1, u64::saturating_mul)
            })
            .fold(0, u64::saturating_add)
    }

    /// Positions (prompt and response together) that the model was made for; YaRN stretches them by its factor.
    pub fn context(&self) -> u64 {
        let plain = self.context.unsigned_abs();
        match &self.rope.scaling {
            // Finite and positive: read.rs and `check` see to it.
            RopeScaling::Yarn(yarn) => plain.max((yarn.original_context * yarn.factor) as u64),
            _ => plain,
        }
    }

    /// The width of a layer's window; `None` where the layer sees everything before it.
    pub(crate) fn window(&self, layer: usize) -> Option<i64> {
        let sliding = self.sliding.as_ref()?;
        sliding.layers.get(layer).copied()?.then_some(sliding.width)
    }

    /// Names and shapes of all parameters, hub names, in the order of the modules.
    pub(crate) fn shapes(&self) -> Vec<(String, Vec<i64>)> {
        let mut all = vec![(
            "model.embed_tokens.weight".to_owned(),
            vec![self.vocab, self.hidden],
        )];
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        for layer in 0..self.layers {
            let mut add = |name: &str, shape: &[i64]| {
                all.push((format!("model.layers.{layer}.{name}"), shape.to_vec()))
            };
            for (name, rows, columns, bias) in [
                ("self_attn.q_proj", q, self.hidden, self.qkv_bias),
                ("self_attn.k_proj", kv, self.hidden, self.qkv_bias),
                ("self_attn.v_proj", kv, self.hidden, self.qkv_bias),
                ("self_attn.o_proj", self.hidden, q, self.o_bias),
            ] {
                add(&format!("{name}.weight"), &[rows, columns]);
                if bias {
                    add(&format!("{name}.bias"), &[rows]);
                }
            }
            if self.family.traits().qk_norm {
                add("self_attn.q_norm.weight", &[self.head_dim]);
                add("self_attn.k_norm.weight", &[self.head_dim]);
            }
            for (name, rows, columns) in [
                ("mlp.gate_proj", self.ff, self.hidden),
                ("mlp.up_proj", self.ff, self.hidden),
                ("mlp.down_proj", self.hidden, self.ff),
            ] {
                add(&format!("{name}.weight"), &[rows, columns]);
                if self.mlp_bias {
                    add(&format!("{name}.bias"), &[rows]);
                }
            }
            add("input_layernorm.weight", &[self.hidden]);
            add("post_attention_layernorm.weight", &[self.hidden]);
        }
        all.push(("model.norm.weight".to_owned(), vec![self.hidden]));
        if !self.tied {
            all.push(("lm_head.weight".to_owned(), vec![self.vocab, self.hidden]));
        }
        if let Some(vision) = &self.vision {
            all.extend(vision.shapes());
        }
        all
    }
}
