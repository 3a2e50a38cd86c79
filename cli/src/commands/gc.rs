//! `rlx gc`: prune the store.

use crate::{
    args::{GcArgs, PlaceArgs, StudyArgs},
    failure::Failure,
    project::Project,
};
use rlx_store::Store;
use std::{collections::BTreeSet, path::Path, process::ExitCode};

pub(crate) fn run(args: &GcArgs) -> Result<ExitCode, Failure> {
    let mut needed = BTreeSet::new();
    for file in &args.files {
        let study = StudyArgs {
            file: file.clone(),
            profile: None,
            set: Vec::new(),
            seed: None,
        };
        let place = PlaceArgs {
            store: args.store.clone(),
            results: "results".into(),
            offline: true,
        };
        let project = Project::open(&study, &place)?;
        needed.extend(project.plan.steps.iter().map(|step| step.key.folder()));
        // What a search drew at each temperature lies under keys of its own.
        let looks = rlx_run::looks(&project.plan, &Store::read_only(&args.store));
        let looks = looks.iter().flat_map(|(_, looks)| looks);
        needed.extend(looks.map(|step| step.key.folder()));
    }
    let store = if args.dry_run {
        Store::read_only(&args.store)
    } else {
        Store::open(&args.store)?
    };
    let (mut folders, mut bytes) = (0, 0);
    for (kind, key, path) in store.folders()? {
        if needed.contains(&key) {
            continue;
        }
        let size = size(&path);
        println!(
            "{} {kind}/{key} ({size} bytes)",
            if args.dry_run { "would remove" } else { "removed" }
        );
        if !args.dry_run {
            store.remove(&path)?;
        }
        folders += 1;
        bytes += size;
    }
    println!("{folders} folders, {bytes} bytes");
    Ok(ExitCode::SUCCESS)
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
