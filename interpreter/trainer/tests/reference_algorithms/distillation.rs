//! Divergences of distillation, of TRL (GKD) and verl.

use rlx_trainer::algorithms::aggregation::{Aggregation, Normalisers, aggregate};
use rlx_trainer::algorithms::distillation::{
    clamped, forward_kl_topk, generalized_jsd, policy_gradient, sampled_kl,
};
use tch::Kind;

use crate::case::{Case, Outcome};

impl Case<'_> {
    pub(crate) fn distill(&self) -> Option<Outcome> {
        let out = Outcome::default();
        Some(match self.text("formula") {
            "distill.generalized_jsd" => {
                let student = self.leaf("student_logits");
                let tokens = generalized_jsd(
                    &student,
                    &self.tensor("teacher_logits"),
                    self.number("beta", 0.5),
                    self.number("temperature", 1.0),
                )
                .unwrap();
                let (mask, count) = if self.has("labels") {
                    let mask = self.ids("labels").ne(-100).to_kind(self.kind);
                    let count = mask.sum(Kind::Double).double_value(&[]).max(1.0);
                    (mask, count)
                } else {
                    (tokens.ones_like(), tokens.size()[0] as f64)
                };
                let normalisers = Normalisers {
                    tokens: Some(self.param("num_items_in_batch").unwrap_or(count)),
                    ..Normalisers::LOCAL
                };
                let loss = aggregate(&tokens, &mask, Aggregation::TokenMean, &normalisers).unwrap();
                out.output("loss", &loss)
                    .output("per_token", &tokens)
                    .grad("student_logits", &loss, &student)
            }
            "distill.forward_kl_topk" => {
                let student = self.leaf("student_logits");
                let found = forward_kl_topk(
                    &student,
                    &self.ids("teacher_topk_ids"),
                    &self.tensor("teacher_topk_log_probs"),
                    self.param("log_prob_min_clamp"),
                )
                .unwrap();
                let tokens = clamped(found.loss, self.param("loss_max_clamp")).unwrap();
                let mask = self.tensor("response_mask");
                let loss = aggregate(&tokens, &mask, self.aggregation(), &self.normalisers()).unwrap();
                out.output("loss", &loss)
                    .output("per_token", &tokens)
                    .output("student_mass", &found.student_mass)
                    .output("teacher_mass", &found.teacher_mass)
                    .grad("student_logits", &loss, &student)
            }
            "distill.reverse_kl_estimator" | "distill.policy_gradient" => {
                let new = self.leaf("log_prob");
                let (teacher, most) = (self.tensor("teacher_log_prob"), self.param("loss_max_clamp"));
                let estimate = self.estimate("estimator", "k3");
                let named = self.text("formula") == "distill.policy_gradient";
                let tokens = if self.flag("use_policy_gradient", named) {
                    let old = self.tensor("old_log_prob");
                    policy_gradient(&old, &new, &teacher, estimate, most, &self.clip())
                        .unwrap()
                        .loss
                } else {
                    sampled_kl(&new, &teacher, estimate, most).unwrap()
                };
                let mask = self.tensor("response_mask");
                let loss = aggregate(&tokens, &mask, self.aggregation(), &self.normalisers()).unwrap();
                out.output("loss", &loss).grad("log_prob", &loss, &new)
            }
            _ => return None,
        })
    }
}
