//! The steps of every file in experiments/, with each of its profiles, as they stand in tests/plans: a change of the
//! language or the plan that changes what a study does shows there. `RLX_BLESS=1` writes them anew.
#![allow(clippy::unwrap_used)] // a test may panic

use rlx_grammar::ast::ItemKind;
use rlx_language::{Options, Sources, elaborate};
use rlx_plan::{Action, Surroundings, build};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

struct Files(PathBuf);

impl Sources for Files {
    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(name)).ok()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A step's name with the names of what it reads, then what it means: every value that its key is made of.
fn steps(name: &str, profile: Option<&str>) -> String {
    let options = Options {
        profile: profile.map(str::to_owned),
        ..Options::default()
    };
    let (study, _) =
        elaborate(&Files(root()), name, &options).unwrap_or_else(|all| panic!("{name}: {all:?}"));
    let plan = build(&study, &Surroundings::default()).unwrap();
    let mut out = match profile {
        Some(profile) => format!("# profile {profile}\n"),
        None => "# as written\n".to_owned(),
    };
    for step in &plan.steps {
        let inputs: Vec<&str> = step
            .inputs
            .iter()
            .map(|id| plan.steps[*id].name.as_str())
            .collect();
        out.push_str(&step.name);
        if matches!(step.action, Action::Report) {
            out.push_str(" <- everything");
        } else if !inputs.is_empty() {
            out.push_str(&format!(" <- {}", inputs.join(", ")));
        }
        out.push('\n');
        let keys: BTreeMap<String, &str> = plan
            .steps
            .iter()
            .map(|step| (step.key.to_string(), step.name.as_str()))
            .collect();
        let meaning = serde_json::to_value(&step.meaning).unwrap();
        out.push_str(&format!("    {}\n", told(&meaning, &keys)));
    }
    out
}

/// A value without what is not said, and with names in the place of keys.
fn told(value: &Value, keys: &BTreeMap<String, &str>) -> String {
    match value {
        Value::String(text) if keys.contains_key(text) => format!("<{}>", keys[text]),
        Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            "<key>".to_owned()
        }
        // Published curves are held where they are data; here they would hide the rest.
        Value::Array(all) if all.len() > 8 => format!(
            "[{}, …, {}] ({} values)",
            told(&all[0], keys),
            told(&all[all.len() - 1], keys),
            all.len()
        ),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(|value| told(value, keys)).collect();
            format!("[{}]", all.join(", "))
        }
        Value::Object(all) => {
            let said = all.iter().filter(|(_, value)| !value.is_null());
            let said: Vec<String> = said
                .map(|(name, value)| format!("{name}: {}", told(value, keys)))
                .collect();
            format!("{{{}}}", said.join(", "))
        }
        value => value.to_string(),
    }
}

#[test]
fn plans_of_the_experiments_are_as_written_down() {
    let mut seen = 0;
    let mut files: Vec<PathBuf> = ["experiments", "experiments/paper"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rlx"))
        .map(|path| path.strip_prefix(root().join("experiments")).unwrap().to_owned())
        .collect();
    files.sort();
    for path in files {
        let stem = path.with_extension("").to_string_lossy().into_owned();
        let name = format!("experiments/{stem}.rlx");
        let text = std::fs::read_to_string(root().join(&name)).unwrap();
        let mut found = steps(&name, None);
        for item in rlx_grammar::parse(&text).file.items {
            if let ItemKind::Profile(profile) = item.kind {
                found.push_str(&steps(&name, Some(&profile.name.node)));
            }
        }
        let golden = root().join(format!("tests/plans/{stem}.txt"));
        if std::env::var_os("RLX_BLESS").is_some() {
            std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
            std::fs::write(&golden, &found).unwrap();
        }
        let known = std::fs::read_to_string(&golden)
            .unwrap_or_else(|_| panic!("{stem} has no plan in tests/plans: RLX_BLESS=1 writes it"));
        // The whole plans would be pages.
        let other = known
            .lines()
            .zip(found.lines())
            .find(|(known, found)| known != found);
        assert!(
            known == found,
            "the plan of {name} changed: RLX_BLESS=1 writes it anew; first at {other:?}"
        );
        seen += 1;
    }
    assert!(seen >= 3, "only {seen} experiments were found");
}
