//! Two studies side by side: what was asked, what it ran on, what came out.

mod html;
mod numbers;
mod settings;
mod text;

pub use html::render_diff_html;
pub use text::render_diff_text;

use std::collections::BTreeMap;

use rlx_analysis::{Estimate, Interval, PairedDifference, ProblemCounts, Verdict, paired};
use similar::{ChangeTag, TextDiff};

use crate::data::ReportData;
use crate::number::{Unit, plural};

/// Confidence of the intervals of differences.
const CONFIDENCE: f64 = 0.95;
/// Lines around a change of the spec.
const AROUND: usize = 2;

/// What two studies differ by, `left` being the first that was named.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyDiff {
    pub names: (String, String),
    /// Lines of the specs around what changed; empty where they are the same.
    pub source: Vec<SourceLine>,
    /// Settings, data, models, seeds, machine and versions that are not the same.
    pub settings: Vec<SettingDiff>,
    pub claims: Vec<ClaimDiff>,
    pub outputs: Vec<OutputDiff>,
    pub paired: Vec<PairedModels>,
    /// Outputs, claims and models that only one of the two has.
    pub alone: Vec<Alone>,
}

/// A line of either spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    pub side: Side,
    pub text: String,
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
    Both,
}

/// A value that is not the same in both; None: it is not said there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingDiff {
    /// `evaluation held_out: samples`
    pub name: String,
    pub left: Option<String>,
    pub right: Option<String>,
}

/// A claim that both make.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimDiff {
    pub name: String,
    pub statement: String,
    pub left: (Verdict, Option<Estimate>),
    pub right: (Verdict, Option<Estimate>),
    /// The condition is not written alike.
    pub reworded: bool,
    pub unit: Unit,
}

/// A figure or table that both have.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputDiff {
    pub name: String,
    pub title: String,
    /// Numbers that both have.
    pub numbers: Vec<NumberDiff>,
    /// Numbers that only one of them has.
    pub unmatched: usize,
}

/// A number of both studies.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberDiff {
    /// `rl@150`
    pub row: String,
    /// `pass@8`
    pub name: String,
    pub unit: Unit,
    pub left: Estimate,
    pub right: Estimate,
    /// Right minus left; its interval takes both draws as independent.
    pub difference: Estimate,
    /// p of the difference, corrected for all numbers of the output by Holm's method; None where there is no interval.
    pub p_holm: Option<f64>,
}

impl NumberDiff {
    /// The same bits.
    pub fn same(&self) -> bool {
        self.left.value.map(f64::to_bits) == self.right.value.map(f64::to_bits)
    }

    /// The interval that decides: over these problems where there is one.
    pub(crate) fn interval(&self) -> Option<Interval> {
        self.difference
            .these_problems
            .or(self.difference.problems_like_these)
    }

    /// Whether the numbers differ by more than noise among all of their output; None where there is no interval.
    pub fn beyond_noise(&self) -> Option<bool> {
        Some(self.p_holm? < 1.0 - CONFIDENCE)
    }
}

/// One model of both studies on the same problems.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedModels {
    pub evaluation: String,
    pub model: String,
    pub found: PairedDifference,
    /// p, corrected for all models and evaluations of this comparison by Holm's method.
    pub p_holm: Option<f64>,
}

/// What only one study has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    pub side: Side,
    /// `table`, `claim`, `model`
    pub kind: &'static str,
    pub name: String,
}

impl StudyDiff {
    /// Whether nothing of what was asked or came out differs; where it ran and how long may.
    pub fn same_results(&self) -> bool {
        self.alone.is_empty()
            && self.claims.iter().all(|claim| claim.left == claim.right)
            && self
                .outputs
                .iter()
                .all(|output| output.unmatched == 0 && output.numbers.iter().all(NumberDiff::same))
    }
}

/// Compares two studies. `names` tell them apart: files or folders as they were named.
pub fn diff(left: &ReportData, right: &ReportData, names: (&str, &str)) -> StudyDiff {
    let mut alone = Vec::new();
    let outputs = outputs(left, right, &mut alone);
    let claims = claims(left, right, &mut alone);
    let labels =
        |data: &ReportData| -> Vec<String> { data.models.iter().map(|model| model.label.clone()).collect() };
    only(&labels(left), &labels(right), "model", &mut alone);
    StudyDiff {
        names: (names.0.to_owned(), names.1.to_owned()),
        source: source(&left.source.text, &right.source.text),
        settings: settings::compare(left, right),
        claims,
        outputs,
        paired: paired_models(left, right),
        alone,
    }
}

