//! `ro-crate-metadata.json`: the pack as an RO-Crate of the Provenance Run Crate profile 0.5.
//!
//! The study is the workflow, each step of its plan a step of it, and the run a `CreateAction` that is made of one
//! `CreateAction` a step, each called for by a `ControlAction`.

use crate::{documents::Facts, manifest::Listed};
use rlx_plan::{Action, Step};
use serde_json::{Value, json};

pub(crate) const NAME: &str = "ro-crate-metadata.json";

const PROFILES: [(&str, &str, &str); 4] = [
    (
        "https://w3id.org/ro/wfrun/process/0.5",
        "Process Run Crate",
        "0.5",
    ),
    (
        "https://w3id.org/ro/wfrun/workflow/0.5",
        "Workflow Run Crate",
        "0.5",
    ),
    (
        "https://w3id.org/ro/wfrun/provenance/0.5",
        "Provenance Run Crate",
        "0.5",
    ),
    (
        "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
        "Workflow RO-Crate",
        "1.0",
    ),
];

/// The metadata of a pack with these files.
pub(crate) fn metadata(facts: &Facts<'_>, listed: &[Listed]) -> Value {
    let steps: Vec<(usize, &Step)> = facts.plan.steps.iter().enumerate().collect();
    let mut graph = vec![
        json!({
            "@id": NAME, "@type": "CreativeWork", "about": { "@id": "./" },
            "conformsTo": [
                { "@id": "https://w3id.org/ro/crate/1.1" },
                { "@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0" },
            ],
        }),
        root(facts, listed),
        workflow(facts, &steps),
        json!({
            "@id": "#rlx-language", "@type": ["ComputerLanguage", "SoftwareApplication"], "name": "rlx", "alternateName": "rlx",
            "identifier": "urn:rlx:language", "url": "urn:rlx:language", "version": facts.version,
        }),
        json!({ "@id": "#rlx", "@type": "SoftwareApplication", "name": "rlx", "softwareVersion": facts.version, "version": facts.version, "url": "urn:rlx" }),
        json!({ "@id": "#authors", "@type": "Organization", "name": "the authors of the study" }),
        json!({ "@id": "#terms", "@type": "CreativeWork", "name": "Terms of use", "description": "Stated by the authors of the study; see README.md." }),
        json!({ "@id": "#rows", "@type": "FormalParameter", "additionalType": "File", "name": "rows", "description": "One row a response, verdict and score.", "conformsTo": { "@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE" } }),
        json!({ "@id": "#report", "@type": "FormalParameter", "additionalType": "File", "name": "report", "description": "Figures, tables and verdicts on one page.", "conformsTo": { "@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE" } }),
        json!({ "@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE", "@type": "CreativeWork", "name": "FormalParameter", "version": "1.0-RELEASE" }),
    ];
    for (id, name, version) in PROFILES {
        graph.push(json!({ "@id": id, "@type": "CreativeWork", "name": name, "version": version }));
    }
    for kind in kinds(&steps) {
        graph.push(json!({
            "@id": tool(kind), "@type": "SoftwareApplication", "name": format!("rlx: {kind}"),
            "description": describe(kind), "softwareVersion": facts.version, "version": facts.version, "url": "urn:rlx",
        }));
    }
    for (number, step) in &steps {
        graph.push(json!({
            "@id": how_to(*number), "@type": "HowToStep", "name": step.name, "position": number.to_string(),
            "workExample": { "@id": tool(kind(step)) },
        }));
        graph.push(json!({
            "@id": format!("#control-{number}"), "@type": "ControlAction", "name": format!("orchestrate {}", step.name),
            "instrument": { "@id": how_to(*number) }, "object": [{ "@id": action(*number) }],
            "actionStatus": { "@id": "http://schema.org/CompletedActionStatus" },
        }));
        graph.push(json!({
            "@id": action(*number), "@type": "CreateAction", "name": step.name, "identifier": step.key.to_string(),
            "description": format!("Step `{}` with key {}", step.name, step.key),
            "instrument": { "@id": tool(kind(step)) }, "agent": { "@id": "#authors" }, "endTime": facts.date,
            "object": inputs(facts, step, listed), "result": outputs(facts, step, listed),
            "actionStatus": { "@id": "http://schema.org/CompletedActionStatus" },
        }));
    }
    graph.push(json!({
        "@id": "#run", "@type": "CreateAction", "name": format!("run of {}", facts.data.name),
        "description": "The run that gave the results of this pack.",
        "instrument": { "@id": facts.spec.root }, "agent": { "@id": "#authors" }, "endTime": facts.date,
        "object": references(listed.iter().filter(|file| file.path.starts_with("problems/"))),
        "result": references(listed.iter().filter(|file| file.path.starts_with("results/") || file.path.starts_with("store/"))),
        "actionStatus": { "@id": "http://schema.org/CompletedActionStatus" },
    }));
    graph.push(json!({
        "@id": "#organize", "@type": "OrganizeAction", "name": format!("rlx run {}", facts.spec.root),
        "instrument": { "@id": "#rlx" }, "agent": { "@id": "#authors" }, "endTime": facts.date,
        "object": steps.iter().map(|(number, _)| json!({ "@id": format!("#control-{number}") })).collect::<Vec<_>>(),
        "result": { "@id": "#run" },
        "actionStatus": { "@id": "http://schema.org/CompletedActionStatus" },
    }));
    for file in listed.iter().filter(|file| file.path != facts.spec.root) {
        graph.push(entity(file));
    }
    json!({
        "@context": [
            "https://w3id.org/ro/crate/1.1/context",
            "https://w3id.org/ro/terms/workflow-run/context",
        ],
        "@graph": graph,
    })
}

