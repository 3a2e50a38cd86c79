//! Reads a file and all that it imports, and gathers the names of each.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use rlx_grammar::ast::{self, Ident, ItemKind, Span, Use, UseFrom};

use crate::diagnostic::{Diagnostic, Source};
use crate::program::{DeclId, FileId, Module, ModuleId, Program, Setting, Symbol, Target};
use crate::sources::{STD, Sources, join, stem};
use crate::suggest;

impl Program {
    /// Reads `root`, all that it imports, and of the standard library what `library` says. Syntax errors do not
    /// stop it.
    pub(crate) fn load(
        sources: &dyn Sources,
        root: &str,
        settings: &[String],
        library: Library,
        out: &mut Vec<Diagnostic>,
    ) -> Option<Program> {
        let mut program = Program::default();
        let Some(text) = sources.read(root) else {
            let nowhere = Arc::new(Source::new(root, ""));
            out.push(
                Diagnostic::error(
                    "rlx::import::missing",
                    format!("there is no file `{root}`, or it cannot be read"),
                )
                .label(&nowhere, Span::default(), "")
                .help("check the path; study files end in `.rlx`"),
            );
            return None;
        };
        let mut loader = Loader {
            program: &mut program,
            sources,
            out,
            by_name: IndexMap::new(),
            stack: Vec::new(),
            library,
        };
        loader.file(root, text);
        for setting in settings {
            loader.setting(setting);
        }
        loader.standard_library();
        Some(program)
    }
}

/// How much of the standard library is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    /// The parts that some text speaks of. Enough for a study without errors, and in half the time.
    Named,
    /// All parts: what is proposed in the place of an unknown name can be in any.
    Whole,
}

struct Loader<'l> {
    program: &'l mut Program,
    sources: &'l dyn Sources,
    out: &'l mut Vec<Diagnostic>,
    by_name: IndexMap<String, ModuleId>,
    /// Files that are being read, each with its name.
    stack: Vec<String>,
    library: Library,
}

