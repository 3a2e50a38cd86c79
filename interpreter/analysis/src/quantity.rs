//! The quantities that claims are made of, measured.

use rlx_language::{ModelRef, Quantity};

use crate::across::Problems;
use crate::crossing;
use crate::evidence::{self, Evidence};
use crate::labels;
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::passes;
use crate::pooled::Pooled;
use crate::resampling::Resampling;
use crate::responses;
use crate::results::Estimate;
use crate::sets;
use crate::undefined::Undefined;
use crate::votes;

/// The value of a quantity alone, without intervals.
///
/// # Errors
/// When a number in it is undefined.
pub fn value(quantity: &Quantity, evidence: &Evidence) -> Result<f64, Undefined> {
    measure(quantity, evidence, &Resampling::fewest()).map(|measured| measured.value)
}

/// A quantity with its intervals, at this confidence.
///
/// # Errors
/// When a number in it is undefined.
pub fn estimate(
    quantity: &Quantity,
    evidence: &Evidence,
    resampling: &Resampling,
    confidence: f64,
) -> Result<Estimate, Undefined> {
    Ok(measure(quantity, evidence, resampling)?.estimate(confidence, resampling))
}

/// Measures a quantity with everything it is made of, resample by resample.
///
/// # Errors
/// When a number in it is undefined: rows are missing, k is above n, a denominator is 0.
pub(crate) fn measure(
    quantity: &Quantity,
    evidence: &Evidence,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let both = |left: &Quantity, right: &Quantity| -> Result<(Measured, Measured), Undefined> {
        Ok((
            measure(left, evidence, resampling)?,
            measure(right, evidence, resampling)?,
        ))
    };
    let measured = match quantity {
        Quantity::Number { value } => Measured::constant(*value),
        Quantity::Pass { evaluation, model, k } => {
            pass(evidence.evaluation(evaluation)?, model, *k, resampling)?
        }
        Quantity::DeltaSe {
            evaluation,
            of,
            against,
            k,
        } => {
            let outcomes = evidence.evaluation(evaluation)?;
            pass(outcomes, against, *k, resampling)?.minus(&pass(outcomes, of, 1, resampling)?)
        }
        Quantity::Perplexity {
            evaluation,
            of,
            under,
            only_correct,
        } => {
            let outcomes = evidence.evaluation(evaluation)?;
            let (_, measured) = perplexity(outcomes, (of, under), *only_correct, &[0.5], resampling)?;
            measured.into_iter().next().ok_or(Undefined::NotFinite)?
        }
        Quantity::Crossing {
            evaluation,
            of,
            against,
        } => {
            let outcomes = evidence.evaluation(evaluation)?;
            let leader = evidence::model(outcomes, against)?;
            crossing::measure(outcomes, leader, evidence::model(outcomes, of)?, resampling)?
        }
        Quantity::Majority { evaluation, model, k } => {
            let outcomes = evidence.evaluation(evaluation)?;
            let at = evidence::model(outcomes, model)?;
            check_k(outcomes, at, *k)?;
            votes::majority(outcomes, at, &[*k], resampling)?
                .pop()
                .ok_or(Undefined::NotFinite)?
        }
        Quantity::BestOf {
            evaluation,
            model,
            by,
            k,
        } => {
            let outcomes = evidence.evaluation(evaluation)?;
            let at = evidence::model(outcomes, model)?;
            check_k(outcomes, at, *k)?;
            votes::best_of(outcomes, at, &by.label(), &[*k], resampling)?
                .pop()
                .ok_or(Undefined::NotFinite)?
        }
        Quantity::Length { evaluation, model } => {
            let outcomes = evidence.evaluation(evaluation)?;
            responses::length(outcomes, evidence::model(outcomes, model)?, resampling)?
        }
        Quantity::Truncated { evaluation, model } => {
            let outcomes = evidence.evaluation(evaluation)?;
            responses::truncated(outcomes, evidence::model(outcomes, model)?, resampling)?
        }
        Quantity::Entropy { evaluation, model } => {
            let outcomes = evidence.evaluation(evaluation)?;
            responses::entropy(outcomes, evidence::model(outcomes, model)?, resampling)?
        }
        Quantity::ValidChains {
            evaluation,
            model,
            below,
            left_out,
        } => {
            let model = evidence::model(evidence.evaluation(evaluation)?, model)?;
            labels::valid_chains(evidence, (evaluation, model), *below, *left_out, resampling)?
        }
        Quantity::Logged {
            training,
            metric,
            step,
        } => Measured::constant(logged(evidence, training, metric, *step)?),
        Quantity::Temperature { search } => Measured::constant(evidence.found(search)?),
        Quantity::Published { value, .. } => Measured::constant(*value),
        Quantity::Largest { of } => many(of, evidence, resampling, Measured::larger)?,
        Quantity::Smallest { of } => many(of, evidence, resampling, Measured::smaller)?,
        Quantity::Contained { set, within } => sets::contained(set, within, evidence, resampling)?,
        Quantity::Share { set } => sets::share(set, evidence, resampling)?.0,
        Quantity::Count { set } => {
            let (share, problems) = sets::share(set, evidence, resampling)?;
            share.times(&Measured::constant(problems as f64))
        }
        Quantity::Add { left, right } => both(left, right).map(|(a, b)| a.plus(&b))?,
        Quantity::Subtract { left, right } => both(left, right).map(|(a, b)| a.minus(&b))?,
        Quantity::Multiply { left, right } => both(left, right).map(|(a, b)| a.times(&b))?,
        Quantity::Divide { left, right } => {
            let (a, b) = both(left, right)?;
            if b.value == 0.0 {
                return Err(Undefined::DivisionByZero);
            }
            a.over(&b)
        }
    };
    if measured.value.is_finite() {
        Ok(measured)
    } else {
        Err(Undefined::NotFinite)
    }
}

