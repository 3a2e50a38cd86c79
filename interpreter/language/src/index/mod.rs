//! What each place of a study's files means: for editors. An [`Index`] is made anew from the texts at each change
//! (a study takes about a millisecond) and never fails: of a broken text it knows what could be read.

use std::sync::Arc;

use rlx_grammar::ast::{Keyword, Span};

use crate::diagnostic::{Diagnostic, Source};
use crate::elaborate;
use crate::load::Library;
use crate::program::{DeclId, FileId, ModuleId, Program, ROOT};
use crate::schema::{Field, Schema};
use crate::sources::standard_library;
use crate::study::{Leaf, Origin, Study};
use crate::{Options, Sources};

mod complete;
mod context;
mod hover;
mod marks;
mod outline;
mod rename;

pub use complete::{Completion, CompletionKind};
pub use hover::Hover;
pub(crate) use hover::{default_text, word};
pub(crate) use marks::guess;
pub use outline::Outline;
pub use rename::{Edit, RenameError};

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub file: Arc<Source>,
    pub span: Span,
}

/// What stands at a place.
#[derive(Debug, Clone)]
enum Meaning {
    /// The word that opens a declaration.
    Keyword(Keyword),
    /// A declaration's name.
    Declaration {
        id: DeclId,
        written: Written,
    },
    /// A file or a part of the library, by a name.
    Module(ModuleId),
    /// The path of an imported file.
    File(ModuleId),
    Field {
        field: &'static Field,
        owner: &'static Schema,
        /// Where the study keeps its value: `rl.optimizer.warmup`.
        path: Option<String>,
    },
    Function(&'static Schema),
    /// `init`, `responses`, `endpoint`, `countdown`.
    Task(&'static Schema),
    /// A word that a field takes as it is.
    Word(&'static Field),
    Profile,
    /// A name that a family gives to the choice of a member.
    Axis,
}

/// Where a declaration's name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Declared,
    Used,
    /// Under another name, given by `as`.
    Alias,
}

#[derive(Debug, Clone)]
struct Mark {
    span: Span,
    meaning: Meaning,
}

/// A study's files with the meaning of each place.
#[derive(Debug)]
pub struct Index {
    program: Program,
    diagnostics: Vec<Diagnostic>,
    study: Option<Arc<Study>>,
    /// Those of each module, in the order of the text.
    marks: Vec<Vec<Mark>>,
}

impl Index {
    /// Reads `root` and all that it imports; None where there is no such text.
    pub fn new(sources: &dyn Sources, root: &str) -> Option<Index> {
        let mut out = Vec::new();
        let program = Program::load(sources, root, &[], Library::Whole, &mut out)?;
        let (study, mut diagnostics) = match elaborate::check(&program, root, &Options::default(), out) {
            Ok((study, warnings)) => (Some(Arc::new(study)), warnings),
            Err(errors) => (None, errors),
        };
        if is_library(&program) {
            // Others read what it declares.
            diagnostics.retain(|diagnostic| diagnostic.code != "rlx::name::unused");
        }
        let marks = (0..program.modules.len())
            .map(|module| marks::of(&program, module))
            .collect();
        Some(Index {
            program,
            diagnostics,
            study,
            marks,
        })
    }

    /// Takes over the values of an earlier state of the same text where this one has errors.
    #[must_use]
    pub fn after(mut self, earlier: &Index) -> Index {
        if self.study.is_none() {
            self.study.clone_from(&earlier.study);
        }
        self
    }

    /// All that is wrong with the study, in whichever of its files.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The files that it was read from, the library's apart.
    pub fn files(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.program.files.iter().filter(|file| !is_standard(&file.name))
    }

    /// What the name at a place stands for: where that is declared.
    pub fn definition(&self, file: &str, at: usize) -> Option<Location> {
        let (_, mark) = self.mark(file, at)?;
        match mark.meaning {
            Meaning::Declaration { id, .. } => Some(self.declared(id)),
            Meaning::Module(module) | Meaning::File(module) => Some(Location {
                file: Arc::clone(self.source(module)),
                span: Span::default(),
            }),
            _ => None,
        }
    }

    /// Every place of the files that stands for the declaration at a place.
    pub fn references(&self, file: &str, at: usize) -> Vec<Location> {
        let Some((_, mark)) = self.mark(file, at) else {
            return Vec::new();
        };
        let Meaning::Declaration { id: wanted, .. } = mark.meaning else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (module, marks) in self.marks.iter().enumerate() {
            for mark in marks {
                if matches!(mark.meaning, Meaning::Declaration { id, .. } if id == wanted) {
                    found.push(Location {
                        file: Arc::clone(self.source(module)),
                        span: mark.span,
                    });
                }
            }
        }
        found
    }

    /// The value at a dotted path, and where it comes from.
    fn leaf(&self, path: &str) -> Option<&Leaf> {
        self.study.as_ref()?.origins.get(path)
    }

    fn declared(&self, id: DeclId) -> Location {
        Location {
            file: Arc::clone(self.source(id.module)),
            span: self.program.declaration(id).name.span,
        }
    }

    fn source(&self, module: ModuleId) -> &Arc<Source> {
        self.program.source(self.file_of(module))
    }

    fn file_of(&self, module: ModuleId) -> FileId {
        self.program.modules[module].file
    }

    fn module(&self, file: &str) -> Option<ModuleId> {
        (0..self.program.modules.len()).find(|module| self.source(*module).name == file)
    }

    /// What stands at a place, or right before it.
    fn mark(&self, file: &str, at: usize) -> Option<(ModuleId, &Mark)> {
        let module = self.module(file)?;
        let marks = self.marks.get(module)?;
        let after = marks.partition_point(|mark| mark.span.start <= at);
        let mark = marks.get(after.checked_sub(1)?)?;
        (at <= mark.span.end).then_some((module, mark))
    }
}

/// Whether the file has no result of its own, so that it is there for other files.
fn is_library(program: &Program) -> bool {
    !program.declarations(ROOT).any(|(_, declaration)| {
        matches!(
            declaration.keyword.node,
            Keyword::Train
                | Keyword::Distill
                | Keyword::Search
                | Keyword::Evaluate
                | Keyword::Figure
                | Keyword::Table
                | Keyword::Claim
        )
    })
}

/// Whether a name is that of a part of the standard library: `std/models.rlx`.
fn is_standard(name: &str) -> bool {
    standard_library().any(|(known, _)| known == name)
}

/// `written in lab.rlx:3:5`: where a value comes from.
fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Written { file, line, column } => format!("written in `{file}:{line}:{column}`"),
        Origin::Default => "the default".to_owned(),
        Origin::Profile { name, .. } => format!("set by profile `{name}`"),
        Origin::Set { text } => format!("given as `--set {text}`"),
    }
}
