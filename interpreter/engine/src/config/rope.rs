//! Rotary embeddings as config.json describes them.

use serde_json::{Map, Value, json};

use super::Config;
use super::keys::Keys;
use crate::rope::{Rope, RopeScaling, Yarn};
use crate::{EngineError, error::FETCH_AGAIN};

impl Keys<'_> {
    /// `rope_scaling` beside `rope_theta`, or `rope_parameters` (transformers 5), in this order of preference.
    pub(super) fn rope(&self, default_theta: f64) -> Result<Rope, EngineError> {
        let empty = Map::new();
        let map = match self.object("rope_scaling")?.filter(|map| !map.is_empty()) {
            Some(map) => map,
            None => self.object("rope_parameters")?.unwrap_or(&empty),
        };
        if map.values().any(Value::is_object) {
            return Err(EngineError::unsupported(
                self.path,
                "a rope that differs from layer to layer",
                "use a model with one rope for all layers",
            ));
        }
        let block = Keys { map, path: self.path };
        for keys in [&block, self] {
            if let Some(part) = keys.number("partial_rotary_factor")?
                && part != 1.0
            {
                return Err(EngineError::unsupported(
                    self.path,
                    format!("a rotation of {part} of each head"),
                    "use a model that rotates whole heads",
                ));
            }
        }
        let theta = match block.number("rope_theta")? {
            Some(theta) => theta,
            None => self.number("rope_theta")?.unwrap_or(default_theta),
        };
        let kind = map
            .get("rope_type")
            .or_else(|| map.get("type"))
            .and_then(Value::as_str)
            .unwrap_or("default");
        let need = |key: &str| {
            block.number(key)?.ok_or_else(|| {
                let what = format!("rope of type `{kind}` lacks `{key}`");
                EngineError::corrupt(self.path, what, FETCH_AGAIN)
            })
        };
        // The pre-training's context stands in the block, beside it, or is the model's.
        let original = || -> Result<f64, EngineError> {
            let name = "original_max_position_embeddings";
            let found = [
                self.number(name)?,
                block.number(name)?,
                self.number("max_position_embeddings")?,
            ];
            found.into_iter().flatten().next().map_or_else(|| need(name), Ok)
        };
        let scaling = match kind {
            "default" | "mrope" => RopeScaling::Default,
            "linear" => RopeScaling::Linear {
                factor: need("factor")?,
            },
            "dynamic" => RopeScaling::Dynamic {
                factor: need("factor")?,
            },
            "llama3" => RopeScaling::Llama3 {
                factor: need("factor")?,
                low_freq_factor: need("low_freq_factor")?,
                high_freq_factor: need("high_freq_factor")?,
                original_context: original()?,
            },
            "yarn" => {
                let original_context = original()?;
                let factor = match block.number("factor")? {
                    Some(factor) => factor,
                    None => {
                        self.number("max_position_embeddings")?
                            .map_or_else(|| need("factor"), Ok)?
                            / original_context
                    }
                };
                RopeScaling::Yarn(Yarn {
                    factor,
                    original_context,
                    attention_factor: block.number("attention_factor")?,
                    beta_fast: block.number("beta_fast")?.unwrap_or(32.0),
                    beta_slow: block.number("beta_slow")?.unwrap_or(1.0),
                    mscale: block.number("mscale")?,
                    mscale_all_dim: block.number("mscale_all_dim")?,
                    truncate: block.flag("truncate")?.unwrap_or(true),
                })
            }
            other => {
                return Err(EngineError::unsupported(
                    self.path,
                    format!("rope of type `{other}`"),
                    "use a model with default, linear, dynamic, yarn or llama3 rope, or remove the scaling to run within the original context",
                ));
            }
        };
        Ok(Rope { theta, scaling })
    }
}

impl Config {
    /// `rope_scaling` of the hub's form.
    pub(super) fn rope_scaling_json(&self) -> Value {
        let mut value = match &self.rope.scaling {
            RopeScaling::Default => json!({"rope_type": "default"}),
            RopeScaling::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
            RopeScaling::Dynamic { factor } => json!({"rope_type": "dynamic", "factor": factor}),
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
                "original_max_position_embeddings": positions(*original_context),
            }),
            RopeScaling::Yarn(yarn) => {
                let mut map = json!({
                    "rope_type": "yarn",
                    "factor": yarn.factor,
                    "original_max_position_embeddings": positions(yarn.original_context),
                    "beta_fast": yarn.beta_fast,
                    "beta_slow": yarn.beta_slow,
                    "truncate": yarn.truncate,
                });
                for (key, value) in [
                    ("attention_factor", yarn.attention_factor),
                    ("mscale", yarn.mscale),
                    ("mscale_all_dim", yarn.mscale_all_dim),
                ] {
                    if let (Some(value), Value::Object(map)) = (value, &mut map) {
                        map.insert(key.to_owned(), json!(value));
                    }
                }
                map
            }
        };
        if let (Some(vision), Value::Object(map)) = (&self.vision, &mut value) {
            map.insert("mrope_section".to_owned(), json!(vision.sections));
            if self.rope.scaling == RopeScaling::Default {
                map.insert("type".to_owned(), json!("mrope"));
                map.remove("rope_type");
            }
        } else if self.rope.scaling == RopeScaling::Default {
            return Value::Null;
        }
        value
    }
}

/// A number of positions: whole, as transformers wants it, wherever it is.
fn positions(count: f64) -> Value {
    if count.fract() == 0.0 && count < 9e15 {
        json!(count as i64)
    } else {
        json!(count)
    }
}
