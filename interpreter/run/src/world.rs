//! The study's models and problems as they lie on this machine.

use crate::RunError;
use indexmap::IndexMap;
use rlx_data::{DataError, PinCache, Problem};
use rlx_language::{Model, ModelSource, ProblemSet, ProblemSource, Recipe, Study};
use rlx_plan::{Surroundings, hub_data, pictures_of};
use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Looks things up and remembers them for the length of a run.
#[derive(Debug)]
pub struct World {
    place: rlx_data::World,
    sets: IndexMap<String, ProblemSet>,
    /// Problems that the study's trainings use up, by set: an endless task gives that many.
    needed: BTreeMap<String, u64>,
    /// Sets whose stated size is that of the source they have.
    sized: BTreeSet<String>,
    loaded: BTreeMap<String, OnceCell<Vec<Problem>>>,
    /// Of sets with `among`, the problems that an evaluation chose; empty before it is judged.
    chosen: BTreeMap<String, OnceCell<Vec<Problem>>>,
}

impl World {
    pub fn new(study: &Study, place: rlx_data::World) -> World {
        let loaded = study
            .problem_sets
            .keys()
            .map(|name| (name.clone(), OnceCell::new()))
            .collect();
        let mut needed: BTreeMap<String, u64> = BTreeMap::new();
        for training in study.trainings.values() {
            let uses = match &training.recipe {
                // Dynamic sampling may draw further prompts in every step.
                Recipe::Rl {
                    batch,
                    steps,
                    algorithm,
                    ..
                } => batch
                    .saturating_mul(*steps)
                    .saturating_mul(algorithm.dynamic_sampling.unwrap_or(1)),
                Recipe::Sft { batch, steps, .. } => batch.saturating_mul(*steps),
                Recipe::Distill { prompts, .. } => prompts.unwrap_or(0),
            };
            let most = needed.entry(training.data.clone()).or_insert(0);
            *most = uses.max(*most);
        }
        needed.retain(|_, count| *count > 0);
        let chosen = study
            .problem_sets
            .iter()
            .filter(|(_, set)| set.among.is_some())
            .map(|(name, _)| (name.clone(), OnceCell::new()))
            .collect();
        World {
            place,
            chosen,
            sets: study.problem_sets.clone(),
            needed,
            sized: study
                .problem_sets
                .keys()
                .filter(|name| crate::answers::states_its_size(study, name))
                .cloned()
                .collect(),
            loaded,
        }
    }

    /// A world of problems that are given, whatever lies on this machine; no other set can be loaded.
    pub fn given(study: &Study, problems: BTreeMap<String, Vec<Problem>>) -> World {
        World {
            place: rlx_data::World::default(),
            sets: study.problem_sets.clone(),
            needed: BTreeMap::new(),
            sized: BTreeSet::new(),
            chosen: BTreeMap::new(),
            loaded: problems
                .into_iter()
                .map(|(name, problems)| (name, OnceCell::from(problems)))
                .collect(),
        }
    }

    /// Where models and data are looked for.
    pub(crate) fn place(&self) -> &rlx_data::World {
        &self.place
    }

    pub(crate) fn set(&self, name: &str) -> Result<&ProblemSet, RunError> {
        self.sets
            .get(name)
            .ok_or_else(|| DataError::UnknownSet { set: name.to_owned() }.into())
    }

    /// The problems of a set, in order. Loaded once; no network.
    ///
    /// # Errors
    /// The set is not on this machine or cannot be read, or verdicts that decide it are missing.
    pub fn problems(&self, name: &str) -> Result<&[Problem], RunError> {
        let all = self.all(name)?;
        match self.chosen.get(name) {
            None => Ok(all),
            Some(chosen) => chosen
                .get()
                .map(Vec::as_slice)
                .ok_or_else(|| RunError::Undecided { set: name.to_owned() }),
        }
    }

    /// Sets whose problems an evaluation has yet to choose.
    pub(crate) fn undecided(&self) -> Vec<String> {
        let open = self.chosen.iter().filter(|(_, chosen)| chosen.get().is_none());
        open.map(|(name, _)| name.clone()).collect()
    }

    /// Takes an evaluation's choice of a set's problems.
    ///
    /// # Errors
    /// Nothing is left of the set, or it cannot be read.
    pub(crate) fn choose(&self, name: &str, ids: &BTreeSet<String>) -> Result<(), RunError> {
        let all = self.all(name)?;
        let kept: Vec<Problem> = all
            .iter()
            .filter(|problem| ids.contains(&problem.id))
            .cloned()
            .collect();
        if kept.is_empty() {
            return Err(RunError::Step {
                step: name.to_owned(),
                code: "rlx::run::undecided",
                message: format!(
                    "of the {} problems of `{name}` none is in the set that `among` asks for",
                    all.len()
                ),
                help: "widen the set, or look at the evaluation that it is asked of".into(),
            });
        }
        if let Some(chosen) = self.chosen.get(name) {
            let _ = chosen.set(kept);
        }
        Ok(())
    }

    /// The problems of a set before an evaluation chooses among them.
    ///
    /// # Errors
    /// The set is not on this machine or cannot be read.
    pub(crate) fn all(&self, name: &str) -> Result<&[Problem], RunError> {
        let unknown = || DataError::UnknownSet { set: name.to_owned() };
        let cell = self.loaded.get(name).ok_or_else(unknown)?;
        if let Some(problems) = cell.get() {
            return Ok(problems);
        }
        let problems = rlx_data::load(name, &self.sets, self.needed.get(name).copied(), &self.place)?;
        if self.sized.contains(name) {
            crate::answers::check_size(self.set(name)?, problems.len())?;
        }
        Ok(cell.get_or_init(|| problems))
    }

