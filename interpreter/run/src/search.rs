//! Searching a temperature: looks are drawn as any samples are, until one has the entropy that is wanted.
//!
//! Each look's responses lie in the store under the key of a sampling step at its temperature. What was looked at, with the
//! entropies, is noted in `searches/<key>/looks.json`, so that nobody has to read all rows to know where a search is; what
//! is shown is measured on the rows again. Where to look next depends on the looks before alone, so a search that was
//! broken off anywhere goes on as it would have.

use crate::{
    RunError,
    backend::OpenModel,
    event::{Event, Listener},
    evidence::{analysis_failed, responses},
    sample,
    state::{StepState, sampled_problems, table_state},
    world::World,
};
use rlx_analysis::{
    Design, Evidence, Outcomes, Resampling, SampleRow, SearchLog, Undefined,
    search::{Look, Next, NotFound, Wanted, next},
};
use rlx_language::{ModelRef, Quantity, Sampling, Study, Temperature};
use rlx_plan::{Action, Plan, SampleStep, SearchStep, Step};
use rlx_store::{Response, Store, file};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `looks.json`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Looked {
    looks: Vec<Look>,
    /// The temperature whose look is being drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    now: Option<f64>,
    /// The last look is near enough.
    found: bool,
}

fn notes(store: &Store, step: &Step) -> PathBuf {
    store.search(&step.key.folder()).join("looks.json")
}

fn looked(store: &Store, step: &Step) -> Looked {
    let text = std::fs::read(notes(store, step)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Where rows are, and what they mean.
pub(crate) struct Place<'a> {
    pub(crate) study: &'a Study,
    pub(crate) plan: &'a Plan,
    pub(crate) store: &'a Store,
    pub(crate) world: &'a World,
}

fn note(store: &Store, step: &Step, looked: &Looked) -> Result<(), RunError> {
    file::create_folder(&store.search(&step.key.folder()))?;
    Ok(file::write_json(&notes(store, step), looked)?)
}

/// The searches of a plan, each with the steps that draw its looks, as far as they are known.
pub fn looks<'p>(plan: &'p Plan, store: &Store) -> Vec<(&'p Step, Vec<Step>)> {
    plan.steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Search(search) => Some((step, of_search(step, search, store))),
            _ => None,
        })
        .collect()
}

/// The steps that draw the looks of one search, as far as they are known.
fn of_search(step: &Step, search: &SearchStep, store: &Store) -> Vec<Step> {
    let looked = looked(store, step);
    let drawn = looked.looks.iter().map(|look| look.temperature);
    drawn
        .chain(looked.now)
        .map(|temperature| search.at(temperature))
        .collect()
}

/// Whether the rows of a look are all there.
fn is_drawn(look: &Step, store: &Store, world: &World) -> Result<bool, RunError> {
    let Action::Sample(draw) = &look.action else {
        return Ok(false);
    };
    let state = table_state(&store.samples(&look.key.folder()), world, draw)?;
    Ok(state == StepState::Done)
}

/// How far a search is: in looks.
pub(crate) fn state(
    step: &Step,
    search: &SearchStep,
    store: &Store,
    world: &World,
) -> Result<StepState, RunError> {
    let noted = looked(store, step);
    let mut drawn = 0;
    for look in of_search(step, search, store) {
        drawn += u64::from(is_drawn(&look, store, world)?);
    }
    Ok(match drawn {
        drawn if noted.found && drawn == noted.looks.len() as u64 => StepState::Done,
        0 => StepState::ToDo,
        done => StepState::Partly {
            done,
            total: search.search.looks,
        },
    })
}

/// The temperature that a sampling step draws at.
///
/// # Errors
/// A search that has not found it.
pub fn temperature(plan: &Plan, store: &Store, sampling: &Sampling) -> Result<f64, RunError> {
    let name = match &sampling.temperature {
        Temperature::Fixed(value) => return Ok(*value),
        Temperature::Found { search } => search,
    };
    let step = plan.step(&format!("search {name}"));
    let looked = step.map(|step| looked(store, step)).unwrap_or_default();
    match looked.looks.last() {
        Some(look) if looked.found => Ok(look.temperature),
        _ => Err(RunError::Step {
            step: format!("search {name}"),
            code: "rlx::run::search",
            message: "its temperature is not found yet".into(),
            help: "run the study: what a search finds is found before it is read".into(),
        }),
    }
}

