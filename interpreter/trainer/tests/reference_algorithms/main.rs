//! Every formula against the numbers of the reference libraries, in f64 and in f32.
//! Tolerances are those of the vectors' README.
#![allow(clippy::unwrap_used)] // helpers of tests, whose failure is a panic

mod case;
mod dapo;
mod distillation;
mod openrlhf;
#[path = "../support/mod.rs"]
mod support;
mod trl;
mod verl;

use std::collections::BTreeMap;

use case::{Case, Outcome};
use serde_json::Value;
use tch::Kind;

impl Case<'_> {
    /// The outcome of our implementation, `None` where the formula is not known.
    fn run(&self) -> Option<Outcome> {
        let formula = self.text("formula");
        match formula.split('.').next() {
            Some("trl") => self.trl(),
            Some("openrlhf") => self.openrlhf(),
            Some("distill") => self.distill(),
            _ if formula == "dapo.dynamic_sampling" => Some(self.dynamic_sampling()),
            _ if formula == "rollout_correction" => Some(self.rollout_correction()),
            _ => self.verl(),
        }
    }
}

fn hold_against_reference(kind: Kind) {
    let folder = support::reference("rl");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no vectors in {}", folder.display());
    let (mut held, mut skipped, mut bad) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let content: Value = serde_json::from_str(&text).unwrap();
        for value in content["cases"].as_array().expect("cases") {
            let case = Case { value, kind };
            let formula = case.text("formula").to_owned();
            match case.run() {
                Some(outcome) => {
                    case.compare(&outcome, &mut bad);
                    *held.entry(formula).or_insert(0) += 1;
                }
                None => *skipped.entry(formula).or_insert(0) += 1,
            }
        }
    }
    eprintln!("{kind:?}: held {held:?}");
    assert!(
        skipped.is_empty(),
        "formulas without an implementation: {skipped:?}"
    );
    assert!(bad.is_empty(), "{} differences:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn reference_vectors_hold_in_f64() {
    hold_against_reference(Kind::Double);
}

#[test]
fn reference_vectors_hold_in_f32() {
    hold_against_reference(Kind::Float);
}
