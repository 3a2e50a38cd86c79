//! The functions of figures, tables and claims.

use super::Default::{Computed, None, Required, Value};
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
        Field {
            name: "evaluation",
            ty: Type::Reference("an evaluation or a list of them"),
            default: Required,
            doc: "The evaluation that is read; several on the same problems share the figure.",
        },
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
        Field {
            name: "axis",
            ty: Type::Word(&["plain", "folded"]),
            default: Value("plain"),
            doc: "`folded` gives the upper part of the vertical axis most of the room.",
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

/// A table or figure of an evaluation's models and nothing else.
const fn plain(name: &'static str, doc: &'static str) -> Schema {
    Schema {
        name,
        doc,
        positional: 1,
        fields: &[EVALUATION, OF],
    }
}

pub const ACCURACY: Schema = plain(
    "accuracy",
    "How many problems have which accuracy, in twelve bins: 0, ten of 10%, 1.",
);
pub const COVERAGE: Schema = plain("coverage", "Which problems each model solves, and how often.");
pub const SOLVED_SETS: Schema = plain(
    "solved",
    "The solved problems by their places in the benchmark, from 0, and what each model lacks of the first.",
);
pub const LENGTHS: Schema = plain(
    "lengths",
    "Tokens a response, of right and of wrong ones, and the share cut at `max_tokens`.",
);
pub const ENTROPY: Schema = plain(
    "entropy",
    "Entropy of the drawn tokens, in nats a token, at the temperature they were drawn at.",
);

const K_RANGE: Field = Field {
    name: "k",
    ty: Type::Counts {
        unit: Unit::Samples,
        least: 1,
    },
    default: Required,
    doc: "A number, a list, or a range such as `1..256 by *2`; at most the evaluation's `samples`.",
};
const BY: Field = Field {
    name: "under",
    ty: Type::Reference("a model of the evaluation"),
    default: Required,
    doc: "Under which model the likeliest response (by perplexity) is chosen.",
};

pub const CROSSING: Schema = Schema {
    name: "crossing",
    doc: "The k from which on the base model leads, with its interval, or none up to n.",
    positional: 1,
    fields: &[EVALUATION, OF, AGAINST],
};

pub const MAJORITY: Schema = Schema {
    name: "majority",
    doc: "How often the commonest answer of k samples is right; ties are split evenly.",
    positional: 1,
    fields: &[EVALUATION, OF, K_RANGE],
};

const OTHER_JUDGE: Field = Field {
    name: "judge",
    ty: Type::Word(&["number", "math", "math_paper", "choice", "exact"]),
    default: Required,
    doc: "The other judge; it judges every response, too.",
};

pub const BEST_JUDGED: Schema = Schema {
    name: "best_judged",
    doc: "How often one of k samples is right that another judge accepts: best of n by a verifier.",
    positional: 1,
    fields: &[EVALUATION, OF, OTHER_JUDGE, K_RANGE],
};

pub const BEST_OF: Schema = Schema {
    name: "best_of",
    doc: "How often the likeliest of k samples, as another model scores them, is right.",
    positional: 1,
    fields: &[EVALUATION, OF, BY, K_RANGE],
};

pub const COMPARE: Schema = Schema {
    name: "compare",
    doc: "Differences in pass@k to the base model, with p-values corrected for their number (Holm).",
    positional: 1,
    fields: &[EVALUATION, OF, AGAINST, K_RANGE],
};

pub const BESIDE: Schema = Schema {
    name: "beside",
    doc: "Measured numbers beside published ones. Lists in both are taken in pairs.",
    positional: 2,
    fields: &[
        Field {
            name: "measured",
            ty: Type::Reference("something measured"),
            default: Required,
            doc: "As a claim writes it: `pass(aime, [base, rl@450], k = 1)`.",
        },
        Field {
            name: "published",
            ty: Type::Reference("published numbers"),
            default: Required,
            doc: "`published(…)`, or numbers.",
        },
    ],
};

pub const DISAGREEMENTS: Schema = Schema {
    name: "disagreements",
    doc: "How often the benchmark's judge and another one differ, in which verdicts, with examples.",
    positional: 1,
    fields: &[EVALUATION, OF, OTHER_JUDGE],
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

const MODEL: Field = Field {
    name: "of",
    ty: Type::Reference("a model of the evaluation"),
    default: Required,
    doc: "Which model; inside of `all`, `any`, `rising`, `falling`, `max` and `min` also several.",
};

pub const PASS: Schema = Schema {
    name: "pass",
    doc: "pass@k of one model.",
    positional: 2,
    fields: &[EVALUATION, MODEL, K_RANGE],
};

pub const CROSSING_OF: Schema = Schema {
    name: "crossing",
    doc: "The k from which on the base model leads; n + 1 where it never does.",
    positional: 1,
    fields: &[EVALUATION, ONE, AGAINST],
};

pub const MAJORITY_OF: Schema = Schema {
    name: "majority",
    doc: MAJORITY.doc,
    positional: 2,
    fields: &[EVALUATION, MODEL, K_RANGE],
};

pub const BEST_OF_ONE: Schema = Schema {
    name: "best_of",
    doc: BEST_OF.doc,
    positional: 2,
    fields: &[EVALUATION, MODEL, BY, K_RANGE],
};

/// Which problems are worth reading.
const BELOW: Field = Field {
    name: "below",
    ty: Type::Share(super::ABOVE_ZERO_TO_ONE),
    default: Value("5%"),
    doc: "Problems with an accuracy above 0 and below this are read.",
};
const AMBIGUOUS: Field = Field {
    name: "ambiguous",
    ty: Type::Word(&["counted", "left_out"]),
    default: Value("counted"),
    doc: "A problem without a valid chain, of which a response is ambiguous: `counted` as without one, or `left_out` of the share.",
};

pub const READ_BY_HAND: Schema = Schema {
    name: "read_by_hand",
    doc: "What readers say (`rlx inspect`) of the right responses to the hardest solved problems, and how far they agree.",
    positional: 1,
    fields: &[EVALUATION, OF, BELOW, AMBIGUOUS],
};

pub const VALID_CHAINS: Schema = Schema {
    name: "valid_chains",
    doc: "Share of the hardest solved problems with at least one response that readers (`rlx inspect`) call a valid chain of thought.",
    positional: 2,
    fields: &[EVALUATION, MODEL, BELOW, AMBIGUOUS],
};

/// A number of one model.
const fn of_model(name: &'static str, doc: &'static str) -> Schema {
    Schema {
        name,
        doc,
        positional: 2,
        fields: &[EVALUATION, MODEL],
    }
}

pub const LENGTH: Schema = of_model("length", "Mean tokens a response.");
pub const TRUNCATED: Schema = of_model("truncated", "Share of responses cut at `max_tokens`.");
pub const ENTROPY_OF: Schema = of_model(
    "entropy",
    "Nats a drawn token, at the temperature it was drawn at.",
);

pub const LOGGED: Schema = Schema {
    name: "logged",
    doc: "A number that a training logged at a step.",
    positional: 2,
    fields: &[
        Field {
            name: "of",
            ty: Type::Reference("a training"),
            default: Required,
            doc: "Which training.",
        },
        Field {
            name: "metric",
            ty: Type::Word(&[
                "reward",
                "entropy",
                "length",
                "loss",
                "kl",
                "truncated",
                "clipped",
            ]),
            default: Required,
            doc: "Which curve.",
        },
        Field {
            name: "step",
            ty: Type::Count {
                unit: Unit::Steps,
                least: 1,
            },
            default: None,
            doc: "At which step; without it at the last one.",
        },
    ],
};

const SEARCHES: Field = Field {
    name: "of",
    ty: Type::Reference("a search or a list of them"),
    default: Required,
    doc: "Which searches.",
};

pub const SEARCHED: Schema = Schema {
    name: "searched",
    doc: "Temperatures that were searched for: each look with its entropy, and what was found.",
    positional: 1,
    fields: &[SEARCHES],
};

pub const TEMPERATURE: Schema = Schema {
    name: "temperature",
    doc: "The temperature that a search found.",
    positional: 1,
    fields: &[SEARCHES],
};

pub const PUBLISHED: Schema = Schema {
    name: "published",
    doc: "A number that somebody published: a `let` that is a number, or a record of two lists.",
    positional: 1,
    fields: &[
        Field {
            name: "of",
            ty: Type::Reference("published numbers"),
            default: Required,
            doc: "`std.limit_of_rlvr.NAME`; inside of `all` and the like also a list of them.",
        },
        Field {
            name: "k",
            ty: Type::Counts {
                unit: Unit::Samples,
                least: 1,
            },
            default: None,
            doc: "Where on a curve `{ k = […], pass = […] }`.",
        },
        Field {
            name: "bin",
            ty: Type::Integer { least: 0 },
            default: None,
            doc: "Which bin of `{ bin = […], problems = […] }`.",
        },
        Field {
            name: "step",
            ty: Type::Count {
                unit: Unit::Steps,
                least: 1,
            },
            default: None,
            doc: "Which step of `{ step = […], value = […] }`.",
        },
    ],
};

/// The problems whose accuracy lies in a range, as a set.
pub const ACCURACY_SET: Schema = Schema {
    name: "accuracy",
    doc: "The problems of which a model gets more than `above` and at most `most` of its samples right.",
    positional: 2,
    fields: &[
        EVALUATION,
        MODEL,
        Field {
            name: "above",
            ty: Type::Share(super::ZERO_TO_ONE),
            default: None,
            doc: "Without it, problems without a right sample are inside, too.",
        },
        Field {
            name: "most",
            ty: Type::Share(super::ZERO_TO_ONE),
            default: Value("1.0"),
            doc: "The largest accuracy inside.",
        },
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
pub const FUNCTIONS: [&Schema; 20] = [
    &PASS_AT_K,
    &DELTA_SE,
    &SUBSET,
    &PERPLEXITY,
    &SUMMARY,
    &TRAINING,
    &ACCURACY,
    &COVERAGE,
    &SOLVED_SETS,
    &CROSSING,
    &LENGTHS,
    &ENTROPY,
    &MAJORITY,
    &BEST_OF,
    &BEST_JUDGED,
    &COMPARE,
    &BESIDE,
    &DISAGREEMENTS,
    &READ_BY_HAND,
    &SEARCHED,
];

/// What a claim can measure.
pub const QUANTITIES: [&Schema; 13] = [
    &PASS,
    &DELTA_SE_OF,
    &PERPLEXITY_OF,
    &CROSSING_OF,
    &MAJORITY_OF,
    &BEST_OF_ONE,
    &LENGTH,
    &TRUNCATED,
    &ENTROPY_OF,
    &VALID_CHAINS,
    &LOGGED,
    &TEMPERATURE,
    &PUBLISHED,
];

/// Sets of problems.
pub const SETS: [&Schema; 2] = [&SOLVED, &ACCURACY_SET];
