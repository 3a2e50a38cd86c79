//! What people read: the counts of section 3.1 of "limit of RLVR", and how far readers agree.

use std::collections::BTreeSet;

use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings, cell, column, models, number, text};
use crate::evidence::Evidence;
use crate::labels::{self, Standing, agreements};
use crate::results::{Listing, ListingUnit};
use crate::special::sum;
use crate::undefined::Undefined;

pub(super) fn answer(
    evidence: &Evidence,
    evaluation: &str,
    of: &[ModelRef],
    below: f64,
    left_out: bool,
    setting: &Setting<'_>,
) -> Result<Listing, Undefined> {
    let outcomes = evidence.evaluation(evaluation)?;
    let mut warnings = Warnings::default();
    let mut rows = Vec::new();
    for (label, model) in models(outcomes, of)? {
        let hardest = match labels::hardest(outcomes, model, evidence.labels(evaluation), below) {
            Ok(hardest) => hardest,
            Err(reason) => {
                warnings.undefined(&reason);
                continue;
            }
        };
        let count = |wanted: &dyn Fn(Standing) -> bool| {
            let found = hardest.iter().filter(|hard| wanted(hard.standing()));
            number(found.count() as f64)
        };
        let measured =
            labels::valid_chains(evidence, (evaluation, model), below, left_out, setting.resampling);
        let share = match measured {
            Ok(measured) => {
                warnings.saw(&measured);
                setting.estimate(&measured)
            }
            Err(reason) => {
                warnings.undefined(&reason);
                UNDEFINED
            }
        };
        let responses = || hardest.iter().flat_map(|hard| &hard.words);
        let readers: BTreeSet<&str> = responses()
            .flat_map(|words| words.keys().map(String::as_str))
            .collect();
        let twice = responses().filter(|words| words.len() > 1).count();
        let kappas: Vec<f64> = agreements(responses())
            .iter()
            .filter_map(|pair| pair.kappa)
            .collect();
        let kappa = sum(kappas.iter().copied()) / kappas.len() as f64;
        rows.push(vec![
            text(label),
            number(hardest.len() as f64),
            count(&|standing| standing != Standing::Unread),
            count(&|standing| standing == Standing::Valid),
            count(&|standing| standing == Standing::Ambiguous),
            count(&|standing| standing == Standing::Guessed),
            cell(share),
            number(responses().filter(|words| !words.is_empty()).count() as f64),
            text(readers.into_iter().collect::<Vec<_>>().join("; ")),
            number(twice as f64),
            number(kappa),
        ]);
    }
    let counted = |name: &str, head: &str| column(name, head, ListingUnit::Count);
    Ok(Listing {
        title: format!(
            "Hardest solved problems of {}, read by hand",
            outcomes.design().benchmark
        ),
        notes: vec![
            format!(
                "Problems that are solved in more than 0 and less than {}% of the samples. A problem is read when one right response to it is labelled a valid chain of thought, or all are labelled; where readers differ on a response it counts as ambiguous. The share is of the problems read{}.",
                percent(below),
                if left_out { ", without the ambiguous ones" } else { "" }
            ),
            "κ is Cohen's, over the responses that two readers labelled; of more readers the mean over their pairs.".to_owned(),
        ],
        confidence: Some(setting.confidence),
        columns: vec![
            column("model", "model", ListingUnit::Model),
            counted("problems", "problems"),
            counted("read", "read"),
            counted("valid", "with a valid chain"),
            counted("ambiguous", "ambiguous"),
            counted("guessed", "guessed"),
            column("share_valid", "valid %", ListingUnit::Share),
            counted("responses", "responses labelled"),
            column("readers", "readers", ListingUnit::Text),
            counted("twice", "by two"),
            column("kappa", "κ", ListingUnit::Plain),
        ],
        rows,
        bars: vec![6],
        warnings: warnings.finish(),
    })
}

/// A share as people write it: 5, 2.5.
pub(crate) fn percent(share: f64) -> f64 {
    libm::round(share * 1e8) / 1e6
}
