//! Numbers of single responses (tokens, truncation, surprisal), pooled over a model's responses and measured.

use crate::across::Problems;
use crate::measured::Measured;
use crate::outcomes::{Outcomes, Sample};
use crate::passes::Complete;
use crate::pooled::Pooled;
use crate::resampling::Resampling;
use crate::undefined::Undefined;

/// A number of each response of a model for which `of` gives one: all of them, and their median and mean.
///
/// # Errors
/// When rows are missing, or no response has the number.
pub(crate) fn measure(
    outcomes: &Outcomes,
    model: usize,
    kind: &'static str,
    of: impl Fn(&Sample) -> Option<f64>,
    resampling: &Resampling,
) -> Result<(Pooled, [Measured; 2]), Undefined> {
    Complete::new(outcomes, model)?;
    let design = outcomes.design();
    let groups: Vec<Vec<f64>> = outcomes
        .samples_by_problem(model)
        .map(|samples| samples.iter().flatten().filter_map(&of).collect())
        .collect();
    if groups.iter().all(Vec::is_empty) {
        return Err(Undefined::NoResponses {
            evaluation: design.evaluation.clone(),
            of: design.models[model].clone(),
            kind,
        });
    }
    let pooled = Pooled::new(&groups);
    let names = ["responses", design.evaluation.as_str(), &design.models[model]];
    let measured = pooled.measure(&Problems::of(outcomes), &names, resampling);
    Ok((pooled, measured))
}

/// # Errors
/// When tokens of a response were not counted.
pub(crate) fn counted(outcomes: &Outcomes, model: usize) -> Result<(), Undefined> {
    let design = outcomes.design();
    match outcomes.uncounted(model) {
        0 => Ok(()),
        missing => Err(Undefined::NoLength {
            evaluation: design.evaluation.clone(),
            of: design.models[model].clone(),
            missing,
        }),
    }
}

/// Mean tokens a response.
pub(crate) fn length(
    outcomes: &Outcomes,
    model: usize,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    counted(outcomes, model)?;
    let tokens = |sample: &Sample| Some(f64::from(sample.tokens));
    measure(outcomes, model, "", tokens, resampling).map(|(_, [_, mean])| mean)
}

/// Share of responses that were cut.
pub(crate) fn truncated(
    outcomes: &Outcomes,
    model: usize,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let cut = |sample: &Sample| Some(f64::from(u8::from(sample.truncated)));
    measure(outcomes, model, "", cut, resampling).map(|(_, [_, mean])| mean.bounded(0.0, 1.0))
}

/// Nats a token: the mean over responses of each one's negative log-probability over its tokens. With top-p 1 its
/// expectation is the token-level entropy at the sampling temperature.
pub(crate) fn entropy(
    outcomes: &Outcomes,
    model: usize,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let design = outcomes.design();
    let missing = outcomes
        .rows(model)
        .filter(|sample| sample.surprisal.is_nan())
        .count();
    if missing > 0 {
        return Err(Undefined::NoSurprisal {
            evaluation: design.evaluation.clone(),
            of: design.models[model].clone(),
            missing,
        });
    }
    let nats = |sample: &Sample| (sample.tokens > 0).then(|| sample.surprisal / f64::from(sample.tokens));
    measure(outcomes, model, "", nats, resampling).map(|(_, [_, mean])| mean)
}
