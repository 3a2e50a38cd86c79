//! What others made and a study reads: problems, the programs that judge them, models. Their content goes into a pack where
//! its licence allows to pass it on; else its hashes do.

use crate::{
    archive::{self, Content, Contents},
    error::PackError,
    gather::{Subject, add_file, add_lines, safe},
    manifest::Listed,
};
use rlx_data::{Problem, RenderedPrompt};
use rlx_language::{ModelSource, ProblemSet, ProblemSource, Study};
use rlx_plan::{Action, Plan};
use rlx_store::file;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Licences that allow to pass content on.
const OPEN: [&str; 14] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "0BSD",
    "Unlicense",
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-3.0",
    "ODC-By-1.0",
    "PDDL-1.0",
];

/// Models up to this size are packed where their licence allows it.
const LARGEST_MODEL: u64 = 256 << 20;

/// Problems by set.
pub(crate) type Problems = BTreeMap<String, Vec<Problem>>;

/// The problems that were drawn for; without their content where their licence does not allow to pass it on.
pub(crate) fn problems(
    subject: &Subject<'_>,
    packed: &Study,
    plan: &Plan,
) -> Result<(Problems, BTreeMap<String, String>), PackError> {
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    for step in &plan.steps {
        let draw = match &step.action {
            Action::Sample(draw) => Some(draw),
            Action::Search(search) => Some(&search.draw),
            _ => None,
        };
        if let Some(draw) = draw {
            let most = wanted.entry(&draw.set).or_default();
            *most = draw.limit.unwrap_or(u64::MAX).max(*most);
        }
    }
    let mut problems = Problems::new();
    let mut withheld = BTreeMap::new();
    for (name, most) in wanted {
        let all = subject.world.problems(name)?;
        let mut chosen = all[..all.len().min(usize::try_from(most).unwrap_or(usize::MAX))].to_vec();
        if let Some(reason) = packed.problem_sets.get(name).and_then(closed) {
            for problem in &mut chosen {
                problem.text = format!("(withheld: {reason})");
                problem.answer = None;
                problem.response = None;
            }
            withheld.insert(name.to_owned(), reason);
        }
        problems.insert(name.to_owned(), chosen);
    }
    Ok((problems, withheld))
}

/// The programs that judge, under the names that the packed study has for them. One that lies outside of the study's folders
/// stays where it is, and its verdicts can only be given again with it.
pub(crate) fn add_judges(contents: &mut Contents, study: &Study, packed: &Study) {
    for (name, set) in &study.problem_sets {
        let other = packed.problem_sets.get(name).and_then(|set| set.command.as_ref());
        if let (Some(own), Some(other)) = (&set.command, other) {
            let plain = Path::new(&other.path)
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            if plain {
                add_file(contents, &other.path, Path::new(&own.path));
            }
        }
    }
}

/// Why a set's content may not be passed on; None where it may.
fn closed(set: &ProblemSet) -> Option<String> {
    match (&set.source, &set.licence) {
        // A task's problems are made by rlx itself.
        (ProblemSource::Task { .. }, _) => None,
        (_, Some(licence)) if open(licence) => None,
        (_, Some(licence)) => Some(format!("its licence is {licence}")),
        (_, None) => Some("the study states no licence for it".into()),
    }
}

fn open(licence: &str) -> bool {
    OPEN.iter().any(|open| open.eq_ignore_ascii_case(licence))
}

