//! Profiles and `--set`: values that take the place of written ones.

use rlx_grammar::ast::{Body, ExprKind, Field, Ident, Keyword, Selector, Spanned};

use super::scope::Content;
use super::{Elaborator, Site, Sited, Via};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place, ROOT};
use crate::study::Change;
use crate::suggest;

#[derive(Debug, Clone)]
pub(super) struct Override<'a> {
    pub(super) target: DeclId,
    /// The field inside of the declaration; empty for the whole.
    pub(super) path: &'a [Ident],
    pub(super) value: Sited<'a>,
    name: Place,
    /// Brackets that name members of a family, with their place.
    selected: Option<(&'a [Selector], Place)>,
    /// What they name.
    pub(super) only: Option<Vec<DeclId>>,
}

impl Override<'_> {
    /// Whether it changes this declaration or member.
    pub(super) fn applies(&self, id: DeclId) -> bool {
        self.target == id.base() && self.only.as_ref().is_none_or(|only| only.contains(&id))
    }
}

impl<'a> Elaborator<'a> {
    /// Collects what the profile and `--set` change; returns the record of both.
    pub(super) fn collect_overrides(&mut self) -> (Vec<Change>, Vec<Change>) {
        let program = self.program;
        let mut by_profile = Vec::new();
        if let Some(name) = self.profile {
            match program.profiles().find(|profile| profile.name.node == name) {
                Some(profile) => {
                    let site = Site {
                        module: ROOT,
                        file: program.modules[ROOT].file,
                        via: Via::Profile,
                        fixed: None,
                        env: 0,
                    };
                    let mut seen: Vec<(&'a Field, String)> = Vec::new();
                    for field in &profile.fields {
                        let mut path = dotted(&field.name.node);
                        if let Some((at, members)) = &field.members {
                            let place = Place {
                                file: site.file,
                                span: members.span,
                            };
                            path = format!("{} after {at}: {}", path, self.program.text(place));
                        }
                        if let Some((first, _)) = seen.iter().find(|(_, seen)| *seen == path) {
                            let diagnostic = Diagnostic::error(
                                "rlx::field::duplicate",
                                format!("`{path}` is written twice"),
                            );
                            let again = Place {
                                file: site.file,
                                span: field.name.span,
                            };
                            let first = Place {
                                file: site.file,
                                span: first.name.span,
                            };
                            let diagnostic = self.at(diagnostic, again, "again here");
                            let diagnostic = self.at(diagnostic, first, "first here");
                            self.report(diagnostic.help("keep one of them; neither would win silently"));
                            continue;
                        }
                        seen.push((field, path));
                        by_profile.extend(self.add_override(
                            &field.name.node,
                            field.members.as_ref(),
                            Sited {
                                expr: &field.value,
                                site,
                            },
                        ));
                    }
                }
                None => self.unknown_profile(name),
            }
        }
        let mut by_set = Vec::new();
        for setting in &program.settings {
            let site = Site {
                module: ROOT,
                file: setting.file,
                via: Via::Set,
                fixed: None,
                env: 0,
            };
            by_set.extend(self.add_override(
                &setting.path,
                setting.members.as_ref(),
                Sited {
                    expr: &setting.value,
                    site,
                },
            ));
        }
        (by_profile, by_set)
    }

    fn unknown_profile(&mut self, name: &str) {
        let names: Vec<&str> = self
            .program
            .profiles()
            .map(|profile| profile.name.node.as_str())
            .collect();
        let help =
            suggest::did_you_mean(name, names.iter().copied()).unwrap_or_else(|| match names.as_slice() {
                [] => "it has no profile; one is written `profile NAME { … }`".to_owned(),
                names => format!("it has {}", suggest::list(names.iter().copied())),
            });
        let file = &self.program.source(self.program.modules[ROOT].file).name;
        let diagnostic = Diagnostic::error(
            "rlx::profile::unknown",
            format!("`{file}` has no profile `{name}`"),
        );
        self.report(diagnostic.help(help));
    }

    fn add_override(
        &mut self,
        path: &'a [Ident],
        members: Option<&'a (usize, Spanned<Vec<Selector>>)>,
        value: Sited<'a>,
    ) -> Option<Change> {
        let site = value.site;
        let (target, used) = match self.program.lookup(ROOT, path) {
            Ok(found) => found,
            Err(unresolved) => {
                if self.program.is_unread(ROOT, path, &unresolved) {
                    return None;
                }
                let segment = path.get(unresolved.at)?;
                let help = self.program.advice(ROOT, path, &unresolved).unwrap_or_else(|| {
                    "a profile and `--set` change what the study declares or imports: a name, or a field such as `rl.batch`".into()
                });
                let code = if site.via == Via::Set {
                    "rlx::set::unknown"
                } else {
                    "rlx::profile::target"
                };
                let diagnostic = Diagnostic::error(code, format!("there is no `{}` to change", segment.node));
                let diagnostic = self
                    .at(diagnostic, self.span(segment, site), "unknown name")
                    .help(help);
                self.report(diagnostic);
                return None;
            }
        };
        let rest = &path[used..];
        let name = Place {
            file: site.file,
            span: path.first()?.span,
        };
        let keyword = self.program.keyword(target);
        let axis = matches!(rest, [field] if self.axis_named(target, &field.node));
        let fixed = match (keyword, rest) {
            _ if axis => None,
            (Keyword::Claim, _) => Some("a claim is what the study says, whatever its size"),
            (Keyword::Figure | Keyword::Table, [_, ..]) => {
                Some("a figure or table can be changed as a whole only")
            }
            (Keyword::Param, [_, ..]) => Some("a param is one value without fields"),
            _ => None,
        };
        if let Some(reason) = fixed {
            let code = if site.via == Via::Set {
                "rlx::set::unknown"
            } else {
                "rlx::profile::target"
            };
            let diagnostic =
                Diagnostic::error(code, format!("`{}` cannot be changed: {reason}", dotted(path)));
            let diagnostic = self.at(diagnostic, name, "cannot be changed");
            self.report(diagnostic);
            return None;
        }
        let mut shown = dotted(path);
        let mut selected = None;
        if let Some((at, members)) = members {
            let place = Place {
                file: site.file,
                span: members.span,
            };
            if *at != used {
                let diagnostic = Diagnostic::error(
                    "rlx::family::form",
                    "the brackets stand behind the name of a family",
                );
                let diagnostic = self.at(diagnostic, place, "behind no family");
                let name = dotted(&path[..used]);
                self.report(diagnostic.help(format!("write `{name}[…].FIELD = …`")));
                return None;
            }
            selected = Some((members.node.as_slice(), place));
            shown = format!("{}{}", dotted(&path[..used]), self.program.text(place));
            for field in rest {
                shown.push('.');
                shown.push_str(&field.node);
            }
        }
        let from = self.before(target, rest);
        self.overrides.push(Override {
            target,
            path: rest,
            value,
            name,
            selected,
            only: None,
        });
        Some(Change {
            path: shown,
            from,
            to: self.text_of(value),
        })
    }

    /// Finds the members that changes are for.
    pub(super) fn check_selected(&mut self) {
        for index in 0..self.overrides.len() {
            let over = &self.overrides[index];
            let (target, site) = (over.target, over.value.site);
            let Some((selectors, place)) = over.selected else {
                continue;
            };
            if self.is_family(target)
                && self.overrides[index]
                    .path
                    .first()
                    .is_some_and(|first| self.axis_named(target, &first.node))
            {
                let diagnostic = Diagnostic::error(
                    "rlx::family::form",
                    "the values of an axis belong to the whole family",
                );
                let name = self.program.declaration(target).name.node.clone();
                let diagnostic = self.at(diagnostic, place, "names some members");
                self.report(diagnostic.help(format!("write `{name}.AXIS = [ … ]`")));
                continue;
            }
            // A change for members that do not exist changes none.
            let only = self.select(target, selectors, site, place).unwrap_or_default();
            self.overrides[index].only = Some(only);
        }
    }

    fn axis_named(&self, id: DeclId, name: &str) -> bool {
        let family = self.program.declaration(id).family.as_ref();
        family.is_some_and(|family| family.node.axes.iter().any(|axis| axis.name.node == name))
    }

    /// True for a change of the values of an axis: it makes other members, and is no field of them.
    pub(super) fn is_axis(&self, id: DeclId, over: &Override<'a>) -> bool {
        matches!(over.path, [field] if self.axis_named(id, &field.node))
    }

    /// The text that stands, before this change, where `path` points; None where nothing is written.
    fn before(&self, target: DeclId, path: &[Ident]) -> Option<String> {
        let last = self
            .overrides
            .iter()
            .rev()
            .find(|over| over.target == target && dotted(over.path) == dotted(path));
        if let Some(last) = last {
            return Some(self.text_of(last.value));
        }
        match (self.written(target), path) {
            (Content::Value(value), []) => Some(self.text_of(value)),
            (Content::Fields(fields, site), [_, ..]) => Some(self.text_of(Sited {
                expr: find(fields, path)?,
                site,
            })),
            (Content::Value(Sited { expr, site }), [_, ..]) => match &expr.node {
                ExprKind::Record(fields) | ExprKind::Update { fields, .. } => Some(self.text_of(Sited {
                    expr: find(fields, path)?,
                    site,
                })),
                _ => None,
            },
            (Content::Fields(_, site), []) => match &self.program.declaration(target).body {
                Body::Fields(fields) => Some(self.program.text(Place {
                    file: site.file,
                    span: fields.span,
                })),
                _ => None,
            },
            (Content::Block(_), _) => None,
        }
    }

    /// A change of something that the study never reads changes nothing: an error.
    pub(super) fn check_overrides(&mut self) {
        let idle: Vec<(Place, DeclId, Via)> = self
            .overrides
            .iter()
            .filter(|over| !self.touched.contains(&over.target))
            .map(|over| (over.name, over.target, over.value.site.via))
            .collect();
        for (place, target, via) in idle {
            let name = self.program.declaration(target).name.node.clone();
            let code = if via == Via::Set {
                "rlx::set::idle"
            } else {
                "rlx::profile::idle"
            };
            let diagnostic = Diagnostic::error(
                code,
                format!("the study does not read `{name}`, so this changes nothing"),
            );
            let diagnostic = self.at(diagnostic, place, "not read");
            self.report(diagnostic.help("change what the study reads, or leave this out"));
        }
    }
}

fn find<'e>(fields: &'e [Field], path: &[Ident]) -> Option<&'e rlx_grammar::ast::Expr> {
    let (head, rest) = path.split_first()?;
    let field = fields
        .iter()
        .find(|field| matches!(field.name.node.as_slice(), [name] if name.node == head.node))?;
    match (&field.value.node, rest) {
        (_, []) => Some(&field.value),
        (ExprKind::Record(fields) | ExprKind::Update { fields, .. }, rest) => find(fields, rest),
        _ => None,
    }
}

fn dotted(path: &[Ident]) -> String {
    path.iter()
        .map(|name| name.node.as_str())
        .collect::<Vec<_>>()
        .join(".")
}
