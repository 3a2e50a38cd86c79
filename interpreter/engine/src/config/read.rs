//! Reading config.json.

use std::path::Path;

use serde_json::{Map, Value};

use super::keys::Keys;
use super::{Config, MOST_LAYERS, Sliding, Vision};
use crate::models::{Family, OptionalBiases};
use crate::{EngineError, error::FETCH_AGAIN};

impl Config {
    /// Reads a config.json, in the hub's flat form or the one of transformers 5.
    pub fn from_json(text: &str) -> Result<Self, EngineError> {
        Self::read(text, Path::new("config.json"))
    }

    pub(crate) fn read(text: &str, path: &Path) -> Result<Self, EngineError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| EngineError::corrupt(path, format!("not valid JSON ({e})"), FETCH_AGAIN))?;
        let Value::Object(top) = value else {
            return Err(EngineError::corrupt(path, "not a JSON object", FETCH_AGAIN));
        };
        let family = family(&top, path)?;
        let traits = family.traits();
        let outer = Keys { map: &top, path };
        // Models with a vision tower have the decoder's keys at the top (the hub's form) or in `text_config`.
        let keys = match outer.object("text_config")? {
            Some(map) if traits.vision => Keys { map, path },
            _ => outer,
        };
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
        keys.silu_only()?;
        let tied = |keys: &Keys<'_>| Ok::<_, EngineError>(keys.flag("tie_word_embeddings")?.unwrap_or(false));
        let mut config = Self {
            family,
            vocab: keys.dimension("vocab_size")?,
            hidden,
            layers,
            heads,
            kv_heads,
            head_dim,
            ff: keys.dimension("intermediate_size")?,
            eps: keys.number("rms_norm_eps")?.unwrap_or(traits.default_eps),
            rope: keys.rope(traits.default_theta)?,
            tied: tied(&outer)? || tied(&keys)?,
            qkv_bias: traits.qkv_bias || attention_bias,
            o_bias: attention_bias,
            mlp_bias,
            bos: token_ids(keys.map, "bos_token_id").first().copied(),
            eos: token_ids(keys.map, "eos_token_id"),
            context: keys
                .optional_dimension("max_position_embeddings")?
                .unwrap_or(traits.default_context),
            sliding: None,
            vision: None,
        };
        if config.layers <= MOST_LAYERS && traits.windows {
            config.sliding = keys.sliding(layers)?;
        }
        if traits.vision {
            config.vision = Some(Vision::read(outer, keys, &config)?);
        }
        config.check(path)?;
        Ok(config)
    }
}

impl Keys<'_> {
    /// Refuses another activation than the one that the engine has.
    pub(super) fn silu_only(&self) -> Result<(), EngineError> {
        match self.map.get("hidden_act").and_then(Value::as_str) {
            None | Some("silu") => Ok(()),
            Some(act) => Err(EngineError::unsupported(
                self.path,
                format!("hidden_act `{act}`"),
                "use a model with silu",
            )),
        }
    }

    /// Sliding windows. `sliding_window` counts where `use_sliding_window` is true, in the layers that
    /// `layer_types` names or else from `max_window_layers` on.
    fn sliding(&self, layers: i64) -> Result<Option<Sliding>, EngineError> {
        let width = if self.flag("use_sliding_window")?.unwrap_or(false) {
            match self.map.get("sliding_window") {
                // Absent is transformers' default, null is none.
                None => Some(4096),
                Some(_) => self.optional_dimension("sliding_window")?,
            }
        } else {
            None
        };
        let kinds: Vec<bool> = match self.map.get("layer_types") {
            Some(Value::Array(types)) => types
                .iter()
                .map(|kind| match kind.as_str() {
                    Some("full_attention") => Ok(false),
                    Some("sliding_attention") => Ok(true),
                    _ => Err(EngineError::unsupported(
                        self.path,
                        format!("a layer of type {kind}"),
                        "use a model with full or sliding attention in every layer",
                    )),
                })
                .collect::<Result<_, _>>()?,
            None | Some(Value::Null) => {
                let first = match self.map.get("max_window_layers") {
                    None | Some(Value::Null) => 28,
                    Some(value) => value
                        .as_i64()
                        .filter(|&n| n >= 0)
                        .ok_or_else(|| self.wrong("max_window_layers", value, "a whole number of layers"))?,
                };
                (0..layers).map(|i| width.is_some() && i >= first).collect()
            }
            Some(value) => return Err(self.wrong("layer_types", value, "a list")),
        };
        if !kinds.contains(&true) && kinds.len() as i64 == layers {
            return Ok(None);
        }
        let width = width.ok_or_else(|| {
            EngineError::corrupt(
                self.path,
                "`layer_types` names sliding layers, but no window is on (`use_sliding_window`, `sliding_window`)",
                "correct the configuration",
            )
        })?;
        Ok(Some(Sliding { width, layers: kinds }))
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
