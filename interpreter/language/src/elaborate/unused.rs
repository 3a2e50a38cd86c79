//! Names that nothing reads.

use std::collections::{BTreeMap, BTreeSet};

use rlx_grammar::ast::{Body, Keyword, Path};

use super::Elaborator;
use super::scope::{names, names_in_fields};
use crate::diagnostic::Diagnostic;
use crate::program::{ROOT, Target};

impl<'a> Elaborator<'a> {
    /// A name of the file that no result needs, neither with a profile nor without, is an error.
    /// Of a chain of such names only the end that nobody mentions is reported.
    pub(super) fn check_unused(&mut self) {
        let program = self.program;
        let module = &program.modules[ROOT];
        let mut mentions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut results: Vec<&str> = Vec::new();
        for (_, declaration) in program.declarations(ROOT) {
            let name = declaration.name.node.as_str();
            let mut found: Vec<&'a str> = Vec::new();
            let mut visit = |path: &'a Path| found.extend(path.node.first().map(|first| first.node.as_str()));
            match &declaration.body {
                Body::Value(expr) => names(expr, &mut visit),
                Body::Fields(fields) => names_in_fields(&fields.node, &mut visit),
                Body::Block(block) => names(&block.node, &mut visit),
            }
            if let Some(family) = &declaration.family {
                family
                    .node
                    .axes
                    .iter()
                    .for_each(|axis| names(&axis.domain, &mut visit));
                if let Some(condition) = &family.node.condition {
                    names(condition, &mut visit);
                }
            }
            mentions.insert(name, found);
            let result = matches!(
                declaration.keyword.node,
                Keyword::Train
                    | Keyword::Distill
                    | Keyword::Search
                    | Keyword::Evaluate
                    | Keyword::Figure
                    | Keyword::Table
                    | Keyword::Claim
            );
            if result || (declaration.keyword.node == Keyword::Param && name == "seed") {
                results.push(name);
            }
        }
        let mut visit = |path: &'a Path| results.extend(path.node.first().map(|first| first.node.as_str()));
        for profile in program.profiles() {
            names_in_fields(&profile.fields, &mut visit);
        }
        for setting in &program.settings {
            names(&setting.value, &mut visit);
        }
        let mut used: BTreeSet<&str> = BTreeSet::new();
        while let Some(name) = results.pop() {
            if used.insert(name) {
                results.extend(mentions.get(name).into_iter().flatten());
            }
        }
        let idle: Vec<&str> = module
            .symbols
            .keys()
            .map(String::as_str)
            .filter(|name| !used.contains(*name))
            .collect();
        // A name that is the correction of a misspelt one will be read once that is mended.
        let unknown = |diagnostic: &&Diagnostic| diagnostic.code == "rlx::name::unknown";
        let meant: Vec<String> = self
            .out
            .iter()
            .filter(unknown)
            .filter_map(|diagnostic| diagnostic.help.clone())
            .collect();
        for name in &idle {
            if meant.iter().any(|help| help.contains(&format!("`{name}`"))) {
                continue;
            }
            let mentioned = idle
                .iter()
                .any(|other| other != name && mentions.get(other).is_some_and(|found| found.contains(name)));
            let Some(symbol) = module.symbols.get(*name) else {
                continue;
            };
            if mentioned {
                continue;
            }
            let what = match (symbol.imported, symbol.target) {
                (true, _) => "imported",
                (false, Target::Declaration(_) | Target::Module(_)) => "declared",
            };
            let diagnostic = Diagnostic::error(
                "rlx::name::unused",
                format!("`{name}` is {what}, and nothing reads it"),
            );
            let place = crate::program::Place {
                file: module.file,
                span: symbol.span,
            };
            let diagnostic = self
                .at(diagnostic, place, "never read")
                .help("use it, or leave it out");
            self.report(diagnostic);
        }
    }
}
