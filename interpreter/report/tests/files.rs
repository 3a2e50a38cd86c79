//! CSV reads back to the same numbers, LaTeX and Markdown are well-formed, names are safe.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod common;

use std::collections::BTreeSet;

use rlx_analysis::{Estimate, Results};
use rlx_report::{OutputForm, ReportData, ReportFile, render_files};

fn file(files: &[ReportFile], path: &str) -> String {
    let file = files
        .iter()
        .find(|file| file.path == path)
        .unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(file.contents.clone()).unwrap()
}

/// RFC 4180: records of fields.
fn parse(csv: &str) -> Vec<Vec<String>> {
    let mut records = vec![vec![String::new()]];
    let mut quoted = false;
    let mut characters = csv.chars().peekable();
    while let Some(character) = characters.next() {
        let record = records.last_mut().unwrap();
        match (character, quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                record.last_mut().unwrap().push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => record.push(String::new()),
            ('\n', false) => records.push(vec![String::new()]),
            _ => record.last_mut().unwrap().push(character),
        }
    }
    assert!(!quoted, "an open quote");
    assert_eq!(records.pop(), Some(vec![String::new()]), "no newline at the end");
    records
}

struct Reader {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Reader {
    fn new(csv: &str) -> Reader {
        let mut records = parse(csv);
        let heads = records.remove(0);
        assert_eq!(
            heads.iter().collect::<BTreeSet<_>>().len(),
            heads.len(),
            "a head twice: {heads:?}"
        );
        for row in &records {
            assert_eq!(row.len(), heads.len(), "{row:?}");
        }
        Reader { heads, rows: records }
    }

    fn get(&self, row: usize, head: &str) -> &str {
        let column = self
            .heads
            .iter()
            .position(|known| known == head)
            .unwrap_or_else(|| panic!("no column {head} in {:?}", self.heads));
        &self.rows[row][column]
    }

