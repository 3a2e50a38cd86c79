//! The shape of a model: config.json in both of its forms.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::models::{Family, OptionalBiases};
use crate::rope::{Rope, RopeScaling};
use crate::{EngineError, error::FETCH_AGAIN};

/// A dimension above this is not a model's but a damaged file's.
const LARGEST: i64 = 1 << 28;

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
}

impl Config {
    /// Reads a config.json, in the hub's flat form or the one of transformers 5.
    pub fn from_json(text: &str) -> Result<Self, EngineError> {
        Self::read(text, Path::new("config.json"))
    }

    pub(crate) fn read(text: &str, path: &Path) -> Result<Self, EngineError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| EngineError::corrupt(path, format!("not valid JSON ({e})"), FETCH_AGAIN))?;
        let Value::Object(map) = value else {
            return Err(EngineError::corrupt(path, "not a JSON object", FETCH_AGAIN));
        };
        let family = family(&map, path)?;
        let traits = family.traits();
        let keys = Keys { map: &map, path };
        let hidden = keys.dimension("hidden_size")?;
        let heads = keys.dimension("num_attention_heads")?;
        let kv_heads = keys.optional_dimension("num_key_value_heads")?.unwrap_or(heads);
        let head_dim = match keys.optional_dimension("head_dim")? {
            Some(d) => d,
            None => traits.default_head_dim.unwrap_or(hidden / heads),
        };
        let attention_bias =
            traits.optional_biases != OptionalBiases::None && keys.flag("attention_bias")?.unwrap_or(false);
        let mlp_bias = traits.optional_biases == OptionalBiases::AttentionAndMlp
            && keys.flag("mlp_bias")?.unwrap_or(false);
        let layers = keys.dimension("num_hidden_layers")?;
        keys.refuse_windows(layers)?;
        if let Some(act) = map.get("hidden_act").and_then(Value::as_str)
            && act != "silu"
        {
            return Err(EngineError::unsupported(
                path,
                format!("hidden_act `{act}`"),
                "use a model with silu",
            ));
        }
        let config = Self {
            family,
            vocab: keys.dimension("vocab_size")?,
            hidden,
            layers,
            heads,
            kv_heads,
            head_dim,
            ff: keys.dimension("intermediate_size")?,
            eps: keys.number(&map, "rms_norm_eps")?.unwrap_or(traits.default_eps),
            rope: keys.rope(traits.default_theta)?,
            tied: keys.flag("tie_word_embeddings")?.unwrap_or(false),
            qkv_bias: traits.qkv_bias || attention_bias,
            o_bias: attention_bias,
            mlp_bias,
            bos: token_ids(&map, "bos_token_id").first().copied(),
            eos: token_ids(&map, "eos_token_id"),
            context: keys
                .optional_dimension("max_position_embeddings")?
                .unwrap_or(2048),
        };
        config.check(path)?;
        Ok(config)
    }

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

    /// Positions (prompt and response together) that the model was made for.
    pub fn context(&self) -> u64 {
        self.context.unsigned_abs()
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
        all
    }

    /// The flat form of the hub, which every version of transformers loads.
    pub fn to_json(&self) -> String {
        self.to_json_with("float32")
    }

    pub(crate) fn to_json_with(&self, dtype: &str) -> String {
        let traits = self.family.traits();
        let mut map = json!({
            "architectures": [traits.architecture],
            "model_type": traits.model_type,
            "vocab_size": self.vocab,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "intermediate_size": self.ff,
            "max_position_embeddings": self.context,
            "hidden_act": "silu",
            "rms_norm_eps": self.eps,
            "rope_theta": self.rope.theta,
            "rope_scaling": self.rope_scaling_json(),
            "tie_word_embeddings": self.tied,
            "bos_token_id": self.bos,
            "eos_token_id": match self.eos.as_slice() {
                [] => Value::Null,
                [one] => json!(one),
                many => json!(many),
            },
            "torch_dtype": dtype,
            "use_cache": true,
        });
        if let Value::Object(map) = &mut map {
            // Qwen2's class in transformers has no head_dim of its own; written only where it says something.
            if self.head_dim * self.heads != self.hidden || traits.default_head_dim.is_some() {
                map.insert("head_dim".to_owned(), json!(self.head_dim));
            }
            if traits.optional_biases != OptionalBiases::None {
                map.insert("attention_bias".to_owned(), json!(self.o_bias));
            }
            if traits.optional_biases == OptionalBiases::AttentionAndMlp {
                map.insert("mlp_bias".to_owned(), json!(self.mlp_bias));
            }
        }
        format!("{map:#}\n")
    }

    fn rope_scaling_json(&self) -> Value {
        match &self.rope.scaling {
            RopeScaling::Default => Value::Null,
            RopeScaling::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_context,
            } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                "original_max_position_embeddings": *original_context as i64,
            }),
        }
    }
}

