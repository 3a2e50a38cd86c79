//! Which rows of a source are problems, and in which order they are taken.

use crate::error::DataError;
use crate::table::{self, Row};
use rlx_language::{Cell, CellTest, Filter};
use serde_json::Value;
use std::cmp::Ordering;
use std::path::Path;

/// Whether a row is one of the set's.
///
/// # Errors
/// A column that the row does not have, or one whose value cannot be ordered.
pub(crate) fn keeps(filter: &Filter, path: &Path, row: &Row) -> Result<bool, DataError> {
    Ok(match filter {
        Filter::And(left, right) => keeps(left, path, row)? && keeps(right, path, row)?,
        Filter::Or(left, right) => keeps(left, path, row)? || keeps(right, path, row)?,
        Filter::Not(inner) => !keeps(inner, path, row)?,
        Filter::Compare {
            column,
            comparison,
            with,
        } => {
            let Some(value) = cell(row, column) else {
                let columns: Vec<&str> = row.cells.keys().map(String::as_str).collect();
                return Err(DataError::Row {
                    path: path.to_owned(),
                    place: row.place.clone(),
                    what: format!(
                        "no column `{}`; the columns are {}",
                        column.join("."),
                        columns.join(", ")
                    ),
                    mend: "name one of them in `filter`".to_owned(),
                });
            };
            match comparison {
                CellTest::Equal => same(value, with),
                CellTest::NotEqual => !same(value, with),
                _ => {
                    let Some(order) = order(value, with) else {
                        return Err(DataError::Row {
                            path: path.to_owned(),
                            place: row.place.clone(),
                            what: format!(
                                "column `{}` holds {}, which is not ordered against {}",
                                column.join("."),
                                table::kind(value),
                                match with {
                                    Cell::Number(_) => "a number",
                                    _ => "a text",
                                }
                            ),
                            mend: format!("compare it otherwise than by `{}`", comparison.sign()),
                        });
                    };
                    match comparison {
                        CellTest::Less => order.is_lt(),
                        CellTest::LessEqual => order.is_le(),
                        CellTest::Greater => order.is_gt(),
                        _ => order.is_ge(),
                    }
                }
            }
        }
    })
}

/// The cell of a column; dots lead into objects, and into lists by the number of an item from 0. A column may have dots in
/// its own name.
pub(crate) fn cell<'a>(row: &'a Row, column: &[String]) -> Option<&'a Value> {
    if let Some(value) = row.cells.get(&column.join(".")) {
        return Some(value);
    }
    let (first, rest) = column.split_first()?;
    rest.iter()
        .try_fold(row.cells.get(first)?, |value, name| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            value => value.get(name),
        })
}

/// Numbers are also read from text: CSV knows nothing else.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn same(value: &Value, with: &Cell) -> bool {
    match (with, value) {
        (Cell::None, value) => value.is_null(),
        (Cell::Bool(with), Value::Bool(value)) => with == value,
        (Cell::Bool(with), Value::String(value)) => value.parse() == Ok(*with),
        (Cell::Number(with), value) => number(value) == Some(*with),
        (Cell::Text(with), Value::String(value)) => with == value,
        (Cell::Text(with), Value::Number(value)) => *with == value.to_string(),
        (Cell::List(with), Value::Array(value)) => {
            with.len() == value.len()
                && with
                    .iter()
                    .zip(value)
                    .all(|(with, value)| value.as_str() == Some(with))
        }
        _ => false,
    }
}

fn order(value: &Value, with: &Cell) -> Option<Ordering> {
    match (with, value) {
        (Cell::Number(with), value) => number(value)?.partial_cmp(with),
        (Cell::Text(with), Value::String(value)) => Some(value.cmp(with)),
        _ => None,
    }
}

/// Orders what `id` names by a hash of seed and id: the place of a row depends on no other row.
pub(crate) fn shuffle<T>(items: &mut [T], seed: u64, id: impl Fn(&T) -> &str) {
    items.sort_by_cached_key(|item| {
        let mut hasher = blake3::Hasher::new_derive_key("rlx 1 order of problems");
        hasher.update(&seed.to_le_bytes()).update(id(item).as_bytes());
        *hasher.finalize().as_bytes()
    });
}
