//! GGUF's names for what Hugging Face calls otherwise: configuration keys and tensors.

use tch::Tensor;

use super::reader::Gguf;
use crate::EngineError;
use crate::config::Config;
use crate::models::Family;
use crate::rope::{Rope, RopeScaling, Yarn};

/// Parts of a block, as the hub and as GGUF name them.
const BLOCK: [(&str, &str); 11] = [
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "ffn_norm"),
];

/// GGUF's name of a hub tensor.
pub(super) fn gguf_name(hub: &str) -> Option<String> {
    let (stem, suffix) = hub.rsplit_once('.')?;
    let stem = match stem {
        "model.embed_tokens" => "token_embd".to_owned(),
        "model.norm" => "output_norm".to_owned(),
        "lm_head" => "output".to_owned(),
        block => {
            let (layer, part) = block.strip_prefix("model.layers.")?.split_once('.')?;
            let (_, name) = BLOCK.iter().find(|(hub, _)| *hub == part)?;
            format!("blk.{layer}.{name}")
        }
    };
    Some(format!("{stem}.{suffix}"))
}

impl Gguf {
    /// The configuration that the metadata and the embedding's shape describe.
    pub(crate) fn config(&mut self) -> Result<Config, EngineError> {
        let name = self
            .text("general.architecture")
            .unwrap_or("(none named)")
            .to_owned();
        let family = Family::in_gguf()
            .find(|f| f.traits().model_type == name)
            .ok_or_else(|| EngineError::UnknownArchitecture {
                path: self.path.clone(),
                found: name.clone(),
                known: Family::in_gguf()
                    .map(|f| f.traits().model_type)
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
        let key = |suffix: &str| format!("{name}.{suffix}");
        let need = |suffix: &str| match self.int(&key(suffix)) {
            Some(n) if (1..1 << 28).contains(&n) => Ok(n),
            Some(n) => Err(self.corrupt(format!("metadata `{name}.{suffix}` is {n}"))),
            None => Err(self.corrupt(format!("metadata `{name}.{suffix}` is missing or not a number"))),
        };
        let hidden = need("embedding_length")?;
        let heads = need("attention.head_count")?;
        let head_dim = self.int(&key("attention.key_length")).unwrap_or(hidden / heads);
        if let Some(width) = self.int(&key("attention.value_length"))
            && width != head_dim
        {
            return Err(EngineError::unsupported(
                &self.path,
                format!("values of {width} dimensions beside keys of {head_dim}"),
                "use a model whose keys and values are of one width",
            ));
        }
        let embedding = self.tensors.get("token_embd.weight").map(|t| t.shape.as_slice());
        let Some(&[vocab, _]) = embedding else {
            return Err(self.corrupt("tensor `token_embd.weight` is missing or has no rows"));
        };
        if let Some(n) = self.int(&key("rope.dimension_count"))
            && n != head_dim
        {
            let what = format!("a rotation of {n} of {head_dim} dimensions");
            return Err(EngineError::unsupported(
                &self.path,
                what,
                "use a model that rotates whole heads",
            ));
        }
        let bias = |part: &str| self.tensors.contains_key(&format!("blk.0.{part}.bias"));
        let id = |key: &str| self.int(key).and_then(|n| u32::try_from(n).ok());
        let mut config = Config {
            family,
            vocab,
            hidden,
            layers: need("block_count")?,
            heads,
            kv_heads: self
                .int(&key("attention.head_count_kv"))
                .filter(|n| *n > 0)
                .unwrap_or(heads),
            head_dim,
            ff: need("feed_forward_length")?,
            eps: self
                .float(&key("attention.layer_norm_rms_epsilon"))
                .ok_or_else(|| {
                    self.corrupt(format!(
                        "metadata `{name}.attention.layer_norm_rms_epsilon` is missing"
                    ))
                })?,
            rope: Rope {
                theta: self.float(&key("rope.freq_base")).unwrap_or(10_000.0),
                scaling: RopeScaling::Default,
            },
            tied: !self.tensors.contains_key("output.weight"),
            qkv_bias: bias("attn_q"),
            o_bias: bias("attn_output"),
            mlp_bias: bias("ffn_down"),
            bos: id("tokenizer.ggml.bos_token_id"),
            eos: id("tokenizer.ggml.eos_token_id").into_iter().collect(),
            context: need("context_length")?,
            sliding: None,
            vision: None,
        };
        config.check(&self.path)?;
        config.rope.scaling = self.rope_scaling(&key("rope.scaling"), &config)?;
        Ok(config)
    }

    /// Plain, linear, or Llama 3's scaling, which GGUF stores as the tensor of divisors that it amounts to.
    fn rope_scaling(&mut self, prefix: &str, config: &Config) -> Result<RopeScaling, EngineError> {
        if self.tensors.contains_key("rope_freqs.weight") {
            let divisors = self.numbers("rope_freqs.weight")?;
            let factor = f64::from(divisors.iter().copied().fold(1.0, f32::max));
            // The published Llama 3 models share these numbers; the check below holds them to the file.
            let scaling = RopeScaling::Llama3 {
                factor,
                low_freq_factor: 1.0,
                high_freq_factor: 4.0,
                original_context: self
                    .float(&format!("{prefix}.original_context_length"))
                    .unwrap_or(8192.0),
            };
            let plain = config.rope.frequencies(config.head_dim);
            let scaled = Rope {
                theta: config.rope.theta,
                scaling: scaling.clone(),
            }
            .frequencies(config.head_dim);
            let same = divisors.len() == plain.len()
                && plain
                    .iter()
                    .zip(&scaled)
                    .zip(&divisors)
                    .all(|((p, s), d)| (p / s - d).abs() <= 1e-3 * d);
            return if same {
                Ok(scaling)
            } else {
                Err(self.unknown_scaling("divisors in rope_freqs.weight"))
            };
        }
        match self.text(&format!("{prefix}.type")) {
            None | Some("none") => Ok(RopeScaling::Default),
            Some("linear") => Ok(RopeScaling::Linear {
                factor: self.float(&format!("{prefix}.factor")).unwrap_or(1.0),
            }),
            Some("yarn") => {
                let number = |key: &str| self.float(&format!("{prefix}.{key}")).filter(|&x| x > 0.0);
                let factor = number("factor").unwrap_or(1.0).max(1.0);
                // llama.cpp multiplies by a factor of the file's own what transformers replaces by it.
                let scale = |extra: f64| extra * (0.1 * factor.ln() + 1.0);
                Ok(RopeScaling::Yarn(Yarn {
                    factor,
                    original_context: number("original_context_length").unwrap_or(config.context as f64),
                    attention_factor: number("attn_factor").map(scale),
                    beta_fast: number("yarn_beta_fast").unwrap_or(32.0),
                    beta_slow: number("yarn_beta_slow").unwrap_or(1.0),
                    mscale: None,
                    mscale_all_dim: None,
                    truncate: true,
                }))
            }
            Some(other) => Err(self.unknown_scaling(&format!("type `{other}`"))),
        }
    }

    fn unknown_scaling(&self, what: &str) -> EngineError {
        EngineError::unsupported(
            &self.path,
            format!("rope scaling by {what}"),
            "use the model's safetensors, or one with plain, linear, YaRN or Llama 3 scaling",
        )
    }

    /// Every tensor of the configuration is there with its shape, and no other.
    pub(crate) fn check_tensors(&self, config: &Config) -> Result<(), EngineError> {
        let mut known = std::collections::BTreeSet::from(["rope_freqs.weight".to_owned()]);
        for (hub, shape) in config.shapes() {
            let name = gguf_name(&hub).ok_or_else(|| self.corrupt(format!("no GGUF name for `{hub}`")))?;
            match self.tensors.get(&name) {
                None => return Err(self.corrupt(format!("tensor `{name}` is missing"))),
                Some(place) if place.shape != shape => {
                    return Err(self.corrupt(format!(
                        "tensor `{name}` has the shape {:?} where the metadata asks for {shape:?}",
                        place.shape
                    )));
                }
                Some(_) => known.insert(name),
            };
        }
        match self.tensors.keys().find(|name| !known.contains(*name)) {
            None => Ok(()),
            Some(name) => Err(self.corrupt(format!("the metadata has no place for tensor `{name}`"))),
        }
    }

    /// A tensor by its hub name, in fp32 on the CPU and in the hub's row order.
    pub(crate) fn read(&mut self, hub: &str, shape: &[i64], config: &Config) -> Result<Tensor, EngineError> {
        let name = gguf_name(hub).ok_or_else(|| self.corrupt(format!("no GGUF name for `{hub}`")))?;
        let tensor = Tensor::f_from_slice(&self.numbers(&name)?)?.f_reshape(shape)?;
        let heads = if hub.contains("self_attn.q_proj.") {
            config.heads
        } else if hub.contains("self_attn.k_proj.") {
            config.kv_heads
        } else {
            return Ok(tensor);
        };
        if !config.family.traits().gguf_permuted {
            return Ok(tensor);
        }
        // Rows of a head lie in pairs that are rotated together; rotate-half wants the two halves apart.
        Ok(tensor
            .f_reshape([heads, config.head_dim / 2, 2, -1])?
            .f_transpose(1, 2)?
            .f_reshape(shape)?
            .f_contiguous()?)
    }
}
