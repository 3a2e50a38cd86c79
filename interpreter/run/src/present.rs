//! Rows → figures, tables, verdicts, page.

use crate::{
    DeviceReport, RunError, disputes,
    execute::Journal,
    identity::Rows,
    search::{self, Place},
    shown::shown,
    state::{sampled_problems, training_done},
    times::{Times, keep_times},
    world::World,
};
use rlx_analysis::{
    ClaimVerdict, Design, Evidence, Outcomes, PerplexityRow, Resampling, SampleRow, SearchLog, TrainingLog,
};
use rlx_data::Problem;
use rlx_judge::Outcome;
use rlx_language::{Change, Evaluation, ModelRef, ModelSource, OutputKind, Recipe, Study, Temperature};
use rlx_plan::{Action, Plan, SampleStep, Step};
use rlx_report::{
    Cost, EvaluationSettings, Identity, Machine, ModelRole, OutputForm, ReportChange, ReportData,
    ReportDataSet, ReportModel, ReportOutput, ReportProfile, ReportStep, SampledEvaluation, SpecSource,
};
use rlx_store::{Response, ScoreRow, Store, VerdictRow, file};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Confidence of the intervals of figures and tables.
const CONFIDENCE: f64 = 0.95;
/// What to present besides rows.
pub struct Presented<'a> {
    pub study: &'a Study,
    pub plan: &'a Plan,
    pub store: &'a Store,
    pub world: &'a World,
    /// The `.rlx` file as named and as written.
    pub source: SpecSource,
    pub journal: &'a Journal,
    /// None when nothing was computed.
    pub device: Option<DeviceReport>,
    pub version: &'a str,
}

/// Writes the study's folder: CSV, LaTeX, SVG, `report.html`; returns what they show.
///
/// # Errors
/// Rows that contradict each other or cannot be read, or a folder that cannot be written.
pub fn present(presented: &Presented<'_>, results: &Path) -> Result<ReportData, RunError> {
    let Presented {
        study,
        plan,
        store,
        world,
        ..
    } = presented;
    crate::among::decide(plan, store, world)?;
    let evidence = evidence(study, plan, store, world)?;
    let resampling = Resampling::new(study.seed);
    let mut outputs = Vec::new();
    for output in study.outputs.values() {
        let results = rlx_analysis::answer(&output.query, &evidence.numbers, &resampling, CONFIDENCE)
            .map_err(|error| analysis_failed(&output.name, &error))?;
        outputs.push(ReportOutput {
            name: output.name.clone(),
            kind: match output.kind {
                OutputKind::Figure => OutputForm::Figure,
                OutputKind::Table => OutputForm::Table,
            },
            title: output.title.clone(),
            results,
        });
    }
    let claims = rlx_analysis::evaluate_all(study.claims.values(), &evidence.numbers, &resampling);
    let times = keep_times(presented, results)?;
    let searches = &evidence.numbers.searches;
    let data = report_data(
        presented,
        outputs,
        claims,
        (&times, searches),
        evidence.shown,
        evidence.rows.identity(plan),
    )?;
    file::create_folder(results)?;
    for written in rlx_report::render_files(&data) {
        let path = results.join(&written.path);
        if let Some(folder) = path.parent() {
            file::create_folder(folder)?;
        }
        file::write(&path, &written.contents)?;
    }
    Ok(data)
}

pub(crate) fn analysis_failed(name: &str, error: &dyn std::fmt::Display) -> RunError {
    RunError::Step {
        step: name.to_owned(),
        code: "rlx::run::analysis",
        message: error.to_string(),
        help: "the rows in the store contradict the study: `rlx plan` shows what would be drawn again".into(),
    }
}

