//! What can be written at a place.

use rlx_grammar::ast::{Body, ExprKind, Ident, Keyword, Span, Spanned};

use super::context::{Context, Frame};
use super::hover::{default_text, word};
use super::marks::{guess, record_of};
use super::{Index, Written};
use crate::program::{DeclId, ModuleId, ROOT, Target};
use crate::schema::{self, Field, Schema, Type};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    Keyword,
    Field,
    Name,
    Module,
    Function,
    Word,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub label: String,
    pub kind: CompletionKind,
    /// One line: type, unit or kind.
    pub detail: String,
    /// Markdown.
    pub doc: String,
    /// What is put in the place of `replaces`.
    pub insert: String,
    /// What was typed of it.
    pub replaces: Span,
}

/// Gathers completions that all replace one span.
struct List {
    replaces: Span,
    all: Vec<Completion>,
}

impl List {
    fn add(&mut self, label: &str, kind: CompletionKind, detail: impl Into<String>, doc: impl Into<String>) {
        self.add_as(label, label, kind, detail, doc);
    }

    fn add_as(
        &mut self,
        label: &str,
        insert: &str,
        kind: CompletionKind,
        detail: impl Into<String>,
        doc: impl Into<String>,
    ) {
        if self.all.iter().any(|known| known.label == label) {
            return;
        }
        self.all.push(Completion {
            label: label.to_owned(),
            kind,
            detail: detail.into(),
            doc: doc.into(),
            insert: insert.to_owned(),
            replaces: self.replaces,
        });
    }
}

impl Index {
    /// What can be written at a place of one of the files.
    pub fn complete(&self, file: &str, at: usize) -> Vec<Completion> {
        let Some(module) = self.module(file) else {
            return Vec::new();
        };
        let source = self.source(module);
        let Some(context) = Context::at(&source.text, at) else {
            return Vec::new();
        };
        let mut list = List {
            replaces: context.prefix,
            all: Vec::new(),
        };
        self.fill(module, &context, &mut list);
        list.all
    }

    fn fill(&self, module: ModuleId, context: &Context<'_>, list: &mut List) {
        let opening = context.opening.first().copied().unwrap_or_default();
        let Some(frame) = context.frames.last() else {
            return;
        };
        let depth = context.frames.len() - 1;
        if depth == 0 && context.line_start {
            return keywords(list);
        }
        if opening == "use" {
            let path: &[&str] = match (frame.open, context.before) {
                ("{", _) => &frame.head,
                (_, ".") => &context.recent,
                _ => &[],
            };
            return self.members(module, path, list);
        }
        match context.before {
            "@" => return self.checkpoints(module, &context.recent, list),
            "." if opening == "profile" && depth == 1 && frame.field.is_none() => {
                return self.inside(module, &context.recent, list);
            }
            "." => return self.members(module, &context.recent, list),
            _ => {}
        }
        let claim = opening == "claim";
        match frame.open {
            "" => match (&frame.field, opening) {
                (None, _) => {}
                (Some(_), "figure" | "table") => functions(&schema::FUNCTIONS, list),
                (Some(_), opening) => {
                    let keyword = keyword(opening);
                    self.names(module, list, |found| match keyword {
                        Some(Keyword::Let | Keyword::Param) | None => true,
                        Some(wanted) => found == wanted,
                    });
                }
            },
            "{" if claim && depth == 1 => {
                functions(&schema::MEASURES, list);
                list.add(
                    "share",
                    CompletionKind::Function,
                    "share(SET)",
                    "The share of the problems that a set holds.",
                );
                list.add(
                    "count",
                    CompletionKind::Function,
                    "count(SET)",
                    "How many problems a set holds.",
                );
                self.names(module, list, |found| {
                    matches!(found, Keyword::Let | Keyword::Param)
                });
            }
            "{" if opening == "profile" && depth == 1 && frame.field.is_none() => {
                self.names(module, list, |found| found != Keyword::Claim);
            }
            "{" if frame.field.is_none() => {
                if let Some(schema) = self.schema(module, context, depth) {
                    for field in schema
                        .fields
                        .iter()
                        .filter(|field| !frame.named.contains(&field.name))
                    {
                        field_item(field, list);
                    }
                }
            }
            "(" => self.argument(module, frame, claim, list),
            _ => self.value(module, self.field(module, context, depth), claim, list),
        }
    }

    /// Names of arguments that are not written yet, and values of the one that is.
    fn argument(&self, module: ModuleId, frame: &Frame<'_>, claim: bool, list: &mut List) {
        let function = frame.head.last().and_then(|name| schema::function(name, claim));
        let Some(function) = function else {
            functions(&schema::MEASURES, list);
            return self.value(module, None, claim, list);
        };
        if let Some(field) = &frame.field {
            let field = field.first().and_then(|name| function.field(name));
            return self.value(module, field, claim, list);
        }
        let positional = function.fields.get(frame.commas);
        if frame.commas < function.positional {
            self.value(module, positional, claim, list);
        }
        for field in function.fields.iter().skip(frame.commas.min(function.positional)) {
            if !frame.named.contains(&field.name) {
                field_item(field, list);
            }
        }
    }

