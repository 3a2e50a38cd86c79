//! Rows → what the analyses read: outcomes, scores, labels and logs of a study, as far as they are there.

use crate::{
    RunError, disputes,
    identity::Rows,
    present::CONFIDENCE,
    search::{self, Place},
    shown::shown,
    state::sampled_problems,
    world::World,
};
use rlx_analysis::{Design, Evidence, Outcomes, PerplexityRow, SampleRow, TrainingLog};
use rlx_data::Problem;
use rlx_judge::Outcome;
use rlx_language::{Evaluation, ModelRef, ModelSource, Recipe, Study};
use rlx_plan::{Action, Plan, SampleStep, Step};
use rlx_report::SampledEvaluation;
use rlx_store::{Response, ScoreRow, Store, VerdictRow, file};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

pub(crate) fn analysis_failed(name: &str, error: &dyn std::fmt::Display) -> RunError {
    RunError::Step {
        step: name.to_owned(),
        code: "rlx::run::analysis",
        message: error.to_string(),
        help: "the rows in the store contradict the study: `rlx plan` shows what would be drawn again".into(),
    }
}

/// What a study's rows say, and what the page shows of them.
pub(crate) struct Seen {
    pub(crate) numbers: Evidence,
    pub(crate) shown: Vec<SampledEvaluation>,
    pub(crate) rows: Rows,
}

/// The rows of one model in one evaluation.
pub(crate) struct ModelRows {
    pub(crate) label: String,
    pub(crate) responses: Vec<Response>,
    pub(crate) verdicts: BTreeMap<(String, u64), VerdictRow>,
    /// By the model that scored.
    pub(crate) scores: Vec<(String, Vec<ScoreRow>)>,
}

impl ModelRows {
    /// Responses that every problem has.
    fn in_common(&self, problems: &[Problem]) -> u64 {
        let mut counts: BTreeMap<&str, u64> = problems.iter().map(|p| (p.id.as_str(), 0)).collect();
        for row in &self.responses {
            if let Some(count) = counts.get_mut(row.problem.as_str()) {
                *count += 1;
            }
        }
        counts.into_values().min().unwrap_or(0)
    }
}

/// Responses that lie in a file are as many as they are.
pub(crate) fn recorded(study: &Study, model: &ModelRef) -> bool {
    let ModelRef::Model { name } = model else {
        return false;
    };
    let source = study.models.get(name).map(|model| &model.source);
    matches!(source, Some(ModelSource::Responses { .. }))
}

pub(crate) fn evidence(study: &Study, plan: &Plan, store: &Store, world: &World) -> Result<Seen, RunError> {
    let mut seen = Seen {
        numbers: Evidence::default(),
        shown: Vec::new(),
        rows: Rows::default(),
    };
    for evaluation in study.evaluations.values() {
        let problems = world.problems(&evaluation.benchmark)?;
        let mut models = Vec::new();
        for model in &evaluation.models {
            models.push(model_rows(evaluation, model, plan, store, world)?);
        }
        let outcomes: &[Outcome] = match world.set(&evaluation.benchmark)?.judge {
            rlx_language::Judge::Code => &Outcome::OF_PROGRAMS,
            _ => &Outcome::OF_TEXTS,
        };
        let design = Design {
            evaluation: evaluation.name.clone(),
            benchmark: evaluation.benchmark.clone(),
            problems: problems.iter().map(|problem| problem.id.clone()).collect(),
            models: models.iter().map(|rows| rows.label.clone()).collect(),
            samples: evaluation.samples,
            verdicts: outcomes.iter().map(|outcome| outcome.name().to_owned()).collect(),
        };
        let rows = models.iter().flat_map(|model| {
            model.responses.iter().filter_map(|row| {
                let verdict = model.verdicts.get(&(row.problem.clone(), row.sample))?;
                Some(SampleRow {
                    model: &model.label,
                    problem: &row.problem,
                    sample: row.sample,
                    correct: solved(&verdict.verdict),
                    verdict: &verdict.verdict,
                    tokens: row.length(),
                    truncated: row.truncated(),
                    answer: verdict.extracted.as_deref(),
                    surprisal: row.logprob.map(|logprob| -logprob),
                })
            })
        });
        let perplexities = models.iter().flat_map(|model| {
            model.scores.iter().flat_map(|(under, rows)| {
                rows.iter().filter_map(|row| {
                    Some(PerplexityRow {
                        of: &model.label,
                        under,
                        problem: &row.problem,
                        sample: row.sample,
                        perplexity: row.perplexity()?,
                    })
                })
            })
        });
        let mut outcomes = Outcomes::new(design, rows, perplexities)
            .map_err(|error| analysis_failed(&evaluation.name, &error))?;
        for (rows, model) in models.iter().zip(&evaluation.models) {
            if recorded(study, model) {
                outcomes = outcomes.with_samples(&rows.label, rows.in_common(problems));
            }
        }
        seen.numbers.evaluations.insert(evaluation.name.clone(), outcomes);
        let labels = crate::labels::labels(evaluation, plan, store)?;
        for rows in &models {
            seen.rows.add(&evaluation.name, rows, &labels);
        }
        seen.numbers.labels.insert(evaluation.name.clone(), labels);
        seen.shown.push(shown(evaluation, problems, &models, study)?);
        for by in disputes::second_judges(study, &evaluation.name) {
            let disputes = disputes::disputes(evaluation, by, &models, plan, store, world)?;
            seen.numbers.disputes.push(disputes);
        }
    }
    let place = Place {
        study,
        plan,
        store,
        world,
    };
    for step in &plan.steps {
        if let Action::Search(search) = &step.action {
            let log = search::log(search, &place, CONFIDENCE)?;
            search::check(step, &log, store)?;
            seen.numbers.searches.push(log);
        }
    }
    for (name, training) in &study.trainings {
        let word = if matches!(training.recipe, Recipe::Distill { .. }) {
            "distill"
        } else {
            "train"
        };
        if let Some(step) = plan.step(&format!("{word} {name}")) {
            seen.numbers
                .trainings
                .push(training_log(name, &store.training(&step.key.folder()))?);
        }
    }
    Ok(seen)
}

