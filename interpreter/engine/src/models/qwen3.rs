//! Dense Qwen3: Llama with an RMS norm over each head of q and k.

use super::{OptionalBiases, Traits};

pub(super) static TRAITS: Traits = Traits {
    architecture: "Qwen3ForCausalLM",
    model_type: "qwen3",
    qkv_bias: false,
    optional_biases: OptionalBiases::Attention,
    qk_norm: true,
    default_head_dim: Some(128),
    default_theta: 10_000.0,
    default_eps: 1e-6,
    default_context: 32_768,
    windows: true,
    vision: false,
    gguf_permuted: false,
};
