use super::Default::{Computed, None, Required, Value};
use super::{Field, Schema, Type, ZERO_TO_ONE};
use crate::unit::Unit;

const FIELDS: &[Field] = &[
    Field {
        name: "source",
        ty: Type::Reference(
            "\"hf:org/name@revision\", a path such as \"./problems.jsonl\", or a task such as `countdown { seed = 1 }`",
        ),
        default: Required,
        doc: "Where the problems are: a data set of the Hugging Face hub, a file of JSON lines, JSON or CSV, or Parquet, also compressed (a path from the folder of the \
              declaring file), or a procedural task.",
    },
    Field {
        name: "config",
        ty: Type::Text,
        default: None,
        doc: "Configuration of a data set of the hub.",
    },
    Field {
        name: "split",
        ty: Type::Text,
        default: Computed("`\"train\"` for data, `\"test\"` for a benchmark"),
        doc: "Split of a data set of the hub.",
    },
    Field {
        name: "problem",
        ty: Type::Text,
        default: Value("\"problem\""),
        doc: "Column with the problem's text, or a text made of columns: `\"{question}\\n{options}\"`.",
    },
    Field {
        name: "answer",
        ty: Type::Text,
        default: Value("\"answer\""),
        doc: "Column with the gold answer, alone or at the end of a worked one; for `judge = code` the column with the tests.",
    },
    Field {
        name: "response",
        ty: Type::Text,
        default: None,
        doc: "Column with a worked response, for supervised training.",
    },
    Field {
        name: "id",
        ty: Type::Text,
        default: None,
        doc: "Column with a stable id; else the row's number is the id.",
    },
    Field {
        name: "image",
        ty: Type::Reference("a column, or a list of columns of which the first that a row has counts"),
        default: None,
        doc: "Column with a problem's picture or pictures: a path from the data file's folder, base64, the hub's record of \
              `bytes` and `path`, or a list of these. They stand where the text says `<image>`, else before it. Needs a chat prompt \
              and models with `vision = true`.",
    },
    Field {
        name: "precision",
        ty: Type::Text,
        default: None,
        doc: "Column with the decimal places to which `number` and `math` compare: an answer that rounds to the gold is right. \
              Nothing in the cell asks for the exact value.",
    },
    Field {
        name: "prompt",
        ty: Type::Reference("a text with `{problem}` in it, or a record of template, chat and system"),
        default: Required,
        doc: "What the model reads. A text is given as it is; `{ template = …, chat = true }` goes through the model's chat template.",
    },
    Field {
        name: "judge",
        ty: Type::Word(&[
            "number",
            "math",
            "math_paper",
            "choice",
            "exact",
            "countdown",
            "code",
            "command",
        ]),
        default: Required,
        doc: "Who calls a response right: `number` compares the last number, `math` the boxed or final answer, `math_paper` does so by the rules of \"limit of RLVR\", `choice` compares the letter chosen, `exact` the text, `countdown` checks every step, `code` runs the program against its tests, `command` asks a program of your own.",
    },
    Field {
        name: "program",
        ty: Type::Text,
        default: None,
        doc: "For `judge = command`: a program, from the folder of the declaring file, that reads one JSON object with problem, \
              gold, response and truncated on standard input and prints one with a verdict. It is locked in as judged programs are.",
    },
    Field {
        name: "filter",
        ty: Type::Reference("a condition on columns, such as `subject == \"algebra\" and level <= 3`"),
        default: None,
        doc: "Rows for which it does not hold are left out, before `shuffle`, `skip` and `limit`.",
    },
    Field {
        name: "among",
        ty: Type::Reference(
            "a set of problems, such as `accuracy(EVALUATION, MODEL, above = 0%, most = 5%)`",
        ),
        default: None,
        doc: "Of the problems that are left after everything else, only those in this set. What it is asked of is measured first, on \
              a set with the same source and ids.",
    },
    Field {
        name: "shuffle",
        ty: Type::Integer { least: 0 },
        default: None,
        doc: "Seed of a fixed order in which `skip` and `limit` take rows; `none` keeps the file's.",
    },
    Field {
        name: "limit",
        ty: Type::Count {
            unit: Unit::Problems,
            least: 1,
        },
        default: None,
        doc: "At most this many problems, after `skip`.",
    },
    Field {
        name: "skip",
        ty: Type::Count {
            unit: Unit::Problems,
            least: 0,
        },
        default: Value("0"),
        doc: "Leaves out this many problems at the start.",
    },
    Field {
        name: "size",
        ty: Type::Count {
            unit: Unit::Problems,
            least: 1,
        },
        default: None,
        doc: "How many problems there are, after `filter`. For a task it says where to end; for the rest it is the published number, used for epochs and costs until the rows are here.",
    },
    Field {
        name: "licence",
        ty: Type::Text,
        default: None,
        doc: "SPDX identifier of the content's licence. `rlx pack` passes problems on only where it is an open one.",
    },
    Field {
        name: "exclude",
        ty: Type::Reference("a problem set or a list of them"),
        default: Value("[]"),
        doc: "Problem sets whose problems must not occur in this one.",
    },
    Field {
        name: "setup",
        ty: Type::Text,
        default: None,
        doc: "Column with Python that runs before a program; for `judge = code`.",
    },
    Field {
        name: "entry_point",
        ty: Type::Text,
        default: None,
        doc: "Column with the name of the function that is asked for, where the tests only define `check`; for `judge = code`.",
    },
    Field {
        name: "starter_code",
        ty: Type::Text,
        default: None,
        doc: "Column with the code that a problem gives to begin with; for `judge = code`.",
    },
    Field {
        name: "hidden",
        ty: Type::Text,
        default: None,
        doc: "Column with further tests, as a list or as LiveCodeBench packs them; for `judge = code`.",
    },
    Field {
        name: "completion",
        ty: Type::Bool,
        default: Value("false"),
        doc: "Responses continue the problem's text instead of answering it; for `judge = code`.",
    },
    Field {
        name: "time",
        ty: Type::Count {
            unit: Unit::Seconds,
            least: 1,
        },
        default: Computed("6 seconds"),
        doc: "CPU time of a program, over standard input that of a test; for `judge = code`, and for `command` a response.",
    },
    Field {
        name: "memory",
        ty: Type::Count {
            unit: Unit::Bytes,
            least: 16 << 20,
        },
        default: Computed("2 GiB"),
        doc: "Memory of a program beyond that of the bare interpreter; for `judge = code` and `command`.",
    },
];

