//! What goes into a pack.

use crate::{
    archive::{self, Content, Contents},
    content::{self, add_judges, add_problems},
    croissant, documents,
    error::PackError,
    manifest::{FORMAT, Listed, MANIFEST, Manifest},
    rocrate,
    spec::{Spec, standard_library_hash},
    statement,
};
use rlx_language::{ModelSource, Options, ProblemSource, Sources, Study};
use rlx_plan::{Action, Plan, Step, Surroundings};
use rlx_report::{ReportData, SpecSource};
use rlx_run::{Journal, Presented, StepState, World, present};
use rlx_store::{Store, file};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// A finished study on this machine.
pub struct Subject<'a> {
    /// The study's file as it was named.
    pub file: &'a Path,
    pub options: &'a Options,
    pub sources: &'a dyn Sources,
    pub study: &'a Study,
    pub plan: &'a Plan,
    /// What the plan was built with.
    pub around: &'a Surroundings,
    pub world: &'a World,
    pub place: &'a rlx_data::World,
    pub store: &'a Store,
    /// The study's folder of results.
    pub results: &'a Path,
    /// Version of rlx.
    pub version: &'a str,
    /// The day the results were made, `2026-01-31`: part of what is published.
    pub date: &'a str,
    /// Also the weights of kept checkpoints.
    pub weights: bool,
}

/// What was packed.
#[derive(Debug, Clone, Serialize)]
pub struct Packed {
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
    pub files: usize,
    /// Problem sets whose texts are left out, with the reason.
    pub withheld: BTreeMap<String, String>,
}

/// Writes `subject` as one file to `target`.
///
/// The same study, rows and version of rlx give the same bytes.
///
/// # Errors
/// An unfinished study, a spec that cannot be read under its packed names, or a file that cannot be read or written.
pub fn pack(subject: &Subject<'_>, target: &Path) -> Result<Packed, PackError> {
    finished(subject)?;
    let spec = Spec::gather(subject.sources, subject.file, subject.options)?;
    let mut around = rename(subject.study, &spec.study, subject.around);
    // The store holds labels of other studies, too.
    let own = |key: &String| subject.plan.steps.iter().any(|step| step.key.folder() == *key);
    around.labels.retain(|key, _| own(key));
    let plan = rlx_plan::build(&spec.study, &around)?;
    same_plan(subject.plan, &plan)?;

    let mut contents = Contents::new();
    for (path, text) in &spec.texts {
        contents.insert(path.clone(), Content::Bytes(text.clone().into_bytes()));
    }
    add_json(&mut contents, "study.json", &spec.study)?;
    add_json(&mut contents, "plan.json", &plan)?;
    add_json(&mut contents, "surroundings.json", &around)?;
    add_file(
        &mut contents,
        "lock.json",
        &subject.results.join("plan.lock.json"),
    );
    add_file(
        &mut contents,
        "journal.jsonl",
        &subject.results.join("journal.jsonl"),
    );

    add_judges(&mut contents, subject.study, &spec.study);
    let (problems, withheld) = content::problems(subject, &spec.study, &plan)?;
    add_problems(&mut contents, &spec.study, &problems, &withheld)?;
    let models = content::models(subject, &spec.study, &mut contents)?;
    add_json(&mut contents, "models.json", &models)?;
    add_rows(&mut contents, subject, &plan)?;

    // What is made of the rows is made anew from what is packed, so that whoever checks the pack can make the same.
    let world = World::given(&spec.study, problems);
    let data = add_results(&mut contents, subject, &spec, &plan, &world)?;

    let looks = rlx_run::looks(&plan, subject.store);
    let facts = documents::Facts {
        looks: &looks,
        spec: &spec,
        plan: &plan,
        data: &data,
        version: subject.version,
        date: subject.date,
        withheld: &withheld,
        models: &models,
    };
    documents::add(&mut contents, &facts);
    let listed = archive::list(&contents, Vec::new())?;
    croissant::add(&mut contents, &listed, &facts)?;
    let listed = archive::list(&contents, listed)?;
    let text = pretty(&statement::provenance(&facts, &listed))?;
    contents.insert("provenance.intoto.json".into(), Content::Bytes(text));
    let listed = archive::list(&contents, listed)?;
    let text = pretty(&rocrate::metadata(&facts, &listed))?;
    contents.insert(rocrate::NAME.into(), Content::Bytes(text));
    let manifest = Manifest {
        format: FORMAT.into(),
        rlx: subject.version.into(),
        study: spec.study.name.clone(),
        root: spec.root.clone(),
        profile: subject.options.profile.clone(),
        set: subject.options.set.clone(),
        seed: subject.options.seed,
        standard_library: standard_library_hash(),
        withheld: withheld.clone(),
        files: archive::list(&contents, listed)?,
    };
    add_json(&mut contents, MANIFEST, &manifest)?;
    let sha256 = archive::write(target, &contents)?;
    Ok(Packed {
        path: target.to_owned(),
        bytes: std::fs::metadata(target)
            .map_err(|error| PackError::io(target, error))?
            .len(),
        sha256,
        files: contents.len(),
        withheld,
    })
}

