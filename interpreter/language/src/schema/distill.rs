use super::Default::{Computed, None, Required, Value};
use super::{Field, OPTIMIZER, SAMPLING, Schema, Type};
use crate::unit::Unit;

pub const DISTILL: Schema = Schema {
    name: "distill",
    doc: "Supervised fine-tuning on a teacher's sampled responses.",
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
            doc: "How the teacher is sampled; unless said, as DeepSeek-R1's authors advise (0.6, 0.95).",
        },
        Field {
            name: "filter",
            ty: Type::Word(&["all", "correct"]),
            default: Value("all"),
            doc: "`correct` keeps only responses that the judge calls right.",
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
        Field {
            name: "seed",
            ty: Type::Integer { least: 0 },
            default: Computed("the study's seed"),
            doc: "Seed of the samples and shuffles.",
        },
    ],
};
