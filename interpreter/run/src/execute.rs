//! Walking the plan.

use crate::{
    RunError,
    backend::{
        Backend, BackendError, DeviceReport, ModelAt, OpenModel, TrainJob, TrainStepSeen, TrainingEnd,
    },
    endpoint,
    event::{Event, Listener, Work},
    judge, lock, recorded, sample, search,
    state::{StepState, checkpoint, sample_step, states},
    train,
    world::World,
};
use rlx_language::{ModelRef, ModelSource, Recipe, Study};
use rlx_plan::{Action, ModelUse, Plan, Step};
use rlx_store::Store;
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What a run did, step by step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Journal {
    pub steps: Vec<Ran>,
    pub wall: Duration,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ran {
    pub name: String,
    pub before: StepState,
    pub seconds: f64,
    pub tokens: u64,
}

/// True when a step cannot be done without a backend.
pub fn needs_backend(study: &Study, plan: &Plan, states: &[StepState]) -> bool {
    plan.steps.iter().zip(states).any(|(step, state)| {
        *state != StepState::Done
            && match &step.action {
                Action::Train(_) | Action::Score { .. } | Action::Search(_) => true,
                // What lies in a file or comes from a server takes no tensors.
                Action::Sample(draw) => source(study, &draw.model).is_none_or(ModelSource::has_weights),
                _ => false,
            }
    })
}

/// The source of a model that exists before the study.
fn source<'s>(study: &'s Study, model: &ModelUse) -> Option<&'s ModelSource> {
    match &model.reference {
        ModelRef::Model { name } => study.models.get(name).map(|model| &model.source),
        ModelRef::Checkpoint { .. } => None,
    }
}

/// Runs what is missing of `plan`, then hands over to `present` for what is made of the rows.
///
/// # Errors
/// The first step that fails ends the run; everything done before it is in the store, and the next run goes on there.
pub fn execute(
    study: &Study,
    plan: &Plan,
    store: &Store,
    world: &World,
    results: &Path,
    backend: &mut dyn Backend,
    listener: &mut dyn Listener,
) -> Result<Journal, RunError> {
    let clock = Instant::now();
    let before = states(plan, store, world, results)?;
    listener.hear(&Event::Planned {
        steps: plan
            .steps
            .iter()
            .map(|step| step.name.as_str())
            .zip(before.iter().copied())
            .collect(),
    });
    let todo: Vec<usize> = (0..plan.steps.len())
        .filter(|id| before[*id] != StepState::Done && is_work(&plan.steps[*id]))
        .collect();
    crate::answers::check_all(study, plan, world, &todo)?;
    let mut models = Models::default();
    let mut journal = Vec::new();
    for (number, id) in todo.iter().enumerate() {
        let step = &plan.steps[*id];
        let started = Instant::now();
        listener.hear(&Event::StepStarted {
            name: &step.name,
            number: number + 1,
            of: todo.len(),
            work: work(plan, step, world),
        });
        let mut context = Context {
            study,
            plan,
            store,
            world,
            backend,
            listener,
        };
        if matches!(
            step.action,
            Action::Sample(_) | Action::Search(_) | Action::Train(_)
        ) {
            crate::among::decide(plan, store, world)?;
        }
        let tokens = context.step(step, &mut models)?;
        let seconds = started.elapsed().as_secs_f64();
        listener.hear(&Event::StepFinished {
            name: &step.name,
            seconds,
            tokens,
        });
        journal.push(Ran {
            name: step.name.clone(),
            before: before[*id],
            seconds,
            tokens,
        });
    }
    Ok(Journal {
        steps: journal,
        wall: clock.elapsed(),
    })
}

/// Runs a plan of which only verdicts are missing: no backend is needed for those.
///
/// # Errors
/// As [`execute`].
pub fn execute_light(
    study: &Study,
    plan: &Plan,
    store: &Store,
    world: &World,
    results: &Path,
    listener: &mut dyn Listener,
) -> Result<Journal, RunError> {
    execute(study, plan, store, world, results, &mut NoBackend, listener)
}

/// Stands where nothing is to be computed.
struct NoBackend;

impl NoBackend {
    fn refuse<T>() -> Result<T, BackendError> {
        Err(BackendError {
            code: "rlx::run::backend".into(),
            message: "nothing here can compute".into(),
            help: None,
        })
    }
}

impl Backend for NoBackend {
    fn device(&self) -> DeviceReport {
        DeviceReport {
            device: "none".into(),
            precision: "none".into(),
            why: Vec::new(),
            versions: Vec::new(),
            speed: (0.0, 0.0),
        }
    }

    fn open(&mut self, _: &ModelAt) -> Result<Box<dyn OpenModel>, BackendError> {
        NoBackend::refuse()
    }

    fn tokenizer(&mut self, _: &ModelAt) -> Result<String, BackendError> {
        NoBackend::refuse()
    }

