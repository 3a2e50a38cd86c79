//! Sets of solved problems, measured as shares of all problems.
//!
//! A problem is solved when at least one of its n samples is right, so the set is itself a random one. In a simulated
//! world other samples move problems in and out of the sets; the world's truth is the share that n samples put into the
//! set on average, each model's samples being independent given the problem.

use rlx_language::ProblemsExpr;

use crate::across::Problems;
use crate::evidence::{self, Evidence};
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::passes::{Complete, mean_of, pass_of_probability};
use crate::resampling::Resampling;
use crate::undefined::Undefined;
use crate::within::Worlds;

/// Different solved sets in one expression: their combinations are listed.
const MOST: usize = 10;

/// Share of an evaluation's problems that are in the set, with the number of problems.
pub(crate) fn share(
    set: &ProblemsExpr,
    evidence: &Evidence,
    resampling: &Resampling,
) -> Result<(Measured, usize), Undefined> {
    let mut sets = Vec::new();
    let expression = number(set, evidence, &mut sets)?;
    if sets.len() > MOST {
        return Err(Undefined::TooManySets {
            found: sets.len(),
            most: MOST,
        });
    }
    let (first, _) = sets[0];
    if let Some((other, _)) = sets
        .iter()
        .find(|(other, _)| Problems::of(other) != Problems::of(first))
    {
        return Err(Undefined::DifferentProblems {
            left: first.design().evaluation.clone(),
            right: other.design().evaluation.clone(),
        });
    }
    let inside = Inside::new(sets.len(), |memberships| expression.holds(memberships));
    let measured = shares(&sets, &[inside], resampling)?
        .pop()
        .ok_or(Undefined::NotFinite)?;
    Ok((measured, first.design().problems.len()))
}

/// Shares of the problems that `model` solves and that `within` solves too, and of those that `model` solves.
pub(crate) fn both_and_own(
    outcomes: &Outcomes,
    model: usize,
    within: usize,
    resampling: &Resampling,
) -> Result<[Measured; 2], Undefined> {
    let mut sets = vec![(outcomes, model)];
    // A model within itself is one set, not two independent ones.
    if within != model {
        sets.push((outcomes, within));
    }
    let all = (1_usize << sets.len()) - 1;
    let both = Inside::new(sets.len(), |memberships| memberships == all);
    let own = Inside::new(sets.len(), |memberships| memberships & 1 == 1);
    <[Measured; 2]>::try_from(shares(&sets, &[both, own], resampling)?).map_err(|_| Undefined::NotFinite)
}

/// Per problem whether at least one sample is right, as far as rows are there.
pub(crate) fn solved(outcomes: &Outcomes, model: usize) -> Vec<bool> {
    outcomes
        .counts(model)
        .into_iter()
        .map(|(_, right)| right > 0)
        .collect()
}

/// Which combinations of memberships (bit i: in solved set i) a set is made of.
struct Inside {
    holds: Vec<bool>,
    combinations: Vec<usize>,
}

impl Inside {
    fn new(sets: usize, holds: impl Fn(usize) -> bool) -> Self {
        let holds: Vec<bool> = (0..1_usize << sets).map(holds).collect();
        let combinations = (0..holds.len())
            .filter(|&memberships| holds[memberships])
            .collect();
        Inside { holds, combinations }
    }

    /// Chance that a problem is inside, given each model's chance of solving it.
    fn chance(&self, chances: &[f64]) -> f64 {
        let mut total = 0.0;
        for memberships in &self.combinations {
            let mut chance = 1.0;
            for (set, solves) in chances.iter().enumerate() {
                chance *= if memberships >> set & 1 == 1 {
                    *solves
                } else {
                    1.0 - solves
                };
            }
            total += chance;
        }
        total
    }
}

