//! Walks a file's tree with the schema beside it, and notes what each name, field and word means.

use rlx_grammar::ast::{
    Argument, Body, Declaration, Expr, ExprKind, Field, Ident, ItemKind, Keyword, Path, Pick, Profile,
    Spanned, Use, UseFrom,
};

use super::{Mark, Meaning, Written};
use crate::elaborate::names;
use crate::program::{DeclId, ModuleId, Program, Target};
use crate::schema::{self, Schema, Type};
use crate::sources::join;

/// All marks of a module, in the order of the text.
pub(super) fn of(program: &Program, module: ModuleId) -> Vec<Mark> {
    let mut marker = Marker {
        program,
        module,
        claim: false,
        axes: Vec::new(),
        out: Vec::new(),
    };
    for (index, item) in program.modules[module].ast.items.iter().enumerate() {
        match &item.kind {
            ItemKind::Use(clause) => marker.import(clause),
            ItemKind::Profile(profile) => marker.profile(profile),
            ItemKind::Declaration(declaration) => {
                marker.declaration(
                    DeclId {
                        module,
                        index,
                        member: 0,
                    },
                    declaration,
                );
            }
        }
    }
    marker.out.sort_by_key(|mark| (mark.span.start, mark.span.end));
    // One span, one meaning: the first that was said.
    marker.out.dedup_by_key(|mark| mark.span);
    marker.out
}

struct Marker<'a> {
    program: &'a Program,
    module: ModuleId,
    /// Inside of a claim, where functions measure.
    claim: bool,
    /// The axes of the family that is being read: names of its own.
    axes: Vec<String>,
    out: Vec<Mark>,
}

/// Where an expression stands: the field that takes it, and where the study keeps its value.
#[derive(Clone, Copy)]
struct Slot<'s> {
    field: Option<&'static schema::Field>,
    path: Option<&'s str>,
}

const NOWHERE: Slot<'static> = Slot {
    field: None,
    path: None,
};

