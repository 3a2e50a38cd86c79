//! What was set, and what it ran on, as names and values.

use super::SettingDiff;
use crate::data::{ReportChange, ReportData};
use crate::number::setting;

/// Every setting of a study that a reader would compare, in the order of the page.
fn settings(data: &ReportData) -> Vec<(String, String)> {
    let mut all = vec![("seed".to_owned(), data.seed.to_string())];
    if let Some(profile) = &data.profile {
        all.push(("profile".to_owned(), profile.name.clone()));
        all.extend(changes("profile", &profile.changes));
    }
    all.extend(changes("set", &data.overrides));
    for evaluation in &data.evaluations {
        let name = &evaluation.name;
        for (what, value) in [
            ("benchmark", evaluation.benchmark.clone()),
            ("problems", evaluation.problems.to_string()),
            ("samples", evaluation.samples.to_string()),
            ("temperature", crate::words::temperature(evaluation)),
            ("top_p", setting(evaluation.top_p)),
            ("max_tokens", evaluation.max_tokens.to_string()),
        ] {
            all.push((format!("evaluation {name}: {what}"), value));
        }
    }
    for set in &data.data {
        all.push((format!("data {}: problems", set.name), set.problems.to_string()));
        all.push((format!("data {}: hash", set.name), set.hash.clone()));
    }
    for model in &data.models {
        all.push((format!("model {}: source", model.label), model.source.clone()));
        all.push((format!("model {}: key", model.label), model.key.clone()));
    }
    for (what, seed) in &data.seeds {
        all.push((format!("seed of {what}"), seed.to_string()));
    }
    all.push(("device".to_owned(), data.machine.device.clone()));
    all.push(("precision".to_owned(), data.machine.precision.clone()));
    for (name, version) in &data.versions {
        all.push((format!("version of {name}"), version.clone()));
    }
    all
}

fn changes(kind: &str, changes: &[ReportChange]) -> Vec<(String, String)> {
    changes
        .iter()
        .map(|change| (format!("{kind} {}", change.path), change.to.clone()))
        .collect()
}

pub(super) fn compare(left: &ReportData, right: &ReportData) -> Vec<SettingDiff> {
    let (left, right) = (settings(left), settings(right));
    let find = |all: &[(String, String)], name: &str| {
        all.iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    let mut names: Vec<&String> = left.iter().map(|(name, _)| name).collect();
    for (name, _) in &right {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| SettingDiff {
            name: name.clone(),
            left: find(&left, name),
            right: find(&right, name),
        })
        .filter(|setting| setting.left != setting.right)
        .collect()
}
