//! Are two answers the same? Structure first, then exact values, algebra, and certified numbers.

mod lists;
mod matrix;
mod real_set;
mod relations;
mod values;

pub(super) use values::rounds_to;

use super::expression::Expr;
use super::parse::Answer;
use num_rational::BigRational;

/// The answer of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    Yes,
    No,
    /// The limits were reached before it was clear.
    Unknown,
}

impl Same {
    fn of(same: bool) -> Self {
        if same { Same::Yes } else { Same::No }
    }

    fn and(self, other: impl FnOnce() -> Same) -> Same {
        match self {
            Same::Yes => other(),
            Same::No => Same::No,
            Same::Unknown => {
                if other() == Same::No {
                    Same::No
                } else {
                    Same::Unknown
                }
            }
        }
    }

    fn or(self, other: impl FnOnce() -> Same) -> Same {
        match self {
            Same::Yes => Same::Yes,
            Same::No => other(),
            Same::Unknown => {
                if other() == Same::Yes {
                    Same::Yes
                } else {
                    Same::Unknown
                }
            }
        }
    }
}

/// What a comparison came to, and by which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) same: Same,
    pub(super) rule: &'static str,
}

/// Bounds and notes of one comparison.
pub(super) struct Comparison {
    /// Numeric comparisons left.
    work: u32,
    /// The strongest rule that was needed so far.
    rule: &'static str,
    /// `\log` without a base is the common logarithm.
    common_log: bool,
}

impl Comparison {
    fn new(common_log: bool) -> Self {
        Comparison {
            work: 400,
            rule: "structure",
            common_log,
        }
    }

    fn note(&mut self, rule: &'static str) {
        const ORDER: [&str; 5] = ["structure", "exact", "algebra", "decimal", "numeric"];
        let rank = |rule: &str| ORDER.iter().position(|known| *known == rule).unwrap_or_default();
        if rank(rule) > rank(self.rule) {
            self.rule = rule;
        }
    }
}

/// Compares two answers in every reading that the marks they carry allow: `90°` is 90 and π/2, `50\%` is 50 and 1/2.
pub(super) fn answers(found: &Answer, gold: &Answer) -> Decision {
    let mut found_tree = found.tree.clone();
    if let (Some(unit), Some(other)) = (&found.unit, &gold.unit) {
        match unit.in_terms_of(other) {
            None => {
                return Decision {
                    same: Same::No,
                    rule: "units",
                };
            }
            Some(ratio) if ratio != BigRational::from(num_bigint::BigInt::from(1)) => {
                found_tree = Expr::Multiply(vec![Expr::Number(ratio), found_tree]);
            }
            Some(_) => {}
        }
    }
    let gold_tree = &gold.tree;
    let degrees = (has_degrees(&found_tree), has_degrees(gold_tree));
    let percents = (has_percent(&found_tree), has_percent(gold_tree));
    let plain_log =
        |tree: &Expr| tree.any(&|part| matches!(part, Expr::Function("log", all) if all.len() == 1));
    let logs = plain_log(&found_tree) || plain_log(gold_tree);
    let mut unknown = false;
    let mut rule = "structure";
    for radians in [false, true] {
        for fraction in [false, true] {
            for common_log in [false, true] {
                // A second reading is for one mark that the other side does not have.
                if (radians && degrees.0 == degrees.1)
                    || (fraction && percents.0 == percents.1)
                    || (common_log && !logs)
                {
                    continue;
                }
                let (a, b) = (
                    read(&found_tree, radians, fraction, false),
                    read(gold_tree, radians, fraction, false),
                );
                let mut comparison = Comparison::new(common_log);
                let same = comparison.trees(&a, &b);
                rule = comparison.rule;
                if same == Same::Yes {
                    return Decision { same, rule };
                }
                unknown |= same == Same::Unknown;
            }
        }
    }
    Decision {
        same: if unknown { Same::Unknown } else { Same::No },
        rule,
    }
}

/// Values only, without units or marks, and numbers as near as `tolerance` are the same; equations by their difference.
pub(super) fn loosely(a: &Expr, b: &Expr, tolerance: f64) -> Same {
    let mut comparison = Comparison::new(true);
    match (a, b) {
        (Expr::Relation(x, one), Expr::Relation(y, other)) => match (x.as_slice(), y.as_slice()) {
            // Of whatever kind the relations are: by the size of the difference of their sides.
            ([a, b], [c, d]) => {
                let (left, right) = (a.clone().minus(b.clone()), c.clone().minus(d.clone()));
                let turned = right.clone().negative();
                comparison
                    .values(&left, &right)
                    .or(|| comparison.values(&left, &turned))
            }
            _ => Same::of(one == other && x == y),
        },
        (Expr::Relation(..), _) | (_, Expr::Relation(..)) => Same::No,
        _ => {
            // The system does not simplify factorials and binomials of names.
            let counted = |tree: &Expr| {
                tree.has_names() && tree.any(&|part| matches!(part, Expr::Function("factorial" | "binom", _)))
            };
            if counted(a) || counted(b) {
                return Same::of(super::algebra::equal(a, b) == Some(true));
            }
            let same = comparison.values(a, b);
            if same != Same::Yes && values::near(a, b, tolerance) {
                return Same::Yes;
            }
            same
        }
    }
}

