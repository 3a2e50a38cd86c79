//! Croissant 1.0: the rows as data sets that a machine-learning tool can load.

use crate::{
    archive::{Content, Contents},
    documents::Facts,
    error::PackError,
    gather::{pretty, safe},
    manifest::Listed,
};
use rlx_language::ModelRef;
use rlx_plan::Action;
use serde_json::{Value, json};

/// One field of a record set: name, Croissant type, meaning.
type Field = (&'static str, &'static str, &'static str);

const RESPONSE: [Field; 5] = [
    ("problem", "sc:Text", "id of the problem"),
    ("sample", "sc:Integer", "number of the sample, from 0"),
    ("text", "sc:Text", "the response"),
    (
        "finish",
        "sc:Text",
        "how it ended: `stop`, or `length` when it was cut",
    ),
    (
        "logprob",
        "sc:Float",
        "sum of the tokens' natural log-probabilities at the sampling temperature",
    ),
];
const VERDICT: [Field; 4] = [
    ("problem", "sc:Text", "id of the problem"),
    ("sample", "sc:Integer", "number of the sample, from 0"),
    ("verdict", "sc:Text", "what the judge said"),
    ("extracted", "sc:Text", "the answer it read"),
];

/// Adds `croissant/<evaluation>.json` for the responses and verdicts of each evaluation.
pub(crate) fn add(contents: &mut Contents, listed: &[Listed], facts: &Facts<'_>) -> Result<(), PackError> {
    for evaluation in facts.spec.study.evaluations.values() {
        let mut distribution = Vec::new();
        let mut records = Vec::new();
        for step in &facts.plan.steps {
            let (folder, fields): (&str, &[Field]) = match &step.action {
                Action::Sample(draw) if step.name.starts_with(&format!("sample {} ", evaluation.name)) => {
                    // A server's rows have no probabilities.
                    let known = match &draw.model.reference {
                        ModelRef::Model { name } => {
                            let model = facts.spec.study.models.get(name);
                            model.is_none_or(|model| model.source.has_weights())
                        }
                        ModelRef::Checkpoint { .. } => true,
                    };
                    let last = RESPONSE.len() - usize::from(!known);
                    ("samples", RESPONSE.get(..last).unwrap_or(&RESPONSE))
                }
                Action::Judge { .. } if step.name.starts_with(&format!("judge {} ", evaluation.name)) => {
                    ("verdicts", &VERDICT)
                }
                _ => continue,
            };
            let name = safe(&step.name.replace(' ', "-"));
            let below = format!("store/{folder}/{}/rows-", step.key.folder());
            for file in listed.iter().filter(|file| file.path.starts_with(&below)) {
                let block = safe(file.path.rsplit('/').next().unwrap_or_default());
                let id = format!("{name}-{block}");
                distribution.push(json!({
                    "@type": "cr:FileObject", "@id": id, "name": id, "contentUrl": format!("../{}", file.path),
                    "encodingFormat": "application/jsonlines", "sha256": file.sha256,
                    "contentSize": format!("{} B", file.bytes),
                }));
                records.push(record_set(&id, &step.name, fields));
            }
        }
        let value = json!({
            "@context": context(),
            "@type": "sc:Dataset",
            "name": safe(&evaluation.name),
            "description": format!("Responses and verdicts of evaluation `{}` in the study: {}", evaluation.name, facts.data.title),
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "url": format!("croissant/{}.json", safe(&evaluation.name)),
            "version": "1.0.0",
            "datePublished": facts.date,
            "license": "see README.md",
            "citeAs": facts.data.title,
            "distribution": distribution,
            "recordSet": records,
        });
        contents.insert(
            format!("croissant/{}.json", safe(&evaluation.name)),
            Content::Bytes(pretty(&value)?),
        );
    }
    Ok(())
}

fn record_set(id: &str, step: &str, fields: &[Field]) -> Value {
    let set = format!("{id}-rows");
    let fields: Vec<Value> = fields
        .iter()
        .map(|(name, kind, meaning)| {
            json!({
                "@type": "cr:Field", "@id": format!("{set}/{name}"), "name": name, "description": meaning,
                "dataType": kind,
                "source": { "fileObject": { "@id": id }, "extract": { "jsonPath": format!("$.{name}") } },
            })
        })
        .collect();
    json!({ "@type": "cr:RecordSet", "@id": set, "name": set, "description": step, "field": fields })
}

/// The context of the Croissant 1.0 format.
fn context() -> Value {
    json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "citeAs": "cr:citeAs",
        "column": "cr:column",
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "dct": "http://purl.org/dc/terms/",
        "equivalentProperty": "cr:equivalentProperty",
        "examples": { "@id": "cr:examples", "@type": "@json" },
        "extract": "cr:extract",
        "field": "cr:field",
        "fileProperty": "cr:fileProperty",
        "fileObject": "cr:fileObject",
        "fileSet": "cr:fileSet",
        "format": "cr:format",
        "includes": "cr:includes",
        "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath",
        "key": "cr:key",
        "md5": "cr:md5",
        "parentField": "cr:parentField",
        "path": "cr:path",
        "recordSet": "cr:recordSet",
        "references": "cr:references",
        "regex": "cr:regex",
        "repeated": "cr:repeated",
        "replace": "cr:replace",
        "samplingRate": "cr:samplingRate",
        "sc": "https://schema.org/",
        "separator": "cr:separator",
        "source": "cr:source",
        "subField": "cr:subField",
        "transform": "cr:transform",
    })
}