fn only(left: &[String], right: &[String], kind: &'static str, alone: &mut Vec<Alone>) {
    for (names, others, side) in [(left, right, Side::Left), (right, left, Side::Right)] {
        alone.extend(
            names
                .iter()
                .filter(|name| !others.contains(name))
                .map(|name| Alone {
                    side,
                    kind,
                    name: name.clone(),
                }),
        );
    }
}

fn source(left: &str, right: &str) -> Vec<SourceLine> {
    let found = TextDiff::from_lines(left, right);
    let mut lines = Vec::new();
    for (place, group) in found.grouped_ops(AROUND).iter().enumerate() {
        if place > 0 {
            lines.push(SourceLine {
                side: Side::Both,
                text: "…".to_owned(),
            });
        }
        for change in group.iter().flat_map(|op| found.iter_changes(op)) {
            lines.push(SourceLine {
                side: match change.tag() {
                    ChangeTag::Delete => Side::Left,
                    ChangeTag::Insert => Side::Right,
                    ChangeTag::Equal => Side::Both,
                },
                text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
            });
        }
    }
    lines
}

fn outputs(left: &ReportData, right: &ReportData, alone: &mut Vec<Alone>) -> Vec<OutputDiff> {
    let names = |data: &ReportData| -> Vec<String> {
        data.outputs.iter().map(|output| output.name.clone()).collect()
    };
    only(&names(left), &names(right), "output", alone);
    let mut all = Vec::new();
    for one in &left.outputs {
        let Some(other) = right.outputs.iter().find(|other| other.name == one.name) else {
            continue;
        };
        let (numbers, unmatched) = numbers::compare(&one.results, &other.results);
        all.push(OutputDiff {
            name: one.name.clone(),
            title: crate::words::title(one),
            numbers,
            unmatched,
        });
    }
    all
}

fn claims(left: &ReportData, right: &ReportData, alone: &mut Vec<Alone>) -> Vec<ClaimDiff> {
    let names =
        |data: &ReportData| -> Vec<String> { data.claims.iter().map(|claim| claim.name.clone()).collect() };
    only(&names(left), &names(right), "claim", alone);
    left.claims
        .iter()
        .filter_map(|one| {
            let other = right.claims.iter().find(|other| other.name == one.name)?;
            Some(ClaimDiff {
                name: one.name.clone(),
                statement: one.statement.clone(),
                left: (one.verdict, one.effect),
                right: (other.verdict, other.effect),
                reworded: one.text != other.text || one.confidence != other.confidence,
                unit: crate::words::effect_unit(&one.text),
            })
        })
        .collect()
}

/// Every model of an evaluation that both have, over the problems that both show.
fn paired_models(left: &ReportData, right: &ReportData) -> Vec<PairedModels> {
    let mut all = Vec::new();
    for one in &left.responses {
        let Some(other) = right
            .responses
            .iter()
            .find(|other| other.evaluation == one.evaluation)
        else {
            continue;
        };
        let others: BTreeMap<&str, _> = other
            .problems
            .iter()
            .map(|problem| (problem.id.as_str(), problem))
            .collect();
        let mut models: Vec<&str> = Vec::new();
        for tally in one.problems.iter().flat_map(|problem| &problem.tallies) {
            if !models.contains(&tally.model.as_str()) {
                models.push(&tally.model);
            }
        }
        for model in models {
            let counts: Vec<ProblemCounts<'_>> = one
                .problems
                .iter()
                .filter_map(|problem| {
                    let pair = others.get(problem.id.as_str())?;
                    // An id that means another problem there is no pair.
                    if problem.gold != pair.gold
                        || !(problem.prompt.is_empty()
                            || pair.prompt.is_empty()
                            || problem.prompt == pair.prompt)
                    {
                        return None;
                    }
                    let left = problem.tallies.iter().find(|tally| tally.model == model)?;
                    let right = pair.tallies.iter().find(|tally| tally.model == model)?;
                    Some(ProblemCounts {
                        id: &problem.id,
                        left: (left.right, left.samples),
                        right: (right.right, right.samples),
                    })
                })
                .collect();
            if let Some(found) = paired(&counts, CONFIDENCE) {
                all.push(PairedModels {
                    evaluation: one.evaluation.clone(),
                    model: model.to_owned(),
                    found,
                    p_holm: None,
                });
            }
        }
    }
    let ps: Vec<f64> = all.iter().filter_map(|pair| pair.found.p).collect();
    let mut corrected = rlx_analysis::holm(&ps).into_iter();
    for pair in &mut all {
        pair.p_holm = pair.found.p.and_then(|_| corrected.next());
    }
    all
}

