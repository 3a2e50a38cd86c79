//! `Expr`: an answer as a tree.

use num_bigint::BigInt;
use num_rational::BigRational;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Number(BigRational),
    /// A variable or an unknown name.
    Name(String),
    /// A name with an index that is a formula: `F_{n-1}`.
    Indexed(String, Box<Expr>),
    /// An unknown function's value: `f(x)`.
    Call(String, Vec<Expr>),
    Pi,
    E,
    I,
    Infinity,
    Negative(Box<Expr>),
    Add(Vec<Expr>),
    Multiply(Vec<Expr>),
    Divide(Box<Expr>, Box<Expr>),
    Power(Box<Expr>, Box<Expr>),
    /// The n-th root.
    Root(Box<Expr>, u32),
    /// A known function: `sin`, `binom`, `max`, …; `log` with one argument is the logarithm without a base.
    Function(&'static str, Vec<Expr>),
    /// An angle with a degree mark.
    Degree(Box<Expr>),
    /// A value with a percent sign.
    Percent(Box<Expr>),
    /// `\sum_{k=a}^{b} f(k)` or `\prod`: what is folded, the name, both ends, the body.
    Fold(Fold, String, Box<[Expr; 3]>),
    /// `a ± b`
    PlusMinus(Box<Expr>, Box<Expr>),
    /// A list with the brackets that it is written in: `(`, `[`, `{`, or a space for none.
    List(char, Vec<Expr>, char),
    /// Two sets joined.
    Sets(SetOperation, Box<Expr>, Box<Expr>),
    Matrix(Vec<Vec<Expr>>),
    /// A chain `a < b <= c`: terms and the relations between them.
    Relation(Vec<Expr>, Vec<&'static str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Sum,
    Product,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetOperation {
    Union,
    Intersection,
    Difference,
}

impl Expr {
    pub(super) fn integer(n: i64) -> Expr {
        Expr::Number(BigRational::from(BigInt::from(n)))
    }

    pub(super) fn negative(self) -> Expr {
        match self {
            Expr::Number(value) => Expr::Number(-value),
            Expr::Negative(inner) => *inner,
            other => Expr::Negative(Box::new(other)),
        }
    }

    pub(super) fn minus(self, other: Expr) -> Expr {
        Expr::Add(vec![self, other.negative()])
    }

    pub(super) fn over(self, other: Expr) -> Expr {
        Expr::Divide(Box::new(self), Box::new(other))
    }

    /// A list without brackets, as `and`, `or`, commas and ± make it.
    pub(super) fn bare(items: Vec<Expr>) -> Expr {
        Expr::List(' ', items, ' ')
    }

    /// The direct parts of the tree.
    pub(super) fn parts(&self) -> Vec<&Expr> {
        match self {
            Expr::Number(_) | Expr::Name(_) | Expr::Pi | Expr::E | Expr::I | Expr::Infinity => Vec::new(),
            Expr::Indexed(_, a)
            | Expr::Negative(a)
            | Expr::Root(a, _)
            | Expr::Degree(a)
            | Expr::Percent(a) => {
                vec![a]
            }
            Expr::Divide(a, b) | Expr::Power(a, b) | Expr::PlusMinus(a, b) | Expr::Sets(_, a, b) => {
                vec![a, b]
            }
            Expr::Call(_, all)
            | Expr::Add(all)
            | Expr::Multiply(all)
            | Expr::Function(_, all)
            | Expr::List(_, all, _)
            | Expr::Relation(all, _) => all.iter().collect(),
            Expr::Fold(_, _, parts) => parts.iter().collect(),
            Expr::Matrix(rows) => rows.iter().flatten().collect(),
        }
    }

    /// The tree with `change` made to each direct part.
    pub(super) fn map(&self, change: &mut dyn FnMut(&Expr) -> Expr) -> Expr {
        fn boxed(change: &mut dyn FnMut(&Expr) -> Expr, part: &Expr) -> Box<Expr> {
            Box::new(change(part))
        }
        match self {
            Expr::Number(_) | Expr::Name(_) | Expr::Pi | Expr::E | Expr::I | Expr::Infinity => self.clone(),
            Expr::Indexed(name, a) => Expr::Indexed(name.clone(), boxed(change, a)),
            Expr::Negative(a) => Expr::Negative(boxed(change, a)),
            Expr::Root(a, degree) => Expr::Root(boxed(change, a), *degree),
            Expr::Degree(a) => Expr::Degree(boxed(change, a)),
            Expr::Percent(a) => Expr::Percent(boxed(change, a)),
            Expr::Divide(a, b) => Expr::Divide(boxed(change, a), boxed(change, b)),
            Expr::Power(a, b) => Expr::Power(boxed(change, a), boxed(change, b)),
            Expr::PlusMinus(a, b) => Expr::PlusMinus(boxed(change, a), boxed(change, b)),
            Expr::Sets(operation, a, b) => Expr::Sets(*operation, boxed(change, a), boxed(change, b)),
            Expr::Call(name, all) => Expr::Call(name.clone(), all.iter().map(change).collect()),
            Expr::Add(all) => Expr::Add(all.iter().map(change).collect()),
            Expr::Multiply(all) => Expr::Multiply(all.iter().map(change).collect()),
            Expr::Function(name, all) => Expr::Function(name, all.iter().map(change).collect()),
            Expr::List(open, all, close) => Expr::List(*open, all.iter().map(change).collect(), *close),
            Expr::Relation(all, kinds) => Expr::Relation(all.iter().map(change).collect(), kinds.clone()),
            Expr::Fold(fold, name, parts) => {
                let [from, to, body] = parts.as_ref();
                Expr::Fold(
                    *fold,
                    name.clone(),
                    Box::new([change(from), change(to), change(body)]),
                )
            }
            Expr::Matrix(rows) => {
                let rows = rows.iter().map(|row| row.iter().map(&mut *change).collect());
                Expr::Matrix(rows.collect())
            }
        }
    }

    /// Whether the tree or a part of it satisfies `test`.
    pub(super) fn any(&self, test: &dyn Fn(&Expr) -> bool) -> bool {
        test(self) || self.parts().into_iter().any(|part| part.any(test))
    }

    /// The names in the tree, sorted, each once; a bound name of a sum counts like any other.
    pub(super) fn names(&self) -> Vec<&str> {
        fn collect<'a>(tree: &'a Expr, found: &mut Vec<&'a str>) {
            match tree {
                Expr::Name(name) | Expr::Indexed(name, _) | Expr::Call(name, _) => found.push(name),
                _ => {}
            }
            for part in tree.parts() {
                collect(part, found);
            }
        }
        let mut found = Vec::new();
        collect(self, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    pub(super) fn has_names(&self) -> bool {
        self.any(&|part| matches!(part, Expr::Name(_) | Expr::Indexed(..) | Expr::Call(..)))
    }

    /// A single value, not a list, set, matrix or relation.
    pub(super) fn is_value(&self) -> bool {
        !self.any(&|part| {
            matches!(
                part,
                Expr::List(..) | Expr::Sets(..) | Expr::Matrix(..) | Expr::Relation(..) | Expr::PlusMinus(..)
            )
        })
    }

    /// What stands left of an equation that only names a value: `x`, `a_n`, `f(x)`, `AB`, `m\angle A`.
    pub(super) fn is_label(&self) -> bool {
        match self {
            Expr::Name(_) | Expr::E | Expr::I | Expr::Indexed(..) | Expr::Call(..) => true,
            Expr::Multiply(factors) => factors.iter().all(Expr::is_label),
            Expr::List('(', items, ')') => items.iter().all(Expr::is_label),
            // `|AB| = 1` names a length.
            Expr::Function("abs", inner) => inner
                .iter()
                .all(|inner| matches!(inner, Expr::Multiply(_)) && inner.is_label()),
            _ => false,
        }
    }
}
