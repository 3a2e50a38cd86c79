//! `distill`.

use super::checked::{Checked, Owner};
use super::entries::Entries;
use super::{Elaborator, TrainingInfo};
use crate::diagnostic::Diagnostic;
use crate::schema;
use crate::study::{Divergence, Recipe, Sampling, Temperature, Training};

impl<'a> Elaborator<'a> {
    pub(super) fn distill(&mut self, entries: Entries<'a>, owner: &Owner) -> Option<TrainingInfo> {
        let checked = self.read(&schema::DISTILL, entries, owner);
        let start = self.start(&checked, "start", owner);
        let teacher = self.start(&checked, "teacher", owner);
        let data = self.training_data(&checked, owner);
        if !checked.is_whole() {
            return None;
        }
        let (start, teacher, data) = (start?, teacher?, data?);
        let prompts = checked.maybe_count("prompts")?;
        let data_place = checked.place("data");
        if prompts.is_none() && self.is_endless(&data) {
            self.endless(data_place, &data, "the distillation takes all of its problems");
            return None;
        }
        if let (Some(prompts), Some(known)) = (prompts, self.known_problems(&data))
            && prompts > known
        {
            let diagnostic = Diagnostic::error(
                "rlx::data::short",
                format!("{prompts} prompts are wanted, and `{data}` has {known} problems"),
            );
            let diagnostic = self.at(diagnostic, checked.place("prompts"), format!("{prompts} prompts"));
            let diagnostic = self.at(diagnostic, data_place, format!("{known} problems"));
            self.report(diagnostic);
            return None;
        }
        let record = checked.record("sampling")?;
        let Some(temperature) = record.number("temperature") else {
            return self.no_search_here(record);
        };
        let sampling = sampling(record, Temperature::Fixed(temperature))?;
        if self.is_recorded(&teacher) {
            self.warn_sampling(&checked);
        } else {
            self.check_context(&teacher, sampling.max_tokens, record.place("max_tokens"))?;
            self.warn_room(&teacher, &data, sampling.max_tokens, record.place("max_tokens"));
            self.check_interface(&teacher, &sampling, record, &data, checked.place("teacher"))?;
        }
        let optimizer = self.optimizer(checked.record("optimizer")?)?;
        let divergence = self.divergence(&checked)?;
        if divergence.is_some() {
            self.needs_weights(
                &teacher,
                checked.place("teacher"),
                "a divergence asks the teacher's weights for distributions",
                "leave `divergence` out to learn the responses, or name a teacher that lies here or on the hub",
            )?;
            self.check_vocabularies(&checked, &start, &teacher)?;
        }
        let on_policy = divergence.as_ref().is_some_and(|divergence| divergence.on_policy);
        if on_policy {
            self.check_context(&start, sampling.max_tokens, record.place("max_tokens"))?;
        }
        let recipe = Recipe::Distill {
            teacher,
            prompts,
            samples: checked.count("samples")?,
            sampling,
            only_correct: checked.word("filter")? == "correct",
            epochs: checked.count("epochs")?,
            batch: checked.count("batch")?,
            divergence,
        };
        let training = Training {
            name: owner.path.clone(),
            start,
            data,
            recipe,
            optimizer,
            keep: Vec::new(),
            seed: self.seed_of(&checked, owner)?,
            lora: self.low_rank(&checked)?,
            checkpointing: checked.boolean("checkpointing")?,
        };
        Some(TrainingInfo {
            training,
            last: 0,
            keep: owner.place,
        })
    }
}

impl<'a> Elaborator<'a> {
    /// How the teacher's distributions are learnt, if they are.
    fn divergence(&mut self, checked: &Checked<'a>) -> Option<Option<Divergence>> {
        let on_policy = checked.boolean("on_policy")?;
        let (beta, softness) = (checked.maybe_number("beta")?, checked.maybe_number("softness")?);
        let word = checked.word("divergence");
        let rules = [
            (
                "beta",
                beta.is_some() && word != Some("jsd"),
                "only `divergence = jsd` has a `beta`",
            ),
            (
                "softness",
                softness.is_some() && word.is_none(),
                "`softness` is read only where there is a `divergence`",
            ),
            (
                "on_policy",
                on_policy && word.is_none(),
                "the student's own responses teach nothing without a `divergence` from the teacher",
            ),
            (
                "filter",
                on_policy && checked.word("filter")? != "all",
                "responses drawn on policy are not filtered",
            ),
        ];
        for (field, wrong, message) in rules {
            if wrong {
                let diagnostic = Diagnostic::error("rlx::field::inapplicable", message);
                let diagnostic = self.at(diagnostic, checked.place(field), "read by nobody");
                let diagnostic = self
                    .at(diagnostic, checked.place("divergence"), "the divergence")
                    .help("leave it out, or write `divergence = forward_kl`, `reverse_kl` or `jsd`");
                self.report(diagnostic);
                return None;
            }
        }
        Some(word.map(|word| Divergence {
            beta: match word {
                "forward_kl" => 0.0,
                "reverse_kl" => 1.0,
                _ => beta.unwrap_or(0.5),
            },
            temperature: softness.unwrap_or(1.0),
            on_policy,
        }))
    }
}

/// How responses are drawn, at a temperature that was read before.
pub(super) fn sampling(checked: &Checked<'_>, temperature: Temperature) -> Option<Sampling> {
    if !checked.is_whole() {
        return None;
    }
    Some(Sampling {
        temperature,
        top_p: checked.number("top_p")?,
        top_k: checked.maybe_count("top_k")?,
        min_p: checked.maybe_number("min_p")?,
        repetition_penalty: checked.maybe_number("repetition_penalty")?,
        logit_bias: checked.biases("logit_bias")?,
        stop: checked.maybe_text("stop")?,
        min_tokens: checked.maybe_count("min_tokens")?,
        max_tokens: checked.count("max_tokens")?,
    })
}