pub const DATA: Schema = Schema {
    name: "data",
    doc: "Problems to train on.",
    positional: 0,
    fields: FIELDS,
};

pub const BENCHMARK: Schema = Schema {
    name: "benchmark",
    doc: "Problems to measure on; never trained on.",
    positional: 0,
    fields: FIELDS,
};

pub const PROMPT: Schema = Schema {
    name: "prompt",
    doc: "How a problem becomes what a model reads.",
    positional: 0,
    fields: &[
        Field {
            name: "template",
            ty: Type::Text,
            default: Required,
            doc: "Text with `{problem}` in it.",
        },
        Field {
            name: "chat",
            ty: Type::Bool,
            default: Value("false"),
            doc: "Wraps the text in the model's own chat template.",
        },
        Field {
            name: "system",
            ty: Type::Text,
            default: None,
            doc: "System message; needs `chat = true`.",
        },
        Field {
            name: "examples",
            ty: Type::Reference("a list of records `{ problem = …, response = … }`"),
            default: None,
            doc: "Worked examples that come before the problem: in a chat as turns of their own, else one after the other, each \
                  in the template with its response behind it and an empty line.",
        },
        Field {
            name: "prefill",
            ty: Type::Text,
            default: None,
            doc: "What the assistant's turn begins with; the model goes on from there, and the judge reads both. Needs `chat = true`.",
        },
    ],
};

pub const EXAMPLE: Schema = Schema {
    name: "example",
    doc: "A worked example in a prompt.",
    positional: 0,
    fields: &[
        Field {
            name: "problem",
            ty: Type::Text,
            default: Required,
            doc: "Its text, as a problem's.",
        },
        Field {
            name: "response",
            ty: Type::Text,
            default: Required,
            doc: "The response to it.",
        },
    ],
};

const SEED: Field = Field {
    name: "seed",
    ty: Type::Integer { least: 0 },
    default: Required,
    doc: "Problem i of a seed is always the same.",
};

const DIGITS: Field = Field {
    name: "digits",
    ty: Type::Integer { least: 1 },
    default: Value("2"),
    doc: "Digits of the numbers in a problem at most, 1 to 6.",
};

pub const ARITHMETIC: Schema = Schema {
    name: "arithmetic",
    doc: "Sums, differences and products: `Calculate 12 + 7 * 3 - 45.`",
    positional: 0,
    fields: &[
        SEED,
        DIGITS,
        Field {
            name: "terms",
            ty: Type::Integer { least: 2 },
            default: Value("3"),
            doc: "Numbers in a problem, 2 to 8.",
        },
    ],
};

pub const EQUATION: Schema = Schema {
    name: "equation",
    doc: "Linear equations in whole numbers: `Solve 3x + 7 = 22 for x.`",
    positional: 0,
    fields: &[SEED, DIGITS],
};

pub const MODULAR: Schema = Schema {
    name: "modular",
    doc: "Powers in modular arithmetic: `What is 17^23 mod 91?`",
    positional: 0,
    fields: &[SEED, DIGITS],
};

pub const NUMERAL: Schema = Schema {
    name: "numeral",
    doc: "Numbers of other bases: `Write 1203 in base 5 as a number in base 10.`",
    positional: 0,
    fields: &[SEED, DIGITS],
};

/// Procedural tasks.
pub const TASKS: [&Schema; 5] = [&COUNTDOWN, &ARITHMETIC, &EQUATION, &MODULAR, &NUMERAL];

pub const COUNTDOWN: Schema = Schema {
    name: "countdown",
    doc: "Countdown puzzles, worked out step by step: use every number once to make the target.",
    positional: 0,
    fields: &[
        Field {
            name: "seed",
            ty: Type::Integer { least: 0 },
            default: Required,
            doc: "Problem i of a seed is always the same.",
        },
        Field {
            name: "clean",
            ty: Type::Share(ZERO_TO_ONE),
            default: Value("100%"),
            doc: "Share of demonstrations that solve the puzzle; the others fail and say so.",
        },
        Field {
            name: "division",
            ty: Type::Share(ZERO_TO_ONE),
            default: Value("100%"),
            doc: "Share kept of the demonstrations that divide.",
        },
        Field {
            name: "numbers",
            ty: Type::Integer { least: 3 },
            default: None,
            doc: "3 or 4 numbers; `none` mixes them 40 to 60.",
        },
        Field {
            name: "requires_division",
            ty: Type::Bool,
            default: Value("false"),
            doc: "Only puzzles all of whose solutions divide.",
        },
        Field {
            name: "distinct",
            ty: Type::Bool,
            default: Value("false"),
            doc: "Leaves out puzzles that the set already has.",
        },
    ],
};