impl Marker<'_> {
    fn mark<T>(&mut self, at: &Spanned<T>, meaning: Meaning) {
        self.out.push(Mark {
            span: at.span,
            meaning,
        });
    }

    fn name(&mut self, id: DeclId, at: &Ident) {
        let written = if self.program.declaration(id).name.node == at.node {
            Written::Used
        } else {
            Written::Alias
        };
        self.mark(at, Meaning::Declaration { id, written });
    }

    fn import(&mut self, clause: &Use) {
        let inner = match &clause.from {
            UseFrom::File(path) => {
                let importer = &self.program.source(self.program.modules[self.module].file).name;
                let wanted = join(importer, &path.node);
                let found = (0..self.program.modules.len())
                    .find(|module| self.program.source(self.program.modules[*module].file).name == wanted);
                let Some(inner) = found else { return };
                self.mark(path, Meaning::File(inner));
                inner
            }
            UseFrom::Path(path) => {
                let [_, module, rest @ ..] = path.node.as_slice() else {
                    return;
                };
                let Some(&inner) = self.program.std.get(module.node.as_str()) else {
                    return;
                };
                self.mark(module, Meaning::Module(inner));
                if let Some(name) = rest.first() {
                    let declared = self.imported(inner, name);
                    if let (Some(id), Some(alias)) = (declared, &clause.alias) {
                        self.name(id, alias);
                    }
                    return;
                }
                inner
            }
        };
        let mut only = None;
        for name in &clause.names {
            only = self.imported(inner, name);
        }
        if let Some(alias) = &clause.alias {
            match (clause.names.is_empty(), only) {
                (true, _) => self.mark(alias, Meaning::Module(inner)),
                (false, Some(id)) => self.name(id, alias),
                (false, None) => {}
            }
        }
    }

    /// A name as another file declares it.
    fn imported(&mut self, from: ModuleId, name: &Ident) -> Option<DeclId> {
        let symbol = self.program.modules[from].symbols.get(&name.node)?;
        match symbol.target {
            Target::Declaration(id) if !symbol.imported => {
                self.name(id, name);
                Some(id)
            }
            _ => None,
        }
    }

    /// Marks the segments that name something; gives the declaration and how many segments name it.
    fn path(&mut self, path: &[Ident]) -> Option<(DeclId, usize)> {
        if let [name] = path
            && self.axes.contains(&name.node)
        {
            self.mark(name, Meaning::Axis);
            return None;
        }
        let mut module = self.module;
        for (at, segment) in path.iter().enumerate() {
            let symbol = self.program.modules[module].symbols.get(&segment.node);
            match symbol.map(|symbol| symbol.target) {
                Some(Target::Declaration(id)) => {
                    self.name(id, segment);
                    return Some((id, at + 1));
                }
                Some(Target::Module(inner)) => {
                    self.mark(segment, Meaning::Module(inner));
                    module = inner;
                }
                None if at == 0 && segment.node == "std" => {
                    let part = path.get(1)?;
                    let inner = *self.program.std.get(part.node.as_str())?;
                    self.mark(part, Meaning::Module(inner));
                    let name = path.get(2)?;
                    let id = self.imported(inner, name)?;
                    return Some((id, 3));
                }
                None => return None,
            }
        }
        None
    }

    fn profile(&mut self, profile: &Profile) {
        self.mark(&profile.name, Meaning::Profile);
        for field in &profile.fields {
            if let Some((_, selectors)) = &field.members {
                for selector in &selectors.node {
                    if let Pick::Value(value) = &selector.pick {
                        self.value(value, NOWHERE);
                    }
                }
            }
            let Some((id, used)) = self.path(&field.name.node) else {
                continue;
            };
            let schema = schema::of(self.program.keyword(id));
            let slot = match field.name.node.get(used..) {
                Some([]) | None => None,
                Some(rest) => self.nested(rest, schema, None),
            };
            self.value(
                &field.value,
                Slot {
                    field: slot,
                    path: None,
                },
            );
        }
    }

    /// Marks dotted fields, from the outermost; gives the innermost.
    fn nested(
        &mut self,
        names: &[Ident],
        mut schema: Option<&'static Schema>,
        path: Option<&str>,
    ) -> Option<&'static schema::Field> {
        let mut found = None;
        let mut path = path.map(str::to_owned);
        for name in names {
            let owner = schema?;
            let field = owner.field(&name.node)?;
            path = path.map(|path| format!("{path}.{}", name.node));
            self.mark(
                name,
                Meaning::Field {
                    field,
                    owner,
                    path: path.clone(),
                },
            );
            schema = record_of(field);
            found = Some(field);
        }
        found
    }

    fn declaration(&mut self, id: DeclId, declaration: &Declaration) {
        let keyword = declaration.keyword.node;
        self.mark(&declaration.keyword, Meaning::Keyword(keyword));
        let written = Written::Declared;
        self.mark(&declaration.name, Meaning::Declaration { id, written });
        self.claim = keyword == Keyword::Claim;
        self.axes.clear();
        if let Some(family) = &declaration.family {
            for axis in &family.node.axes {
                self.value(&axis.domain, NOWHERE);
                self.mark(&axis.name, Meaning::Axis);
                self.axes.push(axis.name.node.clone());
            }
            if let Some(condition) = &family.node.condition {
                self.value(condition, NOWHERE);
            }
        }
        let name = declaration.name.node.as_str();
        match &declaration.body {
            Body::Fields(fields) => {
                let schema = schema::of(keyword).or_else(|| guess(&fields.node));
                self.fields(&fields.node, schema, Some(name));
            }
            Body::Value(expr) => {
                let slot = Slot {
                    field: None,
                    path: Some(name),
                };
                self.value(expr, slot);
            }
            Body::Block(block) => self.value(&block.node, NOWHERE),
        }
        self.claim = false;
        self.axes.clear();
    }

    fn fields(&mut self, fields: &[Field], schema: Option<&'static Schema>, path: Option<&str>) {
        for field in fields {
            let found = self.nested(&field.name.node, schema, path);
            let inner = path.map(|path| {
                let names: Vec<&str> = field.name.node.iter().map(|name| name.node.as_str()).collect();
                format!("{path}.{}", names.join("."))
            });
            let slot = Slot {
                field: found,
                path: inner.as_deref(),
            };
            self.value(&field.value, slot);
        }
    }

    fn value(&mut self, expr: &Expr, slot: Slot<'_>) {
        match &expr.node {
            ExprKind::Path(path) => self.word_or_name(path, slot),
            ExprKind::List(items) => {
                for item in items {
                    self.value(item, Slot { path: None, ..slot });
                }
            }
            ExprKind::Record(fields) => {
                let schema = slot.field.and_then(record_of).or_else(|| guess(fields));
                self.fields(fields, schema, slot.path);
            }
            ExprKind::Update { base, fields } => self.update(base, fields, slot),
            ExprKind::Call { callee, arguments } => self.call(callee, arguments),
            ExprKind::Binary { left, right, .. } => {
                self.value(left, NOWHERE);
                self.value(right, NOWHERE);
            }
            ExprKind::Negate(inner) | ExprKind::Not(inner) => self.value(inner, NOWHERE),
            // All other forms hold names and nothing else.
            _ => names(expr, &mut |path| {
                self.path(&path.node);
            }),
        }
    }

    fn word_or_name(&mut self, path: &Path, slot: Slot<'_>) {
        if let (Some(field), [word]) = (slot.field, path.node.as_slice())
            && let Type::Word(words) = field.ty
            && words.contains(&word.node.as_str())
        {
            self.mark(word, Meaning::Word(field));
            return;
        }
        self.path(&path.node);
    }

    fn update(&mut self, base: &Expr, fields: &[Field], slot: Slot<'_>) {
        let path = match &base.node {
            ExprKind::Members { of, .. } => of,
            ExprKind::Path(path) => path,
            _ => {
                self.value(base, slot);
                self.fields(fields, guess(fields), slot.path);
                return;
            }
        };
        if !matches!(base.node, ExprKind::Path(_)) {
            self.value(base, slot);
        }
        let task = match path.node.as_slice() {
            [word] if slot.field.is_some_and(|field| field.name == "source") => schema::task(&word.node),
            _ => None,
        };
        if let (Some(task), Some(word)) = (task, path.node.first()) {
            self.mark(word, Meaning::Task(task));
            self.fields(fields, Some(task), slot.path);
            return;
        }
        let declared = self.path(&path.node).map(|(id, _)| self.program.keyword(id));
        let schema = declared
            .and_then(schema::of)
            .or_else(|| slot.field.and_then(record_of))
            .or_else(|| guess(fields));
        self.fields(fields, schema, slot.path);
    }

    fn call(&mut self, callee: &Path, arguments: &[Argument]) {
        let function = match callee.node.as_slice() {
            [name] => schema::function(&name.node, self.claim),
            _ => None,
        };
        if let Some(function) = function {
            self.mark(callee, Meaning::Function(function));
        }
        for (at, argument) in arguments.iter().enumerate() {
            let field = match (&argument.name, function) {
                (Some(name), Some(owner)) => {
                    let field = owner.field(&name.node);
                    if let Some(field) = field {
                        self.mark(
                            name,
                            Meaning::Field {
                                field,
                                owner,
                                path: None,
                            },
                        );
                    }
                    field
                }
                (None, Some(function)) => function.fields.get(at),
                _ => None,
            };
            self.value(&argument.value, Slot { field, path: None });
        }
    }
}

/// The record that a field holds.
pub(super) fn record_of(field: &'static schema::Field) -> Option<&'static Schema> {
    match field.ty {
        Type::Record(schema) => Some(schema),
        Type::Reference(_) if field.name == schema::PROMPT.name => Some(&schema::PROMPT),
        _ => None,
    }
}

/// A record behind a `let` does not say what it is for: the record that has all of its fields.
pub(crate) fn guess(fields: &[Field]) -> Option<&'static Schema> {
    let names = || fields.iter().filter_map(|field| field.name.node.first());
    names().next()?;
    schema::RECORDS
        .into_iter()
        .find(|schema| names().all(|name| schema.field(&name.node).is_some()))
}
