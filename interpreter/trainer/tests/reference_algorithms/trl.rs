//! TRL's variants.

use rlx_trainer::algorithms::aggregation::{Aggregation, Normalisers, aggregate};
use rlx_trainer::algorithms::kl::k3_unclamped;
use rlx_trainer::algorithms::ppo::{Clip, from_log_ratio};
use rlx_trainer::algorithms::ratio::Ratio;
use rlx_trainer::algorithms::{cispo, group};
use tch::Tensor;

use crate::case::{Case, Outcome, numbers};

impl Case<'_> {
    pub(crate) fn trl(&self) -> Option<Outcome> {
        let out = Outcome::default();
        Some(match self.text("formula") {
            "trl.grpo_advantage" => {
                // `true` and `false` are TRL's older words for the group and for nothing.
                let named = self.flag("scale_rewards", true);
                let scale = match self.word("scale_rewards", if named { "group" } else { "none" }) {
                    "group" => group::Scale::Group,
                    "batch" => group::Scale::Batch,
                    "none" => group::Scale::None,
                    other => panic!("unknown scale {other}"),
                };
                let scores = self.slice("rewards");
                let groups = self.blocks(scores.len(), "num_generations");
                let advantages = group::centred(&scores, &groups, scale, 1e-4, group::Lone::Zero);
                out.output("advantages", &self.per_row(&advantages))
            }
            "trl.rloo_advantage" => {
                let mut scores = self.slice("rewards");
                if let Some([low, high]) = self.pair("reward_clip_range") {
                    scores
                        .iter_mut()
                        .for_each(|score| *score = score.clamp(low, high));
                }
                let beta = self.number("beta", 0.05);
                if beta != 0.0 {
                    let kl = (self.tensor("old_log_prob") - self.tensor("ref_log_prob"))
                        * self.tensor("response_mask");
                    let kl = numbers(&kl.sum_dim_intlist(-1, false, self.kind));
                    for (score, kl) in scores.iter_mut().zip(kl) {
                        *score -= beta * kl;
                    }
                }
                let groups = self.blocks(scores.len(), "num_generations");
                let mut advantages = group::rloo(&scores, &groups, group::Lone::Raw);
                if self.flag("normalize_advantages", false) {
                    advantages = group::standardised(&advantages, 1e-4);
                }
                out.output("advantages", &self.per_row(&advantages))
            }
            "trl.rloo_loss" => {
                let new = self.leaf("log_prob");
                let mask = self.tensor("response_mask");
                let ratio = Ratio::SequenceProduct
                    .log(&self.tensor("old_log_prob"), &new, &mask)
                    .unwrap();
                let terms = from_log_ratio(
                    &ratio.narrow(-1, 0, 1),
                    &self.tensor("advantages").unsqueeze(-1),
                    &self.trl_clip(),
                )
                .unwrap();
                let loss = terms.loss.mean(self.kind);
                out.output("loss", &loss).grad("log_prob", &loss, &new)
            }
            "trl.grpo_loss" => self.trl_grpo_loss(),
            _ => return None,
        })
    }

    fn trl_grpo_loss(&self) -> Outcome {
        let new = self.leaf("log_prob");
        let (old, mask) = (self.tensor("old_log_prob"), self.tensor("response_mask"));
        let advantages = self.tensor("advantages").unsqueeze(-1);
        let level = match self.value["params"]["importance_sampling_level"].as_str() {
            Some("sequence") => Ratio::SequenceMean,
            _ => Ratio::Token,
        };
        let log_ratio = level.log(&old, &new, &mask).unwrap();
        let kind = self.word("loss_type", "dapo");
        let mut loss = if kind == "cispo" {
            cispo::detached_weight(&log_ratio, &new, &advantages, None, self.trl_clip().high)
                .unwrap()
                .loss
        } else {
            from_log_ratio(&log_ratio, &advantages, &self.trl_clip())
                .unwrap()
                .loss
        };
        if let Some(beta) = self.param("beta").filter(|beta| *beta != 0.0) {
            let mut kl = k3_unclamped(&new, &self.tensor("ref_log_prob")).unwrap();
            if self.value["params"]["use_bias_correction_kl"].as_bool() == Some(true) {
                kl *= log_ratio.exp();
            }
            loss += kl * beta;
        }
        let tokens = mask.sum(self.kind).double_value(&[]).max(1.0);
        let rows = mask.size()[0] as f64;
        let (mode, count) = match kind {
            "grpo" => (Aggregation::SeqMeanTokenMean, rows),
            "bnpo" => (Aggregation::TokenMean, tokens),
            "luspo" => (Aggregation::SeqMeanTokenSum, rows),
            "dr_grpo" => (
                Aggregation::TokenMean,
                rows * self.number("max_completion_length", mask.size()[1] as f64),
            ),
            "dapo" | "cispo" => (Aggregation::TokenMean, self.number("num_items_in_batch", tokens)),
            other => panic!("unknown loss {other}"),
        };
        let normalisers = Normalisers {
            tokens: Some(count),
            sequences: Some(count),
            workers: 1.0,
        };
        let mut total = aggregate(&loss, &mask, mode, &normalisers).unwrap();
        let mut entropy = Tensor::new();
        let bonus = self.param("entropy_coef").filter(|_| self.has("entropy"));
        if let Some(bonus) = bonus {
            entropy = self.leaf("entropy");
            let over = Normalisers {
                tokens: Some(tokens),
                ..Normalisers::LOCAL
            };
            total -= aggregate(&entropy, &mask, Aggregation::TokenMean, &over).unwrap() * bonus;
        }
        let out = Outcome::default()
            .output("loss", &total)
            .grad("log_prob", &total, &new);
        if bonus.is_some() {
            out.grad("entropy", &total, &entropy)
        } else {
            out
        }
    }

    fn trl_clip(&self) -> Clip {
        let low = self.number("epsilon_low", 0.2);
        Clip {
            low,
            high: self.number("epsilon_high", low),
            dual: None,
            ceiling: self.param("delta"),
        }
    }
}