    /// Where a model lies; no network.
    pub(crate) fn model_path(&self, model: &Model) -> Result<PathBuf, RunError> {
        Ok(rlx_data::locate_model(model, &self.place)?)
    }

    pub(crate) fn fetch_model(
        &self,
        model: &Model,
        progress: &mut dyn FnMut(&rlx_data::Progress),
    ) -> Result<(), RunError> {
        rlx_data::fetch_model(model, &self.place, &mut |state| {
            progress(state);
            true
        })?;
        Ok(())
    }

    pub(crate) fn fetch_problems(
        &self,
        set: &ProblemSet,
        progress: &mut dyn FnMut(&rlx_data::Progress),
    ) -> Result<(), RunError> {
        rlx_data::fetch_problems(set, &self.place, &mut |state| {
            progress(state);
            true
        })?;
        Ok(())
    }
}

/// Looks at what lies outside the file, for the plan's keys and costs.
///
/// Local files that are not there are left out: the plan still stands, and the run says what is missing.
///
/// # Errors
/// A local model, tokenizer or data file that is there but cannot be read.
pub fn survey(study: &Study, world: &World, store: &Path) -> Result<Surroundings, RunError> {
    let mut around = Surroundings::default();
    let mut cache = PinCache::open(&store.join("pins.json"));
    for (name, model) in &study.models {
        if let Some(adapter) = &model.adapter
            && Path::new(adapter).exists()
        {
            let pin = rlx_data::pin(Path::new(adapter), &mut cache)?;
            around.pins.insert(adapter.clone(), pin);
        }
        match &model.source {
            ModelSource::Path { path } => {
                if let Ok(found) = world.model_path(model) {
                    around.pins.insert(
                        path.clone(),
                        rlx_data::pin_model(model, &world.place, &mut cache)?,
                    );
                    if let Some(parameters) = parameters(&found) {
                        around.parameters.insert(name.clone(), parameters);
                    }
                }
            }
            ModelSource::Init { tokenizer, .. } => {
                let folder = Path::new(tokenizer);
                if folder.exists() {
                    around
                        .pins
                        .insert(tokenizer.clone(), rlx_data::pin(folder, &mut cache)?);
                }
            }
            ModelSource::Responses { recorded } => {
                let file = Path::new(&recorded.path);
                if file.is_file() {
                    let pin = rlx_data::pin(file, &mut cache)?;
                    around.pins.insert(recorded.path.clone(), pin);
                }
            }
            ModelSource::Hub { .. } | ModelSource::Endpoint { .. } => {}
        }
    }
    for (name, set) in &study.problem_sets {
        if let ProblemSource::Path { path } = &set.source
            && Path::new(path).exists()
        {
            around
                .pins
                .insert(path.clone(), rlx_data::pin(Path::new(path), &mut cache)?);
        }
        if let ProblemSource::Hub {
            repo,
            revision,
            config,
            split,
        } = &set.source
            && let Ok(pin) = rlx_data::pin_rows(set, &world.place, &mut cache)
        {
            let name = hub_data(repo, revision, config.as_deref(), split);
            around.pins.insert(name, pin);
        }
        if let Some(command) = &set.command
            && Path::new(&command.path).exists()
        {
            around.pins.insert(
                command.path.clone(),
                rlx_data::pin(Path::new(&command.path), &mut cache)?,
            );
        }
        if let Ok(Some(pin)) = rlx_data::pin_pictures(set, &world.place, &mut cache) {
            around.pins.insert(pictures_of(name), pin);
        }
        // Counting rows of a file is quick; a task says its size itself.
        if !matches!(set.source, ProblemSource::Task { .. })
            && let Ok(problems) = world.problems(name)
        {
            around.problems.insert(name.clone(), problems.len() as u64);
        }
    }
    for name in rlx_judge::NAMES {
        if let Some(judge) = rlx_judge::by_name(name) {
            around.judges.insert(name.to_owned(), judge.version().to_owned());
        }
    }
    if !crate::read_by_hand(study).is_empty() {
        around.labels = rlx_store::Labels::at(store).hashes()?;
    }
    let code = rlx_judge::code::CODE_VERSION;
    around.judges.insert("code".to_owned(), code.to_owned());
    let command = rlx_judge::command::COMMAND_VERSION;
    around.judges.insert("command".to_owned(), command.to_owned());
    // The cache only saves time: a store that cannot be written is said by the run, not by the plan.
    let _ = cache.save();
    Ok(around)
}

/// Number of parameters by the size of the weights, for cost estimates: 4 bytes each in fp32, 2 in bf16 and f16.
fn parameters(path: &Path) -> Option<u64> {
    let config = std::fs::read_to_string(path.join("config.json")).ok()?;
    let config: serde_json::Value = serde_json::from_str(&config).ok()?;
    let kind = config
        .get("dtype")
        .or_else(|| config.get("torch_dtype"))
        .and_then(|kind| kind.as_str());
    let width = if kind == Some("float32") { 4 } else { 2 };
    let mut bytes = 0;
    for entry in std::fs::read_dir(path).ok()? {
        let entry = entry.ok()?;
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "safetensors")
        {
            bytes += entry.path().metadata().ok()?.len();
        }
    }
    (bytes > 0).then_some(bytes / width)
}