fn many(
    of: &[Quantity],
    evidence: &Evidence,
    resampling: &Resampling,
    join: impl Fn(&Measured, &Measured) -> Measured,
) -> Result<Measured, Undefined> {
    let mut whole: Option<Measured> = None;
    for quantity in of {
        let next = measure(quantity, evidence, resampling)?;
        whole = Some(match whole {
            Some(before) => join(&before, &next),
            None => next,
        });
    }
    whole.ok_or(Undefined::NotFinite)
}

fn check_k(outcomes: &Outcomes, model: usize, k: u64) -> Result<(), Undefined> {
    let design = outcomes.design();
    crate::pass_at_k::check(outcomes.samples(model), 0, k).map_err(|source| Undefined::PassAtK {
        evaluation: design.evaluation.clone(),
        source,
    })
}

/// What a training logged at a step, or last.
fn logged(evidence: &Evidence, training: &str, metric: &str, step: Option<u64>) -> Result<f64, Undefined> {
    let values = evidence
        .trainings
        .iter()
        .filter(|log| log.training == training)
        .flat_map(|log| &log.values)
        .filter(|(at, name, _)| name == metric && step.is_none_or(|step| step == *at));
    values
        .max_by_key(|(at, ..)| *at)
        .map(|(.., value)| *value)
        .ok_or_else(|| Undefined::NotLogged {
            training: training.to_owned(),
            metric: metric.to_owned(),
            place: step.map_or_else(String::new, |step| format!(" at step {step}")),
        })
}

fn pass(
    outcomes: &Outcomes,
    model: &ModelRef,
    k: u64,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let at = evidence::model(outcomes, model)?;
    passes::measure(outcomes, at, &[k], resampling)?
        .pop()
        .ok_or(Undefined::NotFinite)
}

/// Perplexities of a model's responses under another: their quantiles at `points` and, last, their mean, with the number
/// of responses.
///
/// # Errors
/// When a response is not scored, or there is none.
pub(crate) fn perplexity(
    outcomes: &Outcomes,
    (of, under): (&ModelRef, &ModelRef),
    only_correct: bool,
    points: &[f64],
    resampling: &Resampling,
) -> Result<(usize, Vec<Measured>), Undefined> {
    let evaluation = &outcomes.design().evaluation;
    let (of_label, under_label) = (of.label(), under.label());
    let (groups, missing) = outcomes.perplexities(evidence::model(outcomes, of)?, &under_label, only_correct);
    if missing > 0 {
        return Err(Undefined::MissingPerplexities {
            evaluation: evaluation.clone(),
            of: of_label,
            under: under_label,
            missing,
        });
    }
    if groups.iter().all(Vec::is_empty) {
        let kind = if only_correct { "right " } else { "" };
        return Err(Undefined::NoResponses {
            evaluation: evaluation.clone(),
            of: of_label,
            kind,
        });
    }
    let pooled = Pooled::new(&groups);
    // One stream per responses, not per scoring model: the same responses are drawn whoever scores them.
    let names = ["responses", evaluation, &of_label];
    let measured = pooled.measure(points, 1.0, &Problems::of(outcomes), &names, resampling);
    Ok((pooled.responses(), measured))
}
