//! `rlx import`: responses that another program drew, as a file that a study reads.

use crate::{
    args::{Format, ImportArgs},
    failure::Failure,
    project::Project,
};
use rlx_data::{ImportColumns, Imported, ImportedRow, PinCache, RenderedPrompt};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

pub(crate) fn run(args: &ImportArgs) -> Result<ExitCode, Failure> {
    let name = model_name(args)?;
    let project = Project::open(&args.study, &args.place)?;
    let evaluation = project.study.evaluations.get(&args.evaluation).ok_or_else(|| {
        let known: Vec<&str> = project.study.evaluations.keys().map(String::as_str).collect();
        Failure::user(
            "rlx::import::evaluation",
            format!(
                "{} has no evaluation `{}`",
                project.file.display(),
                args.evaluation
            ),
            Some(format!(
                "responses are imported for the problems of an evaluation: {}",
                if known.is_empty() {
                    "none is declared".to_owned()
                } else {
                    known.join(", ")
                }
            )),
        )
    })?;
    let problems = project.world.problems(&evaluation.benchmark)?;
    let set = project.study.problem_sets.get(&evaluation.benchmark);
    let prompts: Vec<Option<String>> = problems
        .iter()
        .map(|problem| match rlx_data::render(&set?.prompt, problem) {
            Ok(RenderedPrompt::Text(text)) => Some(text),
            _ => None,
        })
        .collect();
    let columns = ImportColumns {
        id: args.id.clone(),
        problem: args.problem.clone(),
        response: args.response.clone(),
        verdict: args.verdict.clone(),
    };
    let imported = rlx_data::import(&args.files, problems, &prompts, &columns)?;
    let out = out(args, &name);
    let bytes = lines(&imported.rows);
    let before = std::fs::read(&out).ok();
    if before.as_ref().is_some_and(|before| *before != bytes) && !args.force {
        return Err(Failure::user(
            "rlx::import::there",
            format!("{} is there, with other responses", out.display()),
            Some("`--force` writes over it: what a study measured on them is then out of date; or `--out FILE`".into()),
        ));
    }
    rlx_store::file::write(&out, &bytes)?;
    let content = rlx_data::pin(&out, &mut PinCache::none())?;
    tell(args, &project, &name, (&out, &content), &imported);
    Ok(ExitCode::SUCCESS)
}

/// The name of the model in the study, by default that of the first file.
fn model_name(args: &ImportArgs) -> Result<String, Failure> {
    let from_file = || {
        let file = args.files.first()?.file_name()?.to_string_lossy().into_owned();
        let stem = file.split('.').next()?.to_lowercase();
        let name: String = stem
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        Some(match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            true => name,
            false => format!("m_{name}"),
        })
    };
    let name = args.name.clone().or_else(from_file).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain) {
        return Ok(name);
    }
    Err(Failure::user(
        "rlx::import::name",
        format!("`{name}` is no name of a model"),
        Some("`--name o1`: letters, digits and `_`, a letter first".into()),
    ))
}

/// Where the file comes to lie: beside the study unless said.
fn out(args: &ImportArgs, name: &str) -> PathBuf {
    let beside = || args.study.file.with_file_name(format!("{name}.jsonl"));
    args.out.clone().unwrap_or_else(beside)
}

/// One row a response, in the order of the problems.
fn lines(rows: &[ImportedRow]) -> Vec<u8> {
    let mut text = String::new();
    for row in rows {
        let mut line = json!({ "id": row.problem, "sample": row.sample, "response": row.text });
        if row.truncated {
            line["truncated"] = json!(true);
        }
        if let Some(verdict) = row.verdict {
            line["verdict"] = json!(verdict.name());
        }
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text.into_bytes()
}

/// How the study names the file: from its own folder where it lies below it.
fn seen_from(study: &Path, out: &Path) -> String {
    let folder = study.parent().unwrap_or_else(|| Path::new(""));
    match out.strip_prefix(folder) {
        Ok(inside) if inside.is_relative() => format!("./{}", inside.display()),
        _ => std::path::absolute(out)
            .unwrap_or_else(|_| out.to_owned())
            .display()
            .to_string(),
    }
}

fn tell(
    args: &ImportArgs,
    project: &Project,
    name: &str,
    (out, content): (&Path, &str),
    imported: &Imported,
) {
    let problems = imported.problems;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &imported.rows {
        *counts.entry(&row.problem).or_default() += 1;
    }
    let silent = problems - counts.len();
    let fewest = counts.values().min().copied().unwrap_or(0);
    let most = counts.values().max().copied().unwrap_or(0);
    let verdict = match args.verdict {
        Some(_) => ", verdict = \"verdict\"",
        None => "",
    };
    let declaration = format!(
        "model {name} {{\n    source = responses {{ file = {}{verdict} }}\n}}",
        Value::String(seen_from(&project.file, out))
    );
    if args.format == Format::Json {
        println!(
            "{}",
            json!({
                "file": out, "content": content, "declaration": declaration, "rows": imported.rows.len(), "forms": imported.forms,
                "problems": problems, "answered": counts.len(), "fewest": fewest, "most": most, "strangers": imported.strangers,
                "twice": imported.twice, "empty": imported.empty, "repeated": imported.repeated,
                "truncated": imported.rows.iter().filter(|row| row.truncated).count(),
            })
        );
        return;
    }
    let forms: Vec<String> = imported
        .forms
        .iter()
        .map(|(form, rows)| format!("{rows} × {form}"))
        .collect();
    println!(
        "{}: {} responses ({})",
        out.display(),
        imported.rows.len(),
        forms.join(", ")
    );
    let each = match (fewest, most) {
        (fewest, most) if fewest == most => format!("{fewest} each"),
        (fewest, most) => format!("{fewest} to {most} each, of which {fewest} are measured"),
    };
    println!("  {} of {problems} problems are answered, {each}", counts.len());
    let told = [
        (
            silent as u64,
            "problems have no response: give the benchmark a `filter` or `limit`, or import more",
        ),
        (
            imported.strangers,
            "rows answer none of the problems and are left out",
        ),
        (imported.twice, "responses were there twice and count once"),
        (imported.empty, "responses are empty and are left out"),
        (
            imported.repeated,
            "responses are word for word those of a file before, in the same place: were both drawn with one seed?",
        ),
    ];
    for (count, what) in told.into_iter().filter(|(count, _)| *count > 0) {
        println!("  {count} {what}");
    }
    let file = project.file.display();
    if project.study.models.contains_key(name) {
        println!("\nThe source of `{name}` in {file} is to be:\n");
    } else {
        println!(
            "\nAdd to {file}, and `{name}` to the models of `{}`:\n",
            args.evaluation
        );
    }
    println!("{declaration}");
}
