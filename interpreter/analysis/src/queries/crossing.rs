//! From which k on the base model leads each other one.

use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings, cell, column, models, text};
use crate::crossing;
use crate::evidence;
use crate::outcomes::Outcomes;
use crate::results::{Listing, ListingUnit};
use crate::undefined::Undefined;

pub(super) fn answer(
    outcomes: &Outcomes,
    of: &[ModelRef],
    against: &ModelRef,
    setting: &Setting<'_>,
) -> Result<Listing, Undefined> {
    let leader = evidence::model(outcomes, against)?;
    let models = models(outcomes, of)?;
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len() + 1);
    let mut rows = Vec::new();
    for (label, model) in models {
        let estimate = match crossing::measure(outcomes, leader, model, setting.resampling) {
            Ok(measured) => setting.estimate(&measured),
            Err(reason) => {
                warnings.undefined(&reason);
                UNDEFINED
            }
        };
        rows.push(vec![text(label), cell(estimate)]);
    }
    let samples = outcomes.samples(leader);
    Ok(Listing {
        title: format!("Where {} takes the lead", against.label()),
        notes: vec![
            format!(
                "k* is the smallest k from which pass@k of {} is above that of the model for every k up to n = {samples}; “none” where it never is.",
                against.label()
            ),
            "Ends of intervals lie on the grid 2^(i/4).".to_owned(),
        ],
        confidence: Some(setting.confidence),
        columns: vec![
            column("model", "model", ListingUnit::Model),
            column("crossing", "k*", ListingUnit::K { samples }),
        ],
        rows,
        bars: Vec::new(),
        warnings: warnings.finish(),
    })
}
