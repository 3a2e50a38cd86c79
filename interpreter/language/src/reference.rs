//! The reference of a `.rlx` file, from its doc comments and the schema, as Markdown: what `rlx doc` writes.

use std::fmt::Write;

use rlx_grammar::ast::{Body, Declaration, Expr, ExprKind, Field, Item, ItemKind, Keyword};

use crate::schema::{self, Schema};

/// The page of one file. `name` is its heading, such as `std.models` or `lab.rlx`. Fields that the file does not write
/// stand below with their defaults.
pub fn page(name: &str, text: &str) -> String {
    let file = rlx_grammar::parse(text).file;
    let mut out = format!("# {name}\n");
    if let Some(doc) = &file.doc {
        let _ = write!(out, "\n{doc}\n");
    }
    for item in &file.items {
        match &item.kind {
            ItemKind::Use(_) => {}
            ItemKind::Declaration(declaration) => self::declaration(&mut out, text, item, declaration),
            ItemKind::Profile(profile) => {
                head(&mut out, "profile", &profile.name.node, item);
                table(&mut out, text, &profile.fields, None);
            }
        }
    }
    out
}

fn head(out: &mut String, kind: &str, name: &str, item: &Item) {
    let _ = write!(out, "\n## {kind} `{name}`\n");
    if let Some(doc) = &item.doc {
        let _ = write!(out, "\n{doc}\n");
    }
}

fn declaration(out: &mut String, text: &str, item: &Item, declaration: &Declaration) {
    let keyword = declaration.keyword.node;
    let kind = crate::index::word(keyword);
    head(out, kind, &declaration.name.node, item);
    if let Some(title) = &declaration.title {
        let _ = write!(out, "\n*{}*\n", title.node);
    }
    let schema = schema::of(keyword);
    match &declaration.body {
        Body::Fields(fields) => {
            let schema = schema.or_else(|| crate::index::guess(&fields.node));
            table(out, text, &fields.node, schema);
            if let Some(schema) = schema {
                defaults(out, &fields.node, schema);
            }
        }
        Body::Value(value) => value_of(out, text, value, schema, keyword),
        Body::Block(block) => code(out, text, block.span.start, block.span.end),
    }
}

fn value_of(out: &mut String, text: &str, value: &Expr, schema: Option<&'static Schema>, keyword: Keyword) {
    match &value.node {
        ExprKind::Update { base, fields } if schema.is_some() || keyword == Keyword::Let => {
            let base = one_line(text, base);
            let _ = write!(out, "\nAs `{base}`, but for:\n");
            table(out, text, fields, schema.or_else(|| crate::index::guess(fields)));
        }
        ExprKind::Record(fields) => {
            let schema = crate::index::guess(fields);
            table(out, text, fields, schema);
            if let Some(schema) = schema {
                defaults(out, fields, schema);
            }
        }
        _ => code(out, text, value.span.start, value.span.end),
    }
}

fn code(out: &mut String, text: &str, start: usize, end: usize) {
    let _ = write!(
        out,
        "\n```rlx-part\n{}\n```\n",
        text.get(start..end).unwrap_or_default().trim()
    );
}

/// What is written: field, value, type, meaning.
fn table(out: &mut String, text: &str, fields: &[Field], schema: Option<&'static Schema>) {
    if fields.is_empty() {
        return;
    }
    out.push_str("\n| field | value | takes | meaning |\n|---|---|---|---|\n");
    for field in fields {
        let names: Vec<&str> = field.name.node.iter().map(|name| name.node.as_str()).collect();
        let known = match names.as_slice() {
            [name] => schema.and_then(|schema| schema.field(name)),
            _ => None,
        };
        let (takes, meaning) = known.map_or((String::new(), ""), |known| (known.ty.describe(), known.doc));
        let _ = writeln!(
            out,
            "| `{}` | `{}` | {} | {} |",
            names.join("."),
            cell(&one_line(text, &field.value)),
            cell(&takes),
            cell(meaning)
        );
    }
}

/// What is not written.
fn defaults(out: &mut String, fields: &[Field], schema: &'static Schema) {
    let written = |name: &str| {
        fields
            .iter()
            .any(|field| matches!(field.name.node.as_slice(), [own] if own.node == name))
    };
    let left: Vec<String> = schema
        .fields
        .iter()
        .filter(|field| !written(field.name))
        .map(|field| format!("`{}`: {}", field.name, crate::index::default_text(field)))
        .collect();
    if !left.is_empty() {
        let _ = write!(out, "\nLeft at their defaults: {}.\n", left.join("; "));
    }
}

fn one_line(text: &str, value: &Expr) -> String {
    let text = text.get(value.span.start..value.span.end).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
