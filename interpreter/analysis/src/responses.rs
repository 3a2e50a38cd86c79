//! Numbers of single responses (tokens, truncation, surprisal), pooled over a model's responses and measured.

use crate::across::Problems;
use crate::measured::Measured;
use crate::outcomes::{Outcomes, Sample};
use crate::passes::{self, Complete};
use crate::pooled::Pooled;
use crate::resampling::Resampling;
use crate::undefined::Undefined;

/// A number of each response of a model for which `of` gives one: its quantiles at `points` (ascending) and, last, its mean
/// over the responses.
///
/// # Errors
/// When rows are missing, or no response has the number.
pub(crate) fn measure(
    outcomes: &Outcomes,
    model: usize,
    kind: &'static str,
    of: impl Fn(&Sample) -> Option<f64>,
    points: &[f64],
    resampling: &Resampling,
) -> Result<Vec<Measured>, Undefined> {
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
    let names = ["responses", design.evaluation.as_str(), &design.models[model]];
    Ok(Pooled::new(&groups).measure(points, 0.0, &Problems::of(outcomes), &names, resampling))
}

/// The mean alone.
pub(crate) fn mean(
    outcomes: &Outcomes,
    model: usize,
    kind: &'static str,
    of: impl Fn(&Sample) -> Option<f64>,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let mut measured = measure(outcomes, model, kind, of, &[], resampling)?;
    measured.pop().ok_or(Undefined::NotFinite)
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
    mean(outcomes, model, "", tokens, resampling)
}

/// Share of responses that have the verdict at a place of [`Outcomes::verdicts`].
///
/// # Errors
/// When rows are missing.
pub(crate) fn verdict(
    outcomes: &Outcomes,
    model: usize,
    verdict: usize,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let name = format!("verdict {}", outcomes.verdicts()[verdict]);
    let has = |sample: &Sample| usize::from(sample.verdict) == verdict;
    share(outcomes, model, &name, has, resampling)
}

/// Share of responses that were cut.
///
/// # Errors
/// When rows are missing.
pub(crate) fn truncated(
    outcomes: &Outcomes,
    model: usize,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    share(
        outcomes,
        model,
        "truncated",
        |sample| sample.truncated,
        resampling,
    )
}

/// Share of responses of a kind: pass@1, were that the right ones.
fn share(
    outcomes: &Outcomes,
    model: usize,
    kind: &str,
    is: impl Fn(&Sample) -> bool,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let design = outcomes.design();
    let n = Complete::new(outcomes, model)?.n;
    let counts: Vec<(u32, u32)> = outcomes
        .samples_by_problem(model)
        .map(|samples| {
            (
                n,
                samples.iter().flatten().filter(|sample| is(sample)).count() as u32,
            )
        })
        .collect();
    let names = ["share", &design.evaluation, &design.models[model], kind];
    let mut measured = passes::of_counts(&Problems::of(outcomes), &names, &counts, &[1], resampling)
        .map_err(|source| Undefined::PassAtK {
            evaluation: design.evaluation.clone(),
            source,
        })?;
    measured.pop().ok_or(Undefined::NotFinite)
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
    mean(outcomes, model, "", nats, resampling)
}
