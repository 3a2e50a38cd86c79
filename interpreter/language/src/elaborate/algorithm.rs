//! Algorithms and optimisers.

use super::Elaborator;
use super::checked::{Checked, Owner, Typed};
use super::entries::{Entity, Entries, Nested};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::schema::{self, SFT_FIELDS};
use crate::study::{
    Aggregation, Algorithm, Baseline, Correction, Critic, FormatReward, Kl, LowRank, LowRankTargets, Method,
    Optimizer, Overlong, PolicyLoss, Rl, Schedule, UpdateRule,
};

impl<'a> Elaborator<'a> {
    /// A declared algorithm is checked, whether it is used or not.
    pub(super) fn check_algorithm(&mut self, id: DeclId) {
        self.binding_leaf_if_value(id);
        let Some(entries) = self.entries_of_declaration(id) else {
            return;
        };
        let key = self.key(id);
        let owner = self.owner(id, &key);
        self.build_algorithm(entries, &owner, key);
    }

    /// The algorithm of a training, read under `rl.algorithm`, and its optimizer as it was written.
    pub(super) fn use_algorithm(
        &mut self,
        entity: &Entity<'a>,
        nested: &[Nested<'a>],
        path: &str,
    ) -> Option<(Algorithm, Entries<'a>, Place)> {
        let entries = self.entries_of_entity(entity, nested)?;
        let name = self.name_of(entity.id);
        let owner = Owner {
            path: path.to_owned(),
            what: format!("`algorithm {name}`"),
            place: entity.place,
            module: entity.id.module,
        };
        let plain = entity.changes.is_empty() && nested.is_empty();
        let key = if plain {
            self.key(entity.id)
        } else {
            path.to_owned()
        };
        let algorithm = self.build_algorithm(entries.clone(), &owner, key.clone())?;
        self.algorithms.insert(key, algorithm.clone());
        Some((algorithm, entries, entity.place))
    }

    fn build_algorithm(&mut self, entries: Entries<'a>, owner: &Owner, key: String) -> Option<Algorithm> {
        let checked = self.read(&schema::ALGORITHM, entries, owner);
        let sft = checked.word("method")? == "sft";
        if sft {
            self.only_for_rl(&checked);
        }
        if !checked.is_whole() {
            return None;
        }
        let optimizer = self.optimizer(checked.record("optimizer")?)?;
        let method = if sft {
            Method::Sft
        } else {
            Method::Rl(self.rl(&checked)?)
        };
        Some(Algorithm {
            name: key,
            method,
            optimizer,
        })
    }

    fn only_for_rl(&mut self, checked: &Checked<'a>) {
        for field in schema::ALGORITHM
            .fields
            .iter()
            .map(|field| field.name)
            .filter(|name| !SFT_FIELDS.contains(name))
        {
            if !checked.is_default(field) && !matches!(checked.typed(field), Some(Typed::Absent)) {
                let diagnostic = Diagnostic::error(
                    "rlx::field::inapplicable",
                    format!("supervised fine-tuning has no `{field}`"),
                );
                let diagnostic = self.at(diagnostic, checked.place(field), "read by nobody");
                let diagnostic = self
                    .at(diagnostic, checked.place("method"), "the method")
                    .help("leave it out, or take `method = rl`");
                self.report(diagnostic);
            }
        }
    }

    fn rl(&mut self, checked: &Checked<'a>) -> Option<Rl> {
        let baseline = match checked.word("baseline")? {
            "group_mean" => Baseline::GroupMean,
            "leave_one_out" => Baseline::LeaveOneOut,
            "greedy" => Baseline::Greedy,
            "critic" => Baseline::Critic,
            _ => Baseline::Nothing,
        };
        let loss = match checked.word("loss")? {
            "clip" => PolicyLoss::Clip,
            "sequence" => PolicyLoss::Sequence,
            _ => PolicyLoss::Cispo,
        };
        let aggregation = match checked.word("aggregation")? {
            "token_mean" => Aggregation::TokenMean,
            "token_sum" => Aggregation::TokenSum,
            "seq_mean_token_sum" => Aggregation::SeqMeanTokenSum,
            "seq_mean_token_mean" => Aggregation::SeqMeanTokenMean,
            _ => Aggregation::SeqMeanTokenSumNorm,
        };
        self.parts_fit(checked, baseline, loss, aggregation)?;
        let critic = match checked.record("critic") {
            None => None,
            Some(critic) => Some(Critic {
                optimizer: self.optimizer(critic.record("optimizer")?)?,
                clip: critic.maybe_number("clip")?,
                warmup: critic.count("warmup")?,
            }),
        };
        let overlong = match checked.record("overlong") {
            None => None,
            Some(overlong) => Some(Overlong {
                buffer: overlong.count("buffer")?,
                factor: overlong.number("factor")?,
            }),
        };
        let dynamic_sampling = match checked.record("dynamic_sampling") {
            None => None,
            Some(dynamic) => Some(dynamic.count("batches")?),
        };
        Some(Rl {
            baseline,
            normalize_std: checked.boolean("normalize_std")?,
            epsilon: checked.number("epsilon")?,
            whiten: checked.boolean("whiten")?,
            gamma: checked.number("gamma")?,
            lambda: checked.number("lambda")?,
            critic,
            loss,
            clip_low: checked.number("clip_low")?,
            clip_high: checked.number("clip_high")?,
            dual_clip: checked.maybe_number("dual_clip")?,
            ceiling: checked.maybe_number("ceiling")?,
            aggregation,
            loss_length: checked.maybe_count("loss_length")?,
            kl: match checked.record("kl") {
                None => None,
                Some(kl) => Some(self.kl(kl)?),
            },
            entropy_bonus: checked.number("entropy_bonus")?,
            updates: checked.count("updates")?,
            mini_batch: checked.maybe_count("mini_batch")?,
            dynamic_sampling,
            overlong,
            mask_truncated: checked.boolean("mask_truncated")?,
            format: match checked.record("format") {
                None => None,
                Some(format) => Some(self.format_reward(format)?),
            },
            correction: match checked.record("correction") {
                None => None,
                Some(correction) => Some(correction_of(correction)?),
            },
            temperature: checked.number("temperature")?,
            top_p: checked.number("top_p")?,
        })
    }

    /// Parts that are written and that no other part reads are errors.
    fn parts_fit(
        &mut self,
        checked: &Checked<'a>,
        baseline: Baseline,
        loss: PolicyLoss,
        aggregation: Aggregation,
    ) -> Option<()> {
        let discounts = matches!(baseline, Baseline::Critic | Baseline::Nothing);
        let rules = [
            (
                "loss_length",
                aggregation == Aggregation::SeqMeanTokenSumNorm,
                "aggregation",
                "only `seq_mean_token_sum_norm` divides by `loss_length`",
            ),
            (
                "critic",
                baseline == Baseline::Critic,
                "baseline",
                "only `baseline = critic` has a `critic`",
            ),
            (
                "lambda",
                baseline == Baseline::Critic,
                "baseline",
                "only `baseline = critic` estimates advantages with `lambda`",
            ),
            (
                "gamma",
                discounts,
                "baseline",
                "only `baseline = critic` and `baseline = nothing` discount by `gamma`",
            ),
            (
                "dual_clip",
                loss == PolicyLoss::Clip,
                "loss",
                "only `loss = clip` has a `dual_clip`",
            ),
            (
                "ceiling",
                loss != PolicyLoss::Cispo,
                "loss",
                "`loss = cispo` has no unclipped ratio, so no `ceiling`",
            ),
        ];
        for (field, read, by, message) in rules {
            let absent = matches!(checked.typed(field), Some(Typed::Absent));
            if read || checked.is_default(field) || absent {
                continue;
            }
            let diagnostic = Diagnostic::error("rlx::field::inapplicable", message);
            let diagnostic = self.at(diagnostic, checked.place(field), "read by nobody");
            let diagnostic = self
                .at(diagnostic, checked.place(by), format!("the {by}"))
                .help("leave it out, or write `none` in the place of what a preset says");
            self.report(diagnostic);
            return None;
        }
        let normalizes = checked.boolean("normalize_std")?;
        if normalizes && baseline != Baseline::GroupMean {
            let diagnostic = Diagnostic::error(
                "rlx::field::inapplicable",
                "only advantages over the group's mean are divided by its standard deviation",
            );
            let diagnostic = self.at(diagnostic, checked.place("normalize_std"), "read by nobody");
            let diagnostic = self
                .at(diagnostic, checked.place("baseline"), "the baseline")
                .help("write `normalize_std = false`, or `whiten = true` to scale over the batch");
            self.report(diagnostic);
            return None;
        }
        if baseline == Baseline::Critic && checked.record("critic").is_none() {
            let diagnostic = Diagnostic::error("rlx::field::missing", "the algorithm has no `critic`");
            let diagnostic = self
                .at(diagnostic, checked.place("baseline"), "asks for a critic")
                .help("add `critic = { optimizer = { learning_rate = 1e-5 } }`");
            self.report(diagnostic);
            return None;
        }
        Some(())
    }

    fn kl(&mut self, kl: &Checked<'a>) -> Option<Kl> {
        let in_reward = kl.word("place")? == "reward";
        let straight_through = kl.word("gradient")? == "k2";
        let target = kl.maybe_number("target")?;
        let misplaced = [
            (
                "target",
                target.is_some() && !in_reward,
                "only a KL in the reward adapts to a `target`",
            ),
            (
                "horizon",
                target.is_none() && !kl.is_default("horizon"),
                "`horizon` is read only where there is a `target`",
            ),
            (
                "gradient",
                straight_through && in_reward,
                "a KL in the reward has no gradient",
            ),
        ];
        for (field, wrong, message) in misplaced {
            if wrong {
                let diagnostic = Diagnostic::error("rlx::field::inapplicable", message);
                let diagnostic = self.at(diagnostic, kl.place(field), "read by nobody");
                let diagnostic = self
                    .at(diagnostic, kl.place("place"), "the place")
                    .help("leave it out");
                self.report(diagnostic);
                return None;
            }
        }
        Some(Kl {
            estimator: kl.word("estimator")?.to_owned(),
            coefficient: kl.number("coefficient")?,
            in_reward,
            straight_through,
            adaptive: match target {
                None => None,
                Some(target) => Some([target, kl.number("horizon")?]),
            },
        })
    }

    fn format_reward(&mut self, format: &Checked<'a>) -> Option<FormatReward> {
        let pattern = format.text("pattern")?;
        if let Err(error) = regex::Regex::new(&pattern) {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default().trim();
            let diagnostic = Diagnostic::error(
                "rlx::value::pattern",
                format!("the pattern is no regular expression: {why}"),
            );
            let diagnostic = self
                .at(diagnostic, format.place("pattern"), "cannot be read")
                .help("the syntax is that of the Rust crate `regex`; there are no look-arounds and no backreferences");
            self.report(diagnostic);
            return None;
        }
        Some(FormatReward {
            pattern,
            reward: format.number("reward")?,
        })
    }
}

fn correction_of(checked: &Checked<'_>) -> Option<Correction> {
    Some(Correction {
        weights: checked.word("weights").map(str::to_owned),
        low: checked.maybe_number("low")?,
        high: checked.number("high")?,
        normalize: checked.boolean("normalize")?,
        reject: checked.word("reject").map(str::to_owned),
        reject_low: checked.maybe_number("reject_low")?,
        reject_high: checked.number("reject_high")?,
    })
}

impl<'a> Elaborator<'a> {
    pub(super) fn optimizer(&mut self, checked: &Checked<'a>) -> Option<Optimizer> {
        if !checked.is_whole() {
            return None;
        }
        let rule = match checked.word("rule")? {
            "adafactor" => UpdateRule::Adafactor,
            _ => UpdateRule::AdamW,
        };
        for field in ["betas", "epsilon"] {
            if rule == UpdateRule::Adafactor && !checked.is_default(field) {
                let diagnostic = Diagnostic::error(
                    "rlx::field::inapplicable",
                    format!("only `rule = adamw` has `{field}`"),
                );
                let diagnostic = self.at(diagnostic, checked.place(field), "read by nobody");
                let diagnostic = self
                    .at(diagnostic, checked.place("rule"), "the rule")
                    .help("leave it out: Adafactor's decay follows from the step");
                self.report(diagnostic);
                return None;
            }
        }
        Some(Optimizer {
            rule,
            learning_rate: checked.number("learning_rate")?,
            betas: checked.pair("betas")?,
            epsilon: checked.number("epsilon")?,
            weight_decay: checked.number("weight_decay")?,
            clip_norm: checked.maybe_number("clip_norm")?,
            warmup: checked.count("warmup")?,
            schedule: match checked.word("schedule")? {
                "constant" => Schedule::Constant,
                "linear" => Schedule::Linear,
                _ => Schedule::Cosine,
            },
            floor: checked.number("floor")?,
            skip_limit: checked.count("skip_limit")?,
        })
    }

    /// What is trained in the place of the weights, where a training says so.
    pub(super) fn low_rank(&mut self, checked: &Checked<'a>) -> Option<Option<LowRank>> {
        let Some(lora) = checked.record("lora") else {
            return Some(None);
        };
        let rank = lora.count("rank")?;
        Some(Some(LowRank {
            rank,
            alpha: lora.maybe_number("alpha")?.unwrap_or(2.0 * rank as f64),
            targets: match lora.word("targets")? {
                "attention" => LowRankTargets::Attention,
                "feed_forward" => LowRankTargets::FeedForward,
                _ => LowRankTargets::All,
            },
        }))
    }
}
