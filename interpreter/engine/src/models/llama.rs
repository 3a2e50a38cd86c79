//! Llama and the many checkpoints that share its architecture.

use super::{OptionalBiases, Traits};

pub(super) static TRAITS: Traits = Traits {
    architecture: "LlamaForCausalLM",
    model_type: "llama",
    qkv_bias: false,
    optional_biases: OptionalBiases::AttentionAndMlp,
    qk_norm: false,
    default_head_dim: None,
    default_theta: 10_000.0,
    default_eps: 1e-6,
    default_context: 2048,
    windows: false,
    vision: false,
    gguf_permuted: true,
};
