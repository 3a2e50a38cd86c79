//! Perplexity of each model's responses under each scoring model.

use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings};
use crate::outcomes::Outcomes;
use crate::quantity;
use crate::results::{Perplexity, PerplexityGroup};
use crate::undefined::Undefined;

/// The points of [`PerplexityGroup::quantiles`].
const POINTS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

pub(super) fn answer(
    outcomes: &Outcomes,
    of: &[ModelRef],
    under: &[ModelRef],
    only_correct: bool,
    setting: &Setting<'_>,
) -> Result<Perplexity, Undefined> {
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, of.len());
    let mut groups = Vec::new();
    for under in under {
        for of in of {
            let measured =
                quantity::perplexity(outcomes, (of, under), only_correct, &POINTS, setting.resampling);
            match measured {
                Ok((responses, measured)) => {
                    let mut numbers = measured.iter().map(|number| setting.estimate(number));
                    let quantiles = POINTS.map(|_| numbers.next().unwrap_or(UNDEFINED));
                    groups.push(PerplexityGroup {
                        of: of.label(),
                        under: under.label(),
                        responses,
                        median: quantiles[2],
                        mean: numbers.next().unwrap_or(UNDEFINED),
                        quantiles,
                    });
                }
                Err(reason @ Undefined::UnknownModel { .. }) => return Err(reason),
                // A box without all of its responses would be another box: the group is left out.
                Err(reason) => warnings.undefined(&reason),
            }
        }
    }
    Ok(Perplexity {
        evaluation: outcomes.design().evaluation.clone(),
        only_correct,
        confidence: setting.confidence,
        groups,
        warnings: warnings.finish(),
    })
}