impl Loader<'_> {
    fn add_file(&mut self, name: &str, text: String) -> FileId {
        self.program.files.push(Arc::new(Source::new(name, text)));
        self.program.files.len() - 1
    }

    fn file(&mut self, name: &str, text: String) -> ModuleId {
        let parsed = rlx_grammar::parse(&text);
        let file = self.add_file(name, text);
        for error in parsed.errors {
            let source = Arc::clone(&self.program.files[file]);
            self.out.push(
                Diagnostic::error(error.code, error.message)
                    .label(&source, error.span, error.label)
                    .maybe_help(error.help),
            );
        }
        let unread = parsed.unread.into_iter().map(|name| name.node).collect();
        self.module(name, file, Arc::new(parsed.file), unread)
    }

    fn module(
        &mut self,
        name: &str,
        file: FileId,
        ast: Arc<ast::File>,
        unread: BTreeSet<String>,
    ) -> ModuleId {
        let id = self.program.modules.len();
        self.program.modules.push(Module {
            file,
            ast: Arc::clone(&ast),
            symbols: IndexMap::new(),
            unread,
        });
        self.by_name.insert(name.into(), id);
        self.stack.push(name.into());
        let mut profiles: IndexMap<&str, Span> = IndexMap::new();
        for (index, item) in ast.items.iter().enumerate() {
            match &item.kind {
                ItemKind::Declaration(declaration) => {
                    let target = Target::Declaration(DeclId {
                        module: id,
                        index,
                        member: 0,
                    });
                    self.define(id, &declaration.name, target, false);
                }
                ItemKind::Use(clause) => self.import(id, name, clause),
                ItemKind::Profile(profile) => {
                    if let Some(first) = profiles.insert(&profile.name.node, profile.name.span) {
                        self.clash(id, &profile.name, first);
                    }
                }
            }
        }
        self.stack.pop();
        id
    }

    fn define(&mut self, module: ModuleId, name: &Ident, target: Target, imported: bool) {
        if name.node == "std" {
            let source = self.source(module);
            self.out.push(
                Diagnostic::error(
                    "rlx::name::duplicate",
                    "`std` is the standard library; nothing else can have this name",
                )
                .label(&source, name.span, "give it another name"),
            );
            return;
        }
        let symbols = &mut self.program.modules[module].symbols;
        match symbols.get(&name.node).map(|symbol| symbol.span) {
            Some(first) => self.clash(module, name, first),
            None => {
                symbols.insert(
                    name.node.clone(),
                    Symbol {
                        target,
                        span: name.span,
                        imported,
                    },
                );
            }
        }
    }

    fn clash(&mut self, module: ModuleId, name: &Ident, first: Span) {
        let source = self.source(module);
        self.out.push(
            Diagnostic::error(
                "rlx::name::duplicate",
                format!("`{}` is declared twice", name.node),
            )
            .label(&source, name.span, "declared again here")
            .label(&source, first, "first declared here")
            .help("a name stands for one thing in a file; rename one of them"),
        );
    }

    fn source(&self, module: ModuleId) -> Arc<Source> {
        Arc::clone(&self.program.files[self.program.modules[module].file])
    }

    fn import(&mut self, into: ModuleId, importer: &str, clause: &Use) {
        let (inner, whole) = match &clause.from {
            UseFrom::File(path) => {
                let Some(inner) = self.import_file(into, importer, &path.node, path.span) else {
                    let names = clause
                        .names
                        .iter()
                        .chain(&clause.alias)
                        .map(|name| name.node.clone());
                    let unread = &mut self.program.modules[into].unread;
                    unread.extend(names);
                    unread.insert(stem(&path.node).to_owned());
                    return;
                };
                (
                    inner,
                    ast::Spanned {
                        node: stem(&path.node).to_owned(),
                        span: path.span,
                    },
                )
            }
            UseFrom::Path(path) => match self.import_std(into, &path.node) {
                Some((inner, None)) => match path.node.last() {
                    Some(last) => (inner, last.clone()),
                    None => return,
                },
                Some((inner, Some(name))) => {
                    self.import_name(into, inner, name, clause.alias.as_ref().unwrap_or(name));
                    return;
                }
                None => {
                    let names = clause.names.iter().chain(&clause.alias).chain(path.node.last());
                    let names: Vec<String> = names.map(|name| name.node.clone()).collect();
                    self.program.modules[into].unread.extend(names);
                    return;
                }
            },
        };
        match (clause.names.as_slice(), &clause.alias) {
            ([], alias) => self.define(
                into,
                alias.as_ref().unwrap_or(&whole),
                Target::Module(inner),
                true,
            ),
            ([name], Some(alias)) => self.import_name(into, inner, name, alias),
            (names, alias) => {
                if let Some(alias) = alias {
                    let source = self.source(into);
                    self.out.push(
                        Diagnostic::error(
                            "rlx::import::alias",
                            "`as` renames one name, and here are several",
                        )
                        .label(&source, alias.span, "for which of them?")
                        .help("write one `use` for the name that is renamed"),
                    );
                }
                for name in names {
                    self.import_name(into, inner, name, name);
                }
            }
        }
    }

    fn import_name(&mut self, into: ModuleId, from: ModuleId, name: &Ident, local: &Ident) {
        match self.program.modules[from].symbols.get(&name.node) {
            Some(symbol) if !symbol.imported => {
                let target = symbol.target;
                self.define(into, local, target, true);
            }
            _ if self.program.modules[from].unread.contains(&name.node) => {
                self.program.modules[into].unread.insert(local.node.clone());
            }
            _ => {
                self.program.modules[into].unread.insert(local.node.clone());
                let names: Vec<&str> = self.program.modules[from]
                    .symbols
                    .iter()
                    .filter(|(_, s)| !s.imported)
                    .map(|(name, _)| name.as_str())
                    .collect();
                let help = suggest::did_you_mean(&name.node, names.iter().copied())
                    .unwrap_or_else(|| format!("it has {}", suggest::list(names.iter().copied())));
                let shown = self.source(from).name.clone();
                let source = self.source(into);
                self.out.push(
                    Diagnostic::error(
                        "rlx::import::unknown",
                        format!("`{shown}` has no `{}`", name.node),
                    )
                    .label(&source, name.span, "not declared there")
                    .help(help),
                );
            }
        }
    }

    fn import_file(&mut self, into: ModuleId, importer: &str, path: &str, span: Span) -> Option<ModuleId> {
        let name = join(importer, path);
        if self.stack.contains(&name) {
            let source = self.source(into);
            self.out.push(
                Diagnostic::error(
                    "rlx::import::cycle",
                    format!("`{name}` imports itself, by way of this file"),
                )
                .label(&source, span, "the circle closes here")
                .help("move what both files need into a third one"),
            );
            return None;
        }
        if let Some(module) = self.by_name.get(&name) {
            return Some(*module);
        }
        let Some(text) = self.sources.read(&name) else {
            let files = self.sources.list(&name);
            if !files.is_empty() {
                return Some(self.package(&name, &files));
            }
            let source = self.source(into);
            self.out.push(
                Diagnostic::error(
                    "rlx::import::missing",
                    format!("there is no file `{name}`, or it cannot be read"),
                )
                .label(&source, span, "imported here")
                .help("the path is taken from the folder of this file; a folder can be named that has `.rlx` files in it"),
            );
            return None;
        };
        Some(self.file(&name, text))
    }

    /// A folder: its files are the parts of a package, `lab.models` for `lab/models.rlx`. A file that is being read,
    /// such as a study that lies in the folder, is no part of what it imports.
    fn package(&mut self, name: &str, files: &[String]) -> ModuleId {
        let file = self.add_file(name, String::new());
        let nothing = ast::File {
            doc: None,
            items: Vec::new(),
        };
        let id = self.module(name, file, Arc::new(nothing), BTreeSet::new());
        self.stack.push(name.into());
        for part in files {
            let path = format!("{name}/{part}");
            if self.stack.contains(&path) {
                continue;
            }
            let inner = match self.by_name.get(&path) {
                Some(module) => *module,
                None => match self.sources.read(&path) {
                    Some(text) => self.file(&path, text),
                    None => continue,
                },
            };
            let symbol = Symbol {
                target: Target::Module(inner),
                span: Span::default(),
                imported: true,
            };
            self.program.modules[id]
                .symbols
                .insert(stem(part).to_owned(), symbol);
        }
        self.stack.pop();
        id
    }

    /// `std.models` or `std.models.name`: the module, and the name where there is one.
    fn import_std<'p>(&mut self, into: ModuleId, path: &'p [Ident]) -> Option<(ModuleId, Option<&'p Ident>)> {
        let known = || suggest::list(STD.iter().map(|(module, _, _)| *module));
        let wrong = match path {
            [std, module, rest @ ..] if std.node == "std" && rest.len() <= 1 => {
                match self.std_module(&module.node) {
                    Some(inner) => return Some((inner, rest.first())),
                    None => (
                        module,
                        format!("the standard library has no `{}`", module.node),
                        format!("it has {}", known()),
                    ),
                }
            }
            [std] if std.node == "std" => (
                std,
                "`use std` names no part of the standard library".to_owned(),
                format!("it has {}", known()),
            ),
            [first, ..] => (
                first,
                format!("`{}` cannot be imported: only `std` and files can", first.node),
                format!(
                    "write `use std.models.NAME`, or `use \"./{}.rlx\" as {}` for a file",
                    first.node, first.node
                ),
            ),
            [] => return None,
        };
        let (at, message, help) = wrong;
        let source = self.source(into);
        self.out.push(
            Diagnostic::error("rlx::import::unknown", message)
                .label(&source, at.span, "unknown")
                .help(help),
        );
        None
    }

    fn std_module(&mut self, module: &str) -> Option<ModuleId> {
        let (at, (module, name, text)) = STD.iter().enumerate().find(|(_, (name, _, _))| *name == module)?;
        if let Some(id) = self.program.std.get(module) {
            return Some(*id);
        }
        let ast = match self.library {
            Library::Named if text.len() > LONG => {
                let named = |name: &str| self.program.files.iter().any(|file| file.text.contains(name));
                Arc::new(rlx_grammar::parse(&with_only(text, named)).file)
            }
            _ => Arc::clone(std_ast(at)),
        };
        let file = self.add_file(name, (*text).to_owned());
        let id = self.module(name, file, ast, BTreeSet::new());
        self.program.std.insert(module, id);
        Some(id)
    }

    fn standard_library(&mut self) {
        for (module, _, _) in STD {
            let named = || self.program.files.iter().any(|file| file.text.contains(module));
            if self.library == Library::Whole || named() {
                self.std_module(module);
            }
        }
    }

    /// `n=64`, `rl.batch = 4 prompts`.
    fn setting(&mut self, text: &str) {
        let file = self.add_file(&format!("--set {text}"), text.to_owned());
        match rlx_grammar::parse_setting(text) {
            Ok(field) => self.program.settings.push(Setting {
                path: field.name.node,
                members: field.members,
                value: field.value,
                file,
            }),
            Err(errors) => {
                let source = Arc::clone(&self.program.files[file]);
                for error in errors {
                    let help = error
                        .help
                        .unwrap_or_else(|| "write `--set name=value`, for example `--set n=64`".into());
                    self.out.push(
                        Diagnostic::error(error.code, error.message)
                            .label(&source, error.span, error.label)
                            .help(help),
                    );
                }
            }
        }
    }
}