struct Seen {
    numbers: Evidence,
    shown: Vec<SampledEvaluation>,
    rows: Rows,
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
fn recorded(study: &Study, model: &ModelRef) -> bool {
    let ModelRef::Model { name } = model else {
        return false;
    };
    let source = study.models.get(name).map(|model| &model.source);
    matches!(source, Some(ModelSource::Responses { .. }))
}

fn evidence(study: &Study, plan: &Plan, store: &Store, world: &World) -> Result<Seen, RunError> {
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

fn changes(changes: &[Change]) -> Vec<ReportChange> {
    changes
        .iter()
        .map(|change| ReportChange {
            path: change.path.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
        })
        .collect()
}

fn report_data(
    presented: &Presented<'_>,
    outputs: Vec<ReportOutput>,
    claims: Vec<ClaimVerdict>,
    (times, searches): (&Times, &[SearchLog]),
    responses: Vec<SampledEvaluation>,
    identity: Identity,
) -> Result<ReportData, RunError> {
    let Presented {
        study,
        plan,
        store,
        world,
        ..
    } = presented;
    let mut steps = Vec::new();
    let mut cost = Cost {
        tokens_sampled: 0,
        tokens_trained: 0,
    };
    let mut wall_seconds = 0.0;
    for step in &plan.steps {
        if matches!(step.action, Action::Analyse { .. } | Action::Report) {
            continue;
        }
        let ran = presented.journal.steps.iter().any(|ran| ran.name == step.name);
        let time = times.named(step);
        let (seconds, tokens) = match &step.action {
            Action::Train(_) => {
                let done = training_done(store, step);
                let tokens = done.as_ref().map(|done| done.tokens);
                (time.map(|time| time.0).or(done.map(|done| done.seconds)), tokens)
            }
            _ => (
                time.map(|time| time.0),
                time.map(|time| time.1).filter(|tokens| *tokens > 0),
            ),
        };
        match &step.action {
            Action::Train(_) => cost.tokens_trained += tokens.unwrap_or(0),
            Action::Sample(_) | Action::Search(_) => cost.tokens_sampled += tokens.unwrap_or(0),
            _ => {}
        }
        wall_seconds += seconds.unwrap_or(0.0);
        steps.push(ReportStep {
            name: step.name.clone(),
            state: if ran { "done" } else { "cached" }.to_owned(),
            seconds,
            tokens,
        });
    }
    let mut evaluations = Vec::new();
    let mut seeds = Vec::new();
    for evaluation in study.evaluations.values() {
        seeds.push((format!("evaluate {}", evaluation.name), evaluation.seed));
        let recorded: Vec<String> = evaluation
            .models
            .iter()
            .filter(|model| recorded(study, model))
            .map(ModelRef::label)
            .collect();
        evaluations.push(EvaluationSettings {
            only_recorded: recorded.len() == evaluation.models.len(),
            recorded,
            name: evaluation.name.clone(),
            benchmark: evaluation.benchmark.clone(),
            problems: world.problems(&evaluation.benchmark)?.len(),
            samples: evaluation.samples,
            temperature: match &evaluation.sampling.temperature {
                Temperature::Fixed(value) => Some(*value),
                Temperature::Found { search } => searches
                    .iter()
                    .find(|log| log.search == *search)
                    .and_then(|log| log.found)
                    .map(|look| look.temperature),
            },
            found_by: evaluation.sampling.temperature.search().map(str::to_owned),
            top_p: evaluation.sampling.top_p,
            max_tokens: evaluation.sampling.max_tokens,
        });
    }
    let mut data_sets: Vec<ReportDataSet> = Vec::new();
    for evaluation in study.evaluations.values() {
        if data_sets.iter().all(|set| set.name != evaluation.benchmark) {
            data_sets.push(data_set(
                &evaluation.benchmark,
                world.problems(&evaluation.benchmark)?,
            ));
        }
    }
    for training in study.trainings.values() {
        seeds.push((format!("train {}", training.name), training.seed));
    }
    let device = times.device.clone();
    let mut versions = vec![("rlx".to_owned(), presented.version.to_owned())];
    versions.extend(device.iter().flat_map(|device| device.versions.clone()));
    Ok(ReportData {
        name: study.name.clone(),
        title: study.title.clone(),
        doc: study.doc.clone(),
        source: presented.source.clone(),
        profile: study.profile.as_ref().map(|profile| ReportProfile {
            name: profile.name.clone(),
            changes: changes(&profile.changes),
        }),
        overrides: changes(&study.overrides),
        seed: study.seed,
        seeds,
        outputs,
        claims,
        models: models(study, plan),
        evaluations,
        data: data_sets,
        steps,
        machine: Machine {
            device: device
                .as_ref()
                .map_or_else(|| "unknown".to_owned(), |device| device.device.clone()),
            device_reason: device
                .as_ref()
                .and_then(|device| device.why.first().cloned())
                .unwrap_or_default(),
            precision: device
                .as_ref()
                .map_or_else(|| "unknown".to_owned(), |device| device.precision.clone()),
            precision_reason: device
                .as_ref()
                .and_then(|device| device.why.get(1).cloned())
                .unwrap_or_default(),
        },
        versions,
        wall_seconds,
        cost,
        warnings: Vec::new(),
        responses,
        identity,
    })
}

/// A problem set by the hash of what its problems say.
fn data_set(name: &str, problems: &[rlx_data::Problem]) -> ReportDataSet {
    let mut hash = blake3::Hasher::new();
    let mut part = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for problem in problems {
        part(&problem.id);
        part(&problem.text);
        part(problem.answer.as_deref().unwrap_or(""));
        problem.pictures.iter().for_each(|picture| part(&picture.hash));
    }
    ReportDataSet {
        name: name.to_owned(),
        problems: problems.len() as u64,
        hash: hash.finalize().to_hex().chars().take(16).collect(),
    }
}

/// Every model that an evaluation uses, in the order of the study.
fn models(study: &Study, plan: &Plan) -> Vec<ReportModel> {
    let mut found: Vec<ReportModel> = Vec::new();
    for step in &plan.steps {
        let Action::Sample(draw) = &step.action else {
            continue;
        };
        let reference = &draw.model.reference;
        let label = reference.label();
        if found.iter().any(|model| model.label == label) {
            continue;
        }
        let (role, source) = match reference {
            ModelRef::Model { name } => {
                let source = study
                    .models
                    .get(name)
                    .map_or_else(String::new, |model| model.source.described());
                (ModelRole::Given, source)
            }
            ModelRef::Checkpoint { training, step } => role(study, training, *step),
        };
        found.push(ReportModel {
            label,
            role,
            source,
            key: draw.model.key.short(),
        });
    }
    let order = |label: &str| {
        let listed = study
            .evaluations
            .values()
            .flat_map(|evaluation| &evaluation.models);
        listed
            .map(ModelRef::label)
            .position(|listed| listed == label)
            .unwrap_or(usize::MAX)
    };
    found.sort_by_key(|model| order(&model.label));
    found
}

fn role(study: &Study, training: &str, step: u64) -> (ModelRole, String) {
    let Some(made) = study.trainings.get(training) else {
        return (ModelRole::Given, String::new());
    };
    let start = made.start.label();
    let name = training.to_owned();
    match &made.recipe {
        Recipe::Rl { .. } => (
            ModelRole::Trained { training: name, step },
            format!("RL from {start}, step {step}"),
        ),
        Recipe::Sft { .. } => (
            ModelRole::Trained { training: name, step },
            format!("fine-tuned from {start}, step {step}"),
        ),
        Recipe::Distill { teacher, .. } => (
            ModelRole::Distilled { training: name, step },
            format!("distilled from {} into {start}", teacher.label()),
        ),
    }
}

/// Whether a row's verdict counts as solved.
pub fn solved(verdict: &str) -> bool {
    Outcome::by_name(verdict).is_some_and(Outcome::solved)
}