fn root(facts: &Facts<'_>, listed: &[Listed]) -> Value {
    let profiles: Vec<Value> = PROFILES.iter().map(|(id, _, _)| json!({ "@id": id })).collect();
    json!({
        "@id": "./", "@type": "Dataset", "name": facts.data.title, "description": facts.data.doc.trim(),
        "datePublished": facts.date, "license": { "@id": "#terms" }, "author": { "@id": "#authors" },
        "conformsTo": profiles, "mainEntity": { "@id": facts.spec.root },
        "hasPart": references(listed), "mentions": [{ "@id": "#run" }],
    })
}

fn workflow(facts: &Facts<'_>, steps: &[(usize, &Step)]) -> Value {
    json!({
        "@id": facts.spec.root, "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": facts.data.title, "description": facts.data.doc.trim(), "encodingFormat": "text/plain",
        "programmingLanguage": { "@id": "#rlx-language" }, "author": { "@id": "#authors" }, "creator": { "@id": "#authors" },
        "license": { "@id": "#terms" }, "version": facts.version, "dateCreated": facts.date,
        "conformsTo": { "@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE" },
        "input": [], "output": [{ "@id": "#rows" }, { "@id": "#report" }],
        "step": steps.iter().map(|(number, _)| json!({ "@id": how_to(*number) })).collect::<Vec<_>>(),
        "hasPart": kinds(steps).into_iter().map(|kind| json!({ "@id": tool(kind) })).collect::<Vec<_>>(),
    })
}

fn entity(file: &Listed) -> Value {
    let format = match file.path.rsplit('.').next() {
        Some("json") => "application/json",
        Some("jsonl") => "application/jsonlines",
        Some("csv") => "text/csv",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("pdf") => "application/pdf",
        Some("html") => "text/html",
        Some("md") => "text/markdown",
        Some("tex") => "application/x-tex",
        Some("safetensors" | "gguf") => "application/octet-stream",
        _ => "text/plain",
    };
    let mut entity = json!({
        "@id": file.path, "@type": "File", "name": file.path, "contentSize": file.bytes.to_string(),
        "sha256": file.sha256, "encodingFormat": format,
    });
    if file.path.starts_with("store/") {
        entity["exampleOfWork"] = json!({ "@id": "#rows" });
    } else if file.path == "results/report.html" {
        entity["exampleOfWork"] = json!({ "@id": "#report" });
    }
    entity
}