    fn assert_estimate(&self, row: usize, head: &str, estimate: &Estimate) {
        let number = |head: &str| {
            Some(self.get(row, head))
                .filter(|text| !text.is_empty())
                .map(|text| text.parse::<f64>().unwrap())
        };
        let same = |text: Option<f64>, value: Option<f64>, what: &str| {
            assert_eq!(
                text.map(f64::to_bits),
                value.map(f64::to_bits),
                "{head} {what} of row {row}"
            );
        };
        same(number(head), estimate.value, "value");
        for (name, interval) in [
            ("these_problems", estimate.these_problems),
            ("problems_like_these", estimate.problems_like_these),
        ] {
            same(
                number(&format!("{head}_{name}_low")),
                interval.map(|interval| interval.low),
                name,
            );
            same(
                number(&format!("{head}_{name}_high")),
                interval.map(|interval| interval.high),
                name,
            );
        }
    }
}

#[test]
fn csv_reads_back_to_the_same_bits() {
    let mut data = common::study();
    if let Results::PassAtK(results) = &mut data.outputs[0].results {
        results.curves[1].points[2].pass = Estimate {
            value: None,
            these_problems: None,
            problems_like_these: None,
        };
        results.curves[0].points[0].pass.value = Some(0.1 + 0.2);
    }
    let files = render_files(&data);
    for output in &data.outputs {
        let folder = if output.kind == OutputForm::Figure {
            "figures"
        } else {
            "tables"
        };
        let csv = Reader::new(&file(&files, &format!("{folder}/{}.csv", output.name)));
        match &output.results {
            Results::Histogram(results) => {
                assert_eq!(csv.rows.len(), results.series.len() * results.bins.len());
                csv.assert_estimate(1, "problems_in_bin", &results.series[0].counts[1]);
            }
            Results::Coverage(results) => {
                assert_eq!(csv.rows.len(), results.rows.len() * results.problems.len());
                assert_eq!(csv.get(1, "right"), "4");
            }
            Results::Listing(results) => {
                assert_eq!(csv.rows.len(), results.rows.len());
                assert_eq!(csv.get(0, "model"), "rl@80");
            }
            Results::PassAtK(results) => {
                let points = results
                    .curves
                    .iter()
                    .flat_map(|curve| curve.points.iter().map(move |point| (curve, point)));
                for (row, (curve, point)) in points.enumerate() {
                    assert_eq!(
                        (csv.get(row, "model"), csv.get(row, "k")),
                        (curve.model.as_str(), point.k.to_string().as_str())
                    );
                    csv.assert_estimate(row, "pass_at_k", &point.pass);
                }
                assert_eq!(csv.rows.len(), 54);
            }
            Results::DeltaSe(results) => {
                for (row, one) in results.rows.iter().enumerate() {
                    csv.assert_estimate(row, "against_pass_at_k", &results.against_pass_k);
                    csv.assert_estimate(row, "pass_at_1", &one.pass_1);
                    csv.assert_estimate(row, "pass_at_k", &one.pass_k);
                    csv.assert_estimate(row, "delta_se", &one.delta_se);
                    match &one.over_smallest {
                        Some(over) => csv.assert_estimate(row, "over_smallest", over),
                        None => assert_eq!((csv.get(row, "over_smallest"), csv.get(row, "p_holm")), ("", "")),
                    }
                }
            }
            Results::Subset(results) => {
                for (row, one) in results.rows.iter().enumerate() {
                    csv.assert_estimate(row, "contained", &one.contained);
                    assert_eq!(
                        csv.get(row, "only_within_ids").split(' ').collect::<Vec<_>>(),
                        one.only_within
                    );
                    assert_eq!(csv.get(row, "neither"), one.neither.to_string());
                }
            }
            Results::Perplexity(results) => {
                for (row, group) in results.groups.iter().enumerate() {
                    csv.assert_estimate(row, "median", &group.median);
                    csv.assert_estimate(row, "mean", &group.mean);
                    csv.assert_estimate(row, "q95", &group.quantiles[4]);
                }
            }
            Results::Summary(results) => {
                for (row, one) in results.rows.iter().enumerate() {
                    csv.assert_estimate(row, "pass_at_1", &one.pass_1);
                    csv.assert_estimate(row, "solved", &one.solved);
                    csv.assert_estimate(row, "mean_tokens", &one.mean_tokens);
                    csv.assert_estimate(row, "share_truncated", &one.verdicts[3].1);
                }
            }
            Results::Training(results) => {
                let points: usize = results
                    .panels
                    .iter()
                    .flat_map(|panel| &panel.series)
                    .map(|series| series.points.len())
                    .sum();
                assert_eq!(csv.rows.len(), points);
                let (step, value) = results.panels[0].series[0].points[7];
                assert_eq!(
                    (csv.get(7, "step").parse(), csv.get(7, "value").parse()),
                    (Ok(step), Ok(value))
                );
            }
        }
    }
    let claims = Reader::new(&file(&files, "claims.csv"));
    for (row, claim) in data.claims.iter().enumerate() {
        assert_eq!(claims.get(row, "statement"), claim.statement);
        assert_eq!(claims.get(row, "text"), claim.text);
        claims.assert_estimate(
            row,
            "effect",
            claim.effect.as_ref().unwrap_or(&Estimate {
                value: None,
                these_problems: None,
                problems_like_these: None,
            }),
        );
    }
    assert_eq!(claims.get(1, "verdict"), "inconclusive");
    assert_eq!(claims.get(1, "on_these_problems"), "holds");
}

#[test]
fn latex_has_its_columns_and_escapes() {
    let mut data = common::study();
    let hostile = r"50%_\input{x}&#$~^";
    if let Results::DeltaSe(results) = &mut data.outputs[3].results {
        results.rows[0].model = hostile.to_owned();
        results.rows[1].model = "[odd]".to_owned();
    }
    data.outputs[3].title = Some("A_title with 5% & more".into());
    let latex = file(&render_files(&data), "tables/gap.tex");
    assert!(
        latex.contains(r"50\%\_\textbackslash{}input\{x\}\&\#\$\textasciitilde{}\textasciicircum{} & "),
        "{latex}"
    );
    assert!(latex.contains(r"\caption{A\_title with 5\% \& more."), "{latex}");
    assert!(latex.contains("\\begin{tabular}{lrrrrr}"), "{latex}");
    assert!(latex.contains("    {}[odd] & "), "{latex}");
    assert!(latex.contains(r"14.1 {\scriptsize [7.5, 20.4]}"), "{latex}");
    let body: Vec<&str> = latex.lines().filter(|line| line.ends_with("\\\\")).collect();
    assert_eq!(body.len(), 5, "head and four models");
    for line in &body {
        assert_eq!(line.replace("\\&", "").matches('&').count(), 5, "{line}");
    }
    for command in ["\\toprule", "\\midrule", "\\bottomrule", "\\label{tab:gap}"] {
        assert_eq!(latex.matches(command).count(), 1, "{command}");
    }
    let (opened, closed) = (latex.matches('{').count(), latex.matches('}').count());
    assert_eq!(opened, closed, "braces in pairs");
}

#[test]
fn markdown_rows_have_equal_cells() {
    let mut data = common::study();
    if let Results::Subset(results) = &mut data.outputs[7].results {
        results.rows[0].model = "a|b".to_owned();
    }
    let markdown = file(&render_files(&data), "tables/sets.md");
    let rows: Vec<usize> = markdown
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.replace("\\|", "").matches('|').count())
        .collect();
    assert_eq!(rows, vec![9; 4]);
}

#[test]
fn paths_are_safe_and_unique() {
    let mut data = common::study();
    data.outputs[0].name = "../../etc/passwd".into();
    data.outputs[1].name = "Gap".into();
    data.outputs[2].name = "x[ppo]".into();
    let files = render_files(&data);
    let paths: BTreeSet<String> = files.iter().map(|file| file.path.to_lowercase()).collect();
    assert_eq!(paths.len(), files.len(), "two files of one name");
    for file in &files {
        assert!(
            !file.path.contains("..") && !file.path.starts_with('/'),
            "{}",
            file.path
        );
        assert!(
            file.path
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte)),
            "{}",
            file.path
        );
    }
}

#[test]
fn equal_data_give_equal_bytes_also_after_json() {
    let data = common::study();
    let json = serde_json::to_string(&data).unwrap();
    let again: ReportData = serde_json::from_str(&json).unwrap();
    assert_eq!(again, data);
    for (left, right) in render_files(&again).iter().zip(render_files(&data)) {
        assert!(*left == right, "{} differs", left.path);
    }
}
