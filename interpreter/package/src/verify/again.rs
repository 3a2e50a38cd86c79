//! Level 4: everything trained, drawn and judged again.

use super::{Findings, Local, Opened};
use crate::{error::PackError, gather::results};
use rlx_language::ModelRef;
use rlx_plan::{Action, Step};
use rlx_report::ReportData;
use rlx_run::{Backend, Listener, World, execute};
use rlx_store::{Row, Store, file};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// Runs the packed study in a store of its own below `work` and compares rows and verdicts of claims.
///
/// Interrupted, the same call with the same folder goes on where it was.
///
/// # Errors
/// A model or a data set that is neither packed nor here, or a run that fails.
pub fn again(
    opened: &Opened,
    local: &Local,
    work: &Path,
    version: &str,
    backend: &mut dyn Backend,
    listener: &mut dyn Listener,
) -> Result<Findings, PackError> {
    let mut found = Findings::default();
    let here = opened.here(local);
    let world = World::new(&here, local.place.clone());
    let store = Store::open(&work.join("store"))?;
    let folder = work.join("results");
    let packed = opened.store();
    let heard = |step: &Step| match &step.action {
        Action::Sample(draw) => match &draw.model.reference {
            ModelRef::Model { name } => here
                .models
                .get(name)
                .is_some_and(|model| !model.source.has_weights()),
            ModelRef::Checkpoint { .. } => false,
        },
        _ => false,
    };
    for step in opened.plan.steps.iter().filter(|step| heard(step)) {
        // Nobody can draw them again; what was learnt from them can be learnt again.
        let key = step.key.folder();
        let (from, to) = (packed.samples(&key), store.samples(&key));
        file::create_folder(to.folder())?;
        for path in file::list(from.folder())? {
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                file::write(&to.folder().join(name), &file::read(&path)?)?;
            }
        }
        for row in packed.labels().of(&key)?.into_values() {
            store.labels().say(&key, &row)?;
        }
        found.notes.push(format!(
            "{}: the packed responses were taken; they were not drawn by rlx",
            step.name
        ));
    }
    execute(&here, &opened.plan, &store, &world, &folder, backend, listener)?;
    let looks = rlx_run::looks(&opened.plan, &packed);
    let looks = looks.iter().flat_map(|(_, looks)| looks);
    for step in opened.plan.steps.iter().chain(looks) {
        if !matches!(step.action, Action::Sample(_)) || heard(step) {
            continue;
        }
        let key = step.key.folder();
        let now: BTreeMap<(String, u64), Vec<u32>> = store
            .samples(&key)
            .read()?
            .into_iter()
            .map(|row| ((row.problem.clone(), row.sample), row.tokens))
            .collect();
        let then = packed.samples(&key).read()?;
        let drawn = then
            .iter()
            .filter(|row| now.contains_key(&(row.problem().to_owned(), row.sample())))
            .count();
        let same = then
            .iter()
            .filter(|row| now.get(&(row.problem().to_owned(), row.sample())) == Some(&row.tokens))
            .count();
        let said = format!(
            "{}: {same} of {drawn} responses are token by token the same",
            step.name
        );
        if same == drawn {
            found.passed.push(said);
        } else {
            found.notes.push(said);
        }
        // Nobody reads again what was drawn again: labels hold of the responses they were given to.
        let (mut kept, mut gone) = (0, 0);
        let text: BTreeMap<(&str, u64), &Vec<u32>> = then
            .iter()
            .map(|row| ((row.problem(), row.sample()), &row.tokens))
            .collect();
        let (labels, own) = (packed.labels(), store.labels());
        for ((_, problem, sample), row) in labels.of(&key)? {
            let read = text.get(&(problem.as_str(), sample)).copied();
            if read.is_some() && read == now.get(&(problem, sample)) {
                own.say(&key, &row)?;
                kept += 1;
            } else {
                gone += 1;
            }
        }
        if gone > 0 {
            found.notes.push(format!(
                "{}: {gone} of {} labels were given to responses that came out otherwise now, and do not count",
                step.name,
                kept + gone
            ));
        }
    }
    let made = results(&opened.spec, &opened.plan, &store, &world, version, &folder)?;
    let text = rlx_store::file::read(&opened.folder.path().join("results/report.json"))?;
    let before: ReportData = serde_json::from_slice(&text)
        .map_err(|error| PackError::Spec(format!("results/report.json: {error}")))?;
    for claim in &before.claims {
        let Some(now) = made.claims.iter().find(|now| now.name == claim.name) else {
            found.fault(format!("claim {}", claim.name), "it was not evaluated again");
            continue;
        };
        let (then, now) = (word(&claim.verdict), word(&now.verdict));
        if then == now {
            found.passed.push(format!("claim {}: {now} again", claim.name));
        } else if [&then, &now].iter().any(|verdict| *verdict == "inconclusive") {
            found
                .notes
                .push(format!("claim {}: {then} in the pack, {now} now", claim.name));
        } else {
            found.fault(
                format!("claim {}", claim.name),
                format!("{then} in the pack, {now} now"),
            );
        }
    }
    Ok(found)
}

/// A verdict as the report spells it.
fn word(verdict: &impl Serialize) -> String {
    let value = serde_json::to_value(verdict).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
