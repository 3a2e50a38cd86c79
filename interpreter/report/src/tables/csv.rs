//! Tidy CSV: one observation a row, numbers as the shortest text that reads back to the same bits, both intervals by name.

use std::fmt::Write;

use rlx_analysis::{ClaimVerdict, Estimate, Listing, ListingCell, Measure, Results, Verdict};

use crate::escape;

/// The CSV of any results.
pub(crate) fn csv(results: &Results) -> String {
    match results {
        Results::PassAtK(results) => {
            let name = match results.measure {
                Measure::Pass => "pass_at_k",
                Measure::Majority => "majority_of_k",
                Measure::BestOf { .. } | Measure::BestJudged { .. } => "best_of_k",
            };
            let mut sheet = Sheet::new(
                &["evaluation", "benchmark", "problems", "samples", "model", "k"],
                &[name],
            );
            for curve in &results.curves {
                let (evaluation, model, samples) = match &curve.of {
                    Some(of) => (&of.evaluation, &of.model, of.samples),
                    None => (&results.evaluation, &curve.model, results.samples),
                };
                for point in &curve.points {
                    sheet
                        .text(evaluation)
                        .text(&results.benchmark)
                        .count(results.problems as u64)
                        .count(samples);
                    sheet.text(model).count(point.k).estimate(&point.pass).end();
                }
            }
            sheet.finish()
        }
        Results::DeltaSe(results) => {
            let mut sheet = Sheet::new(
                &["evaluation", "against", "k", "model"],
                &[
                    "against_pass_at_k",
                    "pass_at_1",
                    "pass_at_k",
                    "delta_se",
                    "over_smallest",
                ],
            );
            sheet.more(&["p_holm"]);
            for row in &results.rows {
                sheet
                    .text(&results.evaluation)
                    .text(&results.against)
                    .count(results.k)
                    .text(&row.model);
                sheet
                    .estimate(&results.against_pass_k)
                    .estimate(&row.pass_1)
                    .estimate(&row.pass_k)
                    .estimate(&row.delta_se)
                    .estimate(row.over_smallest.as_ref().unwrap_or(&NONE))
                    .number(row.p_holm)
                    .end();
            }
            sheet.finish()
        }
        Results::Subset(results) => {
            let heads = [
                "evaluation",
                "problems",
                "samples",
                "within",
                "model",
                "both",
                "only_within",
                "only_model",
                "neither",
            ];
            let mut sheet = Sheet::new(&heads, &["contained"]);
            sheet.more(&["p_holm", "both_ids", "only_within_ids", "only_model_ids"]);
            for row in &results.rows {
                sheet
                    .text(&results.evaluation)
                    .count(results.problems as u64)
                    .count(results.samples)
                    .text(&results.within)
                    .text(&row.model);
                sheet
                    .count(row.both.len() as u64)
                    .count(row.only_within.len() as u64)
                    .count(row.only_model.len() as u64);
                sheet
                    .count(row.neither as u64)
                    .estimate(&row.contained)
                    .number(row.p_holm);
                sheet
                    .text(&row.both.join(" "))
                    .text(&row.only_within.join(" "))
                    .text(&row.only_model.join(" "))
                    .end();
            }
            sheet.finish()
        }
        Results::Perplexity(results) => {
            let mut sheet = Sheet::new(
                &["evaluation", "only_correct", "of", "under", "responses"],
                &["median", "mean", "q05", "q25", "q50", "q75", "q95"],
            );
            for group in &results.groups {
                sheet
                    .text(&results.evaluation)
                    .text(if results.only_correct { "true" } else { "false" });
                sheet
                    .text(&group.of)
                    .text(&group.under)
                    .count(group.responses as u64)
                    .estimate(&group.median)
                    .estimate(&group.mean);
                for quantile in &group.quantiles {
                    sheet.estimate(quantile);
                }
                sheet.end();
            }
            sheet.finish()
        }
        Results::Summary(results) => {
            let mut verdicts: Vec<&str> = Vec::new();
            for (name, _) in results.rows.iter().flat_map(|row| &row.verdicts) {
                if !verdicts.contains(&name.as_str()) {
                    verdicts.push(name);
                }
            }
            let shares: Vec<String> = verdicts
                .iter()
                .map(|verdict| format!("share_{verdict}"))
                .collect();
            let measured: Vec<&str> = ["pass_at_1", "solved", "mean_tokens"]
                .into_iter()
                .chain(shares.iter().map(String::as_str))
                .collect();
            let mut sheet = Sheet::new(
                &["evaluation", "benchmark", "problems", "samples", "model"],
                &measured,
            );
            for row in &results.rows {
                sheet
                    .text(&results.evaluation)
                    .text(&results.benchmark)
                    .count(results.problems as u64)
                    .count(results.samples);
                sheet
                    .text(&row.model)
                    .estimate(&row.pass_1)
                    .estimate(&row.solved)
                    .estimate(&row.mean_tokens);
                for verdict in &verdicts {
                    let found = row.verdicts.iter().find(|(name, _)| name == verdict);
                    sheet.estimate(found.map_or(&NONE, |(_, share)| share));
                }
                sheet.end();
            }
            sheet.finish()
        }
        Results::Training(results) => {
            let mut sheet = Sheet::new(&["training", "metric", "step", "value"], &[]);
            for panel in &results.panels {
                for series in &panel.series {
                    for (step, value) in &series.points {
                        sheet
                            .text(&series.training)
                            .text(&panel.metric)
                            .count(*step)
                            .number(Some(*value))
                            .end();
                    }
                }
            }
            sheet.finish()
        }
        Results::Histogram(results) => {
            let heads = ["evaluation", "benchmark", "problems", "samples", "model", "bin"];
            let mut sheet = Sheet::new(&heads, &["problems_in_bin"]);
            for series in &results.series {
                for (bin, count) in results.bins.iter().zip(&series.counts) {
                    sheet
                        .text(&results.evaluation)
                        .text(&results.benchmark)
                        .count(results.problems as u64)
                        .count(results.samples);
                    sheet.text(&series.model).text(bin).estimate(count).end();
                }
            }
            sheet.finish()
        }
        Results::Coverage(results) => {
            let mut sheet = Sheet::new(
                &["evaluation", "benchmark", "problem", "model", "samples", "right"],
                &[],
            );
            for row in &results.rows {
                for (problem, right) in results.problems.iter().zip(&row.right) {
                    sheet
                        .text(&results.evaluation)
                        .text(&results.benchmark)
                        .text(problem)
                        .text(&row.model)
                        .count(row.of(results))
                        .number(right.map(|right| right as f64))
                        .end();
                }
            }
            sheet.finish()
        }
        Results::Listing(results) => listing(results),
    }
}