fn family(map: &Map<String, Value>, path: &Path) -> Result<Family, EngineError> {
    let architecture = map
        .get("architectures")
        .and_then(|a| a.get(0))
        .and_then(Value::as_str);
    let model_type = map.get("model_type").and_then(Value::as_str);
    let found = match architecture {
        Some(name) => Family::of_architecture(name),
        None => model_type.and_then(Family::of_model_type),
    };
    found.ok_or_else(|| EngineError::UnknownArchitecture {
        path: path.to_owned(),
        found: architecture.or(model_type).unwrap_or("(none named)").to_owned(),
        known: Family::known(),
    })
}

/// A token id or a list of them; anything else is none.
pub(crate) fn token_ids(map: &Map<String, Value>, key: &str) -> Vec<u32> {
    let one = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
    match map.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Typed access to a config.json whose errors name the key.
struct Keys<'a> {
    map: &'a Map<String, Value>,
    path: &'a Path,
}

impl Keys<'_> {
    fn wrong(&self, key: &str, value: &Value, want: &str) -> EngineError {
        EngineError::corrupt(
            self.path,
            format!("`{key}` is {value}, not {want}"),
            "correct the configuration",
        )
    }

    fn optional_dimension(&self, key: &str) -> Result<Option<i64>, EngineError> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64() {
                Some(n) if (1..=LARGEST).contains(&n) => Ok(Some(n)),
                _ => Err(self.wrong(key, value, "a positive whole number of sensible size")),
            },
        }
    }

    fn dimension(&self, key: &str) -> Result<i64, EngineError> {
        self.optional_dimension(key)?
            .ok_or_else(|| EngineError::corrupt(self.path, format!("`{key}` is missing"), FETCH_AGAIN))
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, EngineError> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(value) => Err(self.wrong(key, value, "true or false")),
        }
    }

    fn number(&self, map: &Map<String, Value>, key: &str) -> Result<Option<f64>, EngineError> {
        match map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                Some(x) if x > 0.0 => Ok(Some(x)),
                _ => Err(self.wrong(key, value, "a positive number")),
            },
        }
    }

    /// `rope_parameters` (transformers 5), or `rope_theta` with `rope_scaling`.
    fn rope(&self, default_theta: f64) -> Result<Rope, EngineError> {
        let empty = Map::new();
        let block = |key: &str| match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(value) => Err(self.wrong(key, value, "an object")),
        };
        let map = match block("rope_parameters")? {
            Some(map) => map,
            None => block("rope_scaling")?.unwrap_or(&empty),
        };
        let theta = match self.number(map, "rope_theta")? {
            Some(theta) => theta,
            None => self.number(self.map, "rope_theta")?.unwrap_or(default_theta),
        };
        let kind = map
            .get("rope_type")
            .or_else(|| map.get("type"))
            .and_then(Value::as_str)
            .unwrap_or("default");
        let need = |key: &str| {
            self.number(map, key)?.ok_or_else(|| {
                EngineError::corrupt(
                    self.path,
                    format!("rope of type `{kind}` lacks `{key}`"),
                    FETCH_AGAIN,
                )
            })
        };
        let scaling = match kind {
            "default" => RopeScaling::Default,
            "linear" => RopeScaling::Linear {
                factor: need("factor")?,
            },
            "llama3" => RopeScaling::Llama3 {
                factor: need("factor")?,
                low_freq_factor: need("low_freq_factor")?,
                high_freq_factor: need("high_freq_factor")?,
                original_context: need("original_max_position_embeddings")?,
            },
            other => {
                return Err(EngineError::unsupported(
                    self.path,
                    format!("rope of type `{other}`"),
                    "use a model with default, linear or llama3 rope, or remove the scaling to run within the original context",
                ));
            }
        };
        Ok(Rope { theta, scaling })
    }

    /// Sliding windows are refused where they would be on; `sliding_window` next to
    /// `use_sliding_window: false` is off.
    fn refuse_windows(&self, layers: i64) -> Result<(), EngineError> {
        let listed = self.map.get("layer_types").and_then(Value::as_array);
        let windowed = match listed {
            Some(types) => types.iter().any(|t| t != "full_attention"),
            None => {
                self.flag("use_sliding_window")?.unwrap_or(false)
                    && self.optional_dimension("sliding_window")?.is_some()
                    && self
                        .map
                        .get("max_window_layers")
                        .and_then(Value::as_i64)
                        .unwrap_or(0)
                        < layers
            }
        };
        if windowed {
            return Err(EngineError::unsupported(
                self.path,
                "attention with a sliding window",
                "use a model with full attention in every layer",
            ));
        }
        Ok(())
    }
}
