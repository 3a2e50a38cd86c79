//! `rlx check`: everything that is wrong with some files, at once.

use crate::{
    args::{CheckArgs, CheckFormat},
    failure::Failure,
    project,
};
use rlx_language::{Diagnostic, Options};
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
        let (mut diagnostics, study) = match project::not_text(path)? {
            Some(diagnostic) => (vec![diagnostic], None),
            None => match project::elaborate(path, &options) {
                Ok((study, warnings)) => (warnings, Some(study)),
                Err(diagnostics) => (diagnostics, None),
            },
        };
        if let Some(study) = &study {
            diagnostics.extend(of_data(study));
        }
        errors += diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
            .count();
        match args.format {
            CheckFormat::Json => all.extend(diagnostics),
            CheckFormat::Github => {
                for diagnostic in &diagnostics {
                    println!("{}", annotation(diagnostic));
                }
            }
            CheckFormat::Text => {
                project::show(&diagnostics);
                if let Some(study) = study {
                    println!("{}: ok: {}", path.display(), counts(&study));
                }
            }
        }
    }
    if args.format == CheckFormat::Json {
        let text = serde_json::to_string_pretty(&all)
            .map_err(|error| Failure::user("rlx::json", error.to_string(), None))?;
        println!("{text}");
    }
    if args.format == CheckFormat::Text && errors > 0 {
        eprintln!("{errors} error{}", if errors == 1 { "" } else { "s" });
    }
    Ok(if errors > 0 {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// What the data on this machine are, where that is not what the study says.
fn of_data(study: &rlx_language::Study) -> Vec<Diagnostic> {
    let world = rlx_run::World::new(study, project::place(true));
    let remarks = rlx_run::look(study, &world).into_iter();
    remarks
        .map(|remark| Diagnostic {
            code: crate::codes::known(&remark.code),
            severity: rlx_language::Severity::Warning,
            message: remark.message,
            labels: Vec::new(),
            help: remark.help,
        })
        .collect()
}

/// A line that GitHub Actions shows at its place in a pull request:
/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.
fn annotation(diagnostic: &Diagnostic) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let kind = if diagnostic.is_error() { "error" } else { "warning" };
    let mut properties = String::new();
    if let Some(label) = diagnostic.labels.first() {
        let (line, column) = label.file.position(label.span.start);
        let (end_line, end_column) = label.file.position(label.span.end);
        let name = property(&label.file.name);
        properties =
            format!("file={name},line={line},col={column},endLine={end_line},endColumn={end_column},");
    }
    let help = diagnostic
        .help
        .iter()
        .map(|help| format!("\n{help}"))
        .collect::<String>();
    format!(
        "::{kind} {properties}title={}::{}",
        property(diagnostic.code),
        data(&format!("{}{help}", diagnostic.message))
    )
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
