//! Where each default comes from: a paper, or the program whose users it will surprise least. A default that nobody
//! else has is said to be rlx's own.

use super::{DECLARATIONS, RECORDS, Schema, Type};

const PLAIN: &str = "nothing is changed unasked";
const VERL: &str = "verl";

/// Record, field, source.
#[rustfmt::skip]
const SOURCES: &[(&str, &str, &str)] = &[
    ("algorithm", "baseline", "GRPO, arXiv 2402.03300"),
    ("algorithm", "normalize_std", "Dr. GRPO, arXiv 2503.20783"),
    ("algorithm", "epsilon", VERL),
    ("algorithm", "whiten", PLAIN),
    ("algorithm", "gamma", VERL),
    ("algorithm", "lambda", VERL),
    ("algorithm", "loss", "PPO, arXiv 1707.06347"),
    ("algorithm", "clip_low", "PPO, arXiv 1707.06347"),
    ("algorithm", "clip_high", "PPO, arXiv 1707.06347"),
    ("algorithm", "aggregation", VERL),
    ("algorithm", "entropy_bonus", VERL),
    ("algorithm", "updates", "on-policy training, as verl's ppo_epochs"),
    ("algorithm", "mask_truncated", PLAIN),
    ("algorithm", "temperature", VERL),
    ("algorithm", "top_p", VERL),
    ("kl", "estimator", "GRPO, arXiv 2402.03300"),
    ("kl", "place", "GRPO, arXiv 2402.03300"),
    ("kl", "gradient", PLAIN),
    ("kl", "horizon", VERL),
    ("critic", "optimizer", VERL),
    ("critic", "clip", VERL),
    ("critic", "warmup", VERL),
    ("dynamic_sampling", "batches", "DAPO's recipe in verl"),
    ("overlong", "factor", "DAPO, arXiv 2503.14476"),
    ("format", "reward", "rlx's own"),
    ("correction", "weights", VERL),
    ("correction", "high", VERL),
    ("correction", "normalize", VERL),
    ("correction", "reject_high", VERL),
    ("optimizer", "rule", VERL),
    ("optimizer", "skip_limit", "rlx's own"),
    ("lora", "rank", "rlx's own"),
    ("lora", "targets", "QLoRA, arXiv 2305.14314"),
    ("optimizer", "betas", "PyTorch"),
    ("optimizer", "epsilon", "PyTorch"),
    ("optimizer", "weight_decay", PLAIN),
    ("optimizer", "clip_norm", VERL),
    ("optimizer", "warmup", PLAIN),
    ("optimizer", "schedule", VERL),
    ("optimizer", "floor", "down to nothing, as transformers' schedules"),
    ("train", "keep", "rlx's own"),
    ("train", "checkpointing", PLAIN),
    ("distill", "samples", "rlx's own"),
    ("distill", "checkpointing", PLAIN),
    ("distill", "sampling", "arXiv 2504.13837, section 3"),
    ("distill", "filter", PLAIN),
    ("distill", "on_policy", "sequence-level distillation, arXiv 1606.07947"),
    ("distill", "epochs", "rlx's own"),
    ("distill", "batch", "rlx's own"),
    ("distill", "optimizer", "rlx's own"),
    ("search", "within", "half of what arXiv 2504.13837 leaves on AMC23"),
    ("search", "looks", "rlx's own"),
    ("sampling", "top_p", PLAIN),
    ("look", "top_p", "the whole distribution, so that entropy is token-level"),
    ("init", "rope_theta", "RoFormer, arXiv 2104.09864"),
    ("init", "norm_epsilon", "transformers"),
    ("init", "tied", "transformers"),
    ("responses", "response", "the rows of `rlx grade`"),
    ("responses", "truncated", "the rows of `rlx grade`"),
    ("endpoint", "timeout", "OpenAI's client"),
    ("endpoint", "parallel", "rlx's own"),
    ("endpoint", "retries", "rlx's own"),
    ("model", "vision", PLAIN),
    ("prompt", "chat", PLAIN),
    ("data", "problem", "rlx's own"),
    ("data", "answer", "rlx's own"),
    ("data", "split", "the hub's usual names"),
    ("data", "skip", PLAIN),
    ("data", "exclude", PLAIN),
    ("data", "completion", PLAIN),
    ("benchmark", "problem", "rlx's own"),
    ("benchmark", "answer", "rlx's own"),
    ("benchmark", "split", "the hub's usual names"),
    ("benchmark", "skip", PLAIN),
    ("benchmark", "exclude", PLAIN),
    ("benchmark", "completion", PLAIN),
    ("arithmetic", "digits", "rlx's own"),
    ("arithmetic", "terms", "rlx's own"),
    ("equation", "digits", "rlx's own"),
    ("modular", "digits", "rlx's own"),
    ("numeral", "digits", "rlx's own"),
    ("countdown", "clean", "rlx's own"),
    ("countdown", "division", "rlx's own"),
    ("countdown", "requires_division", PLAIN),
    ("countdown", "distinct", PLAIN),
];

impl Schema {
    /// Where the default of a field comes from.
    pub fn source(&self, field: &str) -> Option<&'static str> {
        let known = SOURCES
            .iter()
            .find(|(schema, name, _)| *schema == self.name && *name == field);
        known.map(|(_, _, source)| *source)
    }
}

/// Where the default at a value's path (`rl.optimizer.epsilon`) comes from, where its last two names tell.
pub fn source_of(path: &str) -> Option<&'static str> {
    let mut names = path.rsplit('.');
    let (field, record) = (names.next()?, names.next()?);
    let held = DECLARATIONS
        .iter()
        .chain(&RECORDS)
        .flat_map(|schema| schema.fields);
    let records: Vec<&Schema> = held
        .filter(|known| known.name == record)
        .filter_map(|known| match known.ty {
            Type::Record(schema) => Some(schema),
            _ => None,
        })
        .collect();
    let among: Vec<&Schema> = if records.is_empty() {
        DECLARATIONS.to_vec()
    } else {
        records
    };
    let mut sources: Vec<&str> = among.iter().filter_map(|schema| schema.source(field)).collect();
    sources.sort_unstable();
    sources.dedup();
    match sources.as_slice() {
        [source] => Some(source),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Default;
    use super::*;

    #[test]
    fn every_default_has_a_source_and_every_source_a_field() {
        let all: Vec<&Schema> = DECLARATIONS.iter().chain(&RECORDS).copied().collect();
        let mut wrong = Vec::new();
        for schema in &all {
            for field in schema.fields {
                let valued = matches!(field.default, Default::Value(_) | Default::OrNone(_));
                if valued && schema.source(field.name).is_none() {
                    wrong.push(format!(
                        "{}.{}: its default has no source",
                        schema.name, field.name
                    ));
                }
            }
        }
        for (schema, field, _) in SOURCES {
            let known = all
                .iter()
                .any(|known| known.name == *schema && known.field(field).is_some());
            if !known {
                wrong.push(format!("{schema}.{field}: there is no such field"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_path_leads_to_its_source() {
        assert_eq!(source_of("rl.algorithm.epsilon"), Some("verl"));
        assert_eq!(source_of("rl.optimizer.epsilon"), Some("PyTorch"));
        assert_eq!(source_of("rl[grpo].keep"), Some("rlx's own"));
        assert_eq!(source_of("n"), None);
    }
}
