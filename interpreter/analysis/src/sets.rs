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

/// A set expression over numbered solved sets.
struct Members<'a> {
    solved: Vec<(&'a Outcomes, usize)>,
    /// For every combination of memberships (bit i: in solved set i), whether the problem is in the set.
    inside: Vec<bool>,
}

/// Share of an evaluation's problems that are in the set, with the number of problems.
pub(crate) fn share(
    set: &ProblemsExpr,
    evidence: &Evidence,
    resampling: &Resampling,
) -> Result<(Measured, usize), Undefined> {
    let members = Members::new(set, evidence)?;
    let measured = members.share(resampling)?;
    let (outcomes, _) = members.solved[0];
    Ok((measured, outcomes.design().problems.len()))
}

/// Share of the problems that every one of `models` solves.
pub(crate) fn share_solved_by_all(
    outcomes: &Outcomes,
    models: &[usize],
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let mut solved: Vec<(&Outcomes, usize)> = Vec::new();
    for &model in models {
        // A model within itself is one set, not two independent ones.
        if !solved.iter().any(|(_, known)| *known == model) {
            solved.push((outcomes, model));
        }
    }
    let all = (1_usize << solved.len()) - 1;
    Members {
        inside: (0..=all).map(|memberships| memberships == all).collect(),
        solved,
    }
    .share(resampling)
}

/// Per problem whether at least one sample is right, as far as rows are there.
pub(crate) fn solved(outcomes: &Outcomes, model: usize) -> Vec<bool> {
    outcomes
        .counts(model)
        .into_iter()
        .map(|(_, right)| right > 0)
        .collect()
}

impl<'a> Members<'a> {
    fn new(set: &ProblemsExpr, evidence: &'a Evidence) -> Result<Self, Undefined> {
        let mut solved: Vec<(&Outcomes, usize)> = Vec::new();
        let mut names: Vec<(String, usize)> = Vec::new();
        let expression = number(set, evidence, &mut solved, &mut names)?;
        if solved.len() > MOST {
            return Err(Undefined::TooManySets {
                found: solved.len(),
                most: MOST,
            });
        }
        let (first, _) = solved[0];
        if let Some((other, _)) = solved
            .iter()
            .find(|(other, _)| Problems::of(other) != Problems::of(first))
        {
            return Err(Undefined::DifferentProblems {
                left: first.design().evaluation.clone(),
                right: other.design().evaluation.clone(),
            });
        }
        let inside = (0..1_usize << solved.len())
            .map(|memberships| expression.holds(memberships))
            .collect();
        Ok(Members { solved, inside })
    }

    fn share(&self, resampling: &Resampling) -> Result<Measured, Undefined> {
        let complete: Vec<Complete> = self
            .solved
            .iter()
            .map(|&(outcomes, model)| Complete::new(outcomes, model))
            .collect::<Result<_, _>>()?;
        let worlds: Vec<Worlds> = complete
            .iter()
            .zip(&self.solved)
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
        let count = complete[0].right.len();
        let simulated = resampling.series(
            2,
            || (vec![0_usize; count], vec![0.0_f64; count * worlds.len()]),
            |resample, (memberships, solvable), row| {
                memberships.fill(0);
                for (set, worlds) in worlds.iter().enumerate() {
                    worlds.each(resample, |problem, point, right| {
                        memberships[problem] |= usize::from(right > 0) << set;
                        solvable[problem * chances.len() + set] = chances[set][point];
                    });
                }
                let members = memberships.iter().filter(|&&m| self.inside[m]).count();
                let expected: f64 = solvable
                    .chunks(chances.len())
                    .map(|chances| self.chance(chances))
                    .sum();
                row[0] = members as f64 / count as f64;
                row[1] = expected / count as f64;
            },
        );
        let of_each: Vec<f64> = (0..count)
            .map(|problem| {
                let memberships = complete.iter().enumerate().fold(0, |bits, (set, complete)| {
                    bits | usize::from(complete.right[problem] > 0) << set
                });
                f64::from(u8::from(self.inside[memberships]))
            })
            .collect();
        let problems = Problems::of(self.solved[0].0);
        let across = problems.means(resampling, 1, &of_each).pop().unwrap_or_default();
        let [estimates, truths] = <[Vec<f64>; 2]>::try_from(simulated).unwrap_or_default();
        Ok(Measured {
            within: (estimates, truths),
            ..mean_of(&problems, &of_each, across)
        })
    }

    /// Chance that a problem is in the set, given each model's chance of solving it.
    fn chance(&self, chances: &[f64]) -> f64 {
        let mut total = 0.0;
        for (memberships, _) in self.inside.iter().enumerate().filter(|(_, inside)| **inside) {
            total += chances
                .iter()
                .enumerate()
                .map(|(set, chance)| {
                    if memberships >> set & 1 == 1 {
                        *chance
                    } else {
                        1.0 - chance
                    }
                })
                .product::<f64>();
        }
        total
    }
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
    solved: &mut Vec<(&'a Outcomes, usize)>,
    names: &mut Vec<(String, usize)>,
) -> Result<Expression, Undefined> {
    let mut pair = |left: &ProblemsExpr, right: &ProblemsExpr| -> Result<_, Undefined> {
        Ok((
            Box::new(number(left, evidence, solved, names)?),
            Box::new(number(right, evidence, solved, names)?),
        ))
    };
    Ok(match set {
        ProblemsExpr::Union { left, right } => pair(left, right).map(|(a, b)| Expression::Union(a, b))?,
        ProblemsExpr::Intersection { left, right } => {
            pair(left, right).map(|(a, b)| Expression::Intersection(a, b))?
        }
        ProblemsExpr::Difference { left, right } => {
            pair(left, right).map(|(a, b)| Expression::Difference(a, b))?
        }
        ProblemsExpr::Solved { evaluation, model } => {
            let outcomes = evidence.evaluation(evaluation)?;
            let name = (evaluation.clone(), evidence::model(outcomes, model)?);
            let place = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                solved.push((outcomes, name.1));
                names.push(name);
                names.len() - 1
            });
            Expression::Solved(place)
        }
    })
}
