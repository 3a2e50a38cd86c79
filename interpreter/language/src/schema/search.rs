use super::Default::{Computed, Required, Value};
use super::evaluate::LOOK;
use super::{ABOVE_ZERO, Field, Schema, Type};
use crate::unit::Unit;

pub const SEARCH: Schema = Schema {
    name: "search",
    doc: "The temperature at which a model's outputs have an entropy.",
    positional: 0,
    fields: &[
        Field {
            name: "model",
            ty: Type::Reference("a model or a checkpoint"),
            default: Required,
            doc: "Whose outputs.",
        },
        Field {
            name: "benchmark",
            ty: Type::Reference("a benchmark or data"),
            default: Required,
            doc: "On what; `aime24 { limit = 10 problems }` looks at fewer problems.",
        },
        Field {
            name: "sampling",
            ty: Type::Record(&LOOK),
            default: Required,
            doc: "How responses are drawn at each temperature: as in an evaluation, without the temperature.",
        },
        Field {
            name: "samples",
            ty: Type::Count {
                unit: Unit::Samples,
                least: 1,
            },
            default: Required,
            doc: "Responses a problem at each temperature.",
        },
        Field {
            name: "target",
            ty: Type::Reference("an `entropy(…)` or a number of nats a token"),
            default: Required,
            doc: "The entropy that is looked for: `entropy(EVALUATION, MODEL)`, a number, `published(…)`, or sums and the like of these.",
        },
        Field {
            name: "between",
            ty: Type::Span(ABOVE_ZERO),
            default: Required,
            doc: "The lowest and the highest temperature; the target lies between their entropies.",
        },
        Field {
            name: "within",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("0.02"),
            doc: "How near the entropy has to come to the target, in nats a token.",
        },
        Field {
            name: "looks",
            ty: Type::Integer { least: 3 },
            default: Value("12"),
            doc: "Temperatures that are looked at at most, the two ends among them.",
        },
        Field {
            name: "seed",
            ty: Type::Integer { least: 0 },
            default: Computed("the study's seed"),
            doc: "Seed of the samples, the same draws at each temperature.",
        },
    ],
};
