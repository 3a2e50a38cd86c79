use super::Default::{None, OrNone, Required, Value};
use super::{
    ABOVE_ONE, ABOVE_ZERO, ABOVE_ZERO_TO_ONE, AT_LEAST_ZERO, BELOW_ONE, Field, Schema, Type, ZERO_TO_ONE,
};
use crate::unit::Unit;

pub const ALGORITHM: Schema = Schema {
    name: "algorithm",
    doc: "How a model is trained.",
    positional: 0,
    fields: &[
        Field {
            name: "method",
            ty: Type::Word(&["grpo", "sft"]),
            default: Required,
            doc: "`grpo`: group-relative policy optimisation. `sft`: supervised fine-tuning; it takes `optimizer` only.",
        },
        Field {
            name: "normalize_std",
            ty: Type::Bool,
            default: Value("true"),
            doc: "Divides advantages by the group's standard deviation (Dr. GRPO does not).",
        },
        Field {
            name: "epsilon",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("1e-6"),
            doc: "Added to the group's standard deviation.",
        },
        Field {
            name: "clip_low",
            ty: Type::Number(ZERO_TO_ONE),
            default: Value("0.2"),
            doc: "The ratio is clipped at 1 − this.",
        },
        Field {
            name: "clip_high",
            ty: Type::Number(AT_LEAST_ZERO),
            default: Value("0.2"),
            doc: "The ratio is clipped at 1 + this.",
        },
        Field {
            name: "dual_clip",
            ty: Type::Number(ABOVE_ONE),
            default: None,
            doc: "Bound of the loss for negative advantages (dual-clip PPO).",
        },
        Field {
            name: "aggregation",
            ty: Type::Word(&[
                "token_mean",
                "token_sum",
                "seq_mean_token_sum",
                "seq_mean_token_mean",
                "seq_mean_token_sum_norm",
            ]),
            default: Value("token_mean"),
            doc: "How token losses become one loss, by verl's names.",
        },
        Field {
            name: "loss_length",
            ty: Type::Count {
                unit: Unit::Tokens,
                least: 1,
            },
            default: None,
            doc: "Divisor of `seq_mean_token_sum_norm`; the training's `max_tokens` unless said.",
        },
        Field {
            name: "kl",
            ty: Type::Record(&KL),
            default: None,
            doc: "Penalty on the distance to the start model, or `none`.",
        },
        Field {
            name: "entropy_bonus",
            ty: Type::Number(AT_LEAST_ZERO),
            default: Value("0.0"),
            doc: "Weight of the entropy bonus.",
        },
        Field {
            name: "updates",
            ty: Type::Integer { least: 1 },
            default: Value("1"),
            doc: "Optimiser updates a batch of rollouts.",
        },
        Field {
            name: "temperature",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("1.0"),
            doc: "Temperature of the rollouts.",
        },
        Field {
            name: "top_p",
            ty: Type::Share(ABOVE_ZERO_TO_ONE),
            default: Value("1.0"),
            doc: "Nucleus of the rollouts.",
        },
        Field {
            name: "optimizer",
            ty: Type::Record(&OPTIMIZER),
            default: Required,
            doc: "AdamW and its schedule.",
        },
    ],
};

/// Fields that only `method = grpo` reads: all but these.
pub(crate) const SFT_FIELDS: [&str; 2] = ["method", "optimizer"];

pub const KL: Schema = Schema {
    name: "kl",
    doc: "A penalty on the distance to the start model, in the loss.",
    positional: 0,
    fields: &[
        Field {
            name: "estimator",
            ty: Type::Word(&["k1", "k2", "k3", "abs"]),
            default: Value("k3"),
            doc: "Schulman's estimators; verl calls `k3` low_var_kl.",
        },
        Field {
            name: "coefficient",
            ty: Type::Number(AT_LEAST_ZERO),
            default: Required,
            doc: "Weight of the penalty.",
        },
    ],
};

pub const OPTIMIZER: Schema = Schema {
    name: "optimizer",
    doc: "AdamW and its schedule. A record written in the place of another replaces it whole.",
    positional: 0,
    fields: &[
        Field {
            name: "learning_rate",
            ty: Type::Number(AT_LEAST_ZERO),
            default: Required,
            doc: "Peak learning rate.",
        },
        Field {
            name: "betas",
            ty: Type::Pair(BELOW_ONE),
            default: Value("[0.9, 0.999]"),
            doc: "Decay of the two moments.",
        },
        Field {
            name: "epsilon",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("1e-8"),
            doc: "Added to the root of the second moment.",
        },
        Field {
            name: "weight_decay",
            ty: Type::Number(AT_LEAST_ZERO),
            default: Value("0.0"),
            doc: "Decoupled weight decay.",
        },
        Field {
            name: "clip_norm",
            ty: Type::Number(ABOVE_ZERO),
            default: OrNone("1.0"),
            doc: "The gradient's norm is clipped here; `none` does not clip.",
        },
        Field {
            name: "warmup",
            ty: Type::Count {
                unit: Unit::Steps,
                least: 0,
            },
            default: Value("0"),
            doc: "Steps of linear warm-up.",
        },
        Field {
            name: "schedule",
            ty: Type::Word(&["constant", "linear", "cosine"]),
            default: Value("constant"),
            doc: "How the rate falls after the warm-up, down to `floor` at the last step.",
        },
        Field {
            name: "floor",
            ty: Type::Share(ZERO_TO_ONE),
            default: Value("0%"),
            doc: "Where the schedule ends, as a share of `learning_rate`.",
        },
    ],
};
