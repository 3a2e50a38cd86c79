//! `rlx diff A B`: two finished studies side by side.

use crate::{args::DiffArgs, failure::Failure};
use rlx_report::{ReportData, diff, render_diff_html, render_diff_text};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

pub(crate) fn run(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let left = read(&args.left, &args.results)?;
    let right = read(&args.right, &args.results)?;
    let names = (args.left.display().to_string(), args.right.display().to_string());
    let found = diff(&left, &right, (&names.0, &names.1));
    print!("{}", render_diff_text(&found));
    if let Some(path) = &args.html {
        rlx_store::file::write(path, render_diff_html(&found, &left).as_bytes())?;
        println!("page: {}", path.display());
    }
    Ok(if args.check && !found.same_results() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What `rlx run` left of a study.
fn read(named: &Path, results: &Path) -> Result<ReportData, Failure> {
    let path = place(named, results);
    let text = std::fs::read(&path).map_err(|error| {
        Failure::user(
            "rlx::diff::no_results",
            format!("{}: {error}", path.display()),
            Some(format!(
                "`rlx run` or `rlx report` of the study writes this file; name a folder of results, a report.json or a .rlx file, not {}",
                named.display()
            )),
        )
    })?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::user(
            "rlx::diff::unreadable",
            format!("{} is no report of a study: {error}", path.display()),
            Some("`rlx report` writes it again in this version's form".into()),
        )
    })
}

fn place(named: &Path, results: &Path) -> PathBuf {
    if named.is_dir() {
        return named.join("report.json");
    }
    match (
        named.extension().and_then(|ending| ending.to_str()),
        named.file_stem(),
    ) {
        (Some("rlx"), Some(stem)) => results.join(stem).join("report.json"),
        _ => named.to_owned(),
    }
}
