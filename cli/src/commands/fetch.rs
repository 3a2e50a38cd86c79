//! `rlx fetch`: what the study needs from the hub.

use crate::{args::FetchArgs, failure::Failure, project::Project};
use rlx_language::{ModelSource, ProblemSource};
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

pub(crate) fn run(args: &FetchArgs) -> Result<ExitCode, Failure> {
    let project = Project::open(&args.study, &args.place)?;
    let place = project.place(args.place.offline);
    let terminal = std::io::stderr().is_terminal();
    let mut last = String::new();
    let mut progress = |state: &rlx_data::Progress| {
        let size = state.size.map(|size| format!(" of {size}")).unwrap_or_default();
        if terminal {
            eprint!(
                "\r\x1b[2K{} {}: {}{size} bytes",
                state.repo, state.file, state.bytes
            );
            let _ = std::io::stderr().flush();
        } else if state.file != last {
            eprintln!("{} {}{}", state.repo, state.file, size);
            last.clone_from(&state.file);
        }
        true
    };
    let mut fetched = Vec::new();
    for model in project.study.models.values() {
        if let ModelSource::Hub { repo, .. } = &model.source {
            let path = rlx_data::fetch_model(model, &place, &mut progress)?;
            fetched.push(format!("{repo}: {}", path.display()));
        }
    }
    for set in project.study.problem_sets.values() {
        if let ProblemSource::Hub { repo, .. } = &set.source {
            for path in rlx_data::fetch_problems(set, &place, &mut progress)? {
                fetched.push(format!("{repo}: {}", path.display()));
            }
        }
    }
    if terminal {
        eprintln!();
    }
    if fetched.is_empty() {
        println!("nothing to fetch: the study needs nothing from the hub");
    }
    for line in fetched {
        println!("{line}");
    }
    project.lock_fetched()?;
    Ok(ExitCode::SUCCESS)
}
