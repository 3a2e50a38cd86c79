//! DAPO's dynamic sampling, and verl's rollout correction.

use rlx_trainer::algorithms::dynamic_sampling::{Refill, Standing, varies};
use rlx_trainer::algorithms::rollout_correction::{
    Divergence, Level, Reduction, Rejection, Weights, mismatch, reject, weights,
};
use serde_json::Value;

use crate::case::{Case, Outcome};

impl Case<'_> {
    pub(crate) fn dynamic_sampling(&self) -> Outcome {
        let wanted = self.param("train_batch_size").unwrap() as usize;
        let members = self.param("n").unwrap() as usize;
        let most = self.number("max_num_gen_batches", 10.0) as usize;
        let mut refill = Refill::new(wanted, most);
        let mut standing = Standing::NeedsMore;
        let mut kept = Vec::new();
        let inputs = &self.value["inputs"];
        let (index, metric) = (
            inputs["index"].as_array().unwrap(),
            inputs["metric"].as_array().unwrap(),
        );
        for (batch, (index, metric)) in index.iter().zip(metric).enumerate() {
            let (index, metric) = (index.as_array().unwrap(), metric.as_array().unwrap());
            let of = |label: &Value| -> Vec<f64> {
                let rows = index.iter().zip(metric).filter(|(other, _)| *other == label);
                rows.map(|(_, value)| value.as_f64().unwrap_or(f64::NAN))
                    .collect()
            };
            let mut labels: Vec<&Value> = Vec::new();
            for (row, label) in index.iter().enumerate() {
                if varies(&of(label)) {
                    kept.push([batch as f64, row as f64]);
                    if !labels.contains(&label) {
                        labels.push(label);
                    }
                }
            }
            standing = refill.drawn(labels.len());
            if standing != Standing::NeedsMore {
                break;
            }
        }
        if standing == Standing::Filled {
            kept.truncate(wanted * members);
        }
        Outcome::default()
            .word(
                "status",
                match standing {
                    Standing::Filled => "filled",
                    Standing::NeedsMore => "needs-more",
                    Standing::TooMany => "error-too-many",
                },
            )
            .value("num_gen_batches", refill.batches() as f64)
            .value("num_prompts_kept", refill.kept() as f64)
            .list("kept", kept.concat())
    }

    pub(crate) fn rollout_correction(&self) -> Outcome {
        let (old, rollout) = (self.tensor("old_log_prob"), self.tensor("rollout_log_prob"));
        let mask = self.tensor("response_mask");
        let params = &self.value["params"];
        let mut out = Outcome::default();
        if let Some(level) = params["rollout_is"].as_str() {
            let (low, high) = bounds(&words(&params["rollout_is_threshold"])[0]);
            let how = Weights {
                level: match level {
                    "token" => Level::Token,
                    "sequence" => Level::Sequence,
                    other => panic!("unknown level {other}"),
                },
                low,
                high,
                normalize: params["rollout_is_batch_normalize"].as_bool() == Some(true),
            };
            let (found, measures) = weights(&old, &rollout, &mask, &how).unwrap();
            out = out.output("rollout_is_weights", &found);
            for (name, value) in measures {
                out = out.metric(name, value);
            }
        }
        let mut criteria = Vec::new();
        if let Some(options) = params["rollout_rs"].as_str() {
            let thresholds = words(&params["rollout_rs_threshold"]);
            for (number, option) in options.split(',').enumerate() {
                let threshold = thresholds.get(number).unwrap_or(&thresholds[0]);
                let (low, high) = bounds(threshold);
                let (reduction, divergence) = option.trim().rsplit_once('_').unwrap();
                criteria.push(Rejection {
                    reduction: match reduction {
                        "token" => Reduction::Token,
                        "seq_sum" => Reduction::SeqSum,
                        "seq_mean" => Reduction::SeqMean,
                        "seq_max" => Reduction::SeqMax,
                        other => panic!("unknown reduction {other}"),
                    },
                    divergence: match divergence {
                        "k1" => Divergence::K1,
                        "k2" => Divergence::K2,
                        "k3" => Divergence::K3,
                        other => panic!("unknown divergence {other}"),
                    },
                    low,
                    high,
                });
            }
        }
        for (name, value) in mismatch(&old, &rollout, &mask).unwrap() {
            out = out.metric(name, value);
        }
        let kept = reject(&old, &rollout, &mask, &criteria).unwrap();
        out.output("modified_response_mask", &kept)
    }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
        Value::Array(items) => items.iter().flat_map(words).collect(),
        // verl's bound of importance weights.
        Value::Null => vec!["2.0".to_owned()],
        other => vec![other.to_string()],
    }
}

fn bounds(text: &str) -> (Option<f64>, f64) {
    match text.split_once('_') {
        Some((low, high)) => (Some(low.parse().unwrap()), high.parse().unwrap()),
        None => (None, text.parse().unwrap()),
    }
}
