//! The configuration in the form that every version of transformers loads.

use serde_json::{Value, json};

use super::Config;
use crate::models::OptionalBiases;

impl Config {
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
            if let Some(sliding) = &self.sliding {
                let kind = |&on: &bool| if on { "sliding_attention" } else { "full_attention" };
                let kinds: Vec<&str> = sliding.layers.iter().map(kind).collect();
                // Older versions of transformers know no list, only the first layer that has a window.
                let first = sliding.layers.iter().position(|&on| on).unwrap_or(0);
                map.insert("use_sliding_window".to_owned(), json!(true));
                map.insert("sliding_window".to_owned(), json!(sliding.width));
                map.insert("max_window_layers".to_owned(), json!(first));
                map.insert("layer_types".to_owned(), json!(kinds));
            } else if traits.windows {
                map.insert("use_sliding_window".to_owned(), json!(false));
            }
            if let Some(vision) = &self.vision {
                vision.write(map);
            }
        }
        format!("{map:#}\n")
    }
}