    fn train(
        &mut self,
        _: TrainJob<'_>,
        _: &mut dyn FnMut(TrainStepSeen),
    ) -> Result<TrainingEnd, BackendError> {
        NoBackend::refuse()
    }
}

/// Steps that make rows or weights; outputs and the report are made of them afterwards.
fn is_work(step: &Step) -> bool {
    !matches!(step.action, Action::Analyse { .. } | Action::Report)
}

fn work(plan: &Plan, step: &Step, world: &World) -> Work {
    let rows = |draw: &rlx_plan::SampleStep| {
        let problems = crate::state::sampled_problems(world, draw).map_or(0, <[_]>::len);
        Work {
            total: problems as u64 * draw.samples,
            unit: "responses",
        }
    };
    match &step.action {
        Action::Train(train) => match &train.training.recipe {
            Recipe::Rl { steps, .. } | Recipe::Sft { steps, .. } => Work {
                total: *steps,
                unit: "steps",
            },
            Recipe::Distill { .. } => Work {
                total: 0,
                unit: "steps",
            },
        },
        Action::Sample(draw) => rows(draw),
        Action::Search(search) => {
            let look = rows(&search.draw);
            Work {
                total: look.total * search.search.looks,
                ..look
            }
        }
        Action::Judge { samples, .. } | Action::Score { samples, .. } => sample_step(plan, *samples).map_or(
            Work {
                total: 0,
                unit: "responses",
            },
            rows,
        ),
        _ => Work {
            total: 0,
            unit: "files",
        },
    }
}

fn fetched<'a>(name: &'a str, progress: &rlx_data::Progress) -> Event<'a> {
    let size = progress
        .size
        .map(|size| format!(" of {size}"))
        .unwrap_or_default();
    let note = Some(format!("{}: {}{size} bytes", progress.file, progress.bytes));
    Event::Progress {
        name,
        done: progress.files_done as u64,
        tokens: 0,
        note,
    }
}

/// The model that was used last stays loaded: neighbouring steps often share it.
#[derive(Default)]
struct Models {
    loaded: Option<(rlx_plan::Key, Box<dyn OpenModel>)>,
}

struct Context<'s, 'a> {
    study: &'s Study,
    plan: &'a Plan,
    store: &'a Store,
    world: &'a World,
    backend: &'a mut dyn Backend,
    listener: &'a mut dyn Listener,
}