/// Shares of problems inside each of several sets made of the same solved sets, in the same simulated worlds.
fn shares(
    sets: &[(&Outcomes, usize)],
    insides: &[Inside],
    resampling: &Resampling,
) -> Result<Vec<Measured>, Undefined> {
    let complete: Vec<Complete> = sets
        .iter()
        .map(|&(outcomes, model)| Complete::new(outcomes, model))
        .collect::<Result<_, _>>()?;
    let worlds: Vec<Worlds> = complete
        .iter()
        .zip(sets)
        .map(|(complete, &(outcomes, model))| complete.worlds(outcomes, model, resampling))
        .collect();
    // Chance that n samples solve a problem, by model and point of the grid.
    let chances: Vec<Vec<f64>> = complete
        .iter()
        .zip(&worlds)
        .map(|(complete, worlds)| {
            worlds
                .grid
                .iter()
                .map(|&p| pass_of_probability(p, u64::from(complete.n)))
                .collect()
        })
        .collect();
    let (count, models) = (complete[0].right.len(), sets.len());
    let simulated = resampling.series(
        2 * insides.len(),
        || (vec![0_usize; count], vec![0.0_f64; count * models]),
        |resample, (memberships, solvable), row| {
            memberships.fill(0);
            for (set, worlds) in worlds.iter().enumerate() {
                worlds.each(resample, |problem, point, right| {
                    memberships[problem] |= usize::from(right > 0) << set;
                    solvable[problem * models + set] = chances[set][point];
                });
            }
            for (inside, pair) in insides.iter().zip(row.chunks_mut(2)) {
                let members = memberships
                    .iter()
                    .filter(|&&memberships| inside.holds[memberships])
                    .count();
                let expected: f64 = solvable
                    .chunks(models)
                    .map(|chances| inside.chance(chances))
                    .sum();
                pair[0] = members as f64 / count as f64;
                pair[1] = expected / count as f64;
            }
        },
    );
    let seen: Vec<usize> = (0..count)
        .map(|problem| {
            let solved = complete
                .iter()
                .map(|complete| usize::from(complete.right[problem] > 0));
            solved
                .enumerate()
                .fold(0, |bits, (set, solved)| bits | solved << set)
        })
        .collect();
    let problems = Problems::of(sets[0].0);
    // Row-major: problem by problem, a column for each set.
    let values: Vec<f64> = seen
        .iter()
        .flat_map(|&memberships| {
            insides
                .iter()
                .map(move |inside| f64::from(u8::from(inside.holds[memberships])))
        })
        .collect();
    let across = problems.means(resampling, insides.len(), &values);
    let measured =
        across
            .into_iter()
            .zip(simulated.chunks(2))
            .enumerate()
            .map(|(column, (across, worlds))| {
                let of_each: Vec<f64> = values
                    .iter()
                    .skip(column)
                    .step_by(insides.len())
                    .copied()
                    .collect();
                Measured {
                    within: (worlds[0].clone(), worlds[1].clone()),
                    ..mean_of(&problems, &of_each, across)
                }
            });
    Ok(measured.collect())
}

enum Expression {
    Solved(usize),
    Union(Box<Expression>, Box<Expression>),
    Intersection(Box<Expression>, Box<Expression>),
    Difference(Box<Expression>, Box<Expression>),
}

impl Expression {
    fn holds(&self, memberships: usize) -> bool {
        match self {
            Expression::Solved(set) => memberships >> set & 1 == 1,
            Expression::Union(a, b) => a.holds(memberships) || b.holds(memberships),
            Expression::Intersection(a, b) => a.holds(memberships) && b.holds(memberships),
            Expression::Difference(a, b) => a.holds(memberships) && !b.holds(memberships),
        }
    }
}

/// Numbers the different solved sets of an expression in order of appearance.
fn number<'a>(
    set: &ProblemsExpr,
    evidence: &'a Evidence,
    sets: &mut Vec<(&'a Outcomes, usize)>,
) -> Result<Expression, Undefined> {
    let mut number = |part: &ProblemsExpr| number(part, evidence, sets).map(Box::new);
    Ok(match set {
        ProblemsExpr::Union { left, right } => Expression::Union(number(left)?, number(right)?),
        ProblemsExpr::Intersection { left, right } => Expression::Intersection(number(left)?, number(right)?),
        ProblemsExpr::Difference { left, right } => Expression::Difference(number(left)?, number(right)?),
        ProblemsExpr::Solved { evaluation, model } => {
            let outcomes = evidence.evaluation(evaluation)?;
            let model = evidence::model(outcomes, model)?;
            let known = sets
                .iter()
                .position(|(other, m)| std::ptr::eq(*other, outcomes) && *m == model);
            Expression::Solved(known.unwrap_or_else(|| {
                sets.push((outcomes, model));
                sets.len() - 1
            }))
        }
    })
}