    /// The field whose value is written in a frame.
    fn field(&self, module: ModuleId, context: &Context<'_>, at: usize) -> Option<&'static Field> {
        let frame = context.frames.get(at)?;
        match (frame.open, &frame.field) {
            ("[", _) => self.field(module, context, at.checked_sub(1)?),
            ("(", Some(name)) => {
                let claim = context.opening.first() == Some(&"claim");
                schema::function(frame.head.last()?, claim)?.field(name.first()?)
            }
            (_, Some(names)) if at == 1 && context.opening.first() == Some(&"profile") => {
                let (id, used) = self.resolve(module, names)?;
                let mut schema = schema::of(self.program.keyword(id));
                let mut found = None;
                for name in names.get(used..)? {
                    let field = schema?.field(name)?;
                    schema = record_of(field);
                    found = Some(field);
                }
                found
            }
            (_, Some(names)) => self.schema(module, context, at)?.field(names.first()?),
            _ => None,
        }
    }

    /// The record whose fields are written in a frame.
    fn schema(&self, module: ModuleId, context: &Context<'_>, at: usize) -> Option<&'static Schema> {
        let frame = context.frames.get(at)?;
        let outer = self.field(module, context, at.checked_sub(1)?);
        if let ([word], Some(field)) = (frame.head.as_slice(), outer)
            && field.name == "source"
            && let Some(task) = schema::task(word)
        {
            return Some(task);
        }
        if at == 1
            && let Some(schema) = context
                .opening
                .first()
                .and_then(|word| keyword(word))
                .and_then(schema::of)
        {
            return Some(schema);
        }
        if !frame.head.is_empty()
            && let Some((id, _)) = self.resolve(module, &frame.head)
        {
            return schema::of(self.program.keyword(id))
                .or_else(|| self.guessed(id))
                .or_else(|| outer.and_then(record_of));
        }
        outer.and_then(record_of).or_else(|| {
            let mut known = schema::RECORDS.into_iter();
            known.find(|schema| {
                !frame.named.is_empty() && frame.named.iter().all(|name| schema.field(name).is_some())
            })
        })
    }

    /// The record behind a `let`, by its fields.
    fn guessed(&self, id: DeclId) -> Option<&'static Schema> {
        match &self.program.declaration(id).body {
            Body::Fields(fields) => guess(&fields.node),
            Body::Value(value) => match &value.node {
                ExprKind::Record(fields) | ExprKind::Update { fields, .. } => guess(fields),
                _ => None,
            },
            Body::Block(_) => None,
        }
    }

    fn resolve(&self, module: ModuleId, path: &[&str]) -> Option<(DeclId, usize)> {
        let path: Vec<Ident> = path
            .iter()
            .map(|name| Spanned {
                node: (*name).to_owned(),
                span: Span::default(),
            })
            .collect();
        self.program.lookup(module, &path).ok()
    }

    fn value(&self, module: ModuleId, field: Option<&'static Field>, claim: bool, list: &mut List) {
        use Keyword::{Algorithm, Benchmark, Data, Distill, Evaluate, Let, Model, Param, Search, Train};
        let Some(field) = field else {
            if claim {
                functions(&schema::MEASURES, list);
            }
            return self.names(module, list, |_| true);
        };
        if field.may_be_none() {
            list.add("none", CompletionKind::Word, "nothing", field.doc);
        }
        match field.ty {
            Type::Word(words) => {
                for word in words {
                    list.add(
                        word,
                        CompletionKind::Word,
                        format!("of `{}`", field.name),
                        field.doc,
                    );
                }
                self.names(module, list, |found| found == Let);
            }
            Type::Bool => {
                list.add("true", CompletionKind::Word, field.name, field.doc);
                list.add("false", CompletionKind::Word, field.name, field.doc);
                self.names(module, list, |found| found == Let);
            }
            Type::Reference(what) => {
                let has = |word: &str| what.contains(word);
                if field.name == "source" {
                    let sources = [&schema::INIT, &schema::RESPONSES, &schema::ENDPOINT];
                    let sources = sources
                        .into_iter()
                        .filter(|task| has(&format!("`{} {{", task.name)));
                    let tasks = schema::TASKS.into_iter().filter(|_| has("a task"));
                    for task in sources.chain(tasks) {
                        let insert = format!("{} {{ }}", task.name);
                        list.add_as(task.name, &insert, CompletionKind::Function, "a task", task.doc);
                    }
                }
                self.names(module, list, |found| match found {
                    Model => has("model") && !has("./model"),
                    Train | Distill => {
                        has("model") && !has("./model") || has("checkpoint") || has("training")
                    }
                    Data => has("data") || has("problem set"),
                    Benchmark => has("benchmark") || has("problem set"),
                    Algorithm => has("algorithm"),
                    Search => has("a search"),
                    Evaluate => what.starts_with("an evaluation"),
                    Let => true,
                    _ => false,
                });
                list.add("std", CompletionKind::Module, "the standard library", "");
            }
            Type::NumberOf(_, what) => self.names(module, list, |found| match found {
                Search => what.contains("a search"),
                found => matches!(found, Let | Param),
            }),
            _ => self.names(module, list, |found| matches!(found, Let | Param)),
        }
    }

    /// The file's names of some kinds, with the modules that it imports.
    fn names(&self, module: ModuleId, list: &mut List, wanted: impl Fn(Keyword) -> bool) {
        for (name, symbol) in &self.program.modules[module].symbols {
            match symbol.target {
                Target::Declaration(id) if wanted(self.program.keyword(id)) => self.name_item(name, id, list),
                Target::Declaration(_) => {}
                Target::Module(inner) => {
                    let doc = self.program.modules[inner].ast.doc.clone();
                    list.add(name, CompletionKind::Module, "a file", doc.unwrap_or_default());
                }
            }
        }
    }

    fn name_item(&self, name: &str, id: DeclId, list: &mut List) {
        let detail = word(self.program.keyword(id));
        let doc = self.declaration_text(id, Written::Used);
        list.add(name, CompletionKind::Name, detail, doc);
    }

    /// What a dotted name has inside.
    fn members(&self, module: ModuleId, path: &[&str], list: &mut List) {
        let inner = match path {
            [] => return list.add("std", CompletionKind::Module, "the standard library", ""),
            ["std"] => {
                for (part, inner) in &self.program.std {
                    let doc = self.program.modules[*inner].ast.doc.clone();
                    list.add(
                        part,
                        CompletionKind::Module,
                        "of the standard library",
                        doc.unwrap_or_default(),
                    );
                }
                return;
            }
            ["std", part, ..] => self.program.std.get(*part).copied(),
            [name, ..] => match self.program.modules[module]
                .symbols
                .get(*name)
                .map(|symbol| symbol.target)
            {
                Some(Target::Module(inner)) => Some(inner),
                _ => None,
            },
        };
        let Some(inner) = inner else { return };
        for (name, symbol) in &self.program.modules[inner].symbols {
            if let (Target::Declaration(id), false) = (symbol.target, symbol.imported) {
                self.name_item(name, id, list);
            }
        }
    }

    /// The fields of a declaration, in a profile.
    fn inside(&self, module: ModuleId, path: &[&str], list: &mut List) {
        let Some((id, used)) = self.resolve(module, path) else {
            return self.members(module, path, list);
        };
        let mut schema = schema::of(self.program.keyword(id)).or_else(|| self.guessed(id));
        for name in path.get(used..).unwrap_or_default() {
            schema = schema.and_then(|schema| schema.field(name)).and_then(record_of);
        }
        for field in schema.map_or(&[][..], |schema| schema.fields) {
            list.add(field.name, CompletionKind::Field, field.ty.describe(), field.doc);
        }
    }

    /// The checkpoints of a training, after `@`.
    fn checkpoints(&self, module: ModuleId, path: &[&str], list: &mut List) {
        list.add("*", CompletionKind::Word, "every kept checkpoint", "");
        list.add("last", CompletionKind::Word, "the last step", "");
        let Some((id, _)) = self.resolve(module, path).filter(|(id, _)| id.module == ROOT) else {
            return;
        };
        let name = &self.program.declaration(id).name.node;
        let training = self.study.as_ref().and_then(|study| study.trainings.get(name));
        for step in training
            .map(|training| training.keep.as_slice())
            .unwrap_or_default()
        {
            list.add(&step.to_string(), CompletionKind::Word, "a kept step", "");
        }
    }
}

fn keyword(word_: &str) -> Option<Keyword> {
    use Keyword::{
        Algorithm, Benchmark, Claim, Data, Distill, Evaluate, Figure, Let, Model, Param, Search, Table, Train,
    };
    [
        Param, Let, Model, Data, Benchmark, Algorithm, Train, Distill, Search, Evaluate, Figure, Table, Claim,
    ]
    .into_iter()
    .find(|keyword| word(*keyword) == word_)
}

fn keywords(list: &mut List) {
    for name in rlx_grammar::keywords() {
        let doc = keyword(name).and_then(schema::of).map_or("", |schema| schema.doc);
        list.add_as(
            name,
            &format!("{name} "),
            CompletionKind::Keyword,
            "a declaration",
            doc,
        );
    }
}

fn functions(known: &[&'static Schema], list: &mut List) {
    for function in known {
        let names: Vec<&str> = function.fields.iter().map(|field| field.name).collect();
        let detail = format!("{}({})", function.name, names.join(", "));
        list.add(function.name, CompletionKind::Function, detail, function.doc);
    }
}

fn field_item(field: &Field, list: &mut List) {
    let doc = format!("{}\n\ndefault: {}", field.doc, default_text(field));
    let insert = format!("{} = ", field.name);
    list.add_as(
        field.name,
        &insert,
        CompletionKind::Field,
        field.ty.describe(),
        doc,
    );
}
