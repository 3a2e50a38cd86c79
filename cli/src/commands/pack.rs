//! `rlx pack`: a finished study in one file.

use crate::{
    args::{Format, PackArgs},
    commands::journal,
    failure::Failure,
    project::{Files, Project, place, read_text},
};
use rlx_language::Options;
use rlx_package::{Subject, pack, sign};
use rlx_store::Store;
use std::{path::PathBuf, process::ExitCode};

pub(crate) fn run(args: &PackArgs) -> Result<ExitCode, Failure> {
    let project = Project::open(&args.study, &args.place)?;
    let options = Options {
        profile: args.study.profile.clone(),
        set: args.study.set.clone(),
        seed: args.study.seed,
    };
    let store = Store::read_only(&args.place.store);
    let name = project
        .results
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let target = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{name}.rlxpack")));
    let packed = pack(
        &Subject {
            file: &project.file,
            options: &options,
            sources: &Files,
            study: &project.study,
            plan: &project.plan,
            around: &project.around,
            world: &project.world,
            place: &place(args.place.offline),
            store: &store,
            results: &project.results,
            version: env!("CARGO_PKG_VERSION"),
            date: &journal::last_day(&project.results),
            weights: args.weights,
        },
        &target,
    )?;
    let mut signature = None;
    if let Some(key) = &args.sign {
        let password = match &args.password_file {
            Some(file) => Some(read_text(file)?.trim_end_matches(['\r', '\n']).to_owned()),
            None => None,
        };
        signature = Some(sign(&target, key, password)?);
    }
    if args.format == Format::Json {
        let mut value = serde_json::json!(packed);
        value["signature"] = serde_json::json!(signature);
        println!("{value}");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{}: {} files, {:.1} MB\nSHA-256 {}",
        packed.path.display(),
        packed.files,
        packed.bytes as f64 / 1e6,
        packed.sha256
    );
    for (set, reason) in &packed.withheld {
        println!(
            "the content of `{set}` is left out: {reason} (`licence = \"…\"` in its declaration states one)"
        );
    }
    if let Some(signature) = signature {
        println!("signature: {}", signature.display());
    }
    println!("check it with: rlx verify {}", packed.path.display());
    Ok(ExitCode::SUCCESS)
}
