//! A benchmark of the standard library as the source of golds, for `rlx grade --benchmark`.

use crate::{failure::Failure, project};
use rlx_data::Problem;
use rlx_language::{Memory, Options, elaborate};
use std::{collections::BTreeMap, path::Path};

/// The problems of a benchmark with the judge that it asks for.
pub(crate) struct Golds {
    name: String,
    problems: BTreeMap<String, Problem>,
    /// The judge's word in the language.
    pub(crate) judge: String,
    /// What the assistant's turns begin with in the benchmark's prompt: responses go on from there.
    prefill: String,
}

impl Golds {
    /// Reads `std.benchmarks.NAME`, from `source` where one is given, else from the hub's cache.
    pub(crate) fn open(name: &str, source: Option<&Path>) -> Result<Self, Failure> {
        let bad = |message: String, help: &str| Failure::user("rlx::judge", message, Some(help.to_owned()));
        let known = "the benchmarks are those of `std.benchmarks`; `rlx doc std.benchmarks` lists them";
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(bad(format!("`{name}` is no benchmark's name"), known));
        }
        let source = source.map_or(String::new(), |path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            let path = path
                .display()
                .to_string()
                .replace('\\', "\\\\")
                .replace('"', "\\\"");
            format!("source = \"{path}\"")
        });
        let text = format!(
            "model m {{ source = \"./m\", vision = true }}\nbenchmark b = std.benchmarks.{name} {{ {source} }}\n\
             evaluate e {{ models = m, benchmark = b, samples = 1, sampling = {{ temperature = 1, max_tokens = 1 }} }}\n"
        );
        let sources = Memory(BTreeMap::from([("grade.rlx".to_owned(), text)]));
        let (mut study, _) = elaborate(&sources, "grade.rlx", &Options::default()).map_err(|errors| {
            let why = errors.first().map(|error| error.message.clone());
            bad(why.unwrap_or_default(), known)
        })?;
        let set = study
            .problem_sets
            .get_mut("b")
            .ok_or_else(|| bad(format!("there is no benchmark `{name}`"), known))?;
        // Responses are there already: nobody has to see the pictures.
        set.image.clear();
        let set = set.clone();
        let world = rlx_run::World::new(&study, project::place(true));
        let problems = world.problems("b")?;
        let judge = serde_json::to_value(set.judge)
            .ok()
            .and_then(|judge| judge.as_str().map(str::to_owned))
            .unwrap_or_default();
        Ok(Golds {
            name: name.to_owned(),
            problems: problems
                .iter()
                .map(|problem| (problem.id.clone(), problem.clone()))
                .collect(),
            judge,
            prefill: set.prompt.prefill.clone().unwrap_or_default(),
        })
    }

    /// The problem that a row names, by its id in the benchmark.
    pub(crate) fn problem(&self, row: &serde_json::Value, id: &str) -> Result<&Problem, Failure> {
        self.problems.get(id).ok_or_else(|| {
            let first = self.problems.keys().next().cloned().unwrap_or_default();
            Failure::user(
                "rlx::judge",
                format!("row {row}: `{}` has no problem `{id}`", self.name),
                Some(format!(
                    "`problem` is the id of a problem of the benchmark, such as `{first}`"
                )),
            )
        })
    }

    /// The whole turn of the assistant.
    pub(crate) fn turn(&self, response: &str) -> String {
        format!("{}{response}", self.prefill)
    }
}