fn finished(subject: &Subject<'_>) -> Result<(), PackError> {
    let states = rlx_run::states(subject.plan, subject.store, subject.world, subject.results)?;
    let rows = |action: &Action| {
        matches!(
            action,
            Action::Train(_)
                | Action::Sample(_)
                | Action::Search(_)
                | Action::Judge { .. }
                | Action::Score { .. }
        )
    };
    let steps = || {
        subject
            .plan
            .steps
            .iter()
            .zip(&states)
            .filter(|(step, _)| rows(&step.action))
    };
    let mut missing = steps().filter(|(_, state)| **state != StepState::Done);
    match missing.next() {
        None => Ok(()),
        Some((first, _)) => Err(PackError::Unfinished {
            missing: missing.count() + 1,
            total: steps().count(),
            first: first.name.clone(),
        }),
    }
}

/// `around` under the paths that the packed study has.
fn rename(study: &Study, packed: &Study, around: &Surroundings) -> Surroundings {
    let mut renamed = around.clone();
    // What lies in the hub's cache, and pictures, have the same names there.
    renamed
        .pins
        .retain(|name, _| name.starts_with("hf:") || name.starts_with("pictures:"));
    let mut carry = |from: &str, to: &str| {
        if let Some(hash) = around.pins.get(from) {
            renamed.pins.insert(to.to_owned(), hash.clone());
        }
    };
    for (name, model) in &study.models {
        let Some(other) = packed.models.get(name) else {
            continue;
        };
        match (&model.source, &other.source) {
            (ModelSource::Path { path }, ModelSource::Path { path: to }) => carry(path, to),
            (ModelSource::Init { tokenizer, .. }, ModelSource::Init { tokenizer: to, .. }) => {
                carry(tokenizer, to);
            }
            (ModelSource::Responses { recorded }, ModelSource::Responses { recorded: to }) => {
                carry(&recorded.path, &to.path);
            }
            _ => {}
        }
    }
    for (name, set) in &study.problem_sets {
        if let Some(other) = packed.problem_sets.get(name)
            && let (ProblemSource::Path { path }, ProblemSource::Path { path: to }) =
                (&set.source, &other.source)
        {
            carry(path, to);
        }
        if let Some(other) = packed.problem_sets.get(name)
            && let (Some(program), Some(to)) = (&set.command, &other.command)
        {
            carry(&program.path, &to.path);
        }
    }
    renamed
}

fn same_plan(one: &Plan, other: &Plan) -> Result<(), PackError> {
    for (step, packed) in one.steps.iter().zip(&other.steps) {
        if step.name != packed.name || step.key != packed.key {
            return Err(PackError::OtherPlan(format!(
                "step `{}` has key {} here and {} in the pack",
                step.name,
                step.key.short(),
                packed.key.short()
            )));
        }
    }
    if one.steps.len() != other.steps.len() {
        return Err(PackError::OtherPlan(format!(
            "{} steps here, {} in the pack",
            one.steps.len(),
            other.steps.len()
        )));
    }
    Ok(())
}

/// A name as a file name: members of families have brackets in theirs.
pub(crate) fn safe(name: &str) -> String {
    let keep = |letter: char| {
        if letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.') {
            letter
        } else {
            '-'
        }
    };
    name.chars()
        .map(keep)
        .collect::<String>()
        .trim_matches('.')
        .to_owned()
}

