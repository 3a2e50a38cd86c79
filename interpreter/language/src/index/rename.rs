//! Renaming a declaration, with all that stands for it.

use std::sync::Arc;

use rlx_grammar::ast::Span;

use super::{Index, Location, Mark, Meaning, Written, is_standard};
use crate::diagnostic::{Severity, Source};
use crate::program::{DeclId, ModuleId, Target};
use crate::sources::Memory;

/// A piece of a text and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub file: Arc<Source>,
    pub span: Span,
    pub text: String,
}

/// Why a name stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    #[error("here stands no name that can be changed")]
    NoName,
    #[error(
        "`{0}` can be no name: letters, digits and `_`, not beginning with a digit, and no word of values"
    )]
    NotAName(String),
    #[error("`{0}` belongs to the standard library")]
    Library(String),
    #[error("`{name}` is already a name in `{file}`")]
    Taken { name: String, file: String },
    #[error("with the name `{name}` something in `{file}` would mean something else")]
    Meaning { name: String, file: String },
    #[error("`{0}` has errors of syntax; mend them first, so that no use of the name is missed")]
    Broken(String),
}

impl Index {
    /// What would be renamed: the place of the name under the cursor.
    ///
    /// # Errors
    /// When there is none, or it belongs to the library.
    pub fn renamed(&self, file: &str, at: usize) -> Result<Location, RenameError> {
        let (module, mark) = self.mark(file, at).ok_or(RenameError::NoName)?;
        let Meaning::Declaration { id, written } = mark.meaning else {
            return Err(RenameError::NoName);
        };
        if written != Written::Alias && is_standard(&self.source(id.module).name) {
            return Err(RenameError::Library(
                self.program.declaration(id).name.node.clone(),
            ));
        }
        Ok(Location {
            file: Arc::clone(self.source(module)),
            span: mark.span,
        })
    }

    /// The edits that give the name at a place another form, in all files of the study.
    ///
    /// # Errors
    /// When it is no name of the study's own, or the new one is taken, is no name, or changes what something means.
    pub fn rename(&self, file: &str, at: usize, new: &str) -> Result<Vec<Edit>, RenameError> {
        self.renamed(file, at)?;
        let (module, mark) = self.mark(file, at).ok_or(RenameError::NoName)?;
        let Meaning::Declaration { id, written } = mark.meaning else {
            return Err(RenameError::NoName);
        };
        if !is_name(new) {
            return Err(RenameError::NotAName(new.to_owned()));
        }
        let mut broken = self
            .diagnostics
            .iter()
            .filter(|known| known.code.starts_with("rlx::syntax"));
        if let Some(label) = broken.find_map(|known| known.labels.first()) {
            return Err(RenameError::Broken(label.file.name.clone()));
        }
        let old = self.text(module, mark).to_owned();
        // Another name is that of one file, a declaration's own name that of all.
        let wanted = |at: ModuleId, mark: &Mark| {
            matches!(mark.meaning, Meaning::Declaration { id: found, .. } if found == id)
                && self.text(at, mark) == old
                && (written != Written::Alias || at == module)
        };
        let mut edits = Vec::new();
        for (at, marks) in self.marks.iter().enumerate() {
            let source = self.source(at);
            let before = edits.len();
            for mark in marks.iter().filter(|mark| wanted(at, mark)) {
                edits.push(Edit {
                    file: Arc::clone(source),
                    span: mark.span,
                    text: new.to_owned(),
                });
            }
            if edits.len() > before {
                self.check_free(at, id, &old, new)?;
            }
        }
        self.check_meaning(&edits, new)?;
        Ok(edits)
    }

    fn text(&self, module: ModuleId, mark: &Mark) -> &str {
        let text = &self.source(module).text;
        text.get(mark.span.start..mark.span.end).unwrap_or_default()
    }

    /// The new name must stand for nothing in a file that has the old one among its own.
    fn check_free(&self, module: ModuleId, id: DeclId, old: &str, new: &str) -> Result<(), RenameError> {
        let symbols = &self.program.modules[module].symbols;
        let own = symbols
            .get(old)
            .is_some_and(|symbol| symbol.target == Target::Declaration(id));
        if own && old != new && symbols.contains_key(new) {
            return Err(RenameError::Taken {
                name: new.to_owned(),
                file: self.source(module).name.clone(),
            });
        }
        Ok(())
    }

    /// With the edits every place must mean what it meant.
    fn check_meaning(&self, edits: &[Edit], new: &str) -> Result<(), RenameError> {
        let mut texts = Memory::default();
        for file in self.files() {
            let mut text = file.text.clone();
            let mut own: Vec<&Edit> = edits.iter().filter(|edit| edit.file.name == file.name).collect();
            own.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
            for edit in own {
                text.replace_range(edit.span.start..edit.span.end, &edit.text);
            }
            texts.0.insert(file.name.clone(), text);
        }
        let root = &self.source(crate::program::ROOT).name;
        let changed = |module: ModuleId| RenameError::Meaning {
            name: new.to_owned(),
            file: self.source(module).name.clone(),
        };
        let after = Index::new(&texts, root).ok_or(RenameError::NoName)?;
        if after.marks.len() != self.marks.len() {
            return Err(changed(crate::program::ROOT));
        }
        // A name that is free in the file can still be one that an axis or a field's own words have.
        let errors = |index: &Index| {
            let diagnostics = index.diagnostics.iter();
            diagnostics
                .filter(|known| known.severity == Severity::Error)
                .count()
        };
        if errors(&after) > errors(self) {
            return Err(changed(crate::program::ROOT));
        }
        for (module, (before, after)) in self.marks.iter().zip(&after.marks).enumerate() {
            let same = before.len() == after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(before, after)| same(&before.meaning, &after.meaning));
            if !same {
                return Err(changed(module));
            }
        }
        Ok(())
    }
}

fn same(before: &Meaning, after: &Meaning) -> bool {
    match (before, after) {
        (Meaning::Declaration { id: before, .. }, Meaning::Declaration { id: after, .. }) => before == after,
        (Meaning::Keyword(before), Meaning::Keyword(after)) => before == after,
        (Meaning::Module(before), Meaning::Module(after)) | (Meaning::File(before), Meaning::File(after)) => {
            before == after
        }
        // Where a value is kept has the name in it.
        (Meaning::Field { field: before, .. }, Meaning::Field { field: after, .. })
        | (Meaning::Word(before), Meaning::Word(after)) => before.name == after.name,
        (Meaning::Function(before), Meaning::Function(after))
        | (Meaning::Task(before), Meaning::Task(after)) => before.name == after.name,
        (Meaning::Profile, Meaning::Profile) | (Meaning::Axis, Meaning::Axis) => true,
        _ => false,
    }
}

/// Whether a text can be the name of a declaration.
fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !matches!(
            text,
            "true" | "false" | "none" | "and" | "or" | "not" | "by" | "std" | "last"
        )
}