impl<'s> Context<'s, '_> {
    fn step(&mut self, step: &Step, models: &mut Models) -> Result<u64, RunError> {
        match &step.action {
            Action::FetchModel { model } => {
                let (name, listener) = (&step.name, &mut *self.listener);
                self.world
                    .fetch_model(model, &mut |progress| listener.hear(&fetched(name, progress)))?;
                Ok(0)
            }
            Action::FetchProblems { set } => {
                let (name, listener) = (&step.name, &mut *self.listener);
                self.world
                    .fetch_problems(set, &mut |progress| listener.hear(&fetched(name, progress)))?;
                Ok(0)
            }
            Action::Train(train) => {
                // Two copies of a large model do not fit: the loaded one goes first.
                models.loaded = None;
                let start = self.model_at(step, &train.start)?;
                let teacher = match &train.teacher {
                    None => None,
                    Some(teacher) => Some(self.model_at(step, teacher)?),
                };
                train::run(
                    step,
                    train,
                    (start, teacher),
                    train::Within {
                        plan: self.plan,
                        store: self.store,
                        world: self.world,
                    },
                    self.backend,
                    self.listener,
                )
            }
            Action::Sample(draw) => {
                match self.source(&draw.model) {
                    Some(ModelSource::Responses { recorded }) => {
                        let place = recorded::Place {
                            store: self.store,
                            world: self.world,
                            measured: self.measures(step, &draw.model),
                        };
                        recorded::run(step, draw, recorded, &place, self.listener)?;
                        return Ok(0);
                    }
                    Some(ModelSource::Endpoint { endpoint }) => {
                        let temperature = search::temperature(self.plan, self.store, &draw.sampling)?;
                        let asked = endpoint::Asked {
                            endpoint,
                            temperature,
                        };
                        return endpoint::run(step, draw, &asked, self.store, self.world, self.listener);
                    }
                    _ => {}
                }
                self.load(step, &draw.model, models)?;
                let Some((_, model)) = &mut models.loaded else {
                    return Ok(0);
                };
                let temperature = search::temperature(self.plan, self.store, &draw.sampling)?;
                sample::run(
                    step,
                    (draw, temperature),
                    self.store,
                    self.world,
                    model.as_mut(),
                    self.listener,
                )
            }
            Action::Search(search) => {
                self.load(step, &search.draw.model, models)?;
                let Some((_, model)) = &mut models.loaded else {
                    return Ok(0);
                };
                let place = search::Place {
                    study: self.study,
                    plan: self.plan,
                    store: self.store,
                    world: self.world,
                };
                search::run(step, search, &place, model.as_mut(), self.listener)
            }
            Action::Judge {
                samples,
                judge,
                given,
                ..
            } => {
                let (Some(drawn), Some(draw)) =
                    (self.plan.steps.get(*samples), sample_step(self.plan, *samples))
                else {
                    return Ok(0);
                };
                if let (Some(_), Some(ModelSource::Responses { recorded })) =
                    (given, self.source(&draw.model))
                {
                    recorded::verdicts(step, draw, recorded, self.store, self.world)?;
                    return Ok(0);
                }
                judge::run(step, drawn, draw, *judge, self.store, self.world, self.listener)?;
                Ok(0)
            }
            Action::Score { samples, under } => {
                let (Some(drawn), Some(draw)) =
                    (self.plan.steps.get(*samples), sample_step(self.plan, *samples))
                else {
                    return Ok(0);
                };
                let drawn_by = self.tokenizer_of(step, &draw.model, models)?;
                self.load(step, under, models)?;
                let Some((_, model)) = &mut models.loaded else {
                    return Ok(0);
                };
                let responses = judge::Responses {
                    step: drawn,
                    draw,
                    tokenizer: &drawn_by,
                };
                judge::score(
                    step,
                    &responses,
                    self.store,
                    self.world,
                    model.as_mut(),
                    self.listener,
                )
            }
            Action::Analyse { .. } | Action::Report => Ok(0),
        }
    }

    /// Whether a step draws for an evaluation, which has to have all of its problems.
    fn measures(&self, step: &Step, model: &ModelUse) -> bool {
        let label = model.reference.label();
        let mut evaluations = self.study.evaluations.keys();
        evaluations.any(|name| step.name == format!("sample {name} {label}"))
    }

    fn source(&self, model: &ModelUse) -> Option<&'s ModelSource> {
        source(self.study, model)
    }

    fn load(&mut self, step: &Step, model: &ModelUse, models: &mut Models) -> Result<(), RunError> {
        if models.loaded.as_ref().is_some_and(|(key, _)| *key == model.key) {
            return Ok(());
        }
        models.loaded = None;
        let at = self.model_at(step, model)?;
        let opened = self.backend.open(&at).map_err(RunError::backend(&step.name))?;
        models.loaded = Some((model.key, opened));
        Ok(())
    }

    /// The tokenizer that drew some responses. A checkpoint has its training's; what lies outside is asked.
    fn tokenizer_of(
        &mut self,
        step: &Step,
        model: &ModelUse,
        models: &mut Models,
    ) -> Result<String, RunError> {
        // What was only heard has no ids: others read the text.
        if self.source(model).is_some_and(|source| !source.has_weights()) {
            return Ok(String::new());
        }
        if let Some((key, loaded)) = &models.loaded
            && *key == model.key
        {
            return Ok(loaded.tokenizer());
        }
        let at = self.model_at(step, model)?;
        self.backend.tokenizer(&at).map_err(RunError::backend(&step.name))
    }

    fn model_at(&self, step: &Step, model: &ModelUse) -> Result<ModelAt, RunError> {
        match &model.reference {
            ModelRef::Model { name } => {
                let Some(model) = self.study.models.get(name) else {
                    return Err(RunError::Plan(rlx_plan::PlanError::Missing(name.clone())));
                };
                match &model.source {
                    ModelSource::Init {
                        architecture,
                        tokenizer,
                        seed,
                    } => Ok(ModelAt::Init {
                        architecture: architecture.clone(),
                        tokenizer: PathBuf::from(tokenizer),
                        seed: *seed,
                    }),
                    _ => {
                        let base = self.world.model_path(model)?;
                        Ok(match &model.adapter {
                            None => ModelAt::Path(base),
                            Some(adapter) => ModelAt::Adapted {
                                base,
                                adapter: PathBuf::from(adapter),
                            },
                        })
                    }
                }
            }
            ModelRef::Checkpoint { step: at, .. } => {
                let made_by = model.made_by.and_then(|id| self.plan.steps.get(id));
                let folder = made_by.and_then(|training| checkpoint(self.store, training, *at));
                match folder {
                    Some(folder) if folder.is_dir() => Ok(ModelAt::Path(folder)),
                    _ => Err(RunError::Step {
                        step: step.name.clone(),
                        code: "rlx::run::checkpoint",
                        message: format!("the checkpoint {} is not in the store", model.reference.label()),
                        help: "it was removed after its training finished: remove the training's `done.json` too and run again".into(),
                    }),
                }
            }
        }
    }
}

/// Marks the run as finished: the next one compares itself with this plan.
///
/// # Errors
/// The results folder cannot be written.
pub fn finish(
    plan: &Plan,
    results: &Path,
    wall: Duration,
    listener: &mut dyn Listener,
) -> Result<(), RunError> {
    lock::write(results, plan)?;
    listener.hear(&Event::Finished { wall });
    Ok(())
}
