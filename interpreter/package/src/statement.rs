//! in-toto statements: what the results were made from, and what a check found.

use crate::{archive::Fault, documents::Facts, manifest::Listed, verify::Attested};
use serde_json::{Value, json};

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// How the results came about: SLSA provenance, one subject a file of `results/`.
pub(crate) fn provenance(facts: &Facts<'_>, listed: &[Listed]) -> Value {
    let descriptor = |file: &Listed| json!({ "name": file.path, "digest": { "sha256": file.sha256 } });
    let results = listed.iter().filter(|file| file.path.starts_with("results/"));
    let inputs = listed
        .iter()
        .filter(|file| !file.path.starts_with("results/"))
        .map(descriptor);
    let study = &facts.spec.study;
    json!({
        "_type": STATEMENT,
        "subject": results.map(descriptor).collect::<Vec<_>>(),
        "predicateType": PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:rlx:study:1",
                "externalParameters": {
                    "spec": facts.spec.root,
                    "profile": study.profile.as_ref().map(|profile| &profile.name),
                    "set": study.overrides,
                    "seed": study.seed,
                },
                "internalParameters": { "key_encoding": facts.plan.encoding },
                "resolvedDependencies": inputs.collect::<Vec<_>>(),
            },
            "runDetails": {
                "builder": { "id": "urn:rlx", "version": { "rlx": facts.version } },
                "metadata": { "invocationId": facts.plan.steps.last().map(|step| step.key.to_string()) },
                "byproducts": facts.plan.steps.iter().map(|step| json!({
                    "name": step.name, "annotations": { "key": step.key },
                })).collect::<Vec<_>>(),
            },
        },
    })
}

/// What a check of a pack found: the in-toto test-result predicate.
pub(crate) fn attestation(attested: &Attested<'_>) -> Value {
    let Attested {
        pack,
        sha256,
        level,
        version,
        passed,
        faults,
        notes,
        costs,
    } = attested;
    let named = |fault: &Fault| format!("{}: {}", fault.file, fault.what);
    json!({
        "_type": STATEMENT,
        "subject": [{ "name": pack, "digest": { "sha256": sha256 } }],
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": if faults.is_empty() { "PASSED" } else { "FAILED" },
            "configuration": [{ "name": "rlx verify", "annotations": { "level": level, "rlx": version } }],
            "passedTests": passed,
            "warnedTests": notes,
            "failedTests": faults.iter().map(named).collect::<Vec<_>>(),
            "costs": costs,
        },
    })
}
