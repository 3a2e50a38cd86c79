//! pass@k of one model at several k, measured: values, simulated worlds, bootstraps over problems.

use std::collections::BTreeMap;

use crate::across::Problems;
use crate::lanes::{LANES, Rows};
use crate::measured::{Measured, Single};
use crate::outcomes::Outcomes;
use crate::pass_at_k::{PassAtKError, PassTable};
use crate::resampling::Resampling;
use crate::special::sum;
use crate::undefined::Undefined;
use crate::within::Worlds;

/// Right samples of every problem, once every row that the design asks for is there.
#[derive(Debug)]
pub(crate) struct Complete {
    /// Samples a problem.
    pub(crate) n: u32,
    /// Right ones, by problem.
    pub(crate) right: Vec<u32>,
}

impl Complete {
    pub(crate) fn new(outcomes: &Outcomes, model: usize) -> Result<Self, Undefined> {
        let design = outcomes.design();
        if design.problems.is_empty() {
            return Err(Undefined::NoProblems {
                evaluation: design.evaluation.clone(),
            });
        }
        let missing = outcomes.missing(model);
        if missing > 0 {
            return Err(Undefined::MissingRows {
                evaluation: design.evaluation.clone(),
                model: design.models[model].clone(),
                missing,
                expected: design.problems.len() * outcomes.samples(model) as usize,
            });
        }
        if outcomes.samples(model) == 0 {
            let source = PassAtKError::NoSamples;
            return Err(Undefined::PassAtK {
                evaluation: design.evaluation.clone(),
                source,
            });
        }
        // `Outcomes` holds at most 2^32 rows a model, so both fit.
        let right = outcomes
            .counts(model)
            .into_iter()
            .map(|(_, c)| c as u32)
            .collect();
        Ok(Complete {
            n: outcomes.samples(model) as u32,
            right,
        })
    }

    pub(crate) fn worlds(&self, outcomes: &Outcomes, model: usize, resampling: &Resampling) -> Worlds {
        let design = outcomes.design();
        let names = ["samples", &design.evaluation, &design.models[model]];
        Worlds::new(resampling.seed(), &names, &self.pairs())
    }

    /// Samples and right ones, by problem.
    pub(crate) fn pairs(&self) -> Vec<(u32, u32)> {
        self.right.iter().map(|&c| (self.n, c)).collect()
    }
}

/// pass@k of a model at each of `ks`, as means over problems.
pub(crate) fn measure(
    outcomes: &Outcomes,
    model: usize,
    ks: &[u64],
    resampling: &Resampling,
) -> Result<Vec<Measured>, Undefined> {
    let complete = Complete::new(outcomes, model)?;
    let design = outcomes.design();
    of_counts(
        &Problems::of(outcomes),
        &["samples", &design.evaluation, &design.models[model]],
        &complete.pairs(),
        ks,
        resampling,
    )
    .map_err(|source| Undefined::PassAtK {
        evaluation: design.evaluation.clone(),
        source,
    })
}

/// pass@k at each of `ks` from samples and right ones of every problem, whose numbers of samples may differ.
pub(crate) fn of_counts(
    problems: &Problems,
    names: &[&str],
    counts: &[(u32, u32)],
    ks: &[u64],
    resampling: &Resampling,
) -> Result<Vec<Measured>, PassAtKError> {
    let mut tables: BTreeMap<u32, PassTable> = BTreeMap::new();
    for &(n, _) in counts {
        if let std::collections::btree_map::Entry::Vacant(vacant) = tables.entry(n) {
            vacant.insert(PassTable::new(u64::from(n), ks)?);
        }
    }
    let of_problem: Vec<&PassTable> = counts.iter().map(|(n, _)| &tables[n]).collect();
    let columns = ks.len();
    let worlds = Worlds::new(resampling.seed(), names, counts);
    let truths = Rows::new(
        columns,
        worlds
            .grid
            .iter()
            .map(|&p| ks.iter().map(move |&k| pass_of_probability(p, k))),
    );
    let estimates: BTreeMap<u32, Rows> = tables
        .iter()
        .map(|(&n, table)| {
            let rows = (0..=n as usize).map(|right| table.row(right).iter().copied());
            (n, Rows::new(columns, rows))
        })
        .collect();
    let estimates: Vec<&Rows> = counts.iter().map(|(n, _)| &estimates[n]).collect();
    let scale = 1.0 / counts.len() as f64;
    let simulated = resampling.series(
        2 * columns,
        || (truths.sums(), truths.sums()),
        |resample, (estimate, truth), row| {
            estimate.fill([0.0; LANES]);
            truth.fill([0.0; LANES]);
            worlds.each(resample, |problem, point, right| {
                estimates[problem].add(right, estimate);
                truths.add(point, truth);
            });
            let sums = estimate.as_flattened().iter().take(columns);
            let sums = sums.chain(truth.as_flattened().iter().take(columns));
            row.iter_mut()
                .zip(sums)
                .for_each(|(mean, sum)| *mean = sum * scale);
        },
    );
    let (estimates, simulated_truths) = simulated.split_at(columns);

    let values: Vec<f64> = counts
        .iter()
        .zip(&of_problem)
        .flat_map(|((_, c), table)| table.row(*c as usize))
        .copied()
        .collect();
    let across = problems.means(resampling, columns, &values);
    let measured = across.into_iter().enumerate().map(|(column, across)| {
        let of_each: Vec<f64> = values.iter().skip(column).step_by(columns).copied().collect();
        Measured {
            within: (estimates[column].clone(), simulated_truths[column].clone()),
            ..mean_of(problems, &of_each, across)
        }
    });
    Ok(measured.collect())
}

/// A mean over problems of values in 0..=1, without simulated worlds.
pub(crate) fn mean_of(problems: &Problems, of_each: &[f64], across: Vec<f64>) -> Measured {
    let count = of_each.len() as f64;
    let total = sum(of_each.iter().copied());
    let single = Single {
        without: of_each
            .iter()
            .map(|value| (total - value) / (count - 1.0))
            .collect(),
        unseen: (total / (count + 1.0), (total + 1.0) / (count + 1.0)),
    };
    Measured {
        value: total / count,
        bounds: (0.0, 1.0),
        within: (Vec::new(), Vec::new()),
        across,
        problems: BTreeMap::from([(problems.key.clone(), single)]),
        jumps: false,
    }
}

/// 1 - (1 - p)^k without cancellation.
pub(crate) fn pass_of_probability(p: f64, k: u64) -> f64 {
    -libm::expm1(k as f64 * libm::log1p(-p))
}
