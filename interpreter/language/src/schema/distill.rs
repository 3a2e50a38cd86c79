use super::Default::{Computed, None, Required, Value};
use super::{ABOVE_ZERO, Field, OPTIMIZER, SAMPLING, Schema, Type, ZERO_TO_ONE, train};
use crate::unit::Unit;

pub const DISTILL: Schema = Schema {
    name: "distill",
    doc: "A student learns from a teacher: from its responses, or from its distributions.",
    positional: 0,
    fields: &[
        Field {
            name: "start",
            ty: Type::Reference("a model or a checkpoint"),
            default: Required,
            doc: "The student before.",
        },
        Field {
            name: "teacher",
            ty: Type::Reference("a model or a checkpoint"),
            default: Required,
            doc: "Who writes the responses.",
        },
        Field {
            name: "data",
            ty: Type::Reference("data"),
            default: Required,
            doc: "Problems that the teacher answers.",
        },
        Field {
            name: "prompts",
            ty: Type::Count {
                unit: Unit::Prompts,
                least: 1,
            },
            default: None,
            doc: "The first so many problems; `none` takes all of them.",
        },
        Field {
            name: "samples",
            ty: Type::Count {
                unit: Unit::Samples,
                least: 1,
            },
            default: Value("1"),
            doc: "Responses a prompt.",
        },
        Field {
            name: "sampling",
            ty: Type::Record(&SAMPLING),
            default: Value("{ temperature = 0.6, top_p = 0.95, max_tokens = 16_384 }"),
            doc: "How responses are drawn; unless said, as DeepSeek-R1's authors advise (0.6, 0.95).",
        },
        Field {
            name: "filter",
            ty: Type::Word(&["all", "correct"]),
            default: Value("all"),
            doc: "`correct` keeps only responses that the judge calls right.",
        },
        Field {
            name: "divergence",
            ty: Type::Word(&["forward_kl", "reverse_kl", "jsd"]),
            default: None,
            doc: "Learns the teacher's next-token distributions by this divergence; `none` learns its responses alone.",
        },
        Field {
            name: "beta",
            ty: Type::Number(ZERO_TO_ONE),
            default: None,
            doc: "Weight of the teacher in the mixture of `jsd`; 0.5 unless said.",
        },
        Field {
            name: "softness",
            ty: Type::Number(ABOVE_ZERO),
            default: None,
            doc: "Temperature of both distributions under a `divergence`; 1 unless said.",
        },
        Field {
            name: "on_policy",
            ty: Type::Bool,
            default: Value("false"),
            doc: "The responses are the student's own, drawn at every step; needs a `divergence`.",
        },
        Field {
            name: "epochs",
            ty: Type::Count {
                unit: Unit::Epochs,
                least: 1,
            },
            default: Value("1"),
            doc: "Passes over the responses.",
        },
        Field {
            name: "batch",
            ty: Type::Count {
                unit: Unit::Samples,
                least: 1,
            },
            default: Value("64"),
            doc: "Responses a step.",
        },
        Field {
            name: "optimizer",
            ty: Type::Record(&OPTIMIZER),
            default: Value("{ learning_rate = 1e-5, schedule = cosine, floor = 10% }"),
            doc: "AdamW and its schedule.",
        },
        train::LORA_FIELD,
        train::CHECKPOINTING,
        Field {
            name: "seed",
            ty: Type::Integer { least: 0 },
            default: Computed("the study's seed"),
            doc: "Seed of the samples and shuffles.",
        },
    ],
};
