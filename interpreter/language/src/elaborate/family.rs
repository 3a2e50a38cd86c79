//! Families: `train rl for algo in [ppo, grpo], steps in [150, 300] where … { … }` → members, each of which is read
//! like a declaration of its own, with the axes as names for its values.
//!
//! A family is a set: its members are ordered by their values (numbers upwards, then labels by letter), so that the
//! order in which an axis is written changes neither a plan nor a figure. A member is named by the labels of its
//! values, `rl[grpo, 150]`, and by nothing that depends on the other members.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rlx_grammar::ast::{self, Body, Pick, Selector};

use super::scope::{names, names_in_fields};
use super::{Elaborator, Site, Sited, Via};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place, ROOT};
use crate::study::Leaf;
use crate::suggest;

/// A family with more members than this is a slip.
const MOST_MEMBERS: usize = 1_000;
/// Members of all families of a study.
const MOST_IN_ALL: usize = 10_000;

/// A value of an axis under its name.
#[derive(Debug, Clone)]
pub(super) struct Bound<'a> {
    pub(super) name: &'a str,
    pub(super) label: String,
    pub(super) value: Sited<'a>,
}

/// The members of a family, in their order.
#[derive(Debug)]
pub(super) struct Expanded<'a> {
    axes: Vec<&'a str>,
    pub(super) members: Vec<Member>,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: DeclId,
    /// One label an axis.
    labels: Vec<String>,
}

impl Member {
    /// `grpo, 150`
    fn label(&self) -> String {
        self.labels.join(", ")
    }
}

impl<'a> Elaborator<'a> {
    /// The declarations that one declaration makes: itself, or its members; none where it is broken (reported).
    pub(super) fn all_of(&mut self, id: DeclId) -> Vec<DeclId> {
        if !self.is_family(id) {
            return vec![id];
        }
        self.family(id)
            .map(|family| family.members.iter().map(|member| member.id).collect())
            .unwrap_or_default()
    }

    pub(super) fn is_family(&self, id: DeclId) -> bool {
        id.member == 0 && self.program.declaration(id).family.is_some()
    }

    /// The name of a declaration, a member's with its labels: `rl[grpo, 150]`.
    pub(super) fn name_of(&self, id: DeclId) -> String {
        let name = &self.program.declaration(id).name.node;
        match self.labels_of(id) {
            Some(labels) => format!("{name}[{labels}]"),
            None => name.clone(),
        }
    }

    pub(super) fn labels_of(&self, id: DeclId) -> Option<String> {
        let bound = self.envs.get(*self.env_of.get(&id)?)?;
        let labels: Vec<&str> = bound.iter().map(|bound| bound.label.as_str()).collect();
        Some(labels.join(", "))
    }

