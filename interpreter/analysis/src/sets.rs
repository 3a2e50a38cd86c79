//! Sets of solved problems, measured as shares of all problems.
//!
//! A problem is solved when at least one of its n samples is right, so the set is itself a random one. In a simulated
//! world other samples move problems in and out of the sets; the world's truth is the share that n samples put into the
//! set on average, each model's samples being independent given the problem.

use rlx_language::{ModelRef, ProblemsExpr};

use crate::across::Problems;
use crate::evidence::{self, Evidence};
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::passes::{Complete, mean_of};
use crate::resampling::Resampling;
use crate::special::binomial_masses;
use crate::undefined::Undefined;
use crate::within::Worlds;

/// Different sets in one expression: their combinations are listed.
const MOST: usize = 10;

/// The problems of which a model gets more than `low` and at most `high` samples right.
#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    outcomes: &'a Outcomes,
    model: usize,
    low: i64,
    high: i64,
}

impl Member<'_> {
    fn has(&self, right: usize) -> bool {
        (self.low + 1..=self.high).contains(&(right as i64))
    }

    fn is(&self, other: &Member<'_>) -> bool {
        self.of_model(other) && (self.low, self.high) == (other.low, other.high)
    }

    fn of_model(&self, other: &Member<'_>) -> bool {
        std::ptr::eq(self.outcomes, other.outcomes) && self.model == other.model
    }
}

fn solved_by(outcomes: &Outcomes, model: usize) -> Member<'_> {
    Member {
        outcomes,
        model,
        low: 0,
        high: i64::MAX,
    }
}

/// Share of an evaluation's problems that are in the set, with the number of problems.
pub(crate) fn share(
    set: &ProblemsExpr,
    evidence: &Evidence,
    resampling: &Resampling,
) -> Result<(Measured, usize), Undefined> {
    let mut sets = Vec::new();
    let expression = number(set, evidence, &mut sets)?;
    check(&sets)?;
    let inside = Inside::new(sets.len(), |memberships| expression.holds(memberships));
    let measured = shares(&sets, &[inside], resampling)?
        .pop()
        .ok_or(Undefined::NotFinite)?;
    Ok((measured, sets[0].outcomes.design().problems.len()))
}

/// The share of a set's problems that another set has, too.
pub(crate) fn contained(
    set: &ProblemsExpr,
    within: &ProblemsExpr,
    evidence: &Evidence,
    resampling: &Resampling,
) -> Result<Measured, Undefined> {
    let mut sets = Vec::new();
    let of = number(set, evidence, &mut sets)?;
    let whole = number(within, evidence, &mut sets)?;
    check(&sets)?;
    let both = Inside::new(sets.len(), |memberships| {
        of.holds(memberships) && whole.holds(memberships)
    });
    let own = Inside::new(sets.len(), |memberships| of.holds(memberships));
    let shares = shares(&sets, &[both, own], resampling)?;
    let [both, own] = <[Measured; 2]>::try_from(shares).map_err(|_| Undefined::NotFinite)?;
    if own.value == 0.0 {
        return Err(Undefined::DivisionByZero);
    }
    Ok(both.over(&own).bounded(0.0, 1.0))
}

