//! pass@k curves and where they cross.

use rayon::prelude::*;
use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings, models};
use crate::across::Problems;
use crate::mean_curve::mean_curve;
use crate::outcomes::Outcomes;
use crate::pass_at_k::PassAtKError;
use crate::passes::{self, Complete};
use crate::resampling::Resampling;
use crate::results::{Crossing, Curve, CurveOf, CurvePoint, Estimate, Interval, Measure, PassAtK};
use crate::undefined::Undefined;

/// The curves of evaluations on one list of problems, of each the models that are asked for.
pub(super) fn answer(
    asked: &[(&Outcomes, &[ModelRef])],
    ks: &[u64],
    setting: &Setting<'_>,
) -> Result<PassAtK, Undefined> {
    let Some((first, _)) = asked.first() else {
        return Err(Undefined::UnknownEvaluation {
            name: String::new(),
            known: String::new(),
        });
    };
    let design = first.design();
    // One list of problems, so one draw of them: differences between evaluations are paired, too.
    let problems = Problems::of(first);
    for (other, _) in asked {
        if other.design().problems != design.problems {
            return Err(Undefined::OtherProblems {
                left: design.evaluation.clone(),
                right: other.design().evaluation.clone(),
            });
        }
    }
    let shared = asked.len() > 1;
    let names = short_names(asked);
    let mut warnings = Warnings::default();
    let mut curves = Vec::new();
    let drawn = asked
        .iter()
        .map(|(outcomes, of)| models(outcomes, of))
        .collect::<Result<Vec<_>, _>>()?;
    warnings.problems(first, drawn.iter().map(Vec::len).sum());
    for (((outcomes, _), models), name) in asked.iter().zip(drawn).zip(names) {
        let within_reach = within_reach(outcomes, ks, &mut warnings);
        for (own, model) in models {
            let label = if shared {
                format!("{own} · {name}")
            } else {
                own.clone()
            };
            let reached = warnings.reached(outcomes, &label, model, &within_reach);
            let points = curve(outcomes, &problems, model, ks, &reached, setting, &mut warnings);
            curves.push(Curve {
                model: label,
                of: shared.then(|| CurveOf {
                    evaluation: outcomes.design().evaluation.clone(),
                    model: own,
                    samples: outcomes.fewest_samples(),
                    name: name.clone(),
                }),
                points,
            });
        }
    }
    Ok(PassAtK {
        measure: Measure::Pass,
        folded: false,
        evaluation: design.evaluation.clone(),
        benchmark: design.benchmark.clone(),
        problems: design.problems.len(),
        samples: asked
            .iter()
            .map(|(outcomes, _)| outcomes.fewest_samples())
            .min()
            .unwrap_or(0),
        confidence: setting.confidence,
        crossings: crossings(&curves),
        curves,
        warnings: warnings.finish(),
    })
}

/// The `ks` that an evaluation's samples reach; the others are said.
fn within_reach(outcomes: &Outcomes, ks: &[u64], warnings: &mut Warnings) -> Vec<u64> {
    let design = outcomes.design();
    warnings.k(outcomes, ks);
    let (within, beyond): (Vec<u64>, Vec<u64>) = ks.iter().partition(|k| (1..=design.samples).contains(*k));
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
    within
}

/// The points of one model at `ks`, of which its samples reach `own`.
fn curve(
    outcomes: &Outcomes,
    problems: &Problems,
    model: usize,
    ks: &[u64],
    own: &[u64],
    setting: &Setting<'_>,
    warnings: &mut Warnings,
) -> Vec<CurvePoint> {
    let design = outcomes.design();
    let samples = outcomes.samples(model);
    let estimates = Complete::new(outcomes, model).and_then(|complete| {
        let names = ["samples", &design.evaluation, &design.models[model]];
        estimates(problems, &names, &complete.pairs(), own, setting, warnings).map_err(|source| {
            Undefined::PassAtK {
                evaluation: design.evaluation.clone(),
                source,
            }
        })
    });
    let estimates = estimates.unwrap_or_else(|reason| {
        warnings.undefined(&reason);
        Vec::new()
    });
    let mut reached = estimates.into_iter();
    let point = |&k: &u64| {
        let found = if (1..=samples).contains(&k) {
            reached.next()
        } else {
            None
        };
        CurvePoint {
            k,
            pass: found.unwrap_or(UNDEFINED),
        }
    };
    ks.iter().map(point).collect()
}

/// What evaluations are called beside each other: members of families that share their labels go without them,
/// `cool[aime]` and `raised[aime]` as `cool` and `raised`.
fn short_names(asked: &[(&Outcomes, &[ModelRef])]) -> Vec<String> {
    let full: Vec<&str> = asked
        .iter()
        .map(|(outcomes, _)| outcomes.design().evaluation.as_str())
        .collect();
    let parts: Vec<(&str, &str)> = full
        .iter()
        .map(|name| name.split_at(name.find('[').unwrap_or(name.len())))
        .collect();
    let alike = parts.iter().all(|(_, labels)| *labels == parts[0].1);
    let differ = (1..parts.len()).all(|at| parts[..at].iter().all(|(name, _)| *name != parts[at].0));
    if alike && differ {
        parts.into_iter().map(|(name, _)| name.to_owned()).collect()
    } else {
        full.into_iter().map(str::to_owned).collect()
    }
}