fn references<'a>(files: impl IntoIterator<Item = &'a Listed>) -> Vec<Value> {
    files
        .into_iter()
        .map(|file| json!({ "@id": file.path }))
        .collect()
}

fn how_to(number: usize) -> String {
    format!("#step-{number}")
}

fn action(number: usize) -> String {
    format!("#action-{number}")
}

fn tool(kind: &str) -> String {
    format!("#tool-{kind}")
}

fn kind(step: &Step) -> &'static str {
    match &step.action {
        Action::FetchModel { .. } | Action::FetchProblems { .. } => "fetch",
        Action::Train(_) => "train",
        Action::Sample(_) => "sample",
        Action::Search(_) => "search",
        Action::Judge { .. } => "judge",
        Action::Score { .. } => "score",
        Action::Analyse { .. } => "analyse",
        Action::Report => "report",
    }
}

fn describe(kind: &str) -> &'static str {
    match kind {
        "fetch" => "Downloads a model or a data set by revision.",
        "train" => "Reinforcement learning, supervised fine-tuning or distillation.",
        "sample" => "Draws responses of a model.",
        "search" => "Looks for the temperature at which outputs have an entropy.",
        "judge" => "Says of each response whether it is right.",
        "score" => "Log-probabilities of responses under a model.",
        "analyse" => "Computes a figure or a table from rows.",
        _ => "Writes the report.",
    }
}

fn kinds(steps: &[(usize, &Step)]) -> std::collections::BTreeSet<&'static str> {
    steps.iter().map(|(_, step)| kind(step)).collect()
}

/// The folder of a step's rows in the pack.
fn folder(step: &Step) -> Option<String> {
    let kind = match &step.action {
        Action::Sample(_) => "samples",
        Action::Search(_) => "searches",
        Action::Judge { .. } => "verdicts",
        Action::Score { .. } => "scores",
        Action::Train(_) => "training",
        _ => return None,
    };
    Some(format!("store/{kind}/{}/", step.key.folder()))
}

fn outputs(facts: &Facts<'_>, step: &Step, listed: &[Listed]) -> Vec<Value> {
    // An output's files have its name, in the folder of its kind.
    let below = match (&step.action, folder(step)) {
        (_, Some(own)) => {
            let looks = facts.looks.iter().filter(|(search, _)| search.name == step.name);
            let drawn = looks.flat_map(|(_, looks)| looks).filter_map(folder);
            drawn.chain([own]).collect()
        }
        (Action::Analyse { output, .. }, None) => ["figures", "tables"]
            .map(|kind| format!("results/{kind}/{}.", crate::gather::safe(&output.name)))
            .to_vec(),
        (Action::Report, None) => vec!["results/report.".into()],
        _ => return Vec::new(),
    };
    references(
        listed
            .iter()
            .filter(|file| below.iter().any(|below| file.path.starts_with(below))),
    )
}

fn inputs(facts: &Facts<'_>, step: &Step, listed: &[Listed]) -> Vec<Value> {
    let mut inputs = Vec::new();
    let draw = match &step.action {
        Action::Sample(draw) => Some(draw),
        Action::Search(search) => Some(&search.draw),
        _ => None,
    };
    if let Some(draw) = draw {
        let problems = format!("problems/{}.jsonl", crate::gather::safe(&draw.set));
        inputs.extend(references(listed.iter().filter(|file| file.path == problems)));
    }
    for id in &step.inputs {
        if let Some(input) = facts.plan.steps.get(*id) {
            inputs.extend(outputs(facts, input, listed));
        }
    }
    inputs
}