fn model_rows(
    evaluation: &Evaluation,
    model: &ModelRef,
    plan: &Plan,
    store: &Store,
    world: &World,
) -> Result<ModelRows, RunError> {
    let label = model.label();
    let mut rows = ModelRows {
        label: label.clone(),
        responses: Vec::new(),
        verdicts: BTreeMap::new(),
        scores: Vec::new(),
    };
    for (part, samples, from) in evaluation.parts() {
        add_rows(&mut rows, (part, samples, from), plan, store, world)?;
    }
    Ok(rows)
}

/// The rows of a part: the evaluation that drew them, how many samples of each problem count, and the number of the first.
fn add_rows(
    rows: &mut ModelRows,
    (part, samples, from): (&str, u64, u64),
    plan: &Plan,
    store: &Store,
    world: &World,
) -> Result<(), RunError> {
    let label = rows.label.clone();
    let Some(drawn) = plan.step(&format!("sample {part} {label}")) else {
        return Ok(());
    };
    let Action::Sample(draw) = &drawn.action else {
        return Ok(());
    };
    let wanted = drawn_for(draw, world)?;
    let counts = |problem: &str, sample: u64| sample < samples && wanted.contains(problem);
    rows.responses
        .extend(responses(drawn, draw, (samples, from), store, world)?);
    if let Some(judged) = plan.step(&format!("judge {part} {label}")) {
        for mut row in store.verdicts(&judged.key.folder()).read()? {
            if row.sample < samples {
                row.sample += from;
                rows.verdicts.insert((row.problem.clone(), row.sample), row);
            }
        }
    }
    let prefix = format!("score {part} {label} under ");
    for step in &plan.steps {
        if let (Some(under), Action::Score { .. }) = (step.name.strip_prefix(&prefix), &step.action) {
            let mut scores = store.scores(&step.key.folder()).read()?;
            scores.retain(|row| counts(&row.problem, row.sample));
            scores.iter_mut().for_each(|row| row.sample += from);
            match rows.scores.iter_mut().find(|(known, _)| known == under) {
                Some((_, known)) => known.extend(scores),
                None => rows.scores.push((under.to_owned(), scores)),
            }
        }
    }
    Ok(())
}

/// Ids of the problems that a step draws for.
fn drawn_for<'w>(draw: &SampleStep, world: &'w World) -> Result<BTreeSet<&'w str>, RunError> {
    let problems = sampled_problems(world, draw)?;
    Ok(problems.iter().map(|problem| problem.id.as_str()).collect())
}

/// The responses of a step that count: so many samples of each problem, numbered on from the second number.
pub(crate) fn responses(
    drawn: &Step,
    draw: &SampleStep,
    (samples, from): (u64, u64),
    store: &Store,
    world: &World,
) -> Result<Vec<Response>, RunError> {
    let wanted = drawn_for(draw, world)?;
    let mut rows = store.samples(&drawn.key.folder()).read()?;
    rows.retain(|row| row.sample < samples && wanted.contains(row.problem.as_str()));
    rows.iter_mut().for_each(|row| row.sample += from);
    Ok(rows)
}

/// The measures that a reader of training curves looks for, by their name in `metrics.jsonl` and as they are called.
pub const CURVES: [(&str, &str); 8] = [
    ("reward_mean", "reward"),
    ("loss", "loss"),
    ("entropy", "entropy"),
    ("length_mean", "length"),
    ("kl", "kl"),
    ("grad_norm", "gradient norm"),
    ("truncated_share", "truncated"),
    ("clip_fraction", "clipped"),
];

fn training_log(name: &str, folder: &Path) -> Result<TrainingLog, RunError> {
    let mut values = Vec::new();
    let path = folder.join("metrics.jsonl");
    if path.is_file() {
        for line in String::from_utf8_lossy(&file::read(&path)?).lines() {
            // A last line that a kill cut short belongs to a step that is done again.
            let Ok(metrics) = serde_json::from_str::<serde_json::Value>(line) else {
                continue;
            };
            let Some(step) = metrics.get("step").and_then(serde_json::Value::as_u64) else {
                continue;
            };
            for (field, metric) in CURVES {
                if let Some(value) = metrics.get(field).and_then(serde_json::Value::as_f64) {
                    values.push((step, metric.to_owned(), value));
                }
            }
        }
    }
    Ok(TrainingLog {
        training: name.to_owned(),
        values,
    })
}

/// Whether a row's verdict counts as solved.
pub fn solved(verdict: &str) -> bool {
    Outcome::by_name(verdict).is_some_and(Outcome::solved)
}
