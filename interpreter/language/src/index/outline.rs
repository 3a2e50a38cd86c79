//! The declarations of a file, in the order of the text.

use rlx_grammar::ast::{Body, ItemKind, Span};

use super::Index;

/// A declaration or a field of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    pub name: String,
    /// `train`, `profile`; `field`.
    pub kind: &'static str,
    /// The whole of it.
    pub span: Span,
    pub name_span: Span,
    pub children: Vec<Outline>,
}

impl Index {
    /// The declarations and profiles of a file, with their fields.
    pub fn outline(&self, file: &str) -> Vec<Outline> {
        let Some(module) = self.module(file) else {
            return Vec::new();
        };
        let items = &self.program.modules[module].ast.items;
        let mut all = Vec::new();
        for item in items {
            let (name, kind, fields) = match &item.kind {
                ItemKind::Use(_) => continue,
                ItemKind::Profile(profile) => (&profile.name, "profile", profile.fields.as_slice()),
                ItemKind::Declaration(declaration) => {
                    let fields = match &declaration.body {
                        Body::Fields(fields) => fields.node.as_slice(),
                        Body::Value(_) | Body::Block(_) => &[],
                    };
                    (
                        &declaration.name,
                        super::hover::word(declaration.keyword.node),
                        fields,
                    )
                }
            };
            let children = fields.iter().map(|field| Outline {
                name: field
                    .name
                    .node
                    .iter()
                    .map(|name| name.node.as_str())
                    .collect::<Vec<_>>()
                    .join("."),
                kind: "field",
                span: Span {
                    start: field.name.span.start,
                    end: field.value.span.end,
                },
                name_span: field.name.span,
                children: Vec::new(),
            });
            all.push(Outline {
                name: name.node.clone(),
                kind,
                span: item.span,
                name_span: name.span,
                children: children.collect(),
            });
        }
        all
    }
}
