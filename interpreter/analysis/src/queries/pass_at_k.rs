//! pass@k curves and where they cross.

use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings, models};
use crate::outcomes::Outcomes;
use crate::pass_at_k::PassAtKError;
use crate::passes;
use crate::results::{Crossing, Curve, CurvePoint, PassAtK};
use crate::undefined::Undefined;

pub(super) fn answer(
    outcomes: &Outcomes,
    of: &[ModelRef],
    ks: &[u64],
    setting: &Setting<'_>,
) -> Result<PassAtK, Undefined> {
    let models = models(outcomes, of)?;
    let design = outcomes.design();
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len());
    warnings.k(outcomes, ks);
    let (within_reach, beyond): (Vec<u64>, Vec<u64>) =
        ks.iter().partition(|k| (1..=design.samples).contains(*k));
    for k in beyond {
        let source = if k == 0 {
            PassAtKError::ZeroK
        } else {
            PassAtKError::KAboveSamples { n: design.samples, k }
        };
        warnings.undefined(&Undefined::PassAtK {
            evaluation: design.evaluation.clone(),
            source,
        });
    }
    let mut curves = Vec::new();
    for (label, model) in models {
        let measured = match passes::measure(outcomes, model, &within_reach, setting.resampling) {
            Ok(measured) => measured,
            Err(reason) => {
                warnings.undefined(&reason);
                Vec::new()
            }
        };
        measured.iter().for_each(|measured| warnings.saw(measured));
        let mut reached = within_reach.iter().zip(&measured);
        let points = ks
            .iter()
            .map(|&k| {
                let found = if (1..=design.samples).contains(&k) {
                    reached.next()
                } else {
                    None
                };
                CurvePoint {
                    k,
                    pass: found.map_or(UNDEFINED, |(_, measured)| setting.estimate(measured)),
                }
            })
            .collect();
        curves.push(Curve { model: label, points });
    }
    Ok(PassAtK {
        evaluation: design.evaluation.clone(),
        benchmark: design.benchmark.clone(),
        problems: design.problems.len(),
        samples: outcomes.fewest_samples(),
        confidence: setting.confidence,
        crossings: crossings(&curves),
        curves,
        warnings: warnings.finish(),
    })
}

/// The first curve above each other one, whether it ever leads to the end or not; of all other pairs those that change
/// places on the grid.
fn crossings(curves: &[Curve]) -> Vec<Crossing> {
    let mut crossings = Vec::new();
    for (i, one) in curves.iter().enumerate() {
        for (_, other) in curves.iter().enumerate().filter(|(j, _)| *j != i) {
            let k = leads_from(one, other);
            let smallest = one.points.iter().map(|point| point.k).min();
            let crosses = k.is_some() && k != smallest;
            if i == 0 || crosses {
                crossings.push(Crossing {
                    above: one.model.clone(),
                    below: other.model.clone(),
                    k,
                });
            }
        }
    }
    crossings
}

/// Smallest k from which `one` is above `other` up to the largest k at which both are defined.
fn leads_from(one: &Curve, other: &Curve) -> Option<u64> {
    let pairs = one.points.iter().zip(&other.points);
    let mut points: Vec<(u64, f64, f64)> = pairs
        .filter_map(|(a, b)| Some((a.k, a.pass.value?, b.pass.value?)))
        .collect();
    points.sort_by_key(|(k, ..)| *k);
    points
        .iter()
        .rev()
        .take_while(|(_, one, other)| one > other)
        .last()
        .map(|(k, ..)| *k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Estimate;

    fn curve(model: &str, values: [f64; 4]) -> Curve {
        let points = [1, 2, 4, 8]
            .into_iter()
            .zip(values)
            .map(|(k, value)| CurvePoint {
                k,
                pass: Estimate {
                    value: Some(value),
                    these_problems: None,
                    problems_like_these: None,
                },
            })
            .collect();
        Curve {
            model: model.into(),
            points,
        }
    }

    #[test]
    fn a_crossing_is_where_the_lead_begins_that_lasts() {
        let base = curve("base", [0.1, 0.4, 0.3, 0.9]);
        let rl = curve("rl@1", [0.2, 0.3, 0.4, 0.5]);
        let teacher = curve("teacher", [0.3, 0.5, 0.7, 0.9]);
        let found: Vec<(String, String, Option<u64>)> = crossings(&[base, rl, teacher])
            .into_iter()
            .map(|c| (c.above, c.below, c.k))
            .collect();
        assert_eq!(
            found,
            [
                ("base".into(), "rl@1".into(), Some(8)),
                ("base".into(), "teacher".into(), None)
            ],
            "a tie at the end is no lead, and rl@1 and teacher never change places"
        );
    }
}
