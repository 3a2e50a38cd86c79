//! Every formula against the numbers of the reference libraries, in f64 and in f32.
//! Tolerances are those of the vectors' README.
#![allow(clippy::unwrap_used)] // helpers of tests, whose failure is a panic

mod support;

use std::collections::{BTreeMap, BTreeSet};

use rlx_trainer::algorithms::actor::{ActorTerms, actor_loss};
use rlx_trainer::algorithms::aggregation::{Aggregation, Normalisers, aggregate};
use rlx_trainer::algorithms::kl::{Controller, Estimator, KlEstimate, penalise_rewards};
use rlx_trainer::algorithms::ppo::{Clip, PolicyTerms, ppo};
use rlx_trainer::algorithms::{
    cispo, entropy, gae, group, gspo, masked_mean, overlong, reinforce, sft, value,
};
use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};

/// Formulas of the folder that this crate does not implement yet.
const NOT_COVERED_YET: &[&str] = &[
    "dapo.dynamic_sampling",
    "distill.forward_kl_topk",
    "distill.generalized_jsd",
    "distill.policy_gradient",
    "distill.reverse_kl_estimator",
    "openrlhf.dr_grpo",
    "openrlhf.gae",
    "openrlhf.group_norm",
    "openrlhf.policy_loss",
    "openrlhf.reinforce",
    "openrlhf.reinforce_baseline",
    "openrlhf.rloo",
    "openrlhf.value_loss",
    "rollout_correction",
    "trl.grpo_advantage",
    "trl.grpo_loss",
    "trl.rloo_advantage",
    "trl.rloo_loss",
];

/// One case read in one floating-point kind.
struct Case<'a> {
    value: &'a Value,
    kind: Kind,
}

/// What an implementation gave: outputs by name, and gradients by name.
#[derive(Default)]
struct Outcome {
    outputs: BTreeMap<&'static str, Vec<f64>>,
    grads: BTreeMap<&'static str, Vec<f64>>,
}

