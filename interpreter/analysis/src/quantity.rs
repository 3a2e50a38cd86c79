//! The quantities that claims are made of, measured.

use rlx_language::{ModelRef, Quantity};

use crate::across::Problems;
use crate::evidence::{self, Evidence};
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::passes;
use crate::pooled::Pooled;
use crate::resampling::Resampling;
use crate::sets;
use crate::undefined::Undefined;

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
            let [median, _] = perplexity(outcomes, of, under, *only_correct, resampling)?.1;
            median
        }
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

/// Perplexities of a model's responses under another: all of them, and their median and mean.
///
/// # Errors
/// When a response is not scored, or there is none.
pub(crate) fn perplexity(
    outcomes: &Outcomes,
    of: &ModelRef,
    under: &ModelRef,
    only_correct: bool,
    resampling: &Resampling,
) -> Result<(Pooled, [Measured; 2]), Undefined> {
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
    let measured = pooled.measure(&Problems::of(outcomes), &names, resampling);
    Ok((pooled, measured))
}