fn check(sets: &[Member<'_>]) -> Result<(), Undefined> {
    if sets.len() > MOST {
        return Err(Undefined::TooManySets {
            found: sets.len(),
            most: MOST,
        });
    }
    let first = &sets[0];
    match sets
        .iter()
        .find(|other| Problems::of(other.outcomes) != Problems::of(first.outcomes))
    {
        Some(other) => Err(Undefined::DifferentProblems {
            left: first.outcomes.design().evaluation.clone(),
            right: other.outcomes.design().evaluation.clone(),
        }),
        None => Ok(()),
    }
}

/// Shares of the problems that `model` solves and that `within` solves too, and of those that `model` solves.
pub(crate) fn both_and_own(
    outcomes: &Outcomes,
    model: usize,
    within: usize,
    resampling: &Resampling,
) -> Result<[Measured; 2], Undefined> {
    let mut sets = vec![solved_by(outcomes, model)];
    // A model within itself is one set, not two.
    if within != model {
        sets.push(solved_by(outcomes, within));
    }
    let all = (1_usize << sets.len()) - 1;
    let both = Inside::new(sets.len(), |memberships| memberships == all);
    let own = Inside::new(sets.len(), |memberships| memberships & 1 == 1);
    <[Measured; 2]>::try_from(shares(&sets, &[both, own], resampling)?).map_err(|_| Undefined::NotFinite)
}

/// The share of a model's solved problems that a second draw of it would solve, on average.
pub(crate) fn redraw(outcomes: &Outcomes, model: usize, resampling: &Resampling) -> Result<f64, Undefined> {
    let complete = Complete::new(outcomes, model)?;
    let worlds = complete.worlds(outcomes, model, resampling);
    let solves: Vec<f64> = worlds
        .grid
        .iter()
        .map(|&p| crate::passes::pass_of_probability(p, u64::from(complete.n)))
        .collect();
    let sums = resampling.series(
        2,
        || (),
        |resample, (), row| {
            row.fill(0.0);
            worlds.each(resample, |_, point, _| {
                row[0] += solves[point] * solves[point];
                row[1] += solves[point];
            });
        },
    );
    let [both, own] = [&sums[0], &sums[1]].map(|series| crate::special::sum(series.iter().copied()));
    if own > 0.0 {
        Ok(both / own)
    } else {
        Err(Undefined::DivisionByZero)
    }
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

    /// Chance that a problem is inside, given where each model's success probability lies on its grid.
    fn chance(&self, models: &[Patterns], points: &[u32]) -> f64 {
        let mut total = 0.0;
        for memberships in &self.combinations {
            let mut chance = 1.0;
            for (model, point) in models.iter().zip(points) {
                chance *= model.chance(*point as usize, *memberships);
            }
            total += chance;
        }
        total
    }
}

/// One model's sets, and how likely each pattern of memberships in them is at each success probability. The models'
/// samples are independent given the problem; one model's sets are not.
struct Patterns {
    /// Which sets of the expression are this model's.
    sets: Vec<usize>,
    /// By point of the grid: 2^sets chances.
    chances: Vec<f64>,
}

impl Patterns {
    fn new(sets: Vec<usize>, members: &[Member<'_>], n: u32, grid: &[f64]) -> Self {
        let width = 1_usize << sets.len();
        let mut chances = vec![0.0; grid.len() * width];
        let patterns: Vec<usize> = (0..=n as usize)
            .map(|right| {
                let bits = sets.iter().enumerate();
                bits.fold(0, |pattern, (bit, &set)| {
                    pattern | usize::from(members[set].has(right)) << bit
                })
            })
            .collect();
        for (row, &p) in chances.chunks_mut(width).zip(grid) {
            for (mass, &pattern) in binomial_masses(n, p).into_iter().zip(&patterns) {
                row[pattern] += mass;
            }
        }
        Patterns { sets, chances }
    }

    fn chance(&self, point: usize, memberships: usize) -> f64 {
        let pattern = self.sets.iter().enumerate().fold(0, |pattern, (bit, &set)| {
            pattern | (memberships >> set & 1) << bit
        });
        self.chances[(point << self.sets.len()) + pattern]
    }
}

/// Shares of problems inside each of several sets made of the same memberships, in the same simulated worlds.
fn shares(
    sets: &[Member<'_>],
    insides: &[Inside],
    resampling: &Resampling,
) -> Result<Vec<Measured>, Undefined> {
    // One world a model, whatever the number of its sets.
    let mut firsts: Vec<usize> = Vec::new();
    for (at, set) in sets.iter().enumerate() {
        if !firsts.iter().any(|first| sets[*first].of_model(set)) {
            firsts.push(at);
        }
    }
    let complete: Vec<Complete> = firsts
        .iter()
        .map(|&first| Complete::new(sets[first].outcomes, sets[first].model))
        .collect::<Result<_, _>>()?;
    let worlds: Vec<Worlds> = complete
        .iter()
        .zip(&firsts)
        .map(|(complete, &first)| complete.worlds(sets[first].outcomes, sets[first].model, resampling))
        .collect();
    let patterns: Vec<Patterns> = complete
        .iter()
        .zip(&worlds)
        .zip(&firsts)
        .map(|((complete, worlds), &first)| {
            let own = (0..sets.len()).filter(|&set| sets[set].of_model(&sets[first]));
            Patterns::new(own.collect(), sets, complete.n, &worlds.grid)
        })
        .collect();
    // Right samples to memberships, by model.
    let memberships_of: Vec<Vec<usize>> = complete
        .iter()
        .zip(&patterns)
        .map(|(complete, patterns)| {
            (0..=complete.n as usize)
                .map(|right| {
                    let own = patterns.sets.iter();
                    own.fold(0, |bits, &set| bits | usize::from(sets[set].has(right)) << set)
                })
                .collect()
        })
        .collect();
    let (count, models) = (complete[0].right.len(), firsts.len());
    let simulated = resampling.series(
        2 * insides.len(),
        || (vec![0_usize; count], vec![0_u32; count * models]),
        |resample, (memberships, points), row| {
            memberships.fill(0);
            for (model, worlds) in worlds.iter().enumerate() {
                worlds.each(resample, |problem, point, right| {
                    memberships[problem] |= memberships_of[model][right];
                    points[problem * models + model] = point as u32;
                });
            }
            for (inside, pair) in insides.iter().zip(row.chunks_mut(2)) {
                let members = memberships
                    .iter()
                    .filter(|&&memberships| inside.holds[memberships])
                    .count();
                let expected: f64 = points
                    .chunks(models)
                    .map(|points| inside.chance(&patterns, points))
                    .sum();
                pair[0] = members as f64 / count as f64;
                pair[1] = expected / count as f64;
            }
        },
    );
    let seen: Vec<usize> = (0..count)
        .map(|problem| {
            complete
                .iter()
                .zip(&memberships_of)
                .fold(0, |bits, (complete, memberships)| {
                    bits | memberships[complete.right[problem] as usize]
                })
        })
        .collect();
    let problems = Problems::of(sets[0].outcomes);
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

/// Numbers the different sets of an expression in order of appearance.
fn number<'a>(
    set: &ProblemsExpr,
    evidence: &'a Evidence,
    sets: &mut Vec<Member<'a>>,
) -> Result<Expression, Undefined> {
    let mut add = |member: Member<'a>| {
        let known = sets.iter().position(|other| other.is(&member));
        Expression::Solved(known.unwrap_or_else(|| {
            sets.push(member);
            sets.len() - 1
        }))
    };
    let find = |evaluation: &str, model: &ModelRef| -> Result<(&'a Outcomes, usize), Undefined> {
        let outcomes = evidence.evaluation(evaluation)?;
        Ok((outcomes, evidence::model(outcomes, model)?))
    };
    match set {
        ProblemsExpr::Solved { evaluation, model } => {
            let (outcomes, model) = find(evaluation, model)?;
            return Ok(add(solved_by(outcomes, model)));
        }
        ProblemsExpr::Accuracy {
            evaluation,
            model,
            above,
            most,
        } => {
            let (outcomes, model) = find(evaluation, model)?;
            let samples = outcomes.samples(model) as f64;
            // Counts on a bound belong to the bin below it, whatever the rounding of the bound.
            let bound = |share: f64| libm::floor(share * samples + 1e-9) as i64;
            return Ok(add(Member {
                outcomes,
                model,
                low: if *above < 0.0 { -1 } else { bound(*above) },
                high: bound(*most),
            }));
        }
        _ => {}
    }
    let mut number = |part: &ProblemsExpr| number(part, evidence, sets).map(Box::new);
    Ok(match set {
        ProblemsExpr::Union { left, right } => Expression::Union(number(left)?, number(right)?),
        ProblemsExpr::Intersection { left, right } => Expression::Intersection(number(left)?, number(right)?),
        ProblemsExpr::Difference { left, right } => Expression::Difference(number(left)?, number(right)?),
        ProblemsExpr::Solved { .. } | ProblemsExpr::Accuracy { .. } => return Err(Undefined::NotFinite),
    })
}