/// Rows of every step and of every look of a search, and of every training what a reader wants: metrics, hashes of the
/// weights.
fn add_rows(contents: &mut Contents, subject: &Subject<'_>, plan: &Plan) -> Result<(), PackError> {
    let mut checkpoints = BTreeMap::new();
    let looks = rlx_run::looks(plan, subject.store)
        .into_iter()
        .flat_map(|(_, looks)| looks);
    let looks: Vec<Step> = looks.collect();
    for step in plan.steps.iter().chain(&looks) {
        let key = step.key.folder();
        let (kind, folder) = match &step.action {
            Action::Sample(_) => ("samples", subject.store.samples(&key).folder().to_owned()),
            Action::Judge { .. } => ("verdicts", subject.store.verdicts(&key).folder().to_owned()),
            Action::Score { .. } => ("scores", subject.store.scores(&key).folder().to_owned()),
            Action::Train(_) => ("training", subject.store.training(&key)),
            Action::Search(_) => ("searches", subject.store.search(&key)),
            _ => continue,
        };
        for path in file::list(&folder)?.into_iter().filter(|path| path.is_file()) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let text = [".json", ".jsonl", ".csv"].iter().any(|end| name.ends_with(end));
            if text && !name.ends_with(".tmp") {
                contents.insert(format!("store/{kind}/{key}/{name}"), Content::File(path));
            }
        }
        if kind == "samples" {
            for path in file::list(&subject.store.root().join("labels").join(&key))? {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                contents.insert(format!("store/labels/{key}/{name}"), Content::File(path));
            }
        }
        if kind == "training" {
            for checkpoint in file::list(&folder.join("checkpoints"))? {
                let number = checkpoint
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let files = content::model_files(&checkpoint)?;
                if subject.weights {
                    for (listed, path) in &files {
                        let at = format!("store/training/{key}/checkpoints/{number}/{}", listed.path);
                        contents.insert(at, Content::File(path.clone()));
                    }
                }
                let listed: Vec<Listed> = files.into_iter().map(|(listed, _)| listed).collect();
                checkpoints.insert(format!("{} {number}", step.name), listed);
            }
        }
    }
    add_json(contents, "checkpoints.json", &checkpoints)
}

fn add_results(
    contents: &mut Contents,
    subject: &Subject<'_>,
    spec: &Spec,
    plan: &Plan,
    world: &World,
) -> Result<ReportData, PackError> {
    let folder = tempfile::tempdir().map_err(|error| PackError::io(Path::new("temporary folder"), error))?;
    let times = subject.results.join("times.json");
    if times.is_file() {
        let text = file::read(&times)?;
        file::write(&folder.path().join("times.json"), &text)?;
    }
    let data = results(spec, plan, subject.store, world, subject.version, folder.path())?;
    for (path, bytes) in files_below(folder.path())? {
        contents.insert(format!("results/{path}"), Content::Bytes(bytes));
    }
    Ok(data)
}

/// Figures, tables, verdicts and the page, made from packed rows in `folder`.
pub(crate) fn results(
    spec: &Spec,
    plan: &Plan,
    store: &Store,
    world: &World,
    version: &str,
    folder: &Path,
) -> Result<ReportData, PackError> {
    let presented = Presented {
        study: &spec.study,
        plan,
        store,
        world,
        source: SpecSource {
            file: spec.root.clone(),
            text: spec.text().to_owned(),
        },
        journal: &Journal {
            steps: Vec::new(),
            wall: Duration::ZERO,
        },
        device: None,
        version,
    };
    let data = present(&presented, folder)?;
    file::write(&folder.join("report.json"), &pretty(&data)?)?;
    Ok(data)
}

/// Every file below a folder, by its path with `/`, sorted.
pub(crate) fn files_below(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, PackError> {
    let mut files = BTreeMap::new();
    let mut open = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        for path in file::list(&folder)? {
            let name = format!(
                "{prefix}{}",
                path.file_name().unwrap_or_default().to_string_lossy()
            );
            if path.is_dir() {
                open.push((path, format!("{name}/")));
            } else {
                files.insert(name, file::read(&path)?);
            }
        }
    }
    Ok(files)
}

pub(crate) fn pretty(value: &impl Serialize) -> Result<Vec<u8>, PackError> {
    let encode = |error: serde_json::Error| rlx_store::StoreError::Encode(error.to_string());
    let mut text = serde_json::to_vec_pretty(value).map_err(encode)?;
    text.push(b'\n');
    Ok(text)
}

fn add_json(contents: &mut Contents, path: &str, value: &impl Serialize) -> Result<(), PackError> {
    contents.insert(path.to_owned(), Content::Bytes(pretty(value)?));
    Ok(())
}

pub(crate) fn add_lines(
    contents: &mut Contents,
    path: &str,
    rows: &[impl Serialize],
) -> Result<(), PackError> {
    let mut text = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut text, row)
            .map_err(|error| rlx_store::StoreError::Encode(error.to_string()))?;
        text.push(b'\n');
    }
    contents.insert(path.to_owned(), Content::Bytes(text));
    Ok(())
}

pub(crate) fn add_file(contents: &mut Contents, path: &str, from: &Path) {
    if from.is_file() {
        contents.insert(path.to_owned(), Content::File(from.to_owned()));
    }
}
