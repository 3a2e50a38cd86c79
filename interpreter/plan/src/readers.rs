//! Which steps read a value of the study.

use crate::plan::{Action, Plan, Step};
use rlx_language::{ModelRef, Query, Study};

/// The names of the steps that read the value at `path` (`rl.batch`, `n`), in the order of the plan. A name of a value
/// is read by whatever reads the fields behind which it stands.
pub fn readers<'p>(study: &Study, plan: &'p Plan, path: &str) -> Vec<&'p str> {
    let mut paths = vec![path];
    paths.extend(
        study
            .origins
            .iter()
            .filter(|(_, leaf)| leaf.through.iter().any(|through| through.name == path))
            .map(|(name, _)| name.as_str()),
    );
    plan.steps
        .iter()
        .filter(|step| {
            let owners = owners(study, plan, step);
            paths
                .iter()
                .any(|path| owners.iter().any(|owner| *path == owner || is_below(path, owner)))
        })
        .map(|step| step.name.as_str())
        .collect()
}

fn is_below(path: &str, owner: &str) -> bool {
    path.strip_prefix(owner).is_some_and(|rest| rest.starts_with('.'))
}

/// The value of the study behind a field of a step's meaning (`recipe.batch` of `train rl` is `rl.batch`).
pub fn value_of<'s>(study: &'s Study, plan: &Plan, step: &Step, field: &str) -> Option<&'s str> {
    let owners = owners(study, plan, step);
    let parts: Vec<&str> = field.split('.').collect();
    for start in 0..parts.len() {
        let tail = parts[start..].join(".");
        for owner in &owners {
            for path in [
                format!("{owner}.{tail}"),
                format!("{owner}.algorithm.{tail}"),
                format!("{owner}.source.{tail}"),
            ] {
                if let Some((name, _)) = study.origins.get_key_value(&path) {
                    return Some(name);
                }
            }
            let last = owner.rsplit('.').next();
            if last == Some(tail.as_str())
                && let Some((name, _)) = study.origins.get_key_value(owner)
            {
                return Some(name);
            }
        }
    }
    None
}

/// The fields of a problem set that drawing reads.
const DRAWN: [&str; 11] = [
    "source", "config", "split", "problem", "image", "id", "prompt", "limit", "skip", "size", "exclude",
];

/// The declarations and fields that a step reads; all that is below one of them counts.
fn owners(study: &Study, plan: &Plan, step: &Step) -> Vec<String> {
    let mut owners = Vec::new();
    let model = |reference: &ModelRef, owners: &mut Vec<String>| {
        if let ModelRef::Model { name } = reference {
            owners.push(name.clone());
        }
    };
    match &step.action {
        Action::FetchModel { model } => owners.push(model.name.clone()),
        Action::FetchProblems { set } => owners.push(set.name.clone()),
        Action::Train(train) => {
            owners.push(train.training.name.clone());
            owners.push(train.training.data.clone());
            owners.extend(algorithms(study, &train.training.name));
            model(&train.start.reference, &mut owners);
        }
        Action::Sample(draw) => {
            let by = asker(study, &step.name, "sample ");
            let fields: &[&str] = match by {
                Some(Asker::Training(_)) => &["teacher", "sampling", "samples", "prompts", "seed", "data"],
                _ => &["models", "sampling", "samples", "seed", "benchmark"],
            };
            if let Some(Asker::Training(name) | Asker::Evaluation(name)) = by {
                owners.extend(fields.iter().map(|field| format!("{name}.{field}")));
            }
            // The judge and the answers come later.
            for field in DRAWN {
                owners.push(format!("{}.{field}", draw.set));
            }
            model(&draw.model.reference, &mut owners);
        }
        Action::Search(step) => {
            owners.push(step.search.name.clone());
            for field in DRAWN {
                owners.push(format!("{}.{field}", step.draw.set));
            }
            model(&step.draw.model.reference, &mut owners);
        }
        Action::Judge { samples, set, .. } => {
            for field in ["judge", "answer", "precision", "program", "time", "memory"] {
                owners.push(format!("{set}.{field}"));
            }
            if let Some(samples) = plan.steps.get(*samples)
                && let Some(Asker::Training(name) | Asker::Evaluation(name)) =
                    asker(study, &samples.name, "sample ")
            {
                owners.push(format!("{name}.samples"));
                owners.push(format!("{name}.filter"));
            }
        }
        Action::Score { samples, under } => {
            model(&under.reference, &mut owners);
            if let Some(samples) = plan.steps.get(*samples)
                && let Some(Asker::Evaluation(name)) = asker(study, &samples.name, "sample ")
            {
                owners.push(format!("{name}.samples"));
            }
        }
        Action::Analyse { output, evaluation } => {
            owners.push(output.name.clone());
            if let Some(evaluation) = evaluation {
                owners.push(format!("{evaluation}.samples"));
            }
            if let Query::PassAtK { more, .. } = &output.query {
                owners.extend(more.iter().map(|asked| format!("{}.samples", asked.evaluation)));
            }
        }
        Action::Report => owners.extend(study.claims.keys().cloned()),
    }
    owners
}

/// Algorithms that a training names as they are declared.
fn algorithms<'s>(study: &'s Study, training: &str) -> impl Iterator<Item = String> + 's {
    let named = study
        .origins
        .get(&format!("{training}.algorithm"))
        .map(|leaf| leaf.value.clone())
        .unwrap_or_default();
    let starts = move |name: &&String| {
        named
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '{']))
    };
    study.algorithms.keys().filter(starts).cloned()
}

#[derive(Clone, Copy)]
enum Asker<'s> {
    Training(&'s str),
    Evaluation(&'s str),
}

/// Who asked for the responses of a step: the longest name that its own begins with.
fn asker<'s>(study: &'s Study, step: &str, word: &str) -> Option<Asker<'s>> {
    let rest = step.strip_prefix(word)?;
    let begins = |name: &&String| {
        rest.strip_prefix(name.as_str())
            .is_some_and(|rest| rest.starts_with(' '))
    };
    let evaluation = study
        .evaluations
        .keys()
        .filter(begins)
        .max_by_key(|name| name.len());
    let training = study
        .trainings
        .keys()
        .filter(begins)
        .max_by_key(|name| name.len());
    match (evaluation, training) {
        (Some(evaluation), Some(training)) if training.len() > evaluation.len() => {
            Some(Asker::Training(training))
        }
        (Some(evaluation), _) => Some(Asker::Evaluation(evaluation)),
        (None, Some(training)) => Some(Asker::Training(training)),
        (None, None) => None,
    }
}