    /// What the name of an axis stands for here.
    pub(super) fn axis(&self, path: &ast::Path, site: Site) -> Option<&Bound<'a>> {
        let [name] = path.node.as_slice() else { return None };
        self.envs
            .get(site.env)?
            .iter()
            .find(|bound| bound.name == name.node)
    }

    /// The title or statement of a member: `{axis}` is replaced by the label; without any such place the labels follow.
    pub(super) fn titled(&self, text: &str, id: DeclId) -> String {
        let Some(bound) = self.env_of.get(&id).and_then(|env| self.envs.get(*env)) else {
            return text.to_owned();
        };
        let mut title = text.to_owned();
        for bound in bound {
            title = title.replace(&format!("{{{}}}", bound.name), &bound.label);
        }
        if title == text {
            title.push_str(&format!(" [{}]", self.labels_of(id).unwrap_or_default()));
        }
        title
    }

    /// The members of a family, made once.
    pub(super) fn family(&mut self, id: DeclId) -> Option<Rc<Expanded<'a>>> {
        let id = id.base();
        if let Some(done) = self.families.get(&id) {
            return done.clone();
        }
        if let Some(start) = self.expanding.iter().position(|open| *open == id) {
            let circle = self.expanding[start..].to_vec();
            self.report_cycle(&circle);
            return None;
        }
        self.expanding.push(id);
        let family = self.expand(id).map(Rc::new);
        self.expanding.pop();
        self.families.insert(id, family.clone());
        family
    }

    fn expand(&mut self, id: DeclId) -> Option<Expanded<'a>> {
        let program = self.program;
        let declaration = program.declaration(id);
        let family = &declaration.family.as_ref()?.node;
        self.touched.insert(id);
        self.check_axes(id, family)?;
        let site = Site {
            module: id.module,
            file: program.modules[id.module].file,
            via: Via::Written,
            fixed: None,
            env: 0,
        };
        let mut rows: Vec<Vec<Bound<'a>>> = vec![Vec::new()];
        let mut failed = false;
        for (index, axis) in family.axes.iter().enumerate() {
            let name = axis.name.node.as_str();
            let written = Sited {
                expr: &axis.domain,
                site,
            };
            let changed = self.overrides.iter().rev().find(|over| {
                over.target == id && over.only.is_none() && matches!(over.path, [field] if field.node == name)
            });
            let domain = changed.map_or(written, |over| over.value);
            let earlier: Vec<&str> = family.axes[..index]
                .iter()
                .map(|axis| axis.name.node.as_str())
                .collect();
            let mut depends = false;
            names(domain.expr, &mut |path| {
                depends |= path
                    .node
                    .first()
                    .is_some_and(|first| earlier.contains(&first.node.as_str()));
            });
            let mut once: Option<Vec<Value<'a>>> = None;
            let mut next = Vec::new();
            for row in rows {
                let values = match &once {
                    Some(values) => values.clone(),
                    None => {
                        let env = if depends {
                            self.environment(row.clone())
                        } else {
                            domain.site.env
                        };
                        let site = Site { env, ..domain.site };
                        let Some(values) = self.domain(Sited { site, ..domain }, &axis.name) else {
                            failed = true;
                            continue;
                        };
                        if !depends {
                            once = Some(values.clone());
                        }
                        values
                    }
                };
                for value in values {
                    let mut row = row.clone();
                    row.push(Bound {
                        name,
                        label: value.label,
                        value: value.value,
                    });
                    next.push(row);
                }
                self.members_made += 1;
                if next.len() > MOST_MEMBERS || self.members_made + next.len() > MOST_IN_ALL {
                    self.too_many(id);
                    return None;
                }
            }
            rows = next;
        }
        if failed {
            return None;
        }
        if let Some(condition) = &family.condition {
            let labels = labels_of_rows(&rows);
            let mut kept = Vec::new();
            for row in rows {
                let env = self.environment(row.clone());
                let site = Site { env, ..site };
                if self.holds(
                    Sited {
                        expr: condition,
                        site,
                    },
                    &labels,
                )? {
                    kept.push(row);
                }
            }
            rows = kept;
            if rows.is_empty() {
                let diagnostic = Diagnostic::error(
                    "rlx::family::empty",
                    format!(
                        "`{}` has no members: `where` leaves all of them out",
                        declaration.name.node
                    ),
                );
                let place = Place {
                    file: site.file,
                    span: condition.span,
                };
                let diagnostic = self.at(diagnostic, place, "holds for none of them");
                self.report(diagnostic.help("`where` says which members there are, not which are left out"));
                return None;
            }
        }
        self.members_made += rows.len();
        let mut keyed = Vec::new();
        for row in rows {
            let key = row
                .iter()
                .map(|bound| {
                    (
                        self.quiet_number(bound.value).map(|number| number.value),
                        bound.label.clone(),
                    )
                })
                .collect::<Vec<(Option<f64>, String)>>();
            keyed.push((key, row));
        }
        keyed.sort_by(|(a, _), (b, _)| order(a, b));
        let mut members = Vec::new();
        for (number, (_, row)) in keyed.into_iter().enumerate() {
            let member = DeclId {
                member: number as u32 + 1,
                ..id
            };
            let labels = row.iter().map(|bound| bound.label.clone()).collect();
            let env = self.environment(row);
            self.env_of.insert(member, env);
            members.push(Member { id: member, labels });
            self.axis_leaves(member);
        }
        Some(Expanded {
            axes: family.axes.iter().map(|axis| axis.name.node.as_str()).collect(),
            members,
        })
    }

    /// `rl[grpo, 150].algo = grpo`
    fn axis_leaves(&mut self, member: DeclId) {
        if member.module != ROOT {
            return;
        }
        let name = self.name_of(member);
        let bound: Vec<Bound<'a>> = self
            .env_of
            .get(&member)
            .map(|env| self.envs[*env].clone())
            .unwrap_or_default();
        for bound in bound {
            let leaf = Leaf {
                value: bound.label,
                unit: self
                    .quiet_number(bound.value)
                    .and_then(|number| number.unit)
                    .map(|unit| unit.name().to_owned()),
                origin: self.origin(bound.value),
                overrode: Vec::new(),
                through: Vec::new(),
            };
            self.origins.insert(format!("{name}.{}", bound.name), leaf);
        }
    }

    pub(super) fn environment(&mut self, bound: Vec<Bound<'a>>) -> usize {
        self.envs.push(bound);
        self.envs.len() - 1
    }

    fn too_many(&mut self, id: DeclId) {
        let place = self.name_place(id);
        let name = &self.program.declaration(id).name.node;
        let diagnostic = Diagnostic::error(
            "rlx::family::large",
            format!(
                "`{name}` has more than {MOST_MEMBERS} members, or all families together more than {MOST_IN_ALL}"
            ),
        );
        let diagnostic = self
            .at(diagnostic, place, "too many members")
            .help("each member is trained, measured or drawn; leave some out with `where`");
        if !self.out.iter().any(|known| known.code == diagnostic.code) {
            self.report(diagnostic);
        }
    }

    /// Every axis has a name of its own, and the members differ by it.
    fn check_axes(&mut self, id: DeclId, family: &'a ast::Family) -> Option<()> {
        let program = self.program;
        let declaration = program.declaration(id);
        let file = program.modules[id.module].file;
        let mut read: BTreeSet<&str> = BTreeSet::new();
        let mut visit = |path: &'a ast::Path| {
            if let Some(first) = path.node.first() {
                read.insert(&first.node);
            }
        };
        match &declaration.body {
            Body::Value(expr) => names(expr, &mut visit),
            Body::Fields(fields) => names_in_fields(&fields.node, &mut visit),
            Body::Block(block) => names(&block.node, &mut visit),
        }
        for axis in &family.axes {
            names(&axis.domain, &mut visit);
        }
        let mut good = Some(());
        for (index, axis) in family.axes.iter().enumerate() {
            let name = &axis.name;
            let place = Place {
                file,
                span: name.span,
            };
            let first = family.axes[..index]
                .iter()
                .find(|other| other.name.node == name.node);
            if let Some(first) = first {
                let diagnostic = Diagnostic::error(
                    "rlx::name::duplicate",
                    format!("`{}` is the name of two axes", name.node),
                );
                let diagnostic = self.at(diagnostic, place, "again here");
                let first = Place {
                    file,
                    span: first.name.span,
                };
                let diagnostic = self.at(diagnostic, first, "first here");
                self.report(diagnostic);
                good = None;
                continue;
            }
            if let Some(symbol) = program.modules[id.module].symbols.get(&name.node) {
                let diagnostic = Diagnostic::error(
                    "rlx::name::duplicate",
                    format!(
                        "`{}` is declared already: an axis needs a name of its own",
                        name.node
                    ),
                );
                let diagnostic = self.at(diagnostic, place, "an axis");
                let first = Place {
                    file,
                    span: symbol.span,
                };
                let diagnostic = self.at(diagnostic, first, "declared here");
                self.report(diagnostic.help("in a file a name stands for one thing; rename the axis"));
                good = None;
                continue;
            }
            if !read.contains(name.node.as_str()) {
                let diagnostic = Diagnostic::error(
                    "rlx::family::axis",
                    format!("nothing reads `{}`, so the members would be alike", name.node),
                );
                let diagnostic = self.at(diagnostic, place, "an axis that changes nothing");
                self.report(diagnostic.help(format!(
                    "write `{}` where the members differ, or leave the axis out",
                    name.node
                )));
                good = None;
            }
        }
        good
    }

    /// The members that brackets name, in the family's order.
    pub(super) fn select(
        &mut self,
        id: DeclId,
        selectors: &'a [Selector],
        site: Site,
        place: Place,
    ) -> Option<Vec<DeclId>> {
        let name = self.program.declaration(id).name.node.clone();
        if !self.is_family(id) {
            let diagnostic = Diagnostic::error(
                "rlx::family::form",
                format!("`{name}` is no family: it has no members"),
            );
            let diagnostic = self.at(diagnostic, place, "names a member");
            let diagnostic = self.at(diagnostic, self.name_place(id), "declared without `for`");
            self.report(diagnostic.help(format!("write `{name}`")));
            return None;
        }
        let family = self.family(id)?;
        let mut wanted: Vec<Option<(String, Option<f64>, Place)>> = vec![None; family.axes.len()];
        let mut given: Vec<bool> = vec![false; family.axes.len()];
        for (index, selector) in selectors.iter().enumerate() {
            let at_place = match &selector.pick {
                Pick::All(span) => self.place_of(*span, site),
                Pick::Value(expr) => self.place_of(expr.span, site),
            };
            let axis = match &selector.axis {
                Some(axis) => family.axes.iter().position(|name| *name == axis.node),
                None => Some(index).filter(|index| *index < family.axes.len()),
            };
            let Some(axis) = axis.filter(|axis| !given[*axis]) else {
                let what = selector.axis.as_ref().map_or_else(
                    || "so many axes".to_owned(),
                    |axis| format!("an axis `{}` left", axis.node),
                );
                let diagnostic = Diagnostic::error("rlx::family::member", format!("`{name}` has not {what}"));
                let help = format!("its axes are {}", suggest::list(family.axes.iter().copied()));
                let diagnostic = self.at(diagnostic, at_place, "chooses nothing").help(help);
                self.report(diagnostic);
                return None;
            };
            given[axis] = true;
            if let Pick::Value(expr) = &selector.pick {
                let at = Sited { expr, site };
                let number = self.quiet_number(at).map(|number| number.value);
                wanted[axis] = Some((self.label(at), number, at_place));
            }
        }
        let fits = |this: &mut Self, member: &Member, axis: usize| match &wanted[axis] {
            None => true,
            Some((label, number, _)) => {
                member.labels[axis] == *label
                    || number.is_some_and(|number| {
                        let env = this.env_of.get(&member.id).copied().unwrap_or(0);
                        let value = this.envs[env][axis].value;
                        this.quiet_number(value).is_some_and(|own| own.value == number)
                    })
            }
        };
        let mut chosen = Vec::new();
        for member in &family.members {
            let mut all = true;
            for axis in 0..family.axes.len() {
                all &= fits(self, member, axis);
            }
            if all {
                chosen.push(member.id);
            }
        }
        if !chosen.is_empty() {
            return Some(chosen);
        }
        for (axis, asked) in wanted.iter().enumerate().take(family.axes.len()) {
            let Some((label, _, at_place)) = asked.clone() else {
                continue;
            };
            let mut known = false;
            for member in &family.members {
                known |= fits(self, member, axis);
            }
            if !known {
                let mut labels: Vec<&str> = Vec::new();
                for member in &family.members {
                    if !labels.contains(&member.labels[axis].as_str()) {
                        labels.push(&member.labels[axis]);
                    }
                }
                let help = suggest::did_you_mean(&label, labels.iter().copied()).unwrap_or_else(|| {
                    format!(
                        "`{}` is one of {}",
                        family.axes[axis],
                        suggest::list(labels.iter().copied().take(12))
                    )
                });
                let diagnostic = Diagnostic::error(
                    "rlx::family::member",
                    format!("`{name}` has no member with `{} = {label}`", family.axes[axis]),
                );
                let diagnostic = self.at(diagnostic, at_place, "no such member");
                let diagnostic = self.at(diagnostic, self.name_place(id), "the family").help(help);
                self.report(diagnostic);
                return None;
            }
        }
        let diagnostic = Diagnostic::error("rlx::family::member", format!("`{name}` has no such member"));
        let diagnostic = self.at(diagnostic, place, "each value is there, but not together");
        let help = format!("it has {}", self.member_list(&family, &name));
        let diagnostic = self.at(diagnostic, self.name_place(id), "the family").help(help);
        self.report(diagnostic);
        None
    }

    fn place_of(&self, span: ast::Span, site: Site) -> Place {
        Place {
            file: site.file,
            span: site.fixed.unwrap_or(span),
        }
    }

    /// ``rl[grpo, 150]`, `rl[ppo, 150]` and 2 more`
    fn member_list(&self, family: &Expanded<'_>, name: &str) -> String {
        const MOST: usize = 6;
        let names: Vec<String> = family
            .members
            .iter()
            .take(MOST)
            .map(|member| format!("`{name}[{}]`", member.label()))
            .collect();
        let more = family.members.len().saturating_sub(MOST);
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("{}{rest}", names.join(", "))
    }

    /// One member is wanted, and several are named, or a whole family.
    pub(super) fn one_member(&mut self, ids: &[DeclId], place: Place) {
        let Some(first) = ids.first() else { return };
        let base = first.base();
        let name = self.program.declaration(base).name.node.clone();
        let Some(family) = self.family(base) else { return };
        let shown = if ids.len() > 1 || first.member > 0 {
            let named: Vec<String> = ids
                .iter()
                .take(4)
                .map(|id| format!("`{}`", self.name_of(*id)))
                .collect();
            let dots = if ids.len() > 4 { ", …" } else { "" };
            format!(
                "one is wanted here, and these are {}: {}{dots}",
                ids.len(),
                named.join(", ")
            )
        } else {
            format!("`{name}` is a family of {}", family.members.len())
        };
        let diagnostic = Diagnostic::error("rlx::family::one", shown);
        let diagnostic = self.at(diagnostic, place, "which member?");
        let diagnostic = self.at(diagnostic, self.name_place(base), "a family");
        let help = format!(
            "choose one of {}; a list takes all: `{name}[*]`",
            self.member_list(&family, &name)
        );
        self.report(diagnostic.help(help));
    }
}

/// A value of an axis, before it has a name.
#[derive(Debug, Clone)]
pub(super) struct Value<'a> {
    pub(super) label: String,
    pub(super) value: Sited<'a>,
}

/// All labels of each axis.
fn labels_of_rows<'a>(rows: &[Vec<Bound<'a>>]) -> BTreeMap<&'a str, BTreeSet<String>> {
    let mut labels: BTreeMap<&'a str, BTreeSet<String>> = BTreeMap::new();
    for bound in rows.iter().flatten() {
        labels.entry(bound.name).or_default().insert(bound.label.clone());
    }
    labels
}

/// Axis by axis: numbers upwards, then labels by letter.
fn order(a: &[(Option<f64>, String)], b: &[(Option<f64>, String)]) -> Ordering {
    for ((x, label_x), (y, label_y)) in a.iter().zip(b) {
        let by_number = match (x, y) {
            (Some(x), Some(y)) => x.total_cmp(y),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let ordering = by_number.then_with(|| label_x.cmp(label_y));
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}
