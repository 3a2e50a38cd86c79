//! `rlx run`: the main job.

use crate::{
    OpenBackend,
    args::{Format, RunArgs},
    backend,
    commands::journal,
    failure::Failure,
    progress,
    project::Project,
};
use rlx_analysis::Verdict;
use rlx_report::{ReportData, SpecSource, render_text};
use rlx_run::{Event, Journal, Presented, StepState, execute, finish, needs_backend, present, states};
use rlx_store::Store;
use std::{process::ExitCode, time::Duration};

pub(crate) fn run(args: &RunArgs, compute: Option<&OpenBackend>) -> Result<ExitCode, Failure> {
    let mut project = Project::open(&args.study, &args.place)?;
    if project.fetch_rows(args.place.offline)? {
        // Keys hold the hash of the rows, which is known only now.
        project = Project::open(&args.study, &args.place)?;
    }
    project.check_lock()?;
    // Looking takes no lock, so that what is finished is said at once, also beside a running study.
    let seen = states(
        &project.plan,
        &Store::read_only(&args.place.store),
        &project.world,
        &project.results,
    )?;
    let nothing_to_do = seen.iter().all(|state| *state == StepState::Done);
    if nothing_to_do {
        project.lock_opened();
        return finished_before(args, &project);
    }
    let outcome = go_on(args, compute, &project, &seen);
    if let Err(Failure::Error(plain)) = &outcome {
        journal::failed(&project.results, plain.code(), &plain.to_string());
    }
    outcome
}

/// Does what is missing and concludes.
fn go_on(
    args: &RunArgs,
    compute: Option<&OpenBackend>,
    project: &Project,
    seen: &[StepState],
) -> Result<ExitCode, Failure> {
    let mut listener = progress::listener(args.format == Format::Json);
    let mut device = None;
    let journal;
    let store;
    if needs_backend(&project.study, &project.plan, seen) {
        // What is missing is said before libtorch is loaded.
        project.check_sources(args.place.offline)?;
        let mut backend = backend(compute, &args.device)?;
        // Not before this process is the one that runs: else they are said twice.
        project.show_warnings();
        device = Some(backend.device());
        store = Store::open(&args.place.store)?;
        journal::started(&project.results, seen);
        journal = execute(
            &project.study,
            &project.plan,
            &store,
            &project.world,
            &project.results,
            backend.as_mut(),
            listener.as_mut(),
        )?;
    } else {
        project.show_warnings();
        store = Store::open(&args.place.store)?;
        journal::started(&project.results, seen);
        journal = rlx_run::execute_light(
            &project.study,
            &project.plan,
            &store,
            &project.world,
            &project.results,
            listener.as_mut(),
        )?;
    }
    let data = write_report(project, &store, &journal, device)?;
    finish(&project.plan, &project.results, journal.wall, listener.as_mut())?;
    journal::finished(&project.results, &journal);
    project.lock_fetched()?;
    conclude(args, project, &data)
}

/// Computes figures, tables and claims from the rows and writes them.
pub(crate) fn write_report(
    project: &Project,
    store: &Store,
    journal: &Journal,
    device: Option<rlx_run::DeviceReport>,
) -> Result<ReportData, Failure> {
    let presented = Presented {
        study: &project.study,
        plan: &project.plan,
        store,
        world: &project.world,
        source: SpecSource {
            file: project.file.display().to_string(),
            text: project.text.clone(),
        },
        journal,
        device,
        version: env!("CARGO_PKG_VERSION"),
    };
    let clock = std::time::Instant::now();
    let data = present(&presented, &project.results)?;
    rlx_run::keep_report_time(&project.results, clock.elapsed().as_secs_f64())?;
    let text =
        serde_json::to_vec(&data).map_err(|error| Failure::user("rlx::report", error.to_string(), None))?;
    rlx_store::file::write(&project.results.join("report.json"), &text)?;
    Ok(data)
}

/// Everything is there: the summary comes from the last run's report.
fn finished_before(args: &RunArgs, project: &Project) -> Result<ExitCode, Failure> {
    let path = project.results.join("report.json");
    let known = std::fs::read(&path)
        .ok()
        .and_then(|text| serde_json::from_slice::<ReportData>(&text).ok());
    // The page quotes the file and follows its order, which no key holds.
    let data = match known.filter(|data| data.source.text == project.text) {
        Some(data) => data,
        None => {
            let store = Store::read_only(&args.place.store);
            write_report(
                project,
                &store,
                &Journal {
                    steps: Vec::new(),
                    wall: Duration::ZERO,
                },
                None,
            )?
        }
    };
    if args.format == Format::Text {
        eprintln!("nothing to do: all {} steps are done", project.plan.steps.len());
    } else {
        progress::listener(true).hear(&Event::Finished { wall: Duration::ZERO });
    }
    conclude(args, project, &data)
}

fn conclude(args: &RunArgs, project: &Project, data: &ReportData) -> Result<ExitCode, Failure> {
    if args.format == Format::Text {
        println!("{}", render_text(data));
        println!("report: {}", project.results.join("report.html").display());
    } else {
        println!(
            "{}",
            serde_json::json!({ "event": "claims", "claims": data.claims })
        );
    }
    let all_hold = data.claims.iter().all(|claim| claim.verdict == Verdict::Holds);
    Ok(if args.check_claims && !all_hold {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}