const NONE: Estimate = Estimate {
    value: None,
    these_problems: None,
    problems_like_these: None,
};

/// A column a number; of an estimate also its intervals.
fn listing(results: &Listing) -> String {
    let mut sheet = Sheet::new(&[], &[]);
    let measured: Vec<bool> = (0..results.columns.len())
        .map(|place| {
            let mut cells = results.rows.iter().filter_map(|row| row.get(place));
            cells.any(|cell| matches!(cell, ListingCell::Estimate { .. }))
        })
        .collect();
    for (column, measured) in results.columns.iter().zip(&measured) {
        sheet.more(&[column.name.as_str()]);
        if *measured {
            for interval in ["these_problems", "problems_like_these"] {
                sheet.more(&["low", "high"].map(|end| format!("{}_{interval}_{end}", column.name)));
            }
        }
    }
    for row in &results.rows {
        for cell in row {
            match cell {
                ListingCell::Text { text } => sheet.text(text),
                ListingCell::Number { value } => sheet.number(*value),
                ListingCell::Estimate { estimate } => sheet.estimate(estimate),
            };
        }
        sheet.end();
    }
    sheet.finish()
}

/// All verdicts of a study.
pub(crate) fn claims(claims: &[ClaimVerdict]) -> String {
    let mut sheet = Sheet::new(
        &[
            "claim",
            "statement",
            "text",
            "verdict",
            "on_these_problems",
            "confidence",
        ],
        &["effect"],
    );
    sheet.more(&["unit", "needs_samples", "needs_problems", "warnings", "reason"]);
    for claim in claims {
        sheet
            .text(&claim.name)
            .text(&claim.statement)
            .text(&claim.text)
            .text(word(claim.verdict))
            .text(word(claim.on_these_problems));
        sheet.number(Some(claim.confidence));
        sheet
            .estimate(claim.effect.as_ref().unwrap_or(&NONE))
            .text(&claim.unit)
            .number(
                claim
                    .needs
                    .and_then(|needs| needs.samples)
                    .map(|samples| samples as f64),
            )
            .number(
                claim
                    .needs
                    .and_then(|needs| needs.problems)
                    .map(|problems| problems as f64),
            )
            .text(&claim.warnings.join("; "))
            .text(&claim.reason)
            .end();
    }
    sheet.finish()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Refuted => "refuted",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Error => "error",
    }
}

/// Rows in the making; an undefined number is an empty field.
struct Sheet {
    out: String,
    heads: Vec<String>,
    begun: bool,
    fresh: bool,
}

impl Sheet {
    fn new(heads: &[&str], estimates: &[&str]) -> Sheet {
        let mut heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
        for name in estimates {
            heads.push((*name).to_owned());
            for interval in ["these_problems", "problems_like_these"] {
                heads.extend(["low", "high"].map(|end| format!("{name}_{interval}_{end}")));
            }
        }
        Sheet {
            out: String::new(),
            heads,
            begun: false,
            fresh: true,
        }
    }

    fn more(&mut self, heads: &[impl AsRef<str>]) {
        self.heads
            .extend(heads.iter().map(|head| head.as_ref().to_owned()));
    }

    fn head(&mut self) {
        if !self.begun {
            self.begun = true;
            let heads: Vec<String> = self.heads.iter().map(|head| escape::csv(head)).collect();
            let _ = writeln!(self.out, "{}", heads.join(","));
        }
    }

    fn field(&mut self, field: &str) {
        self.head();
        if !self.fresh {
            self.out.push(',');
        }
        self.fresh = false;
        self.out.push_str(field);
    }

    fn text(&mut self, text: &str) -> &mut Sheet {
        self.field(&escape::csv(text));
        self
    }

    fn count(&mut self, number: u64) -> &mut Sheet {
        self.field(&number.to_string());
        self
    }

    fn number(&mut self, number: Option<f64>) -> &mut Sheet {
        let text = number
            .filter(|number| number.is_finite())
            .map_or_else(String::new, |number| number.to_string());
        self.field(&text);
        self
    }

    fn estimate(&mut self, estimate: &Estimate) -> &mut Sheet {
        self.number(estimate.value);
        for interval in [estimate.these_problems, estimate.problems_like_these] {
            self.number(interval.map(|interval| interval.low));
            self.number(interval.map(|interval| interval.high));
        }
        self
    }

    fn end(&mut self) {
        self.out.push('\n');
        self.fresh = true;
    }

    fn finish(mut self) -> String {
        self.head();
        self.out
    }
}
