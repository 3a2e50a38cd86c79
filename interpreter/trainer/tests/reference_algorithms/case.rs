//! A case of the vectors: its inputs as tensors, its parameters, and the comparison.

use std::collections::{BTreeMap, BTreeSet};

use rlx_trainer::algorithms::aggregation::{Aggregation, Normalisers};
use rlx_trainer::algorithms::kl::{Estimator, KlEstimate};
use rlx_trainer::algorithms::ppo::{Clip, PolicyTerms};
use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};

/// One case read in one floating-point kind.
pub(crate) struct Case<'a> {
    pub(crate) value: &'a Value,
    pub(crate) kind: Kind,
}

/// What an implementation gave: outputs by name, and gradients by name.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) outputs: BTreeMap<&'static str, Vec<f64>>,
    pub(crate) grads: BTreeMap<&'static str, Vec<f64>>,
    /// Outputs that are words.
    pub(crate) words: BTreeMap<&'static str, &'static str>,
    /// Members of the output `metrics`.
    pub(crate) metrics: BTreeMap<&'static str, f64>,
}

impl Outcome {
    pub(crate) fn output(mut self, name: &'static str, tensor: &Tensor) -> Self {
        self.outputs.insert(name, numbers(tensor));
        self
    }
    pub(crate) fn value(mut self, name: &'static str, value: f64) -> Self {
        self.outputs.insert(name, vec![value]);
        self
    }
    pub(crate) fn grad(mut self, name: &'static str, of: &Tensor, input: &Tensor) -> Self {
        self.grads.insert(name, gradient(of, input));
        self
    }
    pub(crate) fn list(mut self, name: &'static str, values: Vec<f64>) -> Self {
        self.outputs.insert(name, values);
        self
    }
    pub(crate) fn word(mut self, name: &'static str, word: &'static str) -> Self {
        self.words.insert(name, word);
        self
    }
    pub(crate) fn metric(mut self, name: &'static str, value: f64) -> Self {
        self.metrics.insert(name, value);
        self
    }
    pub(crate) fn policy(self, terms: &PolicyTerms, mask: &Tensor) -> Self {
        let (clipped, kl, lower) = terms.measures(mask).unwrap();
        self.value("pg_clipfrac", clipped)
            .value("ppo_kl", kl)
            .value("pg_clipfrac_lower", lower)
    }
}

pub(crate) fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_kind(Kind::Double).contiguous().view([-1]);
    Vec::<f64>::try_from(&flat).unwrap()
}

fn gradient(of: &Tensor, input: &Tensor) -> Vec<f64> {
    let found = Tensor::run_backward(&[of], &[input], true, false);
    numbers(&found[0])
}

/// Numbers of a nested array, row-major, with its shape.
fn flatten(value: &Value, shape: &mut Vec<i64>, depth: usize, out: &mut Vec<f64>) {
    match value {
        Value::Array(items) => {
            if shape.len() == depth {
                shape.push(items.len() as i64);
            }
            for item in items {
                flatten(item, shape, depth + 1, out);
            }
        }
        Value::Null => out.push(f64::NAN),
        number => out.push(number.as_f64().expect("a number")),
    }
}

