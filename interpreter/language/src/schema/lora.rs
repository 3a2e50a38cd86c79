use super::Default::{None, Value};
use super::{ABOVE_ZERO, Field, Schema, Type};

pub const LORA: Schema = Schema {
    name: "lora",
    doc: "Low-rank changes that are trained in the place of the weights.",
    positional: 0,
    fields: &[
        Field {
            name: "rank",
            ty: Type::Integer { least: 1 },
            default: Value("16"),
            doc: "Rank of a change.",
        },
        Field {
            name: "alpha",
            ty: Type::Number(ABOVE_ZERO),
            default: None,
            doc: "A change is scaled by `alpha` / `rank`; twice the rank unless said.",
        },
        Field {
            name: "targets",
            ty: Type::Word(&["all", "attention", "feed_forward"]),
            default: Value("all"),
            doc: "Which matrices of a block are changed.",
        },
    ],
};
