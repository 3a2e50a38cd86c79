//! Differences in pass@k to one model, each with a p-value, corrected for how many there are.
//! See `contrast.rs` for the p-values, `holm.rs` for the correction.

use rlx_language::ModelRef;

use super::contrast::tested;
use super::{Setting, Warnings, cell, column, models, number, text};
use crate::evidence;
use crate::holm::holm;
use crate::outcomes::Outcomes;
use crate::passes;
use crate::results::{Listing, ListingUnit};
use crate::undefined::Undefined;

pub(super) fn answer(
    outcomes: &Outcomes,
    of: &[ModelRef],
    against: &ModelRef,
    ks: &[u64],
    setting: &Setting<'_>,
) -> Result<Listing, Undefined> {
    let base = evidence::model(outcomes, against)?;
    let models = models(outcomes, of)?;
    let design = outcomes.design();
    let ks: Vec<u64> = ks
        .iter()
        .copied()
        .filter(|k| (1..=design.samples).contains(k))
        .collect();
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len() + 1);
    warnings.k(outcomes, &ks);
    let mut found = Vec::new();
    let reach = |model: usize| outcomes.samples(model).min(outcomes.samples(base));
    let all = ks;
    let ks: Vec<u64> = all.iter().copied().filter(|k| *k <= reach(base)).collect();
    match passes::measure(outcomes, base, &ks, setting.resampling) {
        Ok(of_base) => {
            for (label, model) in models {
                let ks: Vec<u64> = ks.iter().copied().filter(|k| *k <= reach(model)).collect();
                if ks.len() < all.len() {
                    warnings.say(format!(
                        "{label} and {} have {} responses to each problem in common: larger k are left out",
                        against.label(),
                        reach(model)
                    ));
                }
                match passes::measure(outcomes, model, &ks, setting.resampling) {
                    Ok(measured) => {
                        for ((k, own), base) in ks.iter().zip(measured).zip(&of_base) {
                            let difference = own.minus(base);
                            warnings.saw(&difference);
                            let (difference, p) = tested(&difference, setting);
                            found.push((label.clone(), *k, setting.estimate(&own), difference, p));
                        }
                    }
                    Err(reason) => warnings.undefined(&reason),
                }
            }
        }
        Err(reason) => warnings.undefined(&reason),
    }
    let corrected = holm(&found.iter().map(|(.., p)| *p).collect::<Vec<f64>>());
    let count = found.len();
    let rows = found
        .into_iter()
        .zip(corrected)
        .map(|((label, k, own, difference, p), holm)| {
            vec![
                text(label),
                number(k as f64),
                cell(own),
                cell(difference),
                number(p),
                number(holm),
            ]
        })
        .collect();
    Ok(Listing {
        title: format!("Differences to {} on {}", against.label(), design.benchmark),
        notes: vec![
            format!(
                "pass@k of the model minus that of {}, paired by problem.",
                against.label()
            ),
            format!(
                "p is the level at which the interval over problems like these leaves 0 out; p (Holm) is corrected for the {count} comparisons of this table by Holm's method."
            ),
        ],
        confidence: Some(setting.confidence),
        columns: vec![
            column("model", "model", ListingUnit::Model),
            column("k", "k", ListingUnit::Count),
            column("pass_at_k", "pass@k %", ListingUnit::Share),
            column(
                "difference",
                format!("minus {}, points", against.label()),
                ListingUnit::Points,
            ),
            column("p", "p", ListingUnit::P),
            column("p_holm", "p (Holm)", ListingUnit::P),
        ],
        rows,
        bars: vec![3],
        warnings: warnings.finish(),
    })
}