impl Outcome {
    fn output(mut self, name: &'static str, tensor: &Tensor) -> Self {
        self.outputs.insert(name, numbers(tensor));
        self
    }
    fn value(mut self, name: &'static str, value: f64) -> Self {
        self.outputs.insert(name, vec![value]);
        self
    }
    fn grad(mut self, name: &'static str, of: &Tensor, input: &Tensor) -> Self {
        self.grads.insert(name, gradient(of, input));
        self
    }
    fn policy(self, terms: &PolicyTerms, mask: &Tensor) -> Self {
        let (clipped, kl, lower) = terms.measures(mask).unwrap();
        self.value("pg_clipfrac", clipped)
            .value("ppo_kl", kl)
            .value("pg_clipfrac_lower", lower)
    }
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
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
    fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap()
    }
    fn param(&self, name: &str) -> Option<f64> {
        self.value["params"].get(name).and_then(Value::as_f64)
    }
    fn flag(&self, name: &str) -> bool {
        self.value["params"][name].as_bool().unwrap()
    }
    fn word(&self, name: &str) -> &str {
        self.value["params"][name].as_str().unwrap()
    }
    fn has(&self, input: &str) -> bool {
        self.value["inputs"].get(input).is_some_and(|v| !v.is_null())
    }
    fn slice(&self, input: &str) -> Vec<f64> {
        let mut out = Vec::new();
        flatten(&self.value["inputs"][input], &mut Vec::new(), 0, &mut out);
        out
    }
    fn tensor(&self, input: &str) -> Tensor {
        let (mut shape, mut out) = (Vec::new(), Vec::new());
        flatten(&self.value["inputs"][input], &mut shape, 0, &mut out);
        Tensor::from_slice(&out).view(shape.as_slice()).to_kind(self.kind)
    }
    fn leaf(&self, input: &str) -> Tensor {
        self.tensor(input).set_requires_grad(true)
    }
    fn ids(&self, input: &str) -> Tensor {
        self.tensor(input).to_kind(Kind::Int64)
    }
    /// Group of each row: the position of its label among the labels.
    fn groups(&self) -> Vec<usize> {
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
    fn scores(&self) -> Vec<f64> {
        let rewards = self.tensor("token_level_rewards").to_kind(Kind::Double);
        numbers(&rewards.sum_dim_intlist(-1, false, Kind::Double))
    }
    fn per_row(&self, values: &[f64]) -> Tensor {
        Tensor::from_slice(values)
            .to_kind(self.kind)
            .to_device(Device::Cpu)
    }
    fn spread(&self, advantages: &[f64]) -> Tensor {
        self.per_row(advantages).unsqueeze(-1) * self.tensor("response_mask")
    }
    fn aggregation(&self) -> Aggregation {
        match self.word("loss_agg_mode") {
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
    fn normalisers(&self) -> Normalisers {
        Normalisers {
            tokens: self.param("batch_num_tokens"),
            sequences: self.param("global_batch_size"),
            workers: self.param("dp_size").unwrap_or(1.0),
        }
    }
    fn clip(&self) -> Clip {
        let both = self.param("clip_ratio");
        Clip {
            low: self.param("clip_ratio_low").or(both).unwrap(),
            high: self.param("clip_ratio_high").or(both).unwrap(),
            dual: self.param("clip_ratio_c"),
        }
    }
    fn estimate(&self, name: &str) -> KlEstimate {
        let name = self.word(name);
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

    /// The outcome of our implementation, `None` where the formula is not covered.
    fn run(&self) -> Option<Outcome> {
        let out = Outcome::default();
        Some(match self.text("formula") {
            "grpo" => {
                let advantages = group::grpo(
                    &self.scores(),
                    &self.groups(),
                    self.flag("norm_adv_by_std_in_grpo"),
                    self.param("epsilon").unwrap(),
                );
                out.output("advantages", &self.spread(&advantages))
            }
            "dr_grpo.advantage" => {
                let advantages = group::grpo(&self.scores(), &self.groups(), false, 0.0);
                out.output("advantages", &self.spread(&advantages))
            }
            "dr_grpo.loss" => {
                let advantages = self.spread(&group::grpo(&self.scores(), &self.groups(), false, 0.0));
                let (new, mask) = (self.leaf("log_prob"), self.tensor("response_mask"));
                let terms = ppo(&self.tensor("old_log_prob"), &new, &advantages, &self.clip()).unwrap();
                let aggregation = Aggregation::SeqMeanTokenSumNorm {
                    length: self.param("loss_scale_factor"),
                };
                let loss = aggregate(&terms.loss, &mask, aggregation, &Normalisers::LOCAL).unwrap();
                out.output("advantages", &advantages)
                    .output("loss", &loss)
                    .grad("log_prob", &loss, &new)
            }
            "rloo" | "rloo_vectorized" => {
                let lone = match self.text("formula") {
                    "rloo" => group::Lone::Raw,
                    _ => group::Lone::Zero,
                };
                let advantages = group::rloo(&self.scores(), &self.groups(), lone);
                out.output("advantages", &self.spread(&advantages))
            }
            "reinforce_plus_plus" => {
                let (advantages, returns) = reinforce::reinforce_plus_plus(
                    &self.tensor("token_level_rewards"),
                    &self.tensor("response_mask"),
                    self.param("gamma").unwrap(),
                )
                .unwrap();
                out.output("advantages", &advantages).output("returns", &returns)
            }
            "reinforce_plus_plus_baseline" => {
                let centred = group::grpo(&self.scores(), &self.groups(), false, 0.0);
                let advantages = reinforce::reinforce_plus_plus_baseline(
                    &self.per_row(&centred),
                    &self.tensor("response_mask"),
                )
                .unwrap();
                out.output("advantages", &advantages)
            }
            "remax" => {
                let (advantages, returns) = reinforce::remax(
                    &self.tensor("token_level_rewards"),
                    &self.tensor("response_mask"),
                    &self.tensor("reward_baselines"),
                )
                .unwrap();
                out.output("advantages", &advantages).output("returns", &returns)
            }
            "gae" => {
                let (advantages, returns) = gae::gae(
                    &self.tensor("token_level_rewards"),
                    &self.tensor("values"),
                    &self.tensor("response_mask"),
                    self.param("gamma").unwrap(),
                    self.param("lam").unwrap(),
                )
                .unwrap();
                out.output("advantages", &advantages).output("returns", &returns)
            }
            "agg_loss" => {
                let matrix = self.leaf("loss_mat");
                let loss = aggregate(
                    &matrix,
                    &self.tensor("loss_mask"),
                    self.aggregation(),
                    &self.normalisers(),
                )
                .unwrap();
                out.output("loss", &loss).grad("loss_mat", &loss, &matrix)
            }
            "ppo_policy_loss" | "gspo" | "cispo" => {
                let (new, mask) = (self.leaf("log_prob"), self.tensor("response_mask"));
                let (old, advantages) = (self.tensor("old_log_prob"), self.tensor("advantages"));
                let mut terms = match self.text("formula") {
                    "gspo" => gspo::gspo(&old, &new, &advantages, &mask, &self.clip()),
                    "cispo" => cispo::cispo(&old, &new, &advantages, &self.clip()),
                    _ => ppo(&old, &new, &advantages, &self.clip()),
                }
                .unwrap();
                if self.has("rollout_is_weights") {
                    terms = terms.weighted(&self.tensor("rollout_is_weights")).unwrap();
                }
                let loss = aggregate(&terms.loss, &mask, self.aggregation(), &self.normalisers()).unwrap();
                out.output("loss", &loss)
                    .policy(&terms, &mask)
                    .grad("log_prob", &loss, &new)
            }
            "value_loss" => {
                let predictions = self.leaf("vpreds");
                let (loss, fraction) = value::value_loss(
                    &predictions,
                    &self.tensor("values"),
                    &self.tensor("returns"),
                    &self.tensor("response_mask"),
                    self.param("cliprange_value").unwrap(),
                    self.aggregation(),
                    &self.normalisers(),
                )
                .unwrap();
                out.output("loss", &loss)
                    .value("vf_clipfrac", fraction)
                    .grad("vpreds", &loss, &predictions)
            }
            "kl_penalty" => {
                let new = self.leaf("logprob");
                let kl = self
                    .estimate("kl_penalty")
                    .penalty(&new, &self.tensor("ref_logprob"))
                    .unwrap();
                let sum = kl.sum(self.kind);
                out.output("kl", &kl).grad("logprob", &sum, &new)
            }
            "kl_in_reward" => {
                let controller = match self.word("type") {
                    "fixed" => Controller::Fixed,
                    _ => Controller::Adaptive {
                        target: self.param("target_kl").unwrap(),
                        horizon: self.param("horizon").unwrap(),
                    },
                };
                let coefficient = self.param("kl_coef").unwrap();
                let found = penalise_rewards(
                    &self.tensor("token_level_scores"),
                    &self.tensor("old_log_probs"),
                    &self.tensor("ref_log_prob"),
                    &self.tensor("response_mask"),
                    self.estimate("kl_penalty"),
                    coefficient,
                    controller,
                )
                .unwrap();
                out.output("token_level_rewards", &found.rewards)
                    .value("current_kl", found.current)
                    .value("coef_before", coefficient)
                    .value("coef_after", found.next_coefficient)
            }
            "entropy" => {
                let (logits, mask) = (self.leaf("logits"), self.tensor("response_mask"));
                let entropies = entropy::entropy(&logits).unwrap();
                let log_probs = entropy::log_probs(&logits, &self.ids("labels")).unwrap();
                let loss = aggregate(&entropies, &mask, self.aggregation(), &Normalisers::LOCAL).unwrap();
                let sum = (&log_probs * &mask).sum(self.kind);
                out.output("entropy", &entropies)
                    .output("log_probs", &log_probs)
                    .output("entropy_loss", &loss)
                    .grad("entropy_loss/logits", &loss, &logits)
                    .grad("logprobs_sum/logits", &sum, &logits)
            }
            "actor_total_loss" => {
                let (new, mask) = (self.leaf("log_prob"), self.tensor("response_mask"));
                let entropies = self.leaf("entropy");
                let (old, advantages) = (self.tensor("old_log_prob"), self.tensor("advantages"));
                let terms = match self.word("loss_mode") {
                    "gspo" => gspo::gspo(&old, &new, &advantages, &mask, &self.clip()),
                    _ => ppo(&old, &new, &advantages, &self.clip()),
                }
                .unwrap();
                let kl = self.flag("use_kl_loss").then(|| {
                    let estimate = self.estimate("kl_loss_type");
                    estimate.penalty(&new, &self.tensor("ref_log_prob")).unwrap()
                });
                let bonus = self.param("entropy_coeff").unwrap();
                let whole = ActorTerms {
                    policy: &terms.loss,
                    entropy: Some((&entropies, bonus)),
                    kl: kl.as_ref().map(|kl| (kl, self.param("kl_loss_coef").unwrap())),
                };
                let loss = actor_loss(&whole, &mask, self.aggregation(), &self.normalisers()).unwrap();
                out.output("loss", &loss)
                    .grad("log_prob", &loss, &new)
                    .grad("entropy", &loss, &entropies)
            }
            "sft.hf" => {
                let logits = self.leaf("logits");
                let normalisers = Normalisers {
                    tokens: self.param("num_items_in_batch"),
                    ..Normalisers::LOCAL
                };
                let loss = sft::from_logits(&logits, &self.ids("labels"), &normalisers).unwrap();
                out.output("loss", &loss).grad("logits", &loss, &logits)
            }
            "sft.verl" | "sft.openrlhf_token" | "sft.openrlhf_sample" => {
                let (log_probs, mask) = (self.leaf("log_prob"), self.tensor("response_mask"));
                let loss = match self.text("formula") {
                    "sft.openrlhf_sample" => sft::per_sample(&log_probs, &mask),
                    _ => sft::from_log_probs(&log_probs, &mask, &self.normalisers()),
                }
                .unwrap();
                out.output("loss", &loss).grad("log_prob", &loss, &log_probs)
            }
            "dapo.overlong" => {
                let rewards: Vec<f64> = self
                    .slice("scores")
                    .iter()
                    .zip(self.slice("response_lengths"))
                    .map(|(&score, length)| self.shaped(score, length))
                    .collect();
                out.output("rewards", &self.per_row(&rewards))
            }
            "dapo.step" => {
                let (new, mask) = (self.leaf("log_prob"), self.tensor("response_mask"));
                let lengths = numbers(&mask.sum_dim_intlist(-1, false, self.kind));
                let shaped: Vec<f64> = self
                    .slice("scores")
                    .iter()
                    .zip(lengths)
                    .map(|(&score, length)| self.shaped(score, length))
                    .collect();
                let advantages = self.spread(&group::grpo(&shaped, &self.groups(), true, 1e-6));
                let terms = ppo(&self.tensor("old_log_prob"), &new, &advantages, &self.clip()).unwrap();
                let loss =
                    aggregate(&terms.loss, &mask, Aggregation::TokenMean, &Normalisers::LOCAL).unwrap();
                let fraction = masked_mean(&terms.clipped, &mask).unwrap().double_value(&[]);
                out.output("shaped_rewards", &self.per_row(&shaped))
                    .output("advantages", &advantages)
                    .output("loss", &loss)
                    .value("pg_clipfrac", fraction)
                    .grad("log_prob", &loss, &new)
            }
            _ => return None,
        })
    }

    fn shaped(&self, score: f64, length: f64) -> f64 {
        overlong::soft_overlong(
            score,
            length,
            self.param("max_resp_len").unwrap(),
            self.param("overlong_buffer_len").unwrap(),
            self.param("penalty_factor").unwrap(),
        )
    }

    fn tolerance(&self, what: &str) -> f64 {
        let degenerate = self.value["degenerate"].as_bool() == Some(true);
        let deviation = self.value["f32_dev"][what].as_f64().unwrap_or(0.0);
        match (self.kind, degenerate) {
            (Kind::Double, false) => 1e-7,
            (Kind::Double, true) => 1e-6,
            (_, false) => (8.0 * deviation).max(2e-6),
            (_, true) => (8.0 * deviation).max(5e-2),
        }
    }

    /// Compares what was found with what is stored under `section`; returns what is wrong.
    fn compare(&self, section: &str, found: &BTreeMap<&'static str, Vec<f64>>, bad: &mut Vec<String>) {
        let empty = Map::new();
        let stored = self.value[section].as_object().unwrap_or(&empty);
        for (name, expected) in stored {
            let Some(found) = found.get(name.as_str()) else {
                bad.push(format!("{}: {section}.{name} is not computed", self.text("id")));
                continue;
            };
            let mut reference = Vec::new();
            flatten(expected, &mut Vec::new(), 0, &mut reference);
            let masked = self.value["compare"].get(name).and_then(Value::as_str) == Some("mask");
            let mask = masked.then(|| self.slice("response_mask"));
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
}

fn hold_against_reference(kind: Kind) {
    let folder = support::reference("rl");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no vectors in {}", folder.display());
    let (mut held, mut skipped, mut bad) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let content: Value = serde_json::from_str(&text).unwrap();
        for value in content["cases"].as_array().expect("cases") {
            let case = Case { value, kind };
            let formula = case.text("formula").to_owned();
            match case.run() {
                Some(outcome) => {
                    case.compare("outputs", &outcome.outputs, &mut bad);
                    case.compare("grads", &outcome.grads, &mut bad);
                    *held.entry(formula).or_insert(0) += 1;
                }
                None => *skipped.entry(formula).or_insert(0) += 1,
            }
        }
    }
    eprintln!("{kind:?}: held {held:?}");
    eprintln!("{kind:?}: not covered yet {skipped:?}");
    for formula in skipped.keys() {
        assert!(
            NOT_COVERED_YET.contains(&formula.as_str()),
            "formula {formula} is neither implemented nor on the list of those to come"
        );
    }
    assert!(bad.is_empty(), "{} differences:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn reference_vectors_hold_in_f64() {
    hold_against_reference(Kind::Double);
}

#[test]
fn reference_vectors_hold_in_f32() {
    hold_against_reference(Kind::Float);
}
