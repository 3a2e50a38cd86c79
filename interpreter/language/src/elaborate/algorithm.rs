//! Algorithms and optimisers.

use super::Elaborator;
use super::checked::{Checked, Owner, Typed};
use super::entries::{Entity, Entries, Nested};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::schema::{self, SFT_FIELDS};
use crate::study::{Aggregation, Algorithm, Grpo, Kl, Method, Optimizer, Schedule};

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
            self.only_for_grpo(&checked);
        }
        if !checked.is_whole() {
            return None;
        }
        let optimizer = optimizer(checked.record("optimizer")?)?;
        let method = if sft {
            Method::Sft
        } else {
            Method::Grpo(self.grpo(&checked)?)
        };
        Some(Algorithm {
            name: key,
            method,
            optimizer,
        })
    }

    fn only_for_grpo(&mut self, checked: &Checked<'a>) {
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
                    .help("leave it out, or take `method = grpo`");
                self.report(diagnostic);
            }
        }
    }

    fn grpo(&mut self, checked: &Checked<'a>) -> Option<Grpo> {
        let aggregation = match checked.word("aggregation")? {
            "token_mean" => Aggregation::TokenMean,
            "token_sum" => Aggregation::TokenSum,
            "seq_mean_token_sum" => Aggregation::SeqMeanTokenSum,
            "seq_mean_token_mean" => Aggregation::SeqMeanTokenMean,
            _ => Aggregation::SeqMeanTokenSumNorm,
        };
        let loss_length = checked.maybe_count("loss_length")?;
        if loss_length.is_some() && aggregation != Aggregation::SeqMeanTokenSumNorm {
            let diagnostic = Diagnostic::error(
                "rlx::field::inapplicable",
                "only `seq_mean_token_sum_norm` divides by `loss_length`",
            );
            let diagnostic = self.at(diagnostic, checked.place("loss_length"), "read by nobody");
            let diagnostic = self
                .at(diagnostic, checked.place("aggregation"), "the aggregation")
                .help("leave it out");
            self.report(diagnostic);
            return None;
        }
        let kl = match checked.record("kl") {
            None => None,
            Some(kl) => Some(Kl {
                estimator: kl.word("estimator")?.to_owned(),
                coefficient: kl.number("coefficient")?,
            }),
        };
        Some(Grpo {
            normalize_std: checked.boolean("normalize_std")?,
            epsilon: checked.number("epsilon")?,
            clip_low: checked.number("clip_low")?,
            clip_high: checked.number("clip_high")?,
            dual_clip: checked.maybe_number("dual_clip")?,
            aggregation,
            loss_length,
            kl,
            entropy_bonus: checked.number("entropy_bonus")?,
            updates: checked.count("updates")?,
            temperature: checked.number("temperature")?,
            top_p: checked.number("top_p")?,
        })
    }
}

pub(super) fn optimizer(checked: &Checked<'_>) -> Option<Optimizer> {
    if !checked.is_whole() {
        return None;
    }
    Some(Optimizer {
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
    })
}
