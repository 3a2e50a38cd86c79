//! The steps of every file in experiments/, with each of its profiles, as they stand in tests/plans: a change of the
//! language or the plan that changes what a study does shows there. `RLX_BLESS=1` writes them anew.
#![allow(clippy::unwrap_used)] // a test may panic

use rlx_grammar::ast::ItemKind;
use rlx_language::{Options, Sources, elaborate};
use rlx_plan::{Action, Surroundings, build};
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

/// A line a step: its name, and the names of what it reads.
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
    }
    out
}

#[test]
fn plans_of_the_experiments_are_as_written_down() {
    let mut seen = 0;
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("experiments"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rlx"))
        .collect();
    files.sort();
    for path in files {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let name = format!("experiments/{stem}.rlx");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut found = steps(&name, None);
        for item in rlx_grammar::parse(&text).file.items {
            if let ItemKind::Profile(profile) = item.kind {
                found.push_str(&steps(&name, Some(&profile.name.node)));
            }
        }
        let golden = root().join(format!("tests/plans/{stem}.txt"));
        if std::env::var_os("RLX_BLESS").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let known = std::fs::read_to_string(&golden)
            .unwrap_or_else(|_| panic!("{stem} has no plan in tests/plans: RLX_BLESS=1 writes it"));
        assert_eq!(
            known, found,
            "the plan of {name} changed: RLX_BLESS=1 writes it anew"
        );
        seen += 1;
    }
    assert!(seen >= 3, "only {seen} experiments were found");
}
