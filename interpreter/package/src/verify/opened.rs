//! A pack unfolded into a study, its plan and its rows.

use crate::{
    archive::Pack,
    content::Problems,
    error::PackError,
    manifest::Manifest,
    spec::{Spec, standard_library_hash},
};
use rlx_data::Problem;
use rlx_language::{ModelSource, ProblemSource, Study};
use rlx_plan::{Plan, Surroundings};
use rlx_run::World;
use rlx_store::Store;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// What lies on this machine and not in the pack.
#[derive(Debug, Clone, Default)]
pub struct Local {
    /// Models by their name in the study.
    pub models: BTreeMap<String, PathBuf>,
    /// Data files by the name of their problem set.
    pub data: BTreeMap<String, PathBuf>,
    /// A store that may hold checkpoints of the study's trainings.
    pub store: Option<PathBuf>,
    pub place: rlx_data::World,
}

/// An unfolded pack. The folder goes with it.
pub struct Opened {
    pub(crate) folder: TempDir,
    pub(crate) manifest: Manifest,
    pub(crate) spec: Spec,
    pub(crate) around: Surroundings,
    pub(crate) plan: Plan,
    pub(crate) problems: Problems,
    /// SHA-256 of the packed standard library differs from this binary's.
    pub(crate) other_library: bool,
}

