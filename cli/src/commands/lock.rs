//! `rlx lock`: what a study stands on, by content.

use crate::{args::LockArgs, failure::Failure, project::Project};
use rlx_run::study_lock;
use std::process::ExitCode;

pub(crate) fn run(args: &LockArgs) -> Result<ExitCode, Failure> {
    let project = Project::open(&args.study, &args.place)?;
    let path = study_lock::path(&project.file);
    let drift = project.drift();
    let now = &project.stands_on;
    if args.check {
        return Ok(check(&project, &path.display().to_string()));
    }
    if !args.update {
        project.check_lock()?;
    }
    let known = now.models.len() + now.problems.len();
    let new = project.merged(now.clone());
    if project.locked.as_ref() != Some(&new) {
        new.write(&project.file)?;
    }
    for drift in &drift {
        println!("  {drift}");
    }
    println!("{}: {known} models and data sets are pinned", path.display());
    if !project.missing.is_empty() {
        println!(
            "not on this machine, and pinned once it is fetched (`rlx fetch {}`): {}",
            project.file.display(),
            project.missing.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes nothing; fails where a study would run on other content than is locked, or on some that is not.
fn check(project: &Project, path: &str) -> ExitCode {
    if project.locked.is_none() {
        println!(
            "there is no {path}: `rlx lock {}` writes it",
            project.file.display()
        );
        return ExitCode::from(1);
    }
    let drift = project.drift();
    for drift in &drift {
        println!("  {drift}");
    }
    // Texts are under version control themselves; the plan says what a change in them means.
    let faults = drift
        .iter()
        .filter(|drift| drift.found.is_some() && matches!(drift.kind, "model" | "problems"))
        .count();
    if faults > 0 {
        println!("{path}: {faults} are not as locked");
        return ExitCode::from(1);
    }
    println!("{path}: all that is on this machine is as locked");
    ExitCode::SUCCESS
}