pub(crate) fn add_problems(
    contents: &mut Contents,
    study: &Study,
    problems: &Problems,
    withheld: &BTreeMap<String, String>,
) -> Result<(), PackError> {
    for (name, rows) in problems {
        add_lines(contents, &format!("problems/{}.jsonl", safe(name)), rows)?;
        let Some(set) = study
            .problem_sets
            .get(name)
            .filter(|_| !withheld.contains_key(name))
        else {
            continue;
        };
        let mut prompts = Vec::new();
        for problem in rows {
            prompts.push(match rlx_data::render(&set.prompt, problem)? {
                RenderedPrompt::Text(text) => json!({ "id": problem.id, "prompt": text }),
                RenderedPrompt::Chat {
                    system,
                    examples,
                    user,
                    prefill,
                } => {
                    let mut line = json!({ "id": problem.id, "system": system, "user": user });
                    if let Some(prefill) = prefill {
                        line["prefill"] = json!(prefill);
                    }
                    if !examples.is_empty() {
                        line["examples"] = json!(examples);
                    }
                    line
                }
                prompt @ RenderedPrompt::Shown { .. } => {
                    let pictures: Vec<_> = prompt.pictures().into_iter().collect();
                    let mut line = json!({ "id": problem.id, "user": prompt.said(), "pictures": pictures });
                    if let RenderedPrompt::Shown {
                        system,
                        examples,
                        prefill,
                        ..
                    } = &prompt
                    {
                        if !examples.is_empty() {
                            line["examples"] = json!(examples);
                        }
                        line["system"] = json!(system);
                        if let Some(prefill) = prefill {
                            line["prefill"] = json!(prefill);
                        }
                    }
                    line
                }
            });
        }
        add_lines(contents, &format!("prompts/{}.jsonl", safe(name)), &prompts)?;
    }
    Ok(())
}

/// Every model that the study starts from, with the hash of each of its files; the files themselves where that may be.
pub(crate) fn models(
    subject: &Subject<'_>,
    packed: &Study,
    contents: &mut Contents,
) -> Result<BTreeMap<String, Value>, PackError> {
    let mut found = BTreeMap::new();
    for (name, model) in &subject.study.models {
        let Some(other) = packed.models.get(name) else {
            continue;
        };
        let place = match &model.source {
            ModelSource::Init { tokenizer, .. } => Some(PathBuf::from(tokenizer)),
            _ => rlx_data::locate_model(model, subject.place).ok(),
        };
        let target = match &other.source {
            ModelSource::Init { tokenizer, .. } => Some(tokenizer.clone()),
            ModelSource::Path { path } => Some(path.clone()),
            ModelSource::Responses { recorded } => Some(recorded.path.clone()),
            ModelSource::Hub { .. } | ModelSource::Endpoint { .. } => None,
        };
        let files = place.as_deref().map(model_files).transpose()?.unwrap_or_default();
        let bytes: u64 = files.iter().map(|(listed, _)| listed.bytes).sum();
        let may = model.licence.as_deref().is_some_and(open) && bytes <= LARGEST_MODEL;
        let inside = target.filter(|target| may && target.starts_with("spec/"));
        if let Some(target) = &inside {
            for (listed, path) in &files {
                let at = match listed.path.as_str() {
                    "" => target.clone(),
                    inner => format!("{target}/{inner}"),
                };
                contents.insert(at, Content::File(path.clone()));
            }
        }
        let listed: Vec<&Listed> = files.iter().map(|(listed, _)| listed).collect();
        found.insert(
            name.clone(),
            json!({
                "source": other.source.described(), "licence": model.licence, "packed": inside.is_some(), "bytes": bytes,
                "files": listed,
            }),
        );
    }
    Ok(found)
}

/// The files of a model folder (one level: that is what Hugging Face's layout has) or of a single file.
pub(crate) fn model_files(place: &Path) -> Result<Vec<(Listed, PathBuf)>, PackError> {
    let paths: Vec<PathBuf> = if place.is_dir() {
        file::list(place)?
            .into_iter()
            .filter(|path| path.is_file())
            .collect()
    } else {
        vec![place.to_owned()]
    };
    let mut files = Vec::new();
    for path in paths {
        let name = if place.is_dir() {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        } else {
            String::new()
        };
        let one = Contents::from([(name, Content::File(path.clone()))]);
        files.extend(
            archive::list(&one, Vec::new())?
                .into_iter()
                .map(|listed| (listed, path.clone())),
        );
    }
    Ok(files)
}
