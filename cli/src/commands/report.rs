//! `rlx report`: the report again, from the rows that are there.

use crate::{args::ReportArgs, commands::run::write_report, failure::Failure, project::Project};
use rlx_report::render_text;
use rlx_run::Journal;
use rlx_store::Store;
use std::{process::ExitCode, time::Duration};

pub(crate) fn run(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let project = Project::open(&args.study, &args.place)?;
    let store = Store::read_only(&args.place.store);
    let data = write_report(
        &project,
        &store,
        &Journal {
            steps: Vec::new(),
            wall: Duration::ZERO,
        },
        None,
    )?;
    println!("{}", render_text(&data));
    println!("report: {}", project.results.join("report.html").display());
    Ok(ExitCode::SUCCESS)
}
