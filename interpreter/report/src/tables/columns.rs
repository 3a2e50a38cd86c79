//! Which columns each kind of result has.

use rlx_analysis::{DeltaSe, PassAtK, Perplexity, Results, Subset, Summary, TrainingCurves};

use super::{Cell, Column, Table, listing};
use crate::number::{Unit, column_decimals};

/// The table of any results.
pub(crate) fn build(results: &Results) -> Table {
    match results {
        Results::PassAtK(results) => pass_at_k(results),
        Results::DeltaSe(results) => delta_se(results),
        Results::Subset(results) => subset(results),
        Results::Perplexity(results) => perplexity(results),
        Results::Summary(results) => summary(results),
        Results::Training(results) => training(results),
        Results::Histogram(results) => listing::histogram(results),
        Results::Coverage(results) => listing::coverage(results),
        Results::Listing(results) => listing::listing(results),
    }
}

fn pass_at_k(results: &PassAtK) -> Table {
    let mut ks: Vec<u64> = results
        .curves
        .iter()
        .flat_map(|curve| curve.points.iter().map(|point| point.k))
        .collect();
    ks.sort_unstable();
    ks.dedup();
    let decimals = column_decimals(
        results
            .curves
            .iter()
            .flat_map(|curve| &curve.points)
            .map(|point| &point.pass),
        Unit::Share,
    );
    let shared = results.curves.iter().any(|curve| curve.of.is_some());
    let mut columns = vec![Column::text("model")];
    columns.extend(shared.then(|| Column::text("evaluation")));
    columns.extend(ks.iter().map(|k| Column::number(format!("k={k}"))));
    let rows = results
        .curves
        .iter()
        .map(|curve| {
            let cells = ks
                .iter()
                .map(|k| match curve.points.iter().find(|point| point.k == *k) {
                    Some(point) => Cell::estimate(&point.pass, Unit::Share, decimals),
                    None => Cell::undefined(),
                });
            let own = match &curve.of {
                Some(of) => vec![Cell::Text(of.model.clone()), Cell::Text(of.name.clone())],
                None => vec![Cell::Text(curve.model.clone())],
            };
            own.into_iter().chain(cells).collect()
        })
        .collect();
    Table { columns, rows }
}

fn delta_se(results: &DeltaSe) -> Table {
    let mut columns = vec![
        Column::text("model"),
        Column::number("pass@1 %"),
        Column::number(format!("pass@{} %", results.k)),
        Column::number(format!("ΔSE to {}, points", results.against)),
    ];
    let compared = results.compared();
    if compared {
        columns.extend(["over the smallest", "p (Holm)"].map(Column::number));
    }
    let first = column_decimals(results.rows.iter().map(|row| &row.pass_1), Unit::Share);
    let kth = column_decimals(results.rows.iter().map(|row| &row.pass_k), Unit::Share);
    let gap = column_decimals(results.rows.iter().map(|row| &row.delta_se), Unit::Points);
    let over = column_decimals(
        results.rows.iter().filter_map(|row| row.over_smallest.as_ref()),
        Unit::Points,
    );
    let rows = results
        .rows
        .iter()
        .map(|row| {
            let mut cells = vec![
                Cell::Text(row.model.clone()),
                Cell::estimate(&row.pass_1, Unit::Share, first),
                Cell::estimate(&row.pass_k, Unit::Share, kth),
                Cell::estimate(&row.delta_se, Unit::Points, gap),
            ];
            if compared {
                cells.push(
                    row.over_smallest
                        .as_ref()
                        .map_or_else(Cell::undefined, |difference| {
                            Cell::estimate(difference, Unit::Points, over)
                        }),
                );
                cells.push(Cell::p(row.p_holm));
            }
            cells
        })
        .collect();
    Table { columns, rows }
}