/// Looks until the temperature is found; returns the number of tokens drawn.
///
/// # Errors
/// A target out of reach, an entropy that does not rise, looks that are used up; and all that drawing can end with.
pub(crate) fn run(
    step: &Step,
    search: &SearchStep,
    at: &Place<'_>,
    model: &mut dyn OpenModel,
    listener: &mut dyn Listener,
) -> Result<u64, RunError> {
    let Place { store, world, .. } = *at;
    let wanted = wanted(search, target(search, at)?.map_err(|why| unknown(step, &why))?);
    let before = looked(store, step).looks;
    let mut looked = Looked::default();
    let mut tokens = 0;
    loop {
        match next(&wanted, &looked.looks).map_err(|why| refused(step, &why))? {
            Next::Found(_) => {
                looked.found = true;
                note(store, step, &looked)?;
                return Ok(tokens);
            }
            Next::At(temperature) => {
                let look = search.at(temperature);
                let Action::Sample(draw) = &look.action else {
                    return Ok(tokens);
                };
                let rows = sampled_problems(world, draw)?.len() as u64 * draw.samples;
                let number = looked.looks.len() as u64;
                let drawn = is_drawn(&look, store, world)?;
                if !drawn {
                    looked.now = Some(temperature);
                    note(store, step, &looked)?;
                    let mut listener = OfLook {
                        step: &step.name,
                        before: number * rows,
                        tokens,
                        note: format!("look {}, temperature {temperature}", number + 1),
                        listener,
                    };
                    tokens += sample::run(&look, (draw, temperature), store, world, model, &mut listener)?;
                }
                // What was measured on rows that are still there is not measured again.
                let known = before
                    .iter()
                    .find(|known| drawn && known.temperature == temperature);
                let entropy = match known {
                    Some(known) => known.entropy,
                    None => of_look(&look, draw, at)?.map_err(|why| unknown(step, &why))?,
                };
                looked.now = None;
                looked.looks.push(Look { temperature, entropy });
                if known.is_none() {
                    note(store, step, &looked)?;
                }
            }
        }
    }
}

/// Tells of a look as of a part of its search.
struct OfLook<'a> {
    step: &'a str,
    /// Responses and tokens of the looks before.
    before: u64,
    tokens: u64,
    note: String,
    listener: &'a mut dyn Listener,
}

impl Listener for OfLook<'_> {
    fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Progress { done, tokens, .. } => self.listener.hear(&Event::Progress {
                name: self.step,
                done: self.before + done,
                tokens: self.tokens + tokens,
                note: Some(self.note.clone()),
            }),
            other => self.listener.hear(other),
        }
    }
}

/// What a search looked at, measured on the rows that are there.
///
/// # Errors
/// Rows that cannot be read, or that contradict the plan.
pub(crate) fn log(search: &SearchStep, at: &Place<'_>, confidence: f64) -> Result<SearchLog, RunError> {
    let mut log = SearchLog {
        search: search.search.name.clone(),
        model: search.search.model.label(),
        target: None,
        within: search.search.within,
        looks: Vec::new(),
        estimates: Vec::new(),
        confidence,
        found: None,
    };
    let mut evidence = target_rows(search, at)?;
    let quantity = &search.search.target;
    let Ok(target) = rlx_analysis::value(quantity, &evidence) else {
        return Ok(log);
    };
    log.target = Some(target);
    let wanted = wanted(search, target);
    let resampling = Resampling::new(at.study.seed);
    while let Ok(next) = next(&wanted, &log.looks) {
        match next {
            Next::Found(look) => {
                log.found = Some(look);
                break;
            }
            Next::At(temperature) => {
                let look = search.at(temperature);
                let Action::Sample(draw) = &look.action else { break };
                if !is_drawn(&look, at.store, at.world)? {
                    break;
                }
                let entropy = add_look(&look, draw, at, &mut evidence)?;
                let Ok(value) = rlx_analysis::value(&entropy, &evidence) else {
                    break;
                };
                let off = Quantity::Subtract {
                    left: Box::new(entropy.clone()),
                    right: Box::new(quantity.clone()),
                };
                let estimate = |quantity: &Quantity| {
                    rlx_analysis::estimate(quantity, &evidence, &resampling, confidence)
                        .map_err(|why| analysis_failed(&look.name, &why))
                };
                log.estimates.push([estimate(&entropy)?, estimate(&off)?]);
                log.looks.push(Look {
                    temperature,
                    entropy: value,
                });
                evidence.evaluations.remove(&look.name);
            }
        }
    }
    Ok(log)
}

/// What was drawn at the temperature that a search found was drawn at the one that its rows give.
///
/// # Errors
/// Notes that say something else than the rows.
pub(crate) fn check(step: &Step, log: &SearchLog, store: &Store) -> Result<(), RunError> {
    let noted = looked(store, step);
    match (noted.looks.last().filter(|_| noted.found), log.found) {
        (Some(noted), Some(found)) if noted.temperature != found.temperature => Err(analysis_failed(
            &step.name,
            &format!(
                "temperature {} was noted as found, and its responses give {}",
                noted.temperature, found.temperature
            ),
        )),
        _ => Ok(()),
    }
}

