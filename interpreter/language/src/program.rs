//! The files of a study, read and parsed, with what each name in each file stands for.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use rlx_grammar::ast::{self, Declaration, Expr, Ident, ItemKind, Keyword, Profile, Selector, Span, Spanned};

use crate::diagnostic::Source;
use crate::suggest;

pub(crate) type FileId = usize;
pub(crate) type ModuleId = usize;

/// A declaration: its module and its place there; of a family, one of its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DeclId {
    pub(crate) module: ModuleId,
    pub(crate) index: usize,
    /// 0: what is written; the members of a family are counted from 1.
    pub(crate) member: u32,
}

impl DeclId {
    /// The declaration that is written.
    pub(crate) fn base(self) -> DeclId {
        DeclId { member: 0, ..self }
    }
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) file: FileId,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) file: FileId,
    pub(crate) ast: Arc<ast::File>,
    pub(crate) symbols: IndexMap<String, Symbol>,
    /// Names of declarations and imports that could not be read; what is wrong with those was said.
    pub(crate) unread: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Symbol {
    pub(crate) target: Target,
    pub(crate) span: Span,
    pub(crate) imported: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    Declaration(DeclId),
    Module(ModuleId),
}

/// A `--set path=value`, parsed.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) path: Vec<Ident>,
    /// Members of a family, after so many names of the path.
    pub(crate) members: Option<(usize, Spanned<Vec<Selector>>)>,
    pub(crate) value: Expr,
    pub(crate) file: FileId,
}

/// Everything that was read. Module 0 is the file that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) files: Vec<Arc<Source>>,
    pub(crate) modules: Vec<Module>,
    pub(crate) settings: Vec<Setting>,
    pub(crate) std: IndexMap<&'static str, ModuleId>,
}

pub(crate) const ROOT: ModuleId = 0;

impl Program {
    pub(crate) fn declaration(&self, id: DeclId) -> &Declaration {
        match &self.modules[id.module].ast.items[id.index].kind {
            ItemKind::Declaration(declaration) => declaration,
            ItemKind::Use(_) | ItemKind::Profile(_) => unreachable!("a DeclId is made for declarations only"),
        }
    }

    pub(crate) fn keyword(&self, id: DeclId) -> Keyword {
        self.declaration(id).keyword.node
    }

    /// The declarations of a module in the order of the text.
    pub(crate) fn declarations(&self, module: ModuleId) -> impl Iterator<Item = (DeclId, &Declaration)> {
        self.modules[module]
            .ast
            .items
            .iter()
            .enumerate()
            .filter_map(move |(index, item)| match &item.kind {
                ItemKind::Declaration(declaration) => {
                    let id = DeclId {
                        module,
                        index,
                        member: 0,
                    };
                    Some((id, declaration))
                }
                _ => None,
            })
    }

    pub(crate) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.modules
            .first()
            .into_iter()
            .flat_map(|module| &module.ast.items)
            .filter_map(|item| match &item.kind {
                ItemKind::Profile(profile) => Some(profile),
                _ => None,
            })
    }

    pub(crate) fn source(&self, file: FileId) -> &Arc<Source> {
        &self.files[file]
    }

    /// The text of a place, on one line.
    pub(crate) fn text(&self, place: Place) -> String {
        let text = self.files[place.file]
            .text
            .get(place.span.start..place.span.end)
            .unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The declaration that a path begins with, and how many of its segments name it.
    pub(crate) fn lookup(&self, module: ModuleId, path: &[Ident]) -> Result<(DeclId, usize), Unresolved> {
        let Some(first) = path.first() else {
            return Err(Unresolved { at: 0, inside: None });
        };
        let (mut module, mut at) = match self.modules[module].symbols.get(&first.node) {
            Some(Symbol {
                target: Target::Declaration(id),
                ..
            }) => return Ok((*id, 1)),
            Some(Symbol {
                target: Target::Module(inner),
                ..
            }) => (*inner, 1),
            None if first.node == "std" => match path.get(1) {
                None => return Err(Unresolved { at: 0, inside: None }),
                Some(second) => match self.std.get(second.node.as_str()) {
                    Some(inner) => (*inner, 2),
                    None => return Err(Unresolved { at: 1, inside: None }),
                },
            },
            None => return Err(Unresolved { at: 0, inside: None }),
        };
        loop {
            let Some(name) = path.get(at) else {
                return Err(Unresolved {
                    at: at - 1,
                    inside: Some(module),
                });
            };
            match self.modules[module].symbols.get(&name.node) {
                Some(Symbol {
                    target: Target::Declaration(id),
                    ..
                }) => return Ok((*id, at + 1)),
                Some(Symbol {
                    target: Target::Module(inner),
                    imported: true,
                    ..
                }) => (module, at) = (*inner, at + 1),
                _ => {
                    return Err(Unresolved {
                        at,
                        inside: Some(module),
                    });
                }
            }
        }
    }

    /// Whether the name that was not found belongs to something that could not be read.
    pub(crate) fn is_unread(&self, module: ModuleId, path: &[Ident], unresolved: &Unresolved) -> bool {
        let module = unresolved.inside.unwrap_or(module);
        path.get(unresolved.at)
            .is_some_and(|name| self.modules[module].unread.contains(&name.node))
    }

    /// What to write for a name that stands for nothing here.
    pub(crate) fn advice(&self, module: ModuleId, path: &[Ident], unresolved: &Unresolved) -> Option<String> {
        let name = path.get(unresolved.at)?;
        if let Some(inside) = unresolved.inside {
            if unresolved.at + 1 == path.len() && self.lookup(module, path).is_err() && path.len() == 1 {
                let names = self.modules[inside].symbols.keys().map(String::as_str);
                return Some(format!(
                    "`{}` is a file; name what is meant in it: {}",
                    name.node,
                    suggest::list(names)
                ));
            }
            return suggest::did_you_mean(
                &name.node,
                self.modules[inside].symbols.keys().map(String::as_str),
            );
        }
        if path.first().is_some_and(|first| first.node == "std") {
            return Some(format!(
                "the standard library has {}",
                suggest::list(self.std.keys().copied())
            ));
        }
        suggest::did_you_mean(
            &name.node,
            self.modules[module].symbols.keys().map(String::as_str),
        )
        .or_else(|| {
            let (std, _) = self.std.iter().find(|(_, inner)| {
                let symbol = self.modules[**inner].symbols.get(&name.node);
                symbol.is_some_and(|symbol| !symbol.imported)
            })?;
            Some(format!("add `use std.{std}.{}` at the top", name.node))
        })
    }
}

/// Why a path names nothing: the segment at fault, and the module in which it was looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unresolved {
    pub(crate) at: usize,
    pub(crate) inside: Option<ModuleId>,
}
