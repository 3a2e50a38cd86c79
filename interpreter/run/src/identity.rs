//! What a page was made from, in two hashes: of what the study means, and of the rows.

use crate::evidence::ModelRows;
use rlx_analysis::LabelledRow;
use rlx_plan::{Action, Plan};
use rlx_report::Identity;

/// Hashes rows as they are read.
#[derive(Default)]
pub(crate) struct Rows(blake3::Hasher);

/// A hash of parts, each with its length, so that none can pass for another's end.
struct Parts(blake3::Hasher);

impl Parts {
    fn new(kind: &str) -> Parts {
        let mut parts = Parts(blake3::Hasher::new());
        parts.add(kind.as_bytes());
        parts
    }

    fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn at(&mut self, problem: &str, sample: u64) {
        self.add(problem.as_bytes());
        self.add(&sample.to_le_bytes());
    }
}

impl Rows {
    /// The rows of one model in an evaluation, in whatever order they lie: what was said, judged, scored and labelled.
    /// Which engine drew them and which version judged them is not part of it.
    pub(crate) fn add(&mut self, evaluation: &str, rows: &ModelRows, labels: &[LabelledRow]) {
        let mut hashes: Vec<[u8; 32]> = Vec::new();
        for row in &rows.responses {
            let mut parts = Parts::new("response");
            parts.at(&row.problem, row.sample);
            parts.add(row.text.as_bytes());
            parts.add(&row.length().to_le_bytes());
            hashes.push(parts.0.finalize().into());
        }
        for row in rows.verdicts.values() {
            let mut parts = Parts::new("verdict");
            parts.at(&row.problem, row.sample);
            parts.add(row.verdict.as_bytes());
            parts.add(row.extracted.as_deref().unwrap_or_default().as_bytes());
            hashes.push(parts.0.finalize().into());
        }
        for (under, rows) in &rows.scores {
            for row in rows {
                let mut parts = Parts::new("score");
                parts.at(&row.problem, row.sample);
                parts.add(under.as_bytes());
                parts.add(&row.tokens.to_le_bytes());
                parts.add(&row.logprob.to_le_bytes());
                hashes.push(parts.0.finalize().into());
            }
        }
        for row in labels.iter().filter(|row| row.model == rows.label) {
            let mut parts = Parts::new("label");
            parts.at(&row.problem, row.sample);
            parts.add(row.reader.as_bytes());
            parts.add(row.label.name().as_bytes());
            hashes.push(parts.0.finalize().into());
        }
        hashes.sort_unstable();
        let mut whole = Parts(std::mem::take(&mut self.0));
        whole.add(evaluation.as_bytes());
        whole.add(rows.label.as_bytes());
        whole.add(hashes.as_flattened());
        self.0 = whole.0;
    }

    /// With the key of the plan's last step, which holds those of all others.
    pub(crate) fn identity(&self, plan: &Plan) -> Identity {
        let report = plan.steps.iter().rev().find(|step| step.action == Action::Report);
        let short = |text: String| text.chars().take(16).collect();
        Identity {
            plan: report.map_or_else(String::new, |step| short(step.key.to_string())),
            rows: short(self.0.finalize().to_hex().to_string()),
        }
    }
}