fn subset(results: &Subset) -> Table {
    let columns = vec![
        Column::text("model"),
        Column::number("both"),
        Column::number(format!("only {}", results.within)),
        Column::number("only model"),
        Column::number("neither"),
        Column::number(format!("inside {} %", results.within)),
        Column::number(format!("a redraw of {} %", results.within)),
        Column::number("p (Holm)"),
    ];
    let decimals = column_decimals(results.rows.iter().map(|row| &row.contained), Unit::Share);
    let rows = results
        .rows
        .iter()
        .map(|row| {
            vec![
                Cell::Text(row.model.clone()),
                Cell::count(row.both.len()),
                Cell::count(row.only_within.len()),
                Cell::count(row.only_model.len()),
                Cell::count(row.neither),
                Cell::estimate(&row.contained, Unit::Share, decimals),
                Cell::share(row.redraw.unwrap_or(f64::NAN)),
                Cell::p(row.p_holm),
            ]
        })
        .collect();
    Table { columns, rows }
}

fn perplexity(results: &Perplexity) -> Table {
    let mut columns = vec![
        Column::text("responses of"),
        Column::text("under"),
        Column::number("responses"),
        Column::number("median"),
        Column::number("mean"),
    ];
    columns.extend(["5%", "25%", "75%", "95%"].map(Column::number));
    let median = column_decimals(results.groups.iter().map(|group| &group.median), Unit::Plain);
    let mean = column_decimals(results.groups.iter().map(|group| &group.mean), Unit::Plain);
    let rows = results
        .groups
        .iter()
        .map(|group| {
            let [lowest, lower, _, upper, highest] = group.quantiles;
            let mut row = vec![
                Cell::Text(group.of.clone()),
                Cell::Text(group.under.clone()),
                Cell::count(group.responses),
                Cell::estimate(&group.median, Unit::Plain, median),
                Cell::estimate(&group.mean, Unit::Plain, mean),
            ];
            row.extend(
                [lowest, lower, upper, highest].map(|point| Cell::estimate(&point, Unit::Plain, median)),
            );
            row
        })
        .collect();
    Table { columns, rows }
}

fn summary(results: &Summary) -> Table {
    let mut verdicts: Vec<&str> = Vec::new();
    for (name, share) in results.rows.iter().flat_map(|row| &row.verdicts) {
        // A column of zeros tells nothing and makes the table wider than the page; the CSV has it.
        if share.value.is_some_and(|share| share > 0.0) && !verdicts.contains(&name.as_str()) {
            verdicts.push(name);
        }
    }
    let mut columns = vec![
        Column::text("model"),
        Column::number("pass@1 %"),
        Column::number("solved %"),
        Column::number("mean tokens"),
    ];
    columns.extend(
        verdicts
            .iter()
            .map(|verdict| Column::number(format!("{verdict} %"))),
    );
    let pass = column_decimals(results.rows.iter().map(|row| &row.pass_1), Unit::Share);
    let solved = column_decimals(results.rows.iter().map(|row| &row.solved), Unit::Share);
    let rows = results
        .rows
        .iter()
        .map(|row| {
            let shares = verdicts.iter().map(|verdict| {
                let found = row.verdicts.iter().find(|(name, _)| name == verdict);
                found.map_or_else(Cell::undefined, |(_, share)| {
                    Cell::estimate(share, Unit::Share, 1)
                })
            });
            [
                Cell::Text(row.model.clone()),
                Cell::estimate(&row.pass_1, Unit::Share, pass),
                Cell::estimate(&row.solved, Unit::Share, solved),
                Cell::estimate(&row.mean_tokens, Unit::Plain, 1),
            ]
            .into_iter()
            .chain(shares)
            .collect()
        })
        .collect();
    Table { columns, rows }
}

fn training(results: &TrainingCurves) -> Table {
    let columns = vec![
        Column::text("training"),
        Column::text("metric"),
        Column::number("steps"),
        Column::number("first"),
        Column::number("last"),
        Column::number("mean of last tenth"),
    ];
    let mut rows = Vec::new();
    for panel in &results.panels {
        for series in &panel.series {
            let values: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
            let tail = &values[values.len() - values.len().div_ceil(10)..];
            let mean = tail.iter().sum::<f64>() / tail.len() as f64;
            rows.push(vec![
                Cell::Text(series.training.clone()),
                Cell::Text(panel.metric.clone()),
                Cell::count(series.points.last().map_or(0, |(step, _)| *step as usize)),
                Cell::plain(values.first().copied().unwrap_or(f64::NAN), 3),
                Cell::plain(values.last().copied().unwrap_or(f64::NAN), 3),
                Cell::plain(mean, 3),
            ]);
        }
    }
    Table { columns, rows }
}
