//! Results as tables: one neutral form for reading (HTML, LaTeX, Markdown, terminal), and tidy CSV with every number in full.

mod columns;
mod csv;
mod latex;
mod listing;
mod markdown;

pub(crate) use columns::build;
pub(crate) use csv::{claims as claims_csv, csv};
pub(crate) use latex::latex;
pub(crate) use listing::scale;
pub(crate) use markdown::markdown;

use rlx_analysis::{Estimate, Listing, ListingCell, ListingUnit, Results};

use crate::number::{self, Unit};

/// A table for readers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// A column's head; all but names are set right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) head: String,
    pub(crate) numeric: bool,
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Number {
        /// For sorting; None: undefined.
        value: Option<f64>,
        text: String,
        /// `[low, high]` over problems like these.
        population: Option<String>,
        /// `[low, high]` over these problems.
        sampling: Option<String>,
    },
}

impl Column {
    fn text(head: &str) -> Column {
        Column {
            head: head.to_owned(),
            numeric: false,
        }
    }

    fn number(head: impl Into<String>) -> Column {
        Column {
            head: head.into(),
            numeric: true,
        }
    }
}

impl Cell {
    fn estimate(estimate: &Estimate, unit: Unit, decimals: usize) -> Cell {
        Cell::Number {
            value: estimate.value,
            text: number::value(estimate, unit, decimals),
            population: number::interval(estimate.problems_like_these, unit, decimals),
            sampling: number::interval(estimate.these_problems, unit, decimals),
        }
    }

    fn count(value: usize) -> Cell {
        Cell::Number {
            value: Some(value as f64),
            text: number::count(value as u64),
            population: None,
            sampling: None,
        }
    }

    fn plain(value: f64, decimals: usize) -> Cell {
        Cell::Number {
            value: Some(value).filter(|value| value.is_finite()),
            text: number::number(value, Unit::Plain, decimals),
            population: None,
            sampling: None,
        }
    }

    fn share(value: f64) -> Cell {
        Cell::Number {
            value: Some(value).filter(|value| value.is_finite()),
            text: number::number(value, Unit::Share, 1),
            population: None,
            sampling: None,
        }
    }

    /// A p-value.
    fn p(value: Option<f64>) -> Cell {
        Cell::Number {
            value,
            text: value.map_or_else(|| number::UNDEFINED.to_owned(), number::p_value),
            population: None,
            sampling: None,
        }
    }

    fn undefined() -> Cell {
        Cell::Number {
            value: None,
            text: number::UNDEFINED.to_owned(),
            population: None,
            sampling: None,
        }
    }

    /// Number or text, without intervals.
    pub(crate) fn text(&self) -> &str {
        match self {
            Cell::Text(text) | Cell::Number { text, .. } => text,
        }
    }

    /// The interval that is shown in print: over problems like these.
    pub(crate) fn interval(&self) -> Option<&str> {
        match self {
            Cell::Number { population, .. } => population.as_deref(),
            Cell::Text(_) => None,
        }
    }
}

/// Every model label (or training) that results speak of, in order of appearance, each once.
pub(crate) fn labels(results: &Results) -> Vec<String> {
    let all: Vec<&String> = match results {
        Results::PassAtK(results) => results
            .curves
            .iter()
            .map(|curve| curve.of.as_ref().map_or(&curve.model, |of| &of.model))
            .collect(),
        Results::DeltaSe(results) => std::iter::once(&results.against)
            .chain(results.rows.iter().map(|row| &row.model))
            .collect(),
        Results::Subset(results) => std::iter::once(&results.within)
            .chain(results.rows.iter().map(|row| &row.model))
            .collect(),
        Results::Perplexity(results) => results
            .groups
            .iter()
            .flat_map(|group| [&group.under, &group.of])
            .collect(),
        Results::Summary(results) => results.rows.iter().map(|row| &row.model).collect(),
        Results::Histogram(results) => results.series.iter().map(|series| &series.model).collect(),
        Results::Coverage(results) => results.rows.iter().map(|row| &row.model).collect(),
        Results::Listing(results) => model_cells(results),
        // A training's curves are coloured by its checkpoints; unknown ones take the neutral style.
        Results::Training(_) => Vec::new(),
    };
    let mut labels: Vec<String> = Vec::new();
    for label in all {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    labels
}

fn model_cells(results: &Listing) -> Vec<&String> {
    let cells = results
        .rows
        .iter()
        .flat_map(|row| results.columns.iter().zip(row));
    cells
        .filter_map(|(column, cell)| match cell {
            ListingCell::Text { text } if column.unit == ListingUnit::Model => Some(text),
            _ => None,
        })
        .collect()
}

/// The confidence of the intervals, where there are any.
pub(crate) fn confidence(results: &Results) -> Option<f64> {
    match results {
        Results::PassAtK(results) => Some(results.confidence),
        Results::DeltaSe(results) => Some(results.confidence),
        Results::Subset(results) => Some(results.confidence),
        Results::Perplexity(results) => Some(results.confidence),
        Results::Summary(results) => Some(results.confidence),
        Results::Histogram(results) => Some(results.confidence),
        Results::Listing(results) => results.confidence,
        Results::Coverage(_) => None,
        Results::Training(_) => None,
    }
}

/// What the analysis warns of.
pub(crate) fn warnings(results: &Results) -> &[String] {
    match results {
        Results::PassAtK(results) => &results.warnings,
        Results::DeltaSe(results) => &results.warnings,
        Results::Subset(results) => &results.warnings,
        Results::Perplexity(results) => &results.warnings,
        Results::Summary(results) => &results.warnings,
        Results::Histogram(results) => &results.warnings,
        Results::Coverage(results) => &results.warnings,
        Results::Listing(results) => &results.warnings,
        Results::Training(_) => &[],
    }
}
