//! `rlx explain`: a value's story, or an error code's.

use crate::{
    args::{ExplainArgs, Format},
    codes,
    failure::Failure,
    project,
};
use rlx_language::{Leaf, Options, Origin};
use rlx_plan::{Surroundings, build, readers};
use std::{path::Path, process::ExitCode};

pub(crate) fn run(args: &ExplainArgs) -> Result<ExitCode, Failure> {
    if args.subject.starts_with("rlx::") {
        let Some(story) = rlx_language::codes::story(&args.subject).or_else(|| codes::story(&args.subject))
        else {
            let help = "the code stands in brackets before each message, for example `rlx::unit::mismatch`";
            return Err(Failure::user(
                "rlx::explain",
                format!("there is no code `{}`", args.subject),
                Some(help.into()),
            ));
        };
        println!("{}\n\n{story}", args.subject);
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options {
        profile: args.profile.clone(),
        set: args.set.clone(),
        seed: None,
    };
    let file = Path::new(&args.subject);
    project::read_text(file)?;
    let (study, _) = project::elaborate(file, &options).map_err(|diagnostics| {
        project::show(&diagnostics);
        Failure::Shown
    })?;
    let leaves: Vec<(&str, &Leaf)> = match &args.path {
        None => study
            .origins
            .iter()
            .map(|(name, leaf)| (name.as_str(), leaf))
            .collect(),
        Some(path) => rlx_language::explain(&study, path),
    };
    if leaves.is_empty() {
        let wanted = args.path.clone().unwrap_or_default();
        let near = study
            .origins
            .keys()
            .filter(|name| name.ends_with(wanted.rsplit('.').next().unwrap_or_default()));
        let near: Vec<&str> = near.take(5).map(String::as_str).collect();
        let help = (!near.is_empty()).then(|| format!("did you mean {}?", near.join(", ")));
        return Err(Failure::user(
            "rlx::explain",
            format!("the study has no value `{wanted}`"),
            help,
        ));
    }
    // Names of steps need no look at the world.
    let plan = build(&study, &Surroundings::default()).map_err(rlx_run::RunError::from)?;
    if args.format == Format::Json {
        let map: serde_json::Map<String, serde_json::Value> = leaves
            .iter()
            .map(|(name, leaf)| {
                let mut value = serde_json::json!(leaf);
                if leaf.origin == Origin::Default {
                    value["default_from"] = serde_json::json!(rlx_language::schema::source_of(name));
                }
                value["read_by"] = serde_json::json!(readers(&study, &plan, name));
                ((*name).to_owned(), value)
            })
            .collect();
        println!("{:#}", serde_json::Value::Object(map));
        return Ok(ExitCode::SUCCESS);
    }
    for (name, leaf) in leaves {
        println!(
            "{name} = {}{}",
            leaf.value,
            leaf.unit
                .as_ref()
                .map(|unit| format!(" {unit}"))
                .unwrap_or_default()
        );
        match rlx_language::schema::source_of(name).filter(|_| leaf.origin == Origin::Default) {
            Some(source) => println!("    {}, from: {source}", place(&leaf.origin)),
            None => println!("    {}", place(&leaf.origin)),
        }
        for before in &leaf.overrode {
            println!("    instead of what is {}", place(before));
        }
        for through in &leaf.through {
            println!("    through {}, {}", through.name, place(&through.origin));
            for before in &through.overrode {
                println!("        instead of what is {}", place(before));
            }
        }
        if let Some(by) = shortened(&readers(&study, &plan, name)) {
            println!("    read by {by}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `train rl, sample aime base, … 12 steps in all`
fn shortened(steps: &[&str]) -> Option<String> {
    const MOST: usize = 4;
    match steps {
        [] => None,
        steps if steps.len() <= MOST + 1 => Some(steps.join(", ")),
        steps => Some(format!(
            "{}, … {} steps in all",
            steps[..MOST].join(", "),
            steps.len()
        )),
    }
}

pub(super) fn place(origin: &Origin) -> String {
    match origin {
        Origin::Written { file, line, column } => format!("written in {file}:{line}:{column}"),
        Origin::Default => "the default".to_owned(),
        Origin::Profile {
            name,
            file,
            line,
            column,
        } => format!("set by profile {name} in {file}:{line}:{column}"),
        Origin::Set { text } => format!("given as `--set {text}`"),
    }
}
