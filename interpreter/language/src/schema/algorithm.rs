use super::Default::{None, OrNone, Required, Value};
use super::{
    ABOVE_ONE, ABOVE_ZERO, ABOVE_ZERO_TO_ONE, AT_LEAST_ZERO, BELOW_ONE, Field, Schema, Type, ZERO_TO_ONE,
};
use crate::unit::Unit;

pub const ALGORITHM: Schema = Schema {
    name: "algorithm",
    doc: "How a model is trained: a composition of parts.",
    positional: 0,
    fields: &[
        Field {
            name: "method",
            ty: Type::Word(&["rl", "sft"]),
            default: Required,
            doc: "`rl`: policy gradients on rewards. `sft`: supervised fine-tuning; it takes `optimizer` only.",
        },
        Field {
            name: "baseline",
            ty: Type::Word(&["group_mean", "leave_one_out", "greedy", "critic", "nothing"]),
            default: Value("group_mean"),
            doc: "What a reward is compared with: the group, the others of the group, the greedy response, a value network.",
        },
        Field {
            name: "normalize_std",
            ty: Type::Bool,
            default: Value("false"),
            doc: "Divides advantages by the group's standard deviation (GRPO does, Dr. GRPO does not).",
        },
        Field {
            name: "epsilon",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("1e-6"),
            doc: "Added to the group's standard deviation.",
        },
        Field {
            name: "whiten",
            ty: Type::Bool,
            default: Value("false"),
            doc: "Advantages have mean 0 and variance 1 over the tokens of the batch.",
        },
        Field {
            name: "gamma",
            ty: Type::Number(ZERO_TO_ONE),
            default: Value("1.0"),
            doc: "Discount of later rewards, a token; for `critic` and `nothing`.",
        },
        Field {
            name: "lambda",
            ty: Type::Number(ZERO_TO_ONE),
            default: Value("1.0"),
            doc: "Lambda of generalised advantage estimation; for `critic`.",
        },
        Field {
            name: "critic",
            ty: Type::Record(&CRITIC),
            default: None,
            doc: "The value network of `baseline = critic`.",
        },
        Field {
            name: "loss",
            ty: Type::Word(&["clip", "sequence", "cispo"]),
            default: Value("clip"),
            doc: "The loss of a token: PPO's, the same with the ratio of the whole response (GSPO), or CISPO's clipped weight.",
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
            doc: "Bound of the loss for negative advantages (dual-clip PPO); for `clip`.",
        },
        Field {
            name: "ceiling",
            ty: Type::Number(ABOVE_ONE),
            default: None,
            doc: "The unclipped ratio is at most this, whatever the advantage (TRL's `delta`).",
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
            doc: "Passes over a batch of rollouts; 1 is on policy.",
        },
        Field {
            name: "mini_batch",
            ty: Type::Count {
                unit: Unit::Prompts,
                least: 1,
            },
            default: None,
            doc: "Prompts an optimiser update; `none` takes all of the step's.",
        },
        Field {
            name: "dynamic_sampling",
            ty: Type::Record(&DYNAMIC_SAMPLING),
            default: None,
            doc: "Leaves groups of equal rewards out and draws further prompts in their place (DAPO).",
        },
        Field {
            name: "overlong",
            ty: Type::Record(&OVERLONG),
            default: None,
            doc: "Punishes responses near the length limit (DAPO).",
        },
        Field {
            name: "mask_truncated",
            ty: Type::Bool,
            default: Value("false"),
            doc: "Leaves truncated responses out of the loss.",
        },
        Field {
            name: "format",
            ty: Type::Record(&FORMAT),
            default: None,
            doc: "A reward for the form of a response, beside the judge's.",
        },
        Field {
            name: "correction",
            ty: Type::Record(&CORRECTION),
            default: None,
            doc: "Corrects the difference between log-probs at sampling and in training.",
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

/// Fields that `method = sft` reads; all others are for `rl`.
pub(crate) const SFT_FIELDS: [&str; 2] = ["method", "optimizer"];

pub const KL: Schema = Schema {
    name: "kl",
    doc: "A penalty on the distance to the start model.",
    positional: 0,
    fields: &[
        Field {
            name: "estimator",
            ty: Type::Word(&["k1", "k2", "k3", "abs"]),
            default: Value("k3"),
            doc: "Schulman's estimators; verl calls `k3` low_var_kl and `k2` mse.",
        },
        Field {
            name: "coefficient",
            ty: Type::Number(AT_LEAST_ZERO),
            default: Required,
            doc: "Weight of the penalty.",
        },
        Field {
            name: "place",
            ty: Type::Word(&["loss", "reward"]),
            default: Value("loss"),
            doc: "Added to the loss, or taken off the tokens' rewards.",
        },
        Field {
            name: "gradient",
            ty: Type::Word(&["own", "k2"]),
            default: Value("own"),
            doc: "`k2`: the value of the estimator with the gradient of k2 (verl's `+`).",
        },
        Field {
            name: "target",
            ty: Type::Number(ABOVE_ZERO),
            default: None,
            doc: "In the reward: the coefficient adapts until the KL is this.",
        },
        Field {
            name: "horizon",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("10_000"),
            doc: "Responses over which the coefficient adapts.",
        },
    ],
};

pub const CRITIC: Schema = Schema {
    name: "critic",
    doc: "A value network: a copy of the start model with a linear head.",
    positional: 0,
    fields: &[
        Field {
            name: "optimizer",
            ty: Type::Record(&OPTIMIZER),
            default: Value("{ learning_rate = 1e-5, weight_decay = 0.01 }"),
            doc: "AdamW and its schedule.",
        },
        Field {
            name: "clip",
            ty: Type::Number(ABOVE_ZERO),
            default: OrNone("0.5"),
            doc: "Values move at most so far a step before the loss clips them.",
        },
        Field {
            name: "warmup",
            ty: Type::Count {
                unit: Unit::Steps,
                least: 0,
            },
            default: Value("0"),
            doc: "Steps in which the critic learns alone.",
        },
    ],
};

pub const DYNAMIC_SAMPLING: Schema = Schema {
    name: "dynamic_sampling",
    doc: "Groups whose rewards are all equal are left out and others drawn in their place.",
    positional: 0,
    fields: &[Field {
        name: "batches",
        ty: Type::Integer { least: 1 },
        default: Value("10"),
        doc: "Batches of prompts that a step may draw in all; it trains on what it has by then.",
    }],
};

pub const OVERLONG: Schema = Schema {
    name: "overlong",
    doc: "DAPO's soft punishment of responses near the length limit.",
    positional: 0,
    fields: &[
        Field {
            name: "buffer",
            ty: Type::Count {
                unit: Unit::Tokens,
                least: 1,
            },
            default: Required,
            doc: "The last so many tokens before `max_tokens` are punished, linearly.",
        },
        Field {
            name: "factor",
            ty: Type::Number(AT_LEAST_ZERO),
            default: Value("1.0"),
            doc: "What is taken off the reward at the limit.",
        },
    ],
};

pub const FORMAT: Schema = Schema {
    name: "format",
    doc: "A reward for the form of a response.",
    positional: 0,
    fields: &[
        Field {
            name: "pattern",
            ty: Type::Text,
            default: Required,
            doc: "Regular expression that the response has to match somewhere; `(?s)` lets `.` match line ends.",
        },
        Field {
            name: "reward",
            ty: Type::Number(AT_LEAST_ZERO),
            default: Value("0.1"),
            doc: "Added to the judge's reward.",
        },
    ],
};

pub const CORRECTION: Schema = Schema {
    name: "correction",
    doc: "Importance weights and rejection where log-probs at sampling and in training differ.",
    positional: 0,
    fields: &[
        Field {
            name: "weights",
            ty: Type::Word(&["token", "sequence"]),
            default: OrNone("token"),
            doc: "Ratios of tokens or of whole responses weigh the loss; `none`: no weights.",
        },
        Field {
            name: "low",
            ty: Type::Number(ABOVE_ZERO),
            default: None,
            doc: "Weights outside `low` to `high` become 0 (IcePop); `none`: they are cut at `high`.",
        },
        Field {
            name: "high",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("2.0"),
            doc: "Largest weight.",
        },
        Field {
            name: "normalize",
            ty: Type::Bool,
            default: Value("false"),
            doc: "Divides the weights by their mean.",
        },
        Field {
            name: "reject",
            ty: Type::Word(&[
                "token_k1",
                "token_k2",
                "token_k3",
                "seq_sum_k1",
                "seq_sum_k2",
                "seq_sum_k3",
                "seq_mean_k1",
                "seq_mean_k2",
                "seq_mean_k3",
                "seq_max_k2",
                "seq_max_k3",
            ]),
            default: None,
            doc: "Leaves tokens or responses out whose divergence is out of bounds, by verl's names.",
        },
        Field {
            name: "reject_low",
            ty: Type::Number(ABOVE_ZERO),
            default: None,
            doc: "Smallest ratio that k1 accepts; `none`: 1 / `reject_high`.",
        },
        Field {
            name: "reject_high",
            ty: Type::Number(ABOVE_ZERO),
            default: Value("2.0"),
            doc: "Largest ratio (k1) or divergence (k2, k3) that is accepted.",
        },
    ],
};

pub const OPTIMIZER: Schema = Schema {
    name: "optimizer",
    doc: "The optimiser and its schedule. A record written in the place of another replaces it whole.",
    positional: 0,
    fields: &[
        Field {
            name: "rule",
            ty: Type::Word(&["adamw", "adafactor"]),
            default: Value("adamw"),
            doc: "`adafactor` keeps next to nothing beside the weights; its rate is relative to the size of a matrix.",
        },
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
        Field {
            name: "skip_limit",
            ty: Type::Integer { least: 1 },
            default: Value("5"),
            doc: "Updates in a row that may be left out because a loss or gradient is not finite, at which the training stops.",
        },
    ],
};
