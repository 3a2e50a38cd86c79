//! Rows → figures, tables, verdicts, page.

use crate::{
    DeviceReport, RunError,
    evidence::{analysis_failed, evidence, recorded},
    execute::Journal,
    state::training_done,
    times::{Times, keep_times},
    world::World,
};
use rlx_analysis::{ClaimVerdict, Resampling, SearchLog};
use rlx_language::{Change, ModelRef, OutputKind, Recipe, Study, Temperature};
use rlx_plan::{Action, Plan};
use rlx_report::{
    Cost, EvaluationSettings, Identity, Machine, ModelRole, OutputForm, ReportChange, ReportData,
    ReportDataSet, ReportModel, ReportOutput, ReportProfile, ReportStep, SampledEvaluation, SpecSource,
};
use rlx_store::{Store, file};
use std::path::Path;

/// Confidence of the intervals of figures and tables.
pub(crate) const CONFIDENCE: f64 = 0.95;

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
