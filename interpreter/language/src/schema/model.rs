use super::Default::{None, Required, Value};
use super::{ABOVE_ZERO, Field, Schema, Type};
use crate::unit::Unit;

pub const MODEL: Schema = Schema {
    name: "model",
    doc: "A model that exists before the study.",
    positional: 0,
    fields: &[
        Field {
            name: "source",
            ty: Type::Reference(
                "\"hf:org/name@revision\", a path such as \"./model\", `init { … }`, `responses { … }` or `endpoint { … }`",
            ),
            default: Required,
            doc: "Where the weights are: a repository of the Hugging Face hub (`hf:org/name`, revision `main` unless said), \
                  a Hugging Face folder or a `.gguf` file (a path from the folder of the declaring file), or fresh weights. A teacher \
                  can also be responses in a file, or a server.",
        },
        Field {
            name: "adapter",
            ty: Type::Text,
            default: None,
            doc: "Folder with a LoRA adapter that PEFT saved (`adapter_config.json`, `adapter_model.safetensors`), from the \
                  folder of the declaring file; it is merged into the weights. Only with weights that lie somewhere.",
        },
        Field {
            name: "context",
            ty: Type::Count {
                unit: Unit::Tokens,
                least: 1,
            },
            default: None,
            doc: "Longest sequence, prompt and response together. Where it is stated, longer responses are refused early.",
        },
        Field {
            name: "parameters",
            ty: Type::Integer { least: 1 },
            default: None,
            doc: "Number of parameters, for the estimate of costs.",
        },
        Field {
            name: "vocabulary",
            ty: Type::Integer { least: 1 },
            default: None,
            doc: "Size of the vocabulary, for reports.",
        },
        Field {
            name: "vision",
            ty: Type::Bool,
            default: Value("false"),
            doc: "The model reads pictures, as Qwen2.5-VL does.",
        },
        Field {
            name: "licence",
            ty: Type::Text,
            default: None,
            doc: "SPDX identifier of the weights' licence. `rlx pack` passes weights on only where it is an open one.",
        },
    ],
};

pub const INIT: Schema = Schema {
    name: "init",
    doc: "Freshly initialised weights.",
    positional: 0,
    fields: &[
        Field {
            name: "family",
            ty: Type::Word(&["qwen2", "qwen3", "llama"]),
            default: Required,
            doc: "The architecture. `qwen2` has biases in the attention's projections, `qwen3` norms of queries and keys, `llama` neither.",
        },
        Field {
            name: "hidden",
            ty: Type::Integer { least: 1 },
            default: Required,
            doc: "Width of the residual stream.",
        },
        Field {
            name: "layers",
            ty: Type::Integer { least: 1 },
            default: Required,
            doc: "Number of layers.",
        },
        Field {
            name: "heads",
            ty: Type::Integer { least: 1 },
            default: Required,
            doc: "Number of attention heads; divides `hidden`.",
        },
        Field {
            name: "kv_heads",
            ty: Type::Integer { least: 1 },
            default: Required,
            doc: "Number of key and value heads; divides `heads`.",
        },
        Field {
            name: "feed_forward",
            ty: Type::Integer { least: 1 },
            default: Required,
            doc: "Width of the SwiGLU block.",
        },
        Field {
            name: "context",
            ty: Type::Count {
                unit: Unit::Tokens,
                least: 1,
            },
            default: Required,
            doc: "Longest sequence.",
        },
        Field {
            name: "rope_theta",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("10_000"),
            doc: "Base of the rotary embedding.",
        },
        Field {
            name: "norm_epsilon",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("1e-6"),
            doc: "Epsilon of RMSNorm.",
        },
        Field {
            name: "tied",
            ty: Type::Bool,
            default: Value("false"),
            doc: "Input and output embeddings are one matrix.",
        },
        Field {
            name: "tokenizer",
            ty: Type::Text,
            default: Required,
            doc: "Folder with `tokenizer.json`, from the folder of the declaring file.",
        },
        Field {
            name: "seed",
            ty: Type::Integer { least: 0 },
            default: Required,
            doc: "Seed of the weights.",
        },
    ],
};
