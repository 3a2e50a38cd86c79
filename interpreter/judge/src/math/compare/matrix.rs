//! Sums and products of matrices, and determinants.

use crate::math::expression::Expr;

type Rows = Vec<Vec<Expr>>;

/// Largest side of a matrix that is multiplied, and of a determinant.
const SIDE: usize = 8;
const DETERMINANT: usize = 5;

/// The tree with its matrix arithmetic done, where it has any.
pub(super) fn simple(tree: &Expr) -> Expr {
    if let Expr::Function("det", arguments) = tree
        && let [Expr::Matrix(rows)] = arguments.as_slice()
        && rows.len() <= DETERMINANT
        && rows.iter().all(|row| row.len() == rows.len())
    {
        return determinant(rows);
    }
    let arithmetic = matches!(
        tree,
        Expr::Add(_) | Expr::Multiply(_) | Expr::Negative(_) | Expr::Divide(..) | Expr::Power(..)
    );
    if !arithmetic || !tree.any(&|part| matches!(part, Expr::Matrix(_))) {
        return tree.clone();
    }
    match evaluate(tree) {
        Some(Value::Matrix(rows)) => Expr::Matrix(rows),
        Some(Value::Scalar(value)) => value,
        None => tree.clone(),
    }
}

enum Value {
    Scalar(Expr),
    Matrix(Rows),
}

/// Most nodes of an entry: products of entries that are formulas grow with every factor.
const NODES: usize = 400;

/// The entry as a number where it is one; None where it grows too large.
fn settled(cell: Expr) -> Option<Expr> {
    fn nodes(tree: &Expr, left: &mut usize) -> bool {
        let Some(rest) = left.checked_sub(1) else {
            return false;
        };
        *left = rest;
        tree.parts().into_iter().all(|part| nodes(part, left))
    }
    if !nodes(&cell, &mut NODES.clone()) {
        return None;
    }
    Some(cell.exact().map_or(cell, Expr::Number))
}

fn settle(rows: Rows) -> Option<Value> {
    let rows = rows
        .into_iter()
        .map(|row| row.into_iter().map(settled).collect::<Option<Vec<Expr>>>());
    rows.collect::<Option<Rows>>().map(Value::Matrix)
}

fn evaluate(tree: &Expr) -> Option<Value> {
    match tree {
        Expr::Matrix(rows) => (rows.len() <= SIDE && rows.iter().all(|row| row.len() <= SIDE))
            .then(|| Value::Matrix(rows.clone())),
        Expr::Negative(inner) => product(Value::Scalar(Expr::integer(-1)), evaluate(inner)?),
        Expr::Add(terms) => {
            let mut terms = terms.iter().map(evaluate);
            let mut sum = terms.next()??;
            for term in terms {
                sum = plus(sum, term?)?;
            }
            Some(sum)
        }
        Expr::Multiply(factors) => {
            let mut factors = factors.iter().map(evaluate);
            let mut result = factors.next()??;
            for factor in factors {
                result = product(result, factor?)?;
            }
            Some(result)
        }
        Expr::Divide(top, bottom) if bottom.is_value() => {
            let inverse = Expr::integer(1).over(bottom.as_ref().clone());
            product(Value::Scalar(inverse), evaluate(top)?)
        }
        Expr::Power(base, exponent) => {
            let times = exponent.exact()?;
            let times = u32::try_from(times.is_integer().then(|| times.to_integer())?).ok()?;
            if !(1..=6).contains(&times) {
                return None;
            }
            let mut result = evaluate(base)?;
            for _ in 1..times {
                result = product(result, evaluate(base)?)?;
            }
            Some(result)
        }
        other => other.is_value().then(|| Value::Scalar(other.clone())),
    }
}

fn plus(a: Value, b: Value) -> Option<Value> {
    match (a, b) {
        (Value::Scalar(a), Value::Scalar(b)) => Some(Value::Scalar(Expr::Add(vec![a, b]))),
        (Value::Matrix(a), Value::Matrix(b)) => {
            let same = a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.len() == b.len());
            let rows = a.into_iter().zip(b);
            same.then(|| {
                Value::Matrix(
                    rows.map(|(a, b)| a.into_iter().zip(b).map(|(a, b)| Expr::Add(vec![a, b])).collect())
                        .collect(),
                )
            })
        }
        _ => None,
    }
}

fn product(a: Value, b: Value) -> Option<Value> {
    let scaled = |factor: Expr, rows: Rows| {
        let rows = rows.into_iter().map(|row| {
            row.into_iter()
                .map(|cell| Expr::Multiply(vec![factor.clone(), cell]))
                .collect()
        });
        settle(rows.collect())
    };
    match (a, b) {
        (Value::Scalar(a), Value::Scalar(b)) => settled(Expr::Multiply(vec![a, b])).map(Value::Scalar),
        (Value::Scalar(factor), Value::Matrix(rows)) | (Value::Matrix(rows), Value::Scalar(factor)) => {
            scaled(factor, rows)
        }
        (Value::Matrix(a), Value::Matrix(b)) => {
            let width = b.first()?.len();
            if a.iter().any(|row| row.len() != b.len()) || b.iter().any(|row| row.len() != width) {
                return None;
            }
            let cell = |row: &[Expr], column: usize| {
                let terms = row.iter().zip(&b).filter_map(|(x, line)| {
                    let y = line.get(column)?;
                    Some(Expr::Multiply(vec![x.clone(), y.clone()]))
                });
                Expr::Add(terms.collect())
            };
            let rows = a
                .iter()
                .map(|row| (0..width).map(|column| cell(row, column)).collect());
            settle(rows.collect())
        }
    }
}

/// By the first row.
fn determinant(rows: &[Vec<Expr>]) -> Expr {
    let [first, rest @ ..] = rows else {
        return Expr::integer(1);
    };
    let terms = first.iter().enumerate().map(|(column, cell)| {
        let minor: Rows = rest
            .iter()
            .map(|row| {
                let kept = row.iter().enumerate().filter(|(at, _)| *at != column);
                kept.map(|(_, cell)| cell.clone()).collect()
            })
            .collect();
        let term = Expr::Multiply(vec![cell.clone(), determinant(&minor)]);
        if column % 2 == 1 { term.negative() } else { term }
    });
    Expr::Add(terms.collect())
}