fn wanted(search: &SearchStep, target: f64) -> Wanted {
    Wanted {
        target,
        within: search.search.within,
        between: search.search.between,
        looks: search.search.looks,
    }
}

/// Nats a token of the rows of one look.
fn of_look(look: &Step, draw: &SampleStep, at: &Place<'_>) -> Result<Result<f64, Undefined>, RunError> {
    let mut evidence = Evidence::default();
    let entropy = add_look(look, draw, at, &mut evidence)?;
    Ok(rlx_analysis::value(&entropy, &evidence))
}

/// Adds a look's rows as an evaluation of its name; gives what is measured on them.
fn add_look(
    look: &Step,
    draw: &SampleStep,
    at: &Place<'_>,
    evidence: &mut Evidence,
) -> Result<Quantity, RunError> {
    let model = &draw.model.reference;
    let rows = responses(look, draw, (draw.samples, 0), at.store, at.world)?;
    let outcomes = outcomes((&look.name, &draw.set), &[(model, rows)], draw.samples, at.world)?;
    evidence.evaluations.insert(look.name.clone(), outcomes);
    Ok(Quantity::Entropy {
        evaluation: look.name.clone(),
        model: model.clone(),
    })
}

/// The entropy that a search looks for.
fn target(search: &SearchStep, at: &Place<'_>) -> Result<Result<f64, Undefined>, RunError> {
    let evidence = target_rows(search, at)?;
    Ok(rlx_analysis::value(&search.search.target, &evidence))
}

/// The rows that the target is measured on.
fn target_rows(search: &SearchStep, at: &Place<'_>) -> Result<Evidence, RunError> {
    let quantity = &search.search.target;
    let mut evidence = Evidence::default();
    for (name, _) in quantity.models() {
        let Some(evaluation) = at.study.evaluations.get(name) else {
            continue;
        };
        if evidence.evaluations.contains_key(name) {
            continue;
        }
        let mut models = Vec::new();
        for (_, model) in quantity.models().into_iter().filter(|(known, _)| *known == name) {
            let mut rows = Vec::new();
            for (part, samples, from) in evaluation.parts() {
                let step = at.plan.step(&format!("sample {part} {}", model.label()));
                if let Some((step, Action::Sample(draw))) = step.map(|step| (step, &step.action)) {
                    rows.extend(responses(step, draw, (samples, from), at.store, at.world)?);
                }
            }
            models.push((model, rows));
        }
        let of = (name, evaluation.benchmark.as_str());
        let outcomes = outcomes(of, &models, evaluation.samples, at.world)?;
        evidence.evaluations.insert(name.to_owned(), outcomes);
    }
    Ok(evidence)
}

/// Responses as an evaluation's rows, without verdicts: nobody asks for them here.
fn outcomes(
    (name, set): (&str, &str),
    models: &[(&ModelRef, Vec<Response>)],
    samples: u64,
    world: &World,
) -> Result<Outcomes, RunError> {
    let labels: Vec<String> = models.iter().map(|(model, _)| model.label()).collect();
    let design = Design {
        evaluation: name.to_owned(),
        benchmark: set.to_owned(),
        problems: world
            .problems(set)?
            .iter()
            .map(|problem| problem.id.clone())
            .collect(),
        models: labels.clone(),
        samples,
        verdicts: Vec::new(),
    };
    let rows = models.iter().zip(&labels).flat_map(|((_, rows), label)| {
        rows.iter().map(move |row| SampleRow {
            model: label,
            problem: &row.problem,
            sample: row.sample,
            correct: false,
            verdict: "",
            tokens: row.length(),
            truncated: row.truncated(),
            answer: None,
            surprisal: row.logprob.map(|logprob| -logprob),
        })
    });
    Outcomes::new(design, rows, []).map_err(|error| analysis_failed(name, &error))
}

fn unknown(step: &Step, why: &Undefined) -> RunError {
    RunError::Step {
        step: step.name.clone(),
        code: "rlx::run::search",
        message: why.to_string(),
        help: "an entropy is measured on responses with probabilities: look whether the model answers at all"
            .into(),
    }
}

fn refused(step: &Step, why: &NotFound) -> RunError {
    RunError::Step {
        step: step.name.clone(),
        code: "rlx::run::search",
        message: why.to_string(),
        help: format!("{}; the responses that were drawn are kept", why.help()),
    }
}
