//! What an editor shows about a place, as Markdown.

use std::fmt::Write;

use rlx_grammar::ast::{Keyword, Span};

use super::{Index, Meaning, Written, is_standard, origin};
use crate::program::DeclId;
use crate::schema::{self, Default, Field, Schema};

/// Lines of a declaration that are shown.
const SHOWN: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    pub span: Span,
    /// Markdown.
    pub text: String,
}

impl Index {
    /// What stands at a place: type, unit, default, value, where it was written.
    pub fn hover(&self, file: &str, at: usize) -> Option<Hover> {
        let (module, mark) = self.mark(file, at)?;
        let here = module == crate::program::ROOT;
        let text = match &mark.meaning {
            Meaning::Keyword(keyword) => keyword_text(*keyword),
            Meaning::Declaration { id, written } => self.declaration_text(*id, *written),
            Meaning::Module(inner) | Meaning::File(inner) => {
                let source = self.source(*inner);
                let doc = self.program.modules[*inner].ast.doc.clone();
                format!("`{}`\n\n{}", source.name, doc.unwrap_or_default())
            }
            Meaning::Field { field, owner, path } => {
                let mut text = field_text(field, owner);
                let leaf = path.as_ref().filter(|_| here).and_then(|path| self.leaf(path));
                if let Some(leaf) = leaf {
                    let _ = write!(text, "\n- value: `{}`", leaf.value);
                    if let Some(unit) = &leaf.unit {
                        let _ = write!(text, " {unit}");
                    }
                    let _ = write!(text, ", {}", origin(&leaf.origin));
                    for before in &leaf.overrode {
                        let _ = write!(text, "\n- instead of what is {}", origin(before));
                    }
                }
                text
            }
            Meaning::Function(function) => function_text(function),
            Meaning::Task(task) => format!("**`{}`**\n\n{}", task.name, task.doc),
            Meaning::Word(field) => format!("A word of `{}`: {}", field.name, field.doc),
            Meaning::Axis => "An axis of this family: each of its members has one value of it.".to_owned(),
            Meaning::Profile => "Values of another size of the study, for `--profile`.".to_owned(),
        };
        Some(Hover {
            span: mark.span,
            text: text.trim_end().to_owned(),
        })
    }

    pub(super) fn declaration_text(&self, id: DeclId, written: Written) -> String {
        let item = &self.program.modules[id.module].ast.items[id.index];
        let source = self.source(id.module);
        let code = source
            .text
            .get(item.span.start..item.span.end)
            .unwrap_or_default();
        let mut text = String::from("```rlx\n");
        for line in code.lines().take(SHOWN) {
            text.push_str(line);
            text.push('\n');
        }
        if code.lines().count() > SHOWN {
            text.push_str("…\n");
        }
        text.push_str("```\n");
        if let Some(doc) = &item.doc {
            let _ = write!(text, "\n{doc}\n");
        }
        let name = &self.program.declaration(id).name.node;
        let binding = matches!(self.program.keyword(id), Keyword::Param | Keyword::Let);
        if binding
            && id.module == crate::program::ROOT
            && let Some(leaf) = self.leaf(name)
        {
            let unit = leaf.unit.as_deref().unwrap_or_default();
            let value = format!("{} {unit}", leaf.value);
            let _ = write!(text, "\n= `{}`, {}\n", value.trim_end(), origin(&leaf.origin));
        }
        if written != Written::Declared && id.module != crate::program::ROOT {
            let kind = if is_standard(&source.name) {
                "the standard library, "
            } else {
                ""
            };
            let _ = write!(text, "\nDeclared in {kind}`{}`\n", source.name);
        }
        text
    }
}

/// The word that opens a declaration, as it is written.
pub(crate) fn word(keyword: Keyword) -> &'static str {
    match keyword {
        Keyword::Param => "param",
        Keyword::Let => "let",
        Keyword::Model => "model",
        Keyword::Data => "data",
        Keyword::Benchmark => "benchmark",
        Keyword::Algorithm => "algorithm",
        Keyword::Train => "train",
        Keyword::Distill => "distill",
        Keyword::Search => "search",
        Keyword::Evaluate => "evaluate",
        Keyword::Figure => "figure",
        Keyword::Table => "table",
        Keyword::Claim => "claim",
    }
}

fn keyword_text(keyword: Keyword) -> String {
    let doc = match keyword {
        Keyword::Param => "A value that is meant to be set from outside: `--set n=64`.",
        Keyword::Let => "A name for a value: a number, list, record or call.",
        Keyword::Figure => "The answer to a question, as a plot.",
        Keyword::Table => "The answer to a question, as a table.",
        Keyword::Claim => "A statement about what is measured; its verdict comes with intervals.",
        _ => schema::of(keyword).map_or("", |schema| schema.doc),
    };
    let mut text = format!("**`{}`**\n\n{doc}\n", word(keyword));
    if let Some(schema) = schema::of(keyword) {
        let names: Vec<String> = schema
            .fields
            .iter()
            .map(|field| format!("`{}`", field.name))
            .collect();
        let _ = write!(text, "\nFields: {}\n", names.join(", "));
    }
    text
}

/// A field with its type, default and doc.
pub(super) fn field_text(field: &Field, owner: &Schema) -> String {
    let source = owner.source(field.name);
    let source = source
        .map(|source| format!(", from: {source}"))
        .unwrap_or_default();
    format!(
        "**`{}`** of `{}`: {}\n\n{}\n\n- default: {}{source}",
        field.name,
        owner.name,
        field.ty.describe(),
        field.doc,
        default_text(field)
    )
}

pub(crate) fn default_text(field: &Field) -> String {
    match field.default {
        Default::Required => "none, it must be written".to_owned(),
        Default::None => "`none`".to_owned(),
        Default::Value(value) | Default::OrNone(value) => format!("`{value}`"),
        Default::Computed(text) => text.to_owned(),
    }
}

fn function_text(function: &Schema) -> String {
    let names: Vec<&str> = function.fields.iter().map(|field| field.name).collect();
    let mut text = format!(
        "```rlx\n{}({})\n```\n\n{}\n",
        function.name,
        names.join(", "),
        function.doc
    );
    for field in function.fields {
        let _ = write!(
            text,
            "\n- `{}`: {}. {}",
            field.name,
            field.ty.describe(),
            field.doc
        );
    }
    text
}