/// The sentence at the top.
fn summary(diff: &StudyDiff) -> String {
    let numbers: usize = diff.outputs.iter().map(|output| output.numbers.len()).sum();
    let same: usize = diff
        .outputs
        .iter()
        .map(|output| output.numbers.iter().filter(|number| number.same()).count())
        .sum();
    let moved = diff
        .claims
        .iter()
        .filter(|claim| claim.left.0 != claim.right.0)
        .count();
    let found = diff
        .paired
        .iter()
        .filter(|pair| pair.p_holm.is_some_and(|p| p < 1.0 - CONFIDENCE))
        .count();
    let mut sentences = Vec::new();
    if diff.same_results() {
        sentences.push(match numbers {
            0 => "Nothing that both measure differs.".to_owned(),
            _ => format!(
                "All {} are the same, bit for bit.",
                plural(numbers as u64, "number")
            ),
        });
    } else {
        sentences.push(format!(
            "{same} of {} are the same, bit for bit.",
            plural(numbers as u64, "number")
        ));
    }
    if !diff.claims.is_empty() {
        sentences.push(format!(
            "{moved} of {} changed its verdict.",
            plural(diff.claims.len() as u64, "claim")
        ));
    }
    if !diff.paired.is_empty() {
        sentences.push(format!(
            "On the problems of both, {found} of {} differ in accuracy by more than chance (95%, Holm).",
            plural(diff.paired.len() as u64, "model")
        ));
    }
    sentences.push(match (diff.source.is_empty(), diff.settings.len()) {
        (true, 0) => "Spec and settings are the same.".to_owned(),
        (true, settings) => format!(
            "The spec is the same; {} differ.",
            plural(settings as u64, "setting")
        ),
        (false, settings) => format!("The spec and {} differ.", plural(settings as u64, "setting")),
    });
    sentences.join(" ")
}

/// `31 of 54 numbers are the same; 3 differ by more than noise`
fn count_of(output: &OutputDiff) -> String {
    let same = output.numbers.iter().filter(|number| number.same()).count();
    let beyond = output.numbers.iter().map(NumberDiff::beyond_noise);
    let mut text = format!(
        "{same} of {} are the same",
        plural(output.numbers.len() as u64, "number")
    );
    if beyond.clone().any(|beyond| beyond.is_some()) {
        text += match beyond.filter(|beyond| *beyond == Some(true)).count() {
            0 => ", none differs by more than noise".to_owned(),
            1 => ", 1 differs by more than noise".to_owned(),
            many => format!(", {many} differ by more than noise"),
        }
        .as_str();
    }
    if output.unmatched > 0 {
        text += &format!("; {} in one alone", plural(output.unmatched as u64, "number"));
    }
    text + "."
}

/// A number of either side without its interval.
fn written(estimate: &Estimate, unit: Unit) -> String {
    let unit = match unit {
        Unit::Points => Unit::Share,
        Unit::Problems => return crate::number::value(estimate, Unit::Plain, 0),
        _ => Unit::Plain,
    };
    let decimals = crate::number::column_decimals([estimate], unit);
    crate::number::value(estimate, unit, decimals)
}

/// The estimate with the interval that decides in the place that is shown.
fn shown(estimate: &Estimate) -> Estimate {
    Estimate {
        problems_like_these: estimate.these_problems.or(estimate.problems_like_these),
        ..*estimate
    }
}
