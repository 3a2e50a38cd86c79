//! What people read first: how to cite, how to check, and the settings as an appendix.

use crate::{
    archive::{Content, Contents},
    spec::Spec,
};
use rlx_plan::{Plan, Step};
use rlx_report::{ReportData, render_text};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write};

/// What the documents of a pack are made from.
pub(crate) struct Facts<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) plan: &'a Plan,
    /// The steps that drew the looks of each search.
    pub(crate) looks: &'a [(&'a Step, Vec<Step>)],
    pub(crate) data: &'a ReportData,
    pub(crate) version: &'a str,
    pub(crate) date: &'a str,
    pub(crate) withheld: &'a BTreeMap<String, String>,
    pub(crate) models: &'a BTreeMap<String, Value>,
}

/// Adds `README.md`, `CITATION.cff`, `appendix.tex` and `environment.json`.
pub(crate) fn add(contents: &mut Contents, facts: &Facts<'_>) {
    let mut put = |path: &str, text: String| {
        contents.insert(path.into(), Content::Bytes(text.into_bytes()));
    };
    put("README.md", readme(facts));
    put("CITATION.cff", citation(facts));
    put("appendix.tex", appendix(facts));
    put("environment.json", environment(facts));
}

fn environment(facts: &Facts<'_>) -> String {
    let data = facts.data;
    let versions: serde_json::Map<String, Value> = data
        .versions
        .iter()
        .map(|(name, version)| (name.clone(), version.clone().into()))
        .collect();
    let value = serde_json::json!({
        "device": data.machine.device, "precision": data.machine.precision, "versions": versions,
        "wall_seconds": data.wall_seconds, "tokens_sampled": data.cost.tokens_sampled,
        "tokens_trained": data.cost.tokens_trained,
    });
    format!("{value:#}\n")
}

/// In the form of an ACM artifact's README: what it is, what it needs, how to check it, what to expect.
fn readme(facts: &Facts<'_>) -> String {
    let data = facts.data;
    let mut text = format!(
        "# {title}\n\n{doc}\n\nA reproducibility package of an [rlx](spec/) study, made on {date} with rlx {version}.\n\n\
         ## What is in it\n\n\
         | path | content |\n|---|---|\n\
         | `{root}` | the study as it was written |\n\
         | `study.json`, `plan.json`, `lock.json` | what it means: every value, every step with its key |\n\
         | `problems/`, `prompts/` | the problems that were drawn for, and what the models read |\n\
         | `store/` | one row a response, a verdict, a score; metrics of trainings |\n\
         | `models.json`, `checkpoints.json` | SHA-256 of every file of every model and kept checkpoint |\n\
         | `results/` | tables, figures, verdicts of claims and the report, all made from the rows |\n\
         | `journal.jsonl` | every attempt, finished or not |\n\
         | `ro-crate-metadata.json`, `croissant/`, `provenance.intoto.json` | the same for machines |\n\n",
        title = data.title,
        doc = data.doc.trim(),
        date = facts.date,
        version = facts.version,
        root = facts.spec.root,
    );
    for (set, reason) in facts.withheld {
        let _ = writeln!(
            text,
            "The texts and answers of `{set}` are withheld: {reason}. Their hashes are in `problems/`.\n"
        );
    }
    text.push_str("## Models\n\n| name | source | packed |\n|---|---|---|\n");
    for (name, model) in facts.models {
        let source = model.get("source").and_then(Value::as_str).unwrap_or_default();
        let inside = match model.get("packed").and_then(Value::as_bool) {
            Some(true) => "yes",
            _ => "no: give it with `--model`",
        };
        let _ = writeln!(text, "| `{name}` | `{source}` | {inside} |");
    }
    let _ = writeln!(
        text,
        "\n## How to check it\n\n```sh\nrlx verify {name}.rlxpack --level 1\n```\n\n\
         | level | does | needs |\n|---|---|---|\n\
         | 0 | the hash of every file | seconds |\n\
         | 1 | every number, interval, figure and verdict again, from the rows | seconds, no model, no GPU |\n\
         | 2 | every response judged again | the problems' answers |\n\
         | 3 | a part of the responses drawn again | the models' weights |\n\
         | 4 | everything trained, drawn and judged again | what the study cost, below |\n\n\
         ## What it took\n\nDevice {device}, precision {precision}; {wall:.0} s for {sampled} sampled and {trained} trained tokens.\n\n\
         ## What to expect\n\n```text\n{summary}\n```",
        name = data.name,
        device = data.machine.device,
        precision = data.machine.precision,
        wall = data.wall_seconds,
        sampled = data.cost.tokens_sampled,
        trained = data.cost.tokens_trained,
        summary = render_text(data).trim_end(),
    );
    text
}

/// Citation File Format 1.2.0; who wrote the study is for its authors to fill in.
fn citation(facts: &Facts<'_>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "cff-version: 1.2.0\nmessage: {}\ntitle: {}\ntype: dataset\nversion: {}\ndate-released: {}\nauthors:\n  - name: {}\nabstract: {}\n",
        quoted("If you use these results, cite them as below."),
        quoted(&facts.data.title),
        quoted(
            &facts
                .plan
                .steps
                .last()
                .map_or_else(String::new, |step| step.key.short())
        ),
        quoted(facts.date),
        quoted("the authors of the study"),
        quoted(facts.data.doc.trim()),
    )
}

/// Every value of the study as a LaTeX table.
fn appendix(facts: &Facts<'_>) -> String {
    let mut text = String::from(
        "% All settings of the study, written by rlx. Needs \\usepackage{booktabs,longtable}.\n\
         \\begin{longtable}{lll}\n\\toprule\nvalue & setting & from \\\\\n\\midrule\n\\endhead\n",
    );
    for (path, leaf) in &facts.spec.study.origins {
        let leaf = serde_json::to_value(leaf).unwrap_or_default();
        let field = |name: &str| {
            leaf.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let origin = leaf
            .get("origin")
            .and_then(|origin| origin.get("kind").or(Some(origin)))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let _ = writeln!(
            text,
            "{} & {} & {} \\\\",
            latex(path),
            latex(&field("value")),
            latex(&origin)
        );
    }
    text.push_str("\\bottomrule\n\\end{longtable}\n");
    text
}

fn latex(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(letter);
            }
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '\\' => out.push_str("\\textbackslash{}"),
            '\n' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
