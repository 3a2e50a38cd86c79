//! Qwen2.5-VL: the decoder of Qwen2 with positions in time, height and width, behind a vision tower.

use super::{OptionalBiases, Traits};

pub(super) static TRAITS: Traits = Traits {
    architecture: "Qwen2_5_VLForConditionalGeneration",
    model_type: "qwen2_5_vl",
    qkv_bias: true,
    optional_biases: OptionalBiases::None,
    qk_norm: false,
    default_head_dim: None,
    default_theta: 1_000_000.0,
    default_eps: 1e-5,
    default_context: 32_768,
    windows: true,
    vision: true,
    gguf_permuted: false,
};
