//! `rlx why`: why a step would run again.

use super::explain::place;
use crate::{args::WhyArgs, failure::Failure, project::Project};
use rlx_plan::{Change, diff, value_of};
use rlx_run::{StepState, lock, states};
use rlx_store::Store;
use std::process::ExitCode;

pub(crate) fn run(args: &WhyArgs) -> Result<ExitCode, Failure> {
    let project = Project::open(&args.study, &args.place)?;
    let wanted = tight(&args.step);
    let Some(at) = project
        .plan
        .steps
        .iter()
        .position(|step| tight(&step.name) == wanted)
    else {
        let names: Vec<&str> = project.plan.steps.iter().map(|step| step.name.as_str()).collect();
        // `train rl` of a family means one of its members.
        let members: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| tight(name).starts_with(&format!("{wanted}[")))
            .collect();
        let help = if members.is_empty() {
            format!("the steps are: {}", names.join(", "))
        } else {
            format!("its members are: {}", members.join(", "))
        };
        return Err(Failure::user(
            "rlx::plan::step",
            format!("the plan has no step `{}`", args.step),
            Some(help),
        ));
    };
    let step = &project.plan.steps[at];
    let states = states(
        &project.plan,
        &Store::read_only(&args.place.store),
        &project.world,
        &project.results,
    )?;
    match states[at] {
        StepState::Done => println!("`{}` is done ({}).", step.name, step.key.short()),
        StepState::Partly { done, total } => {
            println!("`{}` has {done} of {total} rows: the rest is drawn.", step.name)
        }
        StepState::ToDo => println!("`{}` is to do ({}).", step.name, step.key.short()),
    }
    let Some(locked) = lock::read(&project.results) else {
        println!("The study was not run to its end before, so there is nothing to compare with.");
        return Ok(ExitCode::SUCCESS);
    };
    for change in diff(&locked, &project.plan) {
        match change {
            Change::Added { step: added } if added == step.name => println!("The last run did not have it."),
            Change::Changed {
                step: changed,
                fields,
            } if changed == step.name => {
                println!("Since the last run:");
                for (name, old, new) in fields {
                    println!("  {name}: {old} → {new}{}", origin(&project, &new));
                    if let Some(value) = value_of(&project.study, &project.plan, step, &name)
                        && let Some(leaf) = project.study.origins.get(value)
                    {
                        println!("      {value}, {}", place(&leaf.origin));
                        for through in &leaf.through {
                            println!("      through {}, {}", through.name, place(&through.origin));
                        }
                    }
                }
                let inputs: Vec<&str> = project.plan.steps[at]
                    .inputs
                    .iter()
                    .map(|id| project.plan.steps[*id].name.as_str())
                    .collect();
                println!(
                    "A changed key of an input has its reason there: {}",
                    inputs.join(", ")
                );
            }
            _ => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A name without the spaces that are nobody's business: `train rl[grpo,150]`.
fn tight(name: &str) -> String {
    name.replace(", ", ",")
}

/// The step that has the key `value`, where it is one.
fn origin(project: &Project, value: &serde_json::Value) -> String {
    let found = value
        .as_str()
        .and_then(|key| project.plan.steps.iter().find(|step| step.key.to_string() == key));
    found.map_or_else(String::new, |step| format!(" (the key of `{}`)", step.name))
}
