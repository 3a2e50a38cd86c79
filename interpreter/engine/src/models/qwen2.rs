//! Qwen2 and Qwen2.5: Llama with biases on q, k and v.

use super::{OptionalBiases, Traits};

pub(super) static TRAITS: Traits = Traits {
    architecture: "Qwen2ForCausalLM",
    model_type: "qwen2",
    qkv_bias: true,
    optional_biases: OptionalBiases::None,
    qk_norm: false,
    default_head_dim: None,
    default_theta: 10_000.0,
    default_eps: 1e-6,
    default_context: 32_768,
    windows: true,
    vision: false,
    gguf_permuted: false,
};