impl Opened {
    /// Unfolds a pack whose hashes were checked, reads its spec again and compares the plan with the packed one.
    ///
    /// # Errors
    /// A spec that this rlx does not understand, or one that compiles to another plan than the packed one.
    pub fn new(pack: &mut Pack) -> Result<Opened, PackError> {
        let manifest = pack.manifest()?.clone();
        let folder =
            tempfile::tempdir().map_err(|error| PackError::io(Path::new("temporary folder"), error))?;
        pack.extract(folder.path(), |_| true)?;
        let mut texts = BTreeMap::new();
        for listed in &manifest.files {
            if listed.path.starts_with("spec/") && listed.path.ends_with(".rlx") {
                let text = String::from_utf8(pack.read(&listed.path)?);
                let text = text.map_err(|_| PackError::Spec(format!("{} is not UTF-8", listed.path)))?;
                texts.insert(listed.path.clone(), text);
            }
        }
        let spec = Spec::read(manifest.root.clone(), texts, &manifest.options())?;
        let json = |name: &str, error: serde_json::Error| PackError::Spec(format!("{name}: {error}"));
        let around: Surroundings = serde_json::from_slice(&pack.read("surroundings.json")?)
            .map_err(|error| json("surroundings.json", error))?;
        let plan = rlx_plan::build(&spec.study, &around)?;
        let packed: serde_json::Value =
            serde_json::from_slice(&pack.read("plan.json")?).map_err(|error| json("plan.json", error))?;
        let steps = |plan: &serde_json::Value| -> Vec<(String, String)> {
            let text = |step: &serde_json::Value, field: &str| {
                step.get(field)
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let steps = plan.get("steps").and_then(serde_json::Value::as_array);
            steps
                .into_iter()
                .flatten()
                .map(|step| (text(step, "name"), text(step, "key")))
                .collect()
        };
        let (then, now) = (
            steps(&packed),
            steps(&serde_json::to_value(&plan).map_err(|error| json("plan.json", error))?),
        );
        if let Some((was, is)) = then.iter().zip(&now).find(|(was, is)| was != is) {
            return Err(PackError::OtherPlan(format!(
                "`{}` with key {} was packed, and the packed spec gives `{}` with key {}",
                was.0, was.1, is.0, is.1
            )));
        }
        if then.len() != now.len() {
            return Err(PackError::OtherPlan(format!(
                "{} steps were packed, and the packed spec gives {}",
                then.len(),
                now.len()
            )));
        }
        let mut problems = Problems::new();
        for set in spec.study.problem_sets.keys() {
            let name = format!("problems/{}.jsonl", crate::gather::safe(set));
            if !manifest.files.iter().any(|file| file.path == name) {
                continue;
            }
            let mut rows: Vec<Problem> = Vec::new();
            for line in pack.read(&name)?.split(|byte| *byte == b'\n') {
                if !line.is_empty() {
                    rows.push(serde_json::from_slice(line).map_err(|error| json(&name, error))?);
                }
            }
            problems.insert(set.clone(), rows);
        }
        let other_library = manifest.standard_library != standard_library_hash();
        Ok(Opened {
            folder,
            manifest,
            spec,
            around,
            plan,
            problems,
            other_library,
        })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub fn study(&self) -> &Study {
        &self.spec.study
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Rows as packed.
    pub(crate) fn store(&self) -> Store {
        Store::read_only(&self.folder.path().join("store"))
    }

    /// The packed problems, withheld ones without content.
    pub(crate) fn world(&self) -> World {
        World::given(&self.spec.study, self.problems.clone())
    }

    /// The study as it can be run on this machine: paths point into the unfolded pack or to where `local` says.
    pub(crate) fn here(&self, local: &Local) -> Study {
        let mut study = self.spec.study.clone();
        let inside = |path: &mut String| {
            let place = self.folder.path().join(&*path);
            if place.exists() {
                *path = place.to_string_lossy().into_owned();
            }
        };
        for (name, model) in &mut study.models {
            if let Some(path) = local.models.get(name) {
                let path = path.to_string_lossy().into_owned();
                match &mut model.source {
                    // Fresh weights come from the seed; only their tokenizer lies anywhere.
                    ModelSource::Init { tokenizer, .. } => *tokenizer = path,
                    source => *source = ModelSource::Path { path },
                }
            }
            match &mut model.source {
                ModelSource::Path { path } => inside(path),
                ModelSource::Init { tokenizer, .. } => inside(tokenizer),
                ModelSource::Responses { recorded } => inside(&mut recorded.path),
                ModelSource::Hub { .. } | ModelSource::Endpoint { .. } => {}
            }
        }
        for (name, set) in &mut study.problem_sets {
            if let Some(path) = local.data.get(name) {
                set.source = ProblemSource::Path {
                    path: path.to_string_lossy().into_owned(),
                };
            } else if let ProblemSource::Path { path } = &mut set.source {
                inside(path);
            }
            if let Some(program) = &mut set.command {
                inside(&mut program.path);
            }
        }
        study
    }

    /// The problems of a set with their content: packed, or from this machine when they are what was packed.
    pub(crate) fn problems(&self, set: &str, local: &Local) -> Result<Vec<Problem>, PackError> {
        let packed = self
            .problems
            .get(set)
            .ok_or_else(|| PackError::Missing(format!("the problems of `{set}` are not in the pack")))?;
        if !self.manifest.withheld.contains_key(set) {
            return Ok(packed.clone());
        }
        self.as_here(set, packed, local)
    }

    /// As [`Opened::problems`], with what has to be there to draw again: pictures are never packed, only their hashes.
    pub(crate) fn problems_to_draw(&self, set: &str, local: &Local) -> Result<Vec<Problem>, PackError> {
        let problems = self.problems(set, local)?;
        let whole = |problem: &Problem| problem.pictures.iter().all(rlx_data::Picture::is_here);
        if problems.iter().all(whole) {
            return Ok(problems);
        }
        self.as_here(set, &problems, local)
    }

    /// These problems as they lie on this machine, when they are what was packed.
    fn as_here(&self, set: &str, packed: &[Problem], local: &Local) -> Result<Vec<Problem>, PackError> {
        let world = World::new(&self.here(local), local.place.clone());
        let found = world.problems(set).map_err(|error| {
            PackError::Missing(format!(
                "the content of `{set}` is not in the pack, and not on this machine: {error}"
            ))
        })?;
        let by_id: BTreeMap<&str, &Problem> = found
            .iter()
            .map(|problem| (problem.id.as_str(), problem))
            .collect();
        packed
            .iter()
            .map(|wanted| match by_id.get(wanted.id.as_str()) {
                Some(problem) if problem.hash == wanted.hash => Ok((*problem).clone()),
                Some(_) => Err(PackError::Missing(format!(
                    "problem `{}` of `{set}` on this machine is another one than was packed",
                    wanted.id
                ))),
                None => Err(PackError::Missing(format!(
                    "problem `{}` of `{set}` is not on this machine",
                    wanted.id
                ))),
            })
            .collect()
    }
}
