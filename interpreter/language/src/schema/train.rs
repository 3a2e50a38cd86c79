use super::Default::{Computed, None, Required, Value};
use super::{ALGORITHM, Field, LORA, OPTIMIZER, Schema, Type};
use crate::unit::Unit;

/// Fields that every training of weights has, by whichever rule.
pub(super) const LORA_FIELD: Field = Field {
    name: "lora",
    ty: Type::Record(&LORA),
    default: None,
    doc: "Trains low-rank changes of the weights in their place; the checkpoints hold both, merged and apart.",
};
pub(super) const CHECKPOINTING: Field = Field {
    name: "checkpointing",
    ty: Type::Bool,
    default: Value("false"),
    doc: "Makes activations again on the way back: a third more work in a fraction of the memory, the same result.",
};

pub const TRAIN: Schema = Schema {
    name: "train",
    doc: "A training, by reinforcement learning or supervised.",
    positional: 0,
    fields: &[
        Field {
            name: "start",
            ty: Type::Reference("a model or a checkpoint"),
            default: Required,
            doc: "What the training starts from.",
        },
        Field {
            name: "algorithm",
            ty: Type::Reference("an algorithm"),
            default: Required,
            doc: ALGORITHM.doc,
        },
        Field {
            name: "data",
            ty: Type::Reference("data"),
            default: Required,
            doc: "Problems to train on.",
        },
        Field {
            name: "batch",
            ty: Type::Count {
                unit: Unit::Prompts,
                least: 1,
            },
            default: Required,
            doc: "Prompts a step.",
        },
        Field {
            name: "rollouts",
            ty: Type::Count {
                unit: Unit::Samples,
                least: 1,
            },
            default: None,
            doc: "Responses a prompt; `rl` needs it, at least 2 where they are compared with each other.",
        },
        Field {
            name: "steps",
            ty: Type::Count {
                unit: Unit::Steps,
                least: 1,
            },
            default: None,
            doc: "Steps in all; or `epochs`.",
        },
        Field {
            name: "epochs",
            ty: Type::Count {
                unit: Unit::Epochs,
                least: 1,
            },
            default: None,
            doc: "Passes over the data, whose size must be known; or `steps`.",
        },
        Field {
            name: "keep",
            ty: Type::Counts {
                unit: Unit::Steps,
                least: 1,
            },
            default: Value("[]"),
            doc: "Steps whose checkpoints are kept; the last step's always is.",
        },
        Field {
            name: "max_tokens",
            ty: Type::Count {
                unit: Unit::Tokens,
                least: 1,
            },
            default: Computed(
                "2_048 tokens a rollout; for sft the start model's context, or 2_048 where that is not stated",
            ),
            doc: "Tokens a rollout (rl), prompt and response together (sft).",
        },
        Field {
            name: "optimizer",
            ty: Type::Record(&OPTIMIZER),
            default: Computed("the algorithm's"),
            doc: "AdamW and its schedule, in the place of the algorithm's.",
        },
        LORA_FIELD,
        CHECKPOINTING,
        Field {
            name: "seed",
            ty: Type::Integer { least: 0 },
            default: Computed("the study's seed"),
            doc: "Seed of rollouts and shuffles.",
        },
    ],
};
