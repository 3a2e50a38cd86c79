//! `rlx check`: everything that is wrong with some files, at once.

use crate::{
    args::{CheckArgs, Format},
    failure::Failure,
    project,
};
use rlx_language::Options;
use std::process::ExitCode;

pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let options = Options {
        profile: args.profile.clone(),
        set: args.set.clone(),
        seed: None,
    };
    let mut errors = 0;
    let mut all = Vec::new();
    for path in &args.files {
        // Text that is no UTF-8 is said here, with its place; the language only sees text.
        project::read_text(path)?;
        let (diagnostics, study) = match project::elaborate(path, &options) {
            Ok((study, warnings)) => (warnings, Some(study)),
            Err(diagnostics) => (diagnostics, None),
        };
        errors += diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
            .count();
        match args.format {
            Format::Json => all.extend(diagnostics),
            Format::Text => {
                project::show(&diagnostics);
                if let Some(study) = study {
                    println!("{}: ok: {}", path.display(), counts(&study));
                }
            }
        }
    }
    if args.format == Format::Json {
        let text = serde_json::to_string_pretty(&all)
            .map_err(|error| Failure::user("rlx::json", error.to_string(), None))?;
        println!("{text}");
    } else if errors > 0 {
        eprintln!("{errors} error{}", if errors == 1 { "" } else { "s" });
    }
    Ok(if errors > 0 {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn counts(study: &rlx_language::Study) -> String {
    let mut said = Vec::new();
    for (count, what) in [
        (study.models.len(), "models"),
        (study.trainings.len(), "trainings"),
        (study.evaluations.len(), "evaluations"),
        (study.outputs.len(), "figures and tables"),
        (study.claims.len(), "claims"),
    ] {
        if count > 0 {
            said.push(format!("{count} {what}"));
        }
    }
    said.join(", ")
}
