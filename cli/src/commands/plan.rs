//! `rlx plan`: what would be done, and what it would cost.

use crate::{
    args::{PlanArgs, PlanFormat},
    failure::Failure,
    progress::duration,
    project::Project,
};
use rlx_plan::{Action, Change, Cost, DeviceSpeed, diff};
use rlx_run::{StepState, lock, states};
use rlx_store::Store;
use serde::Serialize;
use std::process::ExitCode;

/// Operations a second for estimates where no device was asked: a small server CPU's in bf16.
const CPU: DeviceSpeed = DeviceSpeed {
    sampling: 2.0e11,
    training: 1.5e11,
};
/// One data-centre GPU at a usual share of its peak.
const GPU: DeviceSpeed = DeviceSpeed {
    sampling: 1.0e14,
    training: 1.5e14,
};

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    step: &'a rlx_plan::Step,
    #[serde(flatten)]
    state: StepState,
    seconds_cpu: Option<f64>,
    seconds_gpu: Option<f64>,
}

pub(crate) fn run(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let project = Project::open(&args.study, &args.place)?;
    let states = states(
        &project.plan,
        &Store::read_only(&args.place.store),
        &project.world,
        &project.results,
    )?;
    let changes = lock::read(&project.results)
        .map(|locked| diff(&locked, &project.plan))
        .unwrap_or_default();
    match args.format {
        PlanFormat::Dot => print!("{}", project.plan.to_dot()),
        PlanFormat::Json => {
            let steps: Vec<Listed<'_>> = project
                .plan
                .steps
                .iter()
                .zip(&states)
                .map(|(step, state)| {
                    let left = step.cost.remaining(state.share());
                    Listed {
                        step,
                        state: *state,
                        seconds_cpu: left.seconds(CPU),
                        seconds_gpu: left.seconds(GPU),
                    }
                })
                .collect();
            let plan = serde_json::json!({
                "study": project.plan.study, "encoding": project.plan.encoding, "steps": steps, "changes": changes,
            });
            println!("{plan:#}");
        }
        PlanFormat::Text => {
            project.show_warnings();
            text(&project, &states, &changes);
            let drift = project.drift();
            if !drift.is_empty() {
                println!(
                    "\nAgainst {}:",
                    rlx_run::study_lock::path(&project.file).display()
                );
            }
            for drift in drift {
                println!("  {drift}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(project: &Project, states: &[StepState], changes: &[Change]) {
    let plan = &project.plan;
    println!("{}: {}\n", plan.study, project.study.title);
    let width = plan
        .steps
        .iter()
        .map(|step| step.name.chars().count())
        .max()
        .unwrap_or(0);
    println!("  {:<width$}  {:<16} {:<11} to do", "step", "state", "key");
    let mut total = Cost {
        flops: Some(0.0),
        ..Cost::default()
    };
    for (step, state) in plan.steps.iter().zip(states) {
        let mark = match state {
            StepState::Done => "done".to_owned(),
            StepState::Partly { done, total } => format!("{done} of {total}"),
            StepState::ToDo => "to do".to_owned(),
        };
        let left = step.cost.remaining(state.share());
        let cost = if is_free(&step.action) || *state == StepState::Done {
            String::new()
        } else {
            priced(&left)
        };
        if !is_free(&step.action) {
            total = total.plus(&left);
        }
        println!(
            "  {:<width$}  {mark:<16} {:<11} {cost}",
            step.name,
            step.key.short()
        );
    }
    let done = states.iter().filter(|state| **state == StepState::Done).count();
    println!(
        "\n{} steps, {done} done. At most, if every response runs to max_tokens: {}",
        plan.steps.len(),
        priced(&total)
    );
    if total.flops.is_none() {
        println!(
            "Some models' sizes are not known before they are fetched, so time is not estimated for them."
        );
    }
    if !changes.is_empty() {
        println!("\nAgainst the last run:");
    }
    for change in changes {
        match change {
            Change::Added { step } => println!("  + {step}"),
            Change::Removed { step } => println!("  - {step}"),
            Change::Changed { step, fields } => {
                let names: Vec<&str> = fields.iter().map(|(name, _, _)| name.as_str()).collect();
                println!("  ~ {step} ({})", names.join(", "));
            }
        }
    }
}

/// Steps whose cost is not worth a line.
fn is_free(action: &Action) -> bool {
    !matches!(
        action,
        Action::Train(_) | Action::Sample(_) | Action::Search(_) | Action::Score { .. }
    )
}

fn priced(cost: &Cost) -> String {
    let mut said = Vec::new();
    for (tokens, what) in [
        (cost.sampled_tokens, "sampled"),
        (cost.trained_tokens, "trained"),
        (cost.scored_tokens, "scored"),
    ] {
        if tokens > 0 {
            said.push(format!("{} tokens {what}", scaled(tokens as f64)));
        }
    }
    if let Some(flops) = cost.flops.filter(|flops| *flops > 0.0) {
        said.push(format!("{}FLOP", scaled(flops)));
    }
    if let (Some(cpu), Some(gpu)) = (cost.seconds(CPU), cost.seconds(GPU)) {
        said.push(format!(
            "~{} on a CPU, ~{} on a GPU",
            duration(cpu),
            duration(gpu)
        ));
    }
    if cost.disk > 0 {
        said.push(format!("{}B on disk", scaled(cost.disk as f64)));
    }
    said.join(" · ")
}

/// `1.2 k`, `3.4 M`
fn scaled(value: f64) -> String {
    for (size, name) in [
        (1e18, "E"),
        (1e15, "P"),
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
    ] {
        if value >= size {
            return format!("{:.1} {name}", value / size);
        }
    }
    format!("{value:.0} ")
}
