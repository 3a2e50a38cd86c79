//! OpenRLHF's variants.

use rlx_trainer::algorithms::aggregation::{Aggregation, Normalisers, aggregate};
use rlx_trainer::algorithms::ppo::{Clip, clamped_log_ratio, from_log_ratio};
use rlx_trainer::algorithms::ratio::Ratio;
use rlx_trainer::algorithms::{group, masked_mean, returns, value};
use tch::Tensor;

use crate::case::{Case, Outcome};

impl Case<'_> {
    pub(crate) fn openrlhf(&self) -> Option<Outcome> {
        Some(match self.text("formula") {
            "openrlhf.policy_loss" => self.openrlhf_policy(),
            "openrlhf.value_loss" => {
                let predictions = self.leaf("vpreds");
                let (loss, _) = value::value_loss(
                    &predictions,
                    &self.tensor("values"),
                    &self.tensor("returns"),
                    &self.tensor("response_mask"),
                    self.option("clip_eps", 0.5).unwrap_or(f64::INFINITY),
                    Aggregation::TokenMean,
                    &Normalisers::LOCAL,
                )
                .unwrap();
                Outcome::default()
                    .output("loss", &loss)
                    .grad("vpreds", &loss, &predictions)
            }
            "openrlhf.reinforce"
            | "openrlhf.reinforce_baseline"
            | "openrlhf.rloo"
            | "openrlhf.group_norm"
            | "openrlhf.dr_grpo"
            | "openrlhf.gae" => self.openrlhf_advantage(),
            _ => return None,
        })
    }

    fn openrlhf_advantage(&self) -> Outcome {
        let estimator = self.word("estimator", self.text("formula").trim_start_matches("openrlhf."));
        let scores = self.slice("rewards");
        let groups = self.blocks(scores.len(), "n");
        let zero = group::Lone::Zero;
        let shaped = match estimator {
            "rloo" => group::rloo(&scores, &groups, zero),
            "reinforce_baseline" | "dr_grpo" => {
                group::centred(&scores, &groups, group::Scale::None, 0.0, zero)
            }
            "group_norm" => group::centred(&scores, &groups, group::Scale::Group, 1e-9, zero),
            _ => scores,
        };
        let mask = self.tensor("response_mask");
        let rewards = returns::token_rewards(
            &self.per_row(&shaped),
            &self.tensor("kl"),
            &mask,
            self.number("kl_coef", 0.0),
            self.pair("reward_clip_range"),
        )
        .unwrap();
        let gamma = self.number("gamma", 1.0);
        let (mut advantages, returns) = match estimator {
            "gae" => returns::gae(
                &rewards,
                &self.tensor("values"),
                &mask,
                gamma,
                self.number("lambd", 1.0),
            )
            .unwrap(),
            _ => {
                let gamma = if estimator == "reinforce" { gamma } else { 1.0 };
                let returns = returns::cumulative(&rewards, &mask, gamma).unwrap();
                (returns.shallow_clone(), returns)
            }
        };
        if ["gae", "reinforce", "reinforce_baseline"].contains(&estimator) {
            advantages = returns::standardise(&advantages, &mask, !self.flag("no_std_norm", false)).unwrap();
        }
        Outcome::default()
            .output("advantages", &advantages)
            .output("returns", &returns)
    }

    fn openrlhf_policy(&self) -> Outcome {
        let new = self.leaf("log_prob");
        let (old, mask) = (self.tensor("old_log_prob"), self.tensor("response_mask"));
        let clip = Clip {
            low: self.number("clip_eps_low", 0.2),
            high: self.number("clip_eps_high", 0.2),
            dual: self.param("dual_clip"),
            ceiling: None,
        };
        let ppo = self.word("policy_loss_type", "ppo") == "ppo";
        let clamped = clamped_log_ratio(&old, &new).unwrap();
        let log_ratio = if ppo {
            clamped.shallow_clone()
        } else {
            Ratio::SequenceMean.log(&old, &new, &mask).unwrap()
        };
        let mut terms = from_log_ratio(&log_ratio, &self.tensor("advantages"), &clip).unwrap();
        if let Some(correction) = self.value["params"]["is_correction"].as_str().filter(|_| ppo) {
            terms = terms
                .weighted(&self.openrlhf_weights(correction, &old, &mask))
                .unwrap();
        }
        let mode = if self.flag("token_level_loss", true) {
            Aggregation::TokenMean
        } else {
            Aggregation::SeqMeanTokenMean
        };
        let loss = aggregate(&terms.loss, &mask, mode, &Normalisers::LOCAL).unwrap();
        let mean = |x: &Tensor| masked_mean(x, &mask).unwrap().double_value(&[]);
        let shown = if ppo { clamped } else { &new - &old };
        Outcome::default()
            .output("loss", &loss)
            .value("clip_ratio", mean(&terms.clipped))
            .value("ppo_kl", -mean(&shown.detach()))
            .grad("log_prob", &loss, &new)
    }

    fn openrlhf_weights(&self, correction: &str, old: &Tensor, mask: &Tensor) -> Tensor {
        let [low, high] = self.pair("is_threshold").unwrap_or([0.5, 5.0]);
        let rollout = self.tensor("rollout_log_prob");
        let weights = (old - &rollout).exp();
        let within = |x: &Tensor| x.ge(low).logical_and(&x.le(high)).to_kind(self.kind);
        match correction {
            "tis" => weights.clamp(low, high),
            "icepop" => &weights * within(&weights),
            "seq-mask-tis" => {
                let whole = Ratio::SequenceMean.log(&rollout, old, mask).unwrap().exp();
                &weights * within(&whole)
            }
            other => panic!("unknown correction {other}"),
        }
    }
}
