//! The functions of figures, tables and claims.

use super::Default::{Computed, Required, Value};
use super::{Field, Schema, Type};
use crate::unit::Unit;

const EVALUATION: Field = Field {
    name: "evaluation",
    ty: Type::Reference("an evaluation"),
    default: Required,
    doc: "The evaluation that is read.",
};
const OF: Field = Field {
    name: "of",
    ty: Type::Reference("models of the evaluation"),
    default: Computed("all models of the evaluation"),
    doc: "Which models; `rl@*` stands for every checkpoint of rl that the evaluation measures.",
};
const AGAINST: Field = Field {
    name: "against",
    ty: Type::Reference("a model of the evaluation"),
    default: Required,
    doc: "The base model.",
};
const K: Field = Field {
    name: "k",
    ty: Type::Count {
        unit: Unit::Samples,
        least: 1,
    },
    default: Required,
    doc: "Samples a problem; at most the evaluation's `samples`.",
};
const CORRECT: Field = Field {
    name: "correct",
    ty: Type::Bool,
    default: Value("false"),
    doc: "Only right responses.",
};
const ONE: Field = Field {
    name: "of",
    ty: Type::Reference("a model of the evaluation"),
    default: Required,
    doc: "Whose responses.",
};

pub const PASS_AT_K: Schema = Schema {
    name: "pass_at_k",
    doc: "Unbiased pass@k over a range of k.",
    positional: 1,
    fields: &[
        EVALUATION,
        OF,
        Field {
            name: "k",
            ty: Type::Counts {
                unit: Unit::Samples,
                least: 1,
            },
            default: Required,
            doc: "A range such as `1..256 by *2`; at most the evaluation's `samples`.",
        },
    ],
};

pub const DELTA_SE: Schema = Schema {
    name: "delta_se",
    doc: "Sampling-efficiency gap: pass@k of the base minus pass@1 of the model.",
    positional: 1,
    fields: &[EVALUATION, OF, AGAINST, K],
};

pub const SUBSET: Schema = Schema {
    name: "subset",
    doc: "Solved problems of the models against those of another.",
    positional: 1,
    fields: &[
        EVALUATION,
        OF,
        Field {
            name: "within",
            ty: Type::Reference("a model of the evaluation"),
            default: Required,
            doc: "Whose solved problems are the whole.",
        },
    ],
};

pub const PERPLEXITY: Schema = Schema {
    name: "perplexity",
    doc: "Perplexity of the models' responses under other models.",
    positional: 1,
    fields: &[
        EVALUATION,
        OF,
        Field {
            name: "under",
            ty: Type::Reference("models of the evaluation"),
            default: Required,
            doc: "Who scores the responses.",
        },
        CORRECT,
    ],
};

pub const SUMMARY: Schema = Schema {
    name: "summary",
    doc: "pass@1, solved share, lengths, truncation and verdicts of each model.",
    positional: 1,
    fields: &[EVALUATION, OF],
};

pub const TRAINING: Schema = Schema {
    name: "training",
    doc: "Curves of trainings over steps: reward, length, entropy, loss.",
    positional: 1,
    fields: &[Field {
        name: "of",
        ty: Type::Reference("a training or a list of them"),
        default: Required,
        doc: "Which trainings.",
    }],
};

pub const PASS: Schema = Schema {
    name: "pass",
    doc: "pass@k of one model.",
    positional: 2,
    fields: &[
        EVALUATION,
        Field {
            name: "of",
            ty: Type::Reference("a model of the evaluation"),
            default: Required,
            doc: "Which model.",
        },
        K,
    ],
};

pub const DELTA_SE_OF: Schema = Schema {
    name: "delta_se",
    doc: DELTA_SE.doc,
    positional: 1,
    fields: &[EVALUATION, ONE, AGAINST, K],
};

pub const PERPLEXITY_OF: Schema = Schema {
    name: "perplexity",
    doc: "Median perplexity of one model's responses under another.",
    positional: 1,
    fields: &[
        EVALUATION,
        ONE,
        Field {
            name: "under",
            ty: Type::Reference("a model of the evaluation"),
            default: Required,
            doc: "Who scores the responses.",
        },
        CORRECT,
    ],
};

pub const SOLVED: Schema = Schema {
    name: "solved",
    doc: "The problems of which a model has at least one right sample.",
    positional: 2,
    fields: &[
        EVALUATION,
        Field {
            name: "of",
            ty: Type::Reference("a model of the evaluation"),
            default: Required,
            doc: "Which model.",
        },
    ],
};

/// What a figure or a table can show.
pub const FUNCTIONS: [&Schema; 6] = [&PASS_AT_K, &DELTA_SE, &SUBSET, &PERPLEXITY, &SUMMARY, &TRAINING];
