use super::Default::{Computed, None, Required, Value};
use super::{Field, Schema, Type};
use crate::unit::Unit;

pub const RESPONSES: Schema = Schema {
    name: "responses",
    doc: "Responses that are there already: they are measured, and they teach.",
    positional: 0,
    fields: &[
        Field {
            name: "file",
            ty: Type::Text,
            default: Required,
            doc: "JSON lines as `rlx grade` reads them, or whatever else `data` reads (JSON, CSV, Parquet, also compressed); from the folder of \
                  the declaring file.",
        },
        Field {
            name: "id",
            ty: Type::Text,
            default: Computed("`\"id\"`, unless `problem` is named"),
            doc: "Column with the id of the problem that is answered, as the problem set has it.",
        },
        Field {
            name: "problem",
            ty: Type::Text,
            default: None,
            doc: "Column with the text of the problem that is answered, where ids are not shared.",
        },
        Field {
            name: "response",
            ty: Type::Text,
            default: Value("\"response\""),
            doc: "Column with the response, or with a list of them.",
        },
        Field {
            name: "truncated",
            ty: Type::Text,
            default: Value("\"truncated\""),
            doc: "Column that says which responses were cut (`true`, or `\"length\"`), which teach nothing; without it all are whole.",
        },
        Field {
            name: "verdict",
            ty: Type::Text,
            default: None,
            doc: "Column with verdicts that were given elsewhere (`true`, `1` or a judge's word such as `\"correct\"`); `none` asks the benchmark's judge.",
        },
    ],
};

pub const ENDPOINT: Schema = Schema {
    name: "endpoint",
    doc: "A model behind a server that speaks OpenAI's interface. Its responses cannot be drawn again.",
    positional: 0,
    fields: &[
        Field {
            name: "url",
            ty: Type::Text,
            default: Required,
            doc: "The server's address up to `/v1`. Prompts with `chat = true` go to `/chat/completions`, others to `/completions`.",
        },
        Field {
            name: "model",
            ty: Type::Text,
            default: Required,
            doc: "What the server calls the model.",
        },
        Field {
            name: "key",
            ty: Type::Text,
            default: None,
            doc: "Name of the environment variable that holds the key. The key itself is written nowhere.",
        },
        Field {
            name: "timeout",
            ty: Type::Count {
                unit: Unit::Seconds,
                least: 1,
            },
            default: Value("600"),
            doc: "How long an answer may take.",
        },
        Field {
            name: "parallel",
            ty: Type::Integer { least: 1 },
            default: Value("8"),
            doc: "How many questions are asked at a time, at most 256.",
        },
        Field {
            name: "retries",
            ty: Type::Integer { least: 0 },
            default: Value("5"),
            doc: "How often a question is asked again after a cut line, a silent or a busy server (429, 5xx) before the run ends.",
        },
    ],
};
