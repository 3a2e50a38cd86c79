//! Tables of histograms, coverage and listings.

use rlx_analysis::{Coverage, Estimate, Histogram, Interval, Listing, ListingCell, ListingUnit};

use super::{Cell, Column, Table};
use crate::number::{self, Unit, column_decimals};

pub(crate) fn histogram(results: &Histogram) -> Table {
    let mut columns = vec![Column::text("model")];
    columns.extend(results.bins.iter().map(|bin| Column::number(bin.clone())));
    let rows = results
        .series
        .iter()
        .map(|series| {
            let counts = series
                .counts
                .iter()
                .map(|count| Cell::estimate(count, Unit::Plain, 0));
            std::iter::once(Cell::Text(series.model.clone()))
                .chain(counts)
                .collect()
        })
        .collect();
    Table { columns, rows }
}

/// A row a problem: right samples of each model.
pub(crate) fn coverage(results: &Coverage) -> Table {
    let mut columns = vec![Column::text("problem")];
    columns.extend(results.rows.iter().map(|row| Column::number(row.model.clone())));
    let rows = results
        .problems
        .iter()
        .enumerate()
        .map(|(place, problem)| {
            let counts = results.rows.iter().map(|row| {
                let right = row.right.get(place).copied().flatten();
                Cell::plain(right.map_or(f64::NAN, |right| right as f64), 0)
            });
            std::iter::once(Cell::Text(problem.clone()))
                .chain(counts)
                .collect()
        })
        .collect();
    Table { columns, rows }
}

pub(crate) fn listing(results: &Listing) -> Table {
    let columns = results
        .columns
        .iter()
        .map(|column| match column.unit {
            ListingUnit::Text | ListingUnit::Model => Column::text(&column.head),
            _ => Column::number(column.head.clone()),
        })
        .collect();
    let decimals: Vec<usize> = results
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let estimates = results.rows.iter().filter_map(|row| match row.get(place) {
                Some(ListingCell::Estimate { estimate }) => Some(estimate),
                _ => None,
            });
            match column.unit {
                ListingUnit::Count | ListingUnit::K { .. } => 0,
                ListingUnit::P | ListingUnit::Fine => 4,
                unit => {
                    plain_decimals(results, place).unwrap_or_else(|| column_decimals(estimates, scale(unit)))
                }
            }
        })
        .collect();
    let rows = results
        .rows
        .iter()
        .map(|row| {
            row.iter()
                .zip(&results.columns)
                .zip(&decimals)
                .map(|((cell, column), decimals)| one(cell, column.unit, *decimals))
                .collect()
        })
        .collect();
    Table { columns, rows }
}

/// Decimals of a column of numbers without intervals: none where all are whole.
fn plain_decimals(results: &Listing, place: usize) -> Option<usize> {
    let mut numbers = Vec::new();
    for row in &results.rows {
        match row.get(place)? {
            ListingCell::Number { value } => numbers.extend(*value),
            ListingCell::Estimate { .. } | ListingCell::Text { .. } => return None,
        }
    }
    let whole = results.columns.get(place)?.unit == ListingUnit::Plain
        && numbers.iter().all(|number| number.fract() == 0.0);
    Some(if whole { 0 } else { 1 })
}

pub(crate) fn scale(unit: ListingUnit) -> Unit {
    match unit {
        ListingUnit::Share => Unit::Share,
        ListingUnit::Points => Unit::Points,
        _ => Unit::Plain,
    }
}

fn one(cell: &ListingCell, unit: ListingUnit, decimals: usize) -> Cell {
    match (cell, unit) {
        (ListingCell::Text { text }, _) => Cell::Text(text.clone()),
        (ListingCell::Number { value }, ListingUnit::P) => Cell::p(*value),
        (ListingCell::Number { value }, unit) => Cell::Number {
            value: *value,
            text: number::number(value.unwrap_or(f64::NAN), scale(unit), decimals),
            population: None,
            sampling: None,
        },
        (ListingCell::Estimate { estimate }, ListingUnit::K { samples }) => k(estimate, samples),
        (ListingCell::Estimate { estimate }, unit) => Cell::estimate(estimate, scale(unit), decimals),
    }
}

/// A k, where anything above the samples stands for none up to them.
fn k(estimate: &Estimate, samples: u64) -> Cell {
    let name = |k: f64| {
        if k > samples as f64 {
            "none".to_owned()
        } else {
            number::count(k.round() as u64)
        }
    };
    let range = |interval: Option<Interval>| {
        interval.map(|interval| format!("[{}, {}]", name(interval.low), name(interval.high)))
    };
    Cell::Number {
        value: estimate.value,
        text: match estimate.value {
            Some(k) if k > samples as f64 => format!("none up to {}", number::count(samples)),
            Some(k) => name(k),
            None => number::UNDEFINED.to_owned(),
        },
        population: range(estimate.problems_like_these),
        sampling: range(estimate.these_problems),
    }
}