/// Most k at which intervals are resampled; between them they are drawn straight on the logarithmic axis.
const RESAMPLED: usize = 64;

/// pass@k with intervals at every one of `ks` (ascending). The values are exact at each; of more than [`RESAMPLED`] k
/// the intervals are resampled at so many and interpolated in log k, as the half-widths change slowly.
fn estimates(
    problems: &Problems,
    names: &[&str],
    counts: &[(u32, u32)],
    ks: &[u64],
    setting: &Setting<'_>,
    warnings: &mut Warnings,
) -> Result<Vec<Estimate>, PassAtKError> {
    let knots = knots(ks);
    let at: Vec<u64> = knots.iter().map(|&place| ks[place]).collect();
    let measured = passes::of_counts(problems, names, counts, &at, setting.resampling)?;
    measured.iter().for_each(|measured| warnings.saw(measured));
    let resampled: Vec<Estimate> = measured
        .par_iter()
        .map(|measured| setting.estimate(measured))
        .collect();
    if knots.len() == ks.len() {
        return Ok(resampled);
    }
    warnings.say(format!(
        "intervals of {} k are resampled at {} of them and interpolated in between; the values are exact",
        ks.len(),
        at.len()
    ));
    let values = mean_curve(counts, ks);
    let mut knot = 0;
    let estimate = |(place, value): (usize, f64)| {
        while knot + 1 < knots.len() && knots[knot + 1] <= place {
            knot += 1;
        }
        let right = (knot + 1).min(knots.len() - 1);
        let share = if right == knot {
            0.0
        } else {
            let log = |k: u64| libm::log(k as f64);
            (log(ks[place]) - log(at[knot])) / (log(at[right]) - log(at[knot]))
        };
        let between = |pick: fn(&Estimate) -> Option<Interval>| {
            let (a, b) = (pick(&resampled[knot])?, pick(&resampled[right])?);
            let (low, high) = (resampled[knot].value?, resampled[right].value?);
            // The distances from the value are interpolated, not the ends: they bend less.
            let mix = |from: f64, to: f64| from + share * (to - from);
            Some(Interval {
                low: (value - mix(low - a.low, high - b.low)).max(0.0),
                high: (value + mix(a.high - low, b.high - high)).min(1.0),
            })
        };
        Estimate {
            value: Some(value),
            these_problems: between(|estimate| estimate.these_problems),
            problems_like_these: between(|estimate| estimate.problems_like_these),
        }
    };
    Ok(values.into_iter().enumerate().map(estimate).collect())
}

/// Places in `ks` at which intervals are resampled: all of a few, else about evenly spaced in log k with both ends.
fn knots(ks: &[u64]) -> Vec<usize> {
    if ks.len() <= RESAMPLED {
        return (0..ks.len()).collect();
    }
    let (first, last) = (ks[0] as f64, ks[ks.len() - 1] as f64);
    let mut places: Vec<usize> = (0..RESAMPLED)
        .map(|knot| {
            let share = knot as f64 / (RESAMPLED - 1) as f64;
            let wanted = first * libm::pow(last / first, share);
            ks.partition_point(|k| (*k as f64) < wanted - 0.5)
                .min(ks.len() - 1)
        })
        .collect();
    places.push(0);
    places.push(ks.len() - 1);
    places.sort_unstable();
    places.dedup();
    places
}

/// pass@k with intervals from counts made elsewhere: samples and right ones of every problem, whose numbers of samples
/// may differ.
///
/// # Errors
/// When a count cannot be, or a k is 0 or above the samples of a problem.
pub fn pass_of_counts(
    name: &str,
    counts: &[(String, u32, u32)],
    ks: &[u64],
    resampling: &Resampling,
    confidence: f64,
) -> Result<PassAtK, PassAtKError> {
    let mut ks = ks.to_vec();
    ks.sort_unstable();
    ks.dedup();
    let pairs: Vec<(u32, u32)> = counts.iter().map(|(_, n, c)| (*n, *c)).collect();
    let fewest = u64::from(pairs.iter().map(|(n, _)| *n).min().unwrap_or(0));
    for &(n, c) in &pairs {
        for &k in ks.first().into_iter().chain(ks.last()) {
            crate::pass_at_k::check(u64::from(n), u64::from(c), k)?;
        }
    }
    if pairs.is_empty() {
        return Err(PassAtKError::NoSamples);
    }
    let setting = Setting {
        resampling,
        confidence,
    };
    let mut warnings = Warnings::default();
    if let Some(largest) = ks.last() {
        warnings.said.extend(super::large_k(*largest, fewest));
    }
    let problems = Problems::named(name, counts.iter().map(|(id, ..)| id.as_str()));
    let estimates = estimates(
        &problems,
        &["samples", name, "model"],
        &pairs,
        &ks,
        &setting,
        &mut warnings,
    )?;
    let points = ks
        .iter()
        .zip(estimates)
        .map(|(&k, pass)| CurvePoint { k, pass })
        .collect();
    Ok(PassAtK {
        measure: Measure::Pass,
        folded: false,
        evaluation: name.to_owned(),
        benchmark: name.to_owned(),
        problems: counts.len(),
        samples: fewest,
        confidence,
        curves: vec![Curve {
            model: "model".to_owned(),
            of: None,
            points,
        }],
        crossings: Vec::new(),
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
            of: None,
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
