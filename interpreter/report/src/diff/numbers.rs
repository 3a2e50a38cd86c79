//! The numbers of two outputs, matched by what they measure.

use rlx_analysis::{Estimate, Interval, ListingCell, ListingUnit, Results};

use super::{CONFIDENCE, NumberDiff};
use crate::number::Unit;
use crate::tables;

/// A number with what tells it apart from the others of its output.
struct Entry {
    row: String,
    name: String,
    unit: Unit,
    estimate: Estimate,
}

fn plain(value: Option<f64>) -> Estimate {
    Estimate {
        value: value.filter(|value| value.is_finite()),
        these_problems: None,
        problems_like_these: None,
    }
}

fn entries(results: &Results) -> Vec<Entry> {
    let mut all = Vec::new();
    let mut add = |row: &str, name: &str, unit: Unit, estimate: Estimate| {
        all.push(Entry {
            row: row.to_owned(),
            name: name.to_owned(),
            unit,
            estimate,
        });
    };
    match results {
        Results::PassAtK(results) => {
            for curve in &results.curves {
                for point in &curve.points {
                    add(&curve.model, &format!("k = {}", point.k), Unit::Share, point.pass);
                }
            }
        }
        Results::DeltaSe(results) => {
            for row in &results.rows {
                add(&row.model, "pass@1", Unit::Share, row.pass_1);
                add(
                    &row.model,
                    &format!("pass@{}", results.k),
                    Unit::Share,
                    row.pass_k,
                );
                add(&row.model, "ΔSE", Unit::Points, row.delta_se);
            }
        }
        Results::Subset(results) => {
            for row in &results.rows {
                add(&row.model, "inside", Unit::Share, row.contained);
                for (name, count) in [
                    ("both", row.both.len()),
                    ("only within", row.only_within.len()),
                    ("only model", row.only_model.len()),
                    ("neither", row.neither),
                ] {
                    add(&row.model, name, Unit::Problems, plain(Some(count as f64)));
                }
            }
        }
        Results::Perplexity(results) => {
            for group in &results.groups {
                let row = format!("{} under {}", group.of, group.under);
                add(&row, "median", Unit::Plain, group.median);
                add(&row, "mean", Unit::Plain, group.mean);
            }
        }
        Results::Summary(results) => {
            for row in &results.rows {
                add(&row.model, "pass@1", Unit::Share, row.pass_1);
                add(&row.model, "solved", Unit::Share, row.solved);
                add(&row.model, "mean tokens", Unit::Plain, row.mean_tokens);
                for (verdict, share) in &row.verdicts {
                    add(&row.model, verdict, Unit::Share, *share);
                }
            }
        }
        Results::Histogram(results) => {
            for series in &results.series {
                for (bin, count) in results.bins.iter().zip(&series.counts) {
                    add(&series.model, &format!("accuracy {bin}"), Unit::Plain, *count);
                }
            }
        }
        // Problem by problem: the paired comparison has it.
        Results::Coverage(_) => {}
        Results::Listing(results) => {
            for row in &results.rows {
                let named: Vec<&str> = row
                    .iter()
                    .filter_map(|cell| match cell {
                        ListingCell::Text { text } => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                let k = row
                    .iter()
                    .zip(&results.columns)
                    .find_map(|(cell, column)| match cell {
                        ListingCell::Number { value: Some(value) } if column.name == "k" => {
                            Some(format!(" k = {value}"))
                        }
                        _ => None,
                    });
                let name = named.join(", ") + k.as_deref().unwrap_or("");
                for (cell, column) in row.iter().zip(&results.columns) {
                    let unit = tables::scale(column.unit);
                    match cell {
                        ListingCell::Estimate { estimate } => add(&name, &column.head, unit, *estimate),
                        ListingCell::Number { value }
                            if column.unit != ListingUnit::P && column.name != "k" =>
                        {
                            add(&name, &column.head, unit, plain(*value));
                        }
                        _ => {}
                    }
                }
            }
        }
        Results::Training(results) => {
            for panel in &results.panels {
                for series in &panel.series {
                    let last = series.points.last().map(|(_, value)| *value);
                    add(
                        &series.training,
                        &format!("last {}", panel.metric),
                        Unit::Plain,
                        plain(last),
                    );
                }
            }
        }
    }
    all
}

/// Numbers of both in the left one's order, and how many have no partner.
pub(super) fn compare(left: &Results, right: &Results) -> (Vec<NumberDiff>, usize) {
    let (left, mut right) = (entries(left), entries(right));
    let mut matched = Vec::new();
    let mut unmatched = 0;
    for one in left {
        let place = right
            .iter()
            .position(|other| other.row == one.row && other.name == one.name);
        match place {
            Some(place) => {
                let other = right.remove(place);
                matched.push(NumberDiff {
                    difference: difference(&one.estimate, &other.estimate),
                    p_holm: None,
                    row: one.row,
                    name: one.name,
                    unit: match one.unit {
                        Unit::Share => Unit::Points,
                        Unit::Plain => Unit::Difference,
                        unit => unit,
                    },
                    left: one.estimate,
                    right: other.estimate,
                });
            }
            None => unmatched += 1,
        }
    }
    let ps: Vec<f64> = matched.iter().filter_map(level).collect();
    let mut corrected = rlx_analysis::holm(&ps).into_iter();
    for number in &mut matched {
        number.p_holm = level(number).and_then(|_| corrected.next());
    }
    (matched, unmatched + right.len())
}

/// The level at which the interval of a difference reaches 0, its arms growing as those of a normal distribution do.
fn level(number: &NumberDiff) -> Option<f64> {
    let Estimate { value, .. } = number.difference;
    let (value, interval) = (value?, number.interval()?);
    let arm = if value > 0.0 {
        value - interval.low
    } else {
        interval.high - value
    };
    Some(rlx_analysis::p_of_interval(value, arm, CONFIDENCE))
}

fn difference(left: &Estimate, right: &Estimate) -> Estimate {
    Estimate {
        value: left.value.zip(right.value).map(|(left, right)| right - left),
        these_problems: interval(left, right, |estimate| estimate.these_problems),
        problems_like_these: interval(left, right, |estimate| estimate.problems_like_these),
    }
}

/// Interval of the difference of two independent numbers from an interval of each (G. Y. Zou and A. Donner 2008, "square
/// and add"): the limits of each that point towards 0 are added as squares.
fn interval(left: &Estimate, right: &Estimate, of: fn(&Estimate) -> Option<Interval>) -> Option<Interval> {
    let (one, other) = (of(left)?, of(right)?);
    let (a, b) = (left.value?, right.value?);
    Some(Interval {
        low: (b - a) - length(b - other.low, one.high - a),
        high: (b - a) + length(other.high - b, a - one.low),
    })
}

/// Square roots are the same bits on every machine; `hypot` is not.
fn length(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}
