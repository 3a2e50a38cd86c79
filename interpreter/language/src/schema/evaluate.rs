use super::Default::{Computed, None, Required, Value};
use super::{ABOVE_ZERO, ABOVE_ZERO_TO_ONE, AT_LEAST_ZERO, BIAS, Field, Schema, Type, ZERO_TO_ONE};
use crate::unit::Unit;

pub const EVALUATE: Schema = Schema {
    name: "evaluate",
    doc: "Models, measured on a benchmark.",
    positional: 0,
    fields: &[
        Field {
            name: "models",
            ty: Type::Reference("models or checkpoints"),
            default: Required,
            doc: "Who is measured.",
        },
        Field {
            name: "benchmark",
            ty: Type::Reference("a benchmark or data"),
            default: Required,
            doc: "On what.",
        },
        Field {
            name: "sampling",
            ty: Type::Record(&SAMPLING),
            default: Required,
            doc: "How responses are drawn.",
        },
        Field {
            name: "samples",
            ty: Type::Count {
                unit: Unit::Samples,
                least: 1,
            },
            default: Required,
            doc: "Responses a problem.",
        },
        Field {
            name: "seed",
            ty: Type::Integer { least: 0 },
            default: Computed("the study's seed"),
            doc: "Seed of the samples.",
        },
        Field {
            name: "join",
            ty: Type::Reference("an evaluation"),
            default: None,
            doc: "Evaluations (one or a list) whose samples count here, too: drawn from other seeds, alike in everything else.",
        },
    ],
};

const TEMPERATURE: Field = Field {
    name: "temperature",
    ty: Type::NumberOf(AT_LEAST_ZERO, "a search"),
    default: Required,
    doc: "0 takes the likeliest token; a search stands for the temperature that it finds.",
};
const TOP_P: Field = Field {
    name: "top_p",
    ty: Type::Share(ABOVE_ZERO_TO_ONE),
    default: Value("1.0"),
    doc: "Draws from the smallest set of tokens with this probability.",
};
const TOP_K: Field = Field {
    name: "top_k",
    ty: Type::Integer { least: 1 },
    default: None,
    doc: "Draws from the k likeliest tokens.",
};
const MIN_P: Field = Field {
    name: "min_p",
    ty: Type::Share(ZERO_TO_ONE),
    default: None,
    doc: "Draws no token less likely than this share of the likeliest one.",
};
const REPETITION_PENALTY: Field = Field {
    name: "repetition_penalty",
    ty: Type::Number(ABOVE_ZERO),
    default: None,
    doc: "Divides positive logits of tokens that have occurred, multiplies negative ones.",
};
const LOGIT_BIAS: Field = Field {
    name: "logit_bias",
    ty: Type::Biases(BIAS),
    default: None,
    doc: "Added to the logits of single tokens, `[[\"yes\", 2], [198, -100]]`; -100 forbids.",
};
const STOP: Field = Field {
    name: "stop",
    ty: Type::Text,
    default: None,
    doc: "A response ends before this text.",
};
const MIN_TOKENS: Field = Field {
    name: "min_tokens",
    ty: Type::Count {
        unit: Unit::Tokens,
        least: 1,
    },
    default: None,
    doc: "No response ends before so many tokens.",
};
const MAX_TOKENS: Field = Field {
    name: "max_tokens",
    ty: Type::Count {
        unit: Unit::Tokens,
        least: 1,
    },
    default: Required,
    doc: "A response is cut after so many tokens.",
};

pub const SAMPLING: Schema = Schema {
    name: "sampling",
    doc: "How responses are drawn.",
    positional: 0,
    fields: &[
        TEMPERATURE,
        TOP_P,
        TOP_K,
        MIN_P,
        REPETITION_PENALTY,
        LOGIT_BIAS,
        STOP,
        MIN_TOKENS,
        MAX_TOKENS,
    ],
};

/// How the responses of a search are drawn: at each temperature that it looks at.
pub const LOOK: Schema = Schema {
    name: "look",
    doc: "How responses are drawn at each temperature that is looked at.",
    positional: 0,
    fields: &[
        TOP_P,
        TOP_K,
        MIN_P,
        REPETITION_PENALTY,
        LOGIT_BIAS,
        STOP,
        MIN_TOKENS,
        MAX_TOKENS,
    ],
};
