//! verl's formulas and those of supervised fine-tuning.

use rlx_trainer::algorithms::actor::{ActorTerms, actor_loss};
use rlx_trainer::algorithms::aggregation::{Aggregation, Normalisers, aggregate};
use rlx_trainer::algorithms::kl::{Controller, penalise_rewards};
use rlx_trainer::algorithms::ppo::ppo;
use rlx_trainer::algorithms::{
    cispo, entropy, gae, group, gspo, masked_mean, overlong, reinforce, sft, value,
};

use crate::case::{Case, Outcome, numbers};

impl Case<'_> {
    /// The outcome of our implementation, `None` where the formula is not covered.
    pub(crate) fn verl(&self) -> Option<Outcome> {
        let out = Outcome::default();
        Some(match self.text("formula") {
            "grpo" => {
                let advantages = group::grpo(
                    &self.scores(),
                    &self.groups(),
                    self.flag("norm_adv_by_std_in_grpo", true),
                    self.number("epsilon", 1e-6),
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
                    self.number("gamma", 1.0),
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
                    self.number("gamma", 1.0),
                    self.number("lam", 1.0),
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
                    self.option("cliprange_value", 0.5).unwrap_or(f64::INFINITY),
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
                    .estimate("kl_penalty", "kl")
                    .penalty(&new, &self.tensor("ref_logprob"))
                    .unwrap();
                let sum = kl.sum(self.kind);
                out.output("kl", &kl).grad("logprob", &sum, &new)
            }
            "kl_in_reward" => {
                let controller = match self.word("type", "fixed") {
                    "fixed" => Controller::Fixed,
                    _ => Controller::Adaptive {
                        target: self.number("target_kl", 0.1),
                        horizon: self.number("horizon", 10_000.0),
                    },
                };
                let coefficient = self.number("kl_coef", 0.001);
                let found = penalise_rewards(
                    &self.tensor("token_level_scores"),
                    &self.tensor("old_log_probs"),
                    &self.tensor("ref_log_prob"),
                    &self.tensor("response_mask"),
                    self.estimate("kl_penalty", "kl"),
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
                let entropies = self.has("entropy").then(|| self.leaf("entropy"));
                let (old, advantages) = (self.tensor("old_log_prob"), self.tensor("advantages"));
                let mut terms = match self.word("loss_mode", "vanilla") {
                    "gspo" => gspo::gspo(&old, &new, &advantages, &mask, &self.clip()),
                    "cispo" => cispo::cispo(&old, &new, &advantages, &self.clip()),
                    "vanilla" => ppo(&old, &new, &advantages, &self.clip()),
                    other => panic!("unknown loss {other}"),
                }
                .unwrap();
                if self.has("rollout_is_weights") {
                    terms = terms.weighted(&self.tensor("rollout_is_weights")).unwrap();
                }
                let kl = self.flag("use_kl_loss", false).then(|| {
                    let estimate = self.estimate("kl_loss_type", "low_var_kl");
                    estimate.penalty(&new, &self.tensor("ref_log_prob")).unwrap()
                });
                let bonus = self.number("entropy_coeff", 0.0);
                let whole = ActorTerms {
                    policy: &terms.loss,
                    entropy: entropies.as_ref().map(|entropies| (entropies, bonus)),
                    kl: kl.as_ref().map(|kl| (kl, self.number("kl_loss_coef", 0.001))),
                };
                let loss = actor_loss(&whole, &mask, self.aggregation(), &self.normalisers()).unwrap();
                let out = out.output("loss", &loss).grad("log_prob", &loss, &new);
                match &entropies {
                    Some(entropies) => out.grad("entropy", &loss, entropies),
                    None => out,
                }
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
            self.number("penalty_factor", 1.0),
        )
    }
}