impl Case<'_> {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap()
    }
    pub(crate) fn param(&self, name: &str) -> Option<f64> {
        self.value["params"].get(name).and_then(Value::as_f64)
    }
    /// A number, or the library's default where the case does not name the option. What is null is off.
    pub(crate) fn option(&self, name: &str, default: f64) -> Option<f64> {
        match self.value["params"].get(name) {
            None => Some(default),
            Some(value) => value.as_f64(),
        }
    }
    /// The same for an option that cannot be off.
    pub(crate) fn number(&self, name: &str, default: f64) -> f64 {
        self.param(name).unwrap_or(default)
    }
    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.value["params"][name].as_bool().unwrap_or(default)
    }
    pub(crate) fn word<'s>(&'s self, name: &str, default: &'s str) -> &'s str {
        self.value["params"][name].as_str().unwrap_or(default)
    }
    /// Two bounds, where they are given.
    pub(crate) fn pair(&self, name: &str) -> Option<[f64; 2]> {
        let items = self.value["params"][name].as_array()?;
        Some([items[0].as_f64().unwrap(), items[1].as_f64().unwrap()])
    }
    /// Group numbers of `rows` rows in contiguous blocks.
    pub(crate) fn blocks(&self, rows: usize, size: &str) -> Vec<usize> {
        let size = self.number(size, 1.0) as usize;
        (0..rows).map(|row| row / size).collect()
    }
    pub(crate) fn has(&self, input: &str) -> bool {
        self.value["inputs"].get(input).is_some_and(|v| !v.is_null())
    }
    pub(crate) fn slice(&self, input: &str) -> Vec<f64> {
        let mut out = Vec::new();
        flatten(&self.value["inputs"][input], &mut Vec::new(), 0, &mut out);
        out
    }
    pub(crate) fn tensor(&self, input: &str) -> Tensor {
        let (mut shape, mut out) = (Vec::new(), Vec::new());
        flatten(&self.value["inputs"][input], &mut shape, 0, &mut out);
        Tensor::from_slice(&out).view(shape.as_slice()).to_kind(self.kind)
    }
    pub(crate) fn leaf(&self, input: &str) -> Tensor {
        self.tensor(input).set_requires_grad(true)
    }
    pub(crate) fn ids(&self, input: &str) -> Tensor {
        self.tensor(input).to_kind(Kind::Int64)
    }
    /// Group of each row: the position of its label among the labels.
    pub(crate) fn groups(&self) -> Vec<usize> {
        let labels: Vec<String> = match &self.value["inputs"]["index"] {
            Value::Array(items) => items.iter().map(Value::to_string).collect(),
            other => panic!("index is no list: {other}"),
        };
        let order: BTreeSet<&String> = labels.iter().collect();
        labels
            .iter()
            .map(|label| order.iter().position(|known| *known == label).unwrap())
            .collect()
    }
    pub(crate) fn scores(&self) -> Vec<f64> {
        let rewards = self.tensor("token_level_rewards").to_kind(Kind::Double);
        numbers(&rewards.sum_dim_intlist(-1, false, Kind::Double))
    }
    pub(crate) fn per_row(&self, values: &[f64]) -> Tensor {
        Tensor::from_slice(values)
            .to_kind(self.kind)
            .to_device(Device::Cpu)
    }
    pub(crate) fn spread(&self, advantages: &[f64]) -> Tensor {
        self.per_row(advantages).unsqueeze(-1) * self.tensor("response_mask")
    }
    pub(crate) fn aggregation(&self) -> Aggregation {
        match self.word("loss_agg_mode", "token-mean") {
            "token-mean" => Aggregation::TokenMean,
            "token-sum" => Aggregation::TokenSum,
            "seq-mean-token-sum" => Aggregation::SeqMeanTokenSum,
            "seq-mean-token-mean" => Aggregation::SeqMeanTokenMean,
            "seq-mean-token-sum-norm" => Aggregation::SeqMeanTokenSumNorm {
                length: self.param("loss_scale_factor"),
            },
            other => panic!("unknown aggregation {other}"),
        }
    }
    pub(crate) fn normalisers(&self) -> Normalisers {
        Normalisers {
            tokens: self.param("batch_num_tokens"),
            sequences: self.param("global_batch_size"),
            workers: self.number("dp_size", 1.0),
        }
    }
    pub(crate) fn clip(&self) -> Clip {
        let both = self.number("clip_ratio", 0.2);
        Clip {
            low: self.number("clip_ratio_low", both),
            high: self.number("clip_ratio_high", both),
            // verl's dual clip is always on.
            dual: self.option("clip_ratio_c", 3.0),
            ceiling: None,
        }
    }
    pub(crate) fn estimate(&self, name: &str, default: &str) -> KlEstimate {
        let name = self.value["params"][name].as_str().unwrap_or(default);
        let estimator = match name.trim_end_matches('+') {
            "k1" | "kl" => Estimator::K1,
            "abs" => Estimator::Abs,
            "k2" | "mse" => Estimator::K2,
            "k3" | "low_var_kl" => Estimator::K3,
            other => panic!("unknown estimator {other}"),
        };
        KlEstimate {
            estimator,
            straight_through: name.ends_with('+'),
        }
    }

    pub(crate) fn tolerance(&self, what: &str) -> f64 {
        let degenerate = self.value["degenerate"].as_bool() == Some(true);
        let deviation = self.value["f32_dev"][what].as_f64().unwrap_or(0.0);
        match (self.kind, degenerate) {
            // The reference computes this one partly in f32.
            (Kind::Double, false) if self.text("formula") == "distill.forward_kl_topk" => 1e-6,
            (Kind::Double, false) => 1e-7,
            (Kind::Double, true) => 1e-6,
            (_, false) => (8.0 * deviation).max(2e-6),
            (_, true) => (8.0 * deviation).max(5e-2),
        }
    }

    /// Compares what was found with what is stored; returns what is wrong.
    pub(crate) fn compare(&self, outcome: &Outcome, bad: &mut Vec<String>) {
        let empty = Map::new();
        let outputs = self.value["outputs"].as_object().unwrap_or(&empty);
        for (name, expected) in outputs {
            if let Value::String(expected) = expected {
                if outcome.words.get(name.as_str()) != Some(&expected.as_str()) {
                    bad.push(format!("{}: {name} is not {expected}", self.text("id")));
                }
            } else if let Value::Object(metrics) = expected {
                for (name, expected) in metrics {
                    let found = outcome.metrics.get(name.as_str()).map(|&value| vec![value]);
                    self.compare_values("outputs", name, found.as_deref(), expected, bad);
                }
            } else {
                let found = outcome.outputs.get(name.as_str());
                self.compare_values("outputs", name, found.map(Vec::as_slice), expected, bad);
            }
        }
        for (name, expected) in self.value["grads"].as_object().unwrap_or(&empty) {
            let found = outcome.grads.get(name.as_str());
            self.compare_values("grads", name, found.map(Vec::as_slice), expected, bad);
        }
    }

    fn compare_values(
        &self,
        section: &str,
        name: &str,
        found: Option<&[f64]>,
        expected: &Value,
        bad: &mut Vec<String>,
    ) {
        let Some(found) = found else {
            bad.push(format!("{}: {section}.{name} is not computed", self.text("id")));
            return;
        };
        let mut reference = Vec::new();
        flatten(expected, &mut Vec::new(), 0, &mut reference);
        let masked = self.value["compare"].get(name).and_then(Value::as_str) == Some("mask");
        let mask = masked.then(|| match self.has("response_mask") {
            true => self.slice("response_mask"),
            false => self.slice("loss_mask"),
        });
        assert_eq!(
            found.len(),
            reference.len(),
            "{}: length of {name}",
            self.text("id")
        );
        for (at, (&found, &reference)) in found.iter().zip(&reference).enumerate() {
            if mask.as_ref().is_some_and(|mask| mask[at] == 0.0) {
                continue;
            }
            // What is no number there must be none here: the mean over nothing.
            if reference.is_nan() && !found.is_finite() {
                continue;
            }
            let error = (found - reference).abs() / reference.abs().max(1.0);
            let tolerance = self.tolerance(section);
            if error.is_nan() || error > tolerance {
                bad.push(format!(
                    "{} ({:?}): {section}.{name}[{at}] is {found}, expected {reference} within {tolerance:e}",
                    self.text("id"),
                    self.kind
                ));
                break;
            }
        }
    }
}