fn has_degrees(tree: &Expr) -> bool {
    match tree {
        // An angle inside of a function is always one.
        Expr::Function(..) => false,
        Expr::Degree(_) => true,
        other => other.parts().into_iter().any(has_degrees),
    }
}

fn has_percent(tree: &Expr) -> bool {
    tree.any(&|part| matches!(part, Expr::Percent(_)))
}

/// The tree without marks: a degree is π/180 or nothing, a percent 1/100 or nothing.
fn read(tree: &Expr, radians: bool, fraction: bool, inside: bool) -> Expr {
    match tree {
        Expr::Degree(inner) if !radians && !inside => read(inner, radians, fraction, inside),
        Expr::Percent(inner) if !fraction => read(inner, radians, fraction, inside),
        Expr::Function(name, all) => Expr::Function(
            name,
            all.iter()
                .map(|part| read(part, radians, fraction, true))
                .collect(),
        ),
        other => other.map(&mut |part| read(part, radians, fraction, inside)),
    }
}

impl Comparison {
    /// Compares two trees without marks of degree or percent.
    fn trees(&mut self, a: &Expr, b: &Expr) -> Same {
        if a == b {
            return Same::Yes;
        }
        let Some(work) = self.work.checked_sub(1) else {
            return Same::Unknown;
        };
        self.work = work;
        let (a, b) = (
            &lists::plain(&matrix::simple(a)),
            &lists::plain(&matrix::simple(b)),
        );
        match (a, b) {
            (Expr::Matrix(a), Expr::Matrix(b)) => {
                if a.len() != b.len() || a.iter().zip(b).any(|(a, b)| a.len() != b.len()) {
                    return Same::No;
                }
                self.all(a.iter().flatten().zip(b.iter().flatten()))
            }
            (Expr::Matrix(rows), Expr::List('(', items, _))
            | (Expr::List('(', items, _), Expr::Matrix(rows)) => {
                let flat: Vec<&Expr> = rows.iter().flatten().collect();
                let line = rows.len() == 1 || rows.iter().all(|row| row.len() == 1);
                if line && flat.len() == items.len() {
                    self.all(flat.into_iter().zip(items))
                } else {
                    Same::No
                }
            }
            (Expr::Function("base", a), Expr::Function("base", b)) => match (a.as_slice(), b.as_slice()) {
                ([a, ..], [b, ..]) => Same::of(a == b),
                _ => Same::No,
            },
            (Expr::Function("base", based), other) | (other, Expr::Function("base", based)) => {
                match based.as_slice() {
                    // The base may be left out, but not changed silently.
                    [_, _, digits] => self.trees(digits, other),
                    _ => Same::No,
                }
            }
            (Expr::List(open, items, close), Expr::List(other_open, others, other_close)) => {
                self.lists((*open, items, *close), (*other_open, others, *other_close))
            }
            (Expr::Relation(..), Expr::Relation(..)) => {
                let same = self.relations(a, b);
                same.or(|| self.real_sets(a, b))
            }
            (Expr::Sets(..), _) | (_, Expr::Sets(..)) => {
                let same = self.real_sets(a, b);
                if same == Same::Yes {
                    same
                } else {
                    self.unions(a, b).or(|| same)
                }
            }
            (Expr::Relation(..), other) | (other, Expr::Relation(..)) => {
                let relation = if matches!(a, Expr::Relation(..)) { a } else { b };
                let same = self.stated(relation, other);
                same.or(|| self.real_sets(a, b))
            }
            (Expr::List(' ' | '{', items, _), single) | (single, Expr::List(' ' | '{', items, _)) => {
                match items.as_slice() {
                    [only] => self.trees(only, single),
                    _ => Same::No,
                }
            }
            (Expr::List(..) | Expr::Matrix(..), _) | (_, Expr::List(..) | Expr::Matrix(..)) => Same::No,
            _ => self.values(a, b),
        }
    }

    fn all<'a>(&mut self, pairs: impl Iterator<Item = (&'a Expr, &'a Expr)>) -> Same {
        let mut same = Same::Yes;
        for (a, b) in pairs {
            same = same.and(|| self.trees(a, b));
            if same == Same::No {
                break;
            }
        }
        same
    }
}
