//! From which k on the base model leads each other one.

use rlx_language::ModelRef;

use super::contrast::{corrected, p_above};
use super::{Setting, UNDEFINED, Warnings, cell, column, models, number, text};
use crate::crossing;
use crate::evidence;
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::passes;
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
    let mut found = Vec::new();
    for (label, model) in models {
        let estimate = match crossing::measure(outcomes, leader, model, setting.resampling) {
            Ok(measured) => setting.estimate(&measured),
            Err(reason) => {
                warnings.undefined(&reason);
                UNDEFINED
            }
        };
        let p = overtaking(outcomes, leader, model, setting);
        found.push((label, estimate, p));
    }
    let ps: Vec<Option<f64>> = found.iter().map(|(.., p)| *p).collect();
    let tested = ps.iter().flatten().count();
    let rows = found
        .into_iter()
        .zip(corrected(&ps, tested))
        .map(|((label, estimate, _), p)| vec![text(label), cell(estimate), number(p.unwrap_or(f64::NAN))])
        .collect();
    let samples = outcomes.samples(leader);
    Ok(Listing {
        title: format!("Where {} takes the lead", against.label()),
        notes: vec![
            format!(
                "k* is the smallest k from which pass@k of {} is above that of the model for every k up to n = {samples}; “none” where it never is.",
                against.label()
            ),
            "Ends of intervals lie on the grid 2^(i/4).".to_owned(),
            format!(
                "p (Holm) is that of {} being behind at k = 1 and ahead at k = n, the larger of the two one-sided levels over problems like these, corrected for the {tested} rows by Holm's method.",
                against.label()
            ),
        ],
        confidence: Some(setting.confidence),
        columns: vec![
            column("model", "model", ListingUnit::Model),
            column("crossing", "k*", ListingUnit::K { samples }),
            column("p_holm", "p (Holm)", ListingUnit::P),
        ],
        rows,
        bars: Vec::new(),
        warnings: warnings.finish(),
    })
}

/// That `leader` is behind `other` at k = 1 and ahead at the largest k of both: both have to be so (R. L. Berger 1982's
/// intersection-union test).
fn overtaking(outcomes: &Outcomes, leader: usize, other: usize, setting: &Setting<'_>) -> Option<f64> {
    let n = outcomes.samples(leader).min(outcomes.samples(other));
    if leader == other || n < 2 {
        return None;
    }
    let measure = |model: usize| passes::measure(outcomes, model, &[1, n], setting.resampling).ok();
    let (own, others) = (measure(leader)?, measure(other)?);
    let p = |above: &Measured, below: &Measured| p_above(&above.minus(below), setting.resampling);
    Some(p(others.first()?, own.first()?).max(p(own.last()?, others.last()?)))
}