/// A part of the library beyond so many bytes is a table of facts, of which a study names a few.
const LONG: usize = 16 << 10;

/// A part of the library, in the one layout, with blanks in the place of each declaration whose name is not wanted: places
/// stay as they are.
fn with_only(text: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    // Of the declaration that is read: where it starts, doc comments included, and whether it stays.
    let mut start = 0;
    let mut keep = true;
    let end = |out: &mut String, piece: &str, keep: bool| {
        if keep {
            out.push_str(piece);
        } else {
            // Bytes, not characters: spans count them.
            out.extend(piece.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        }
    };
    let mut at = 0;
    let mut headed = false;
    for line in text.split_inclusive('\n') {
        let head = line.starts_with(|first: char| first.is_ascii_lowercase());
        // A declaration ends where the doc or the head of the next one begins.
        if headed && (head || line.starts_with("///")) {
            end(&mut out, &text[start..at], keep);
            (start, keep, headed) = (at, true, false);
        }
        if head {
            keep = match line.strip_prefix("let ").and_then(|rest| rest.split(' ').next()) {
                Some(name) => wanted(name),
                None => true,
            };
            headed = true;
        }
        at += line.len();
    }
    end(&mut out, &text[start..], keep);
    out
}

/// The standard library is parsed once a process.
fn std_ast(at: usize) -> &'static Arc<ast::File> {
    static PARSED: [OnceLock<Arc<ast::File>>; STD.len()] = [const { OnceLock::new() }; STD.len()];
    PARSED[at].get_or_init(|| Arc::new(rlx_grammar::parse(STD[at].2).file))
}

#[cfg(test)]
mod tests {
    use super::with_only;

    #[test]
    fn what_is_not_wanted_is_blank_and_places_stay() {
        let text =
            "//! Facts.\n\n/// Ä one.\nlet one = {\n    k = 1\n}\n\n/// Two.\nlet two = 2\nlet three = 3\n";
        let only = with_only(text, |name| name == "two");
        assert_eq!(only.len(), text.len());
        assert!(!only.contains("one") && !only.contains("three"), "{only}");
        assert_eq!(only.find("let two"), text.find("let two"));
        assert_eq!(only.lines().count(), text.lines().count());
        assert_eq!(with_only(text, |_| true), text);
    }
}
