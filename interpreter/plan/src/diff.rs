//! What differs between a plan and the one that was run last.

use crate::{key::Key, plan::Plan};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The plan of the last run, as it is kept beside the results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Locked {
    pub study: String,
    pub encoding: String,
    pub steps: Vec<LockedStep>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockedStep {
    pub name: String,
    pub key: Key,
    pub meaning: Value,
}

/// One difference, by the step's name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    Added {
        step: String,
    },
    Removed {
        step: String,
    },
    /// `fields` are the dotted paths whose values differ, with the old and the new value.
    Changed {
        step: String,
        fields: Vec<(String, Value, Value)>,
    },
}

impl Locked {
    pub fn of(plan: &Plan) -> Locked {
        let steps = plan
            .steps
            .iter()
            .map(|step| LockedStep {
                name: step.name.clone(),
                key: step.key,
                meaning: step.meaning.clone(),
            })
            .collect();
        Locked {
            study: plan.study.clone(),
            encoding: plan.encoding.to_owned(),
            steps,
        }
    }
}

/// What `plan` changes against `locked`, in the order of the plan; removed steps come last.
pub fn diff(locked: &Locked, plan: &Plan) -> Vec<Change> {
    let mut changes = Vec::new();
    for step in &plan.steps {
        match locked.steps.iter().find(|old| old.name == step.name) {
            None => changes.push(Change::Added {
                step: step.name.clone(),
            }),
            Some(old) if old.key != step.key => {
                let mut fields = Vec::new();
                compare("", &old.meaning, &step.meaning, &mut fields);
                changes.push(Change::Changed {
                    step: step.name.clone(),
                    fields,
                });
            }
            Some(_) => {}
        }
    }
    for old in &locked.steps {
        if plan.step(&old.name).is_none() {
            changes.push(Change::Removed {
                step: old.name.clone(),
            });
        }
    }
    changes
}

fn compare(path: &str, old: &Value, new: &Value, fields: &mut Vec<(String, Value, Value)>) {
    if old == new {
        return;
    }
    if let (Value::Object(a), Value::Object(b)) = (old, new) {
        let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let inner = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            compare(
                &inner,
                a.get(name).unwrap_or(&Value::Null),
                b.get(name).unwrap_or(&Value::Null),
                fields,
            );
        }
        return;
    }
    fields.push((path.to_owned(), old.clone(), new.clone()));
}
