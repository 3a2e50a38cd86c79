//! Model families: what each adds to the common decoder of pre-norm attention and SwiGLU blocks.
//!
//! A new family is one file here and one entry in [`Family::ALL`].

mod llama;
mod qwen2;
mod qwen25_vl;
mod qwen3;

/// Which parts of the common decoder a family uses, and by which names checkpoints know it.
pub(crate) struct Traits {
    /// `architectures[0]` in config.json.
    pub(crate) architecture: &'static str,
    /// `model_type` in config.json and `general.architecture` in GGUF.
    pub(crate) model_type: &'static str,
    /// Bias of q, k and v whatever the configuration says (`attention_bias` decides where this is false).
    pub(crate) qkv_bias: bool,
    /// `attention_bias` and `mlp_bias` of the configuration count.
    pub(crate) optional_biases: OptionalBiases,
    /// RMS norm over each head of q and k before the rotation.
    pub(crate) qk_norm: bool,
    /// `head_dim` when the configuration is silent; `None` is hidden / heads.
    pub(crate) default_head_dim: Option<i64>,
    /// `rope_theta` when the configuration is silent.
    pub(crate) default_theta: f64,
    /// `rms_norm_eps` when the configuration is silent.
    pub(crate) default_eps: f64,
    /// `max_position_embeddings` when the configuration is silent.
    pub(crate) default_context: i64,
    /// Sliding windows of the configuration count.
    pub(crate) windows: bool,
    /// A vision tower stands before the decoder.
    pub(crate) vision: bool,
    /// GGUF stores the rows of q and k for rotation of neighbouring pairs.
    pub(crate) gguf_permuted: bool,
}

/// Biases that `attention_bias` and `mlp_bias` switch on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionalBiases {
    /// Neither key counts.
    None,
    /// `attention_bias` counts, for q, k, v and o.
    Attention,
    /// Both count.
    AttentionAndMlp,
}

/// The architectures that the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Llama 2, 3.x, SmolLM2 and others of `LlamaForCausalLM`.
    Llama,
    /// Qwen2, Qwen2.5 and the distillations into them, `Qwen2ForCausalLM`.
    Qwen2,
    /// Dense Qwen3, `Qwen3ForCausalLM`.
    Qwen3,
    /// Qwen2.5-VL, `Qwen2_5_VLForConditionalGeneration`: pictures, not videos.
    Qwen25Vl,
}

impl Family {
    pub(crate) const ALL: [Self; 4] = [Self::Llama, Self::Qwen2, Self::Qwen3, Self::Qwen25Vl];

    pub(crate) fn traits(self) -> &'static Traits {
        match self {
            Self::Llama => &llama::TRAITS,
            Self::Qwen2 => &qwen2::TRAITS,
            Self::Qwen3 => &qwen3::TRAITS,
            Self::Qwen25Vl => &qwen25_vl::TRAITS,
        }
    }

    /// The family of an `architectures` entry.
    pub(crate) fn of_architecture(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.traits().architecture == name)
    }

    /// The families that GGUF files are read of.
    pub(crate) fn in_gguf() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|f| !f.traits().vision)
    }

    /// The family of a `model_type`.
    pub(crate) fn of_model_type(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.traits().model_type == name)
    }

    pub(crate) fn known() -> String {
        Self::ALL.map(|f| f.traits().architecture).join(", ")
    }
}
