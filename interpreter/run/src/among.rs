//! Which problems a set with `among` has: what an earlier evaluation's verdicts say.

use crate::{
    RunError,
    evidence::solved,
    state::{sample_step, sampled_problems},
    world::World,
};
use rlx_language::{ModelRef, ProblemsExpr};
use rlx_plan::{Action, Plan};
use rlx_store::{Store, problems_hash};
use std::collections::{BTreeMap, BTreeSet};

/// Right samples of each problem, and all of them: recorded ones can be fewer than the evaluation asks for.
struct Counts(BTreeMap<String, (u64, u64)>);

/// Tells the world of every set that can be decided by now.
///
/// # Errors
/// Verdicts that cannot be read, and a set that nothing is left of.
pub fn decide(plan: &Plan, store: &Store, world: &World) -> Result<(), RunError> {
    // A set may hang on an evaluation of a set that is decided in the same go.
    loop {
        let mut decided = false;
        for name in world.undecided() {
            let set = world.set(&name)?;
            let Some(among) = &set.among else { continue };
            let Some(ids) = inside(among, plan, store, world)? else {
                continue;
            };
            world.choose(&name, &ids)?;
            decided = true;
        }
        if !decided {
            return Ok(());
        }
    }
}

/// The ids in a set; None while verdicts are missing.
fn inside(
    set: &ProblemsExpr,
    plan: &Plan,
    store: &Store,
    world: &World,
) -> Result<Option<BTreeSet<String>>, RunError> {
    let both = |left: &ProblemsExpr, right: &ProblemsExpr| {
        let left = inside(left, plan, store, world)?;
        let right = inside(right, plan, store, world)?;
        Ok::<_, RunError>(left.zip(right))
    };
    Ok(match set {
        ProblemsExpr::Solved { evaluation, model } => {
            counts(evaluation, model, plan, store, world)?.map(|counts| counts.chosen(&|right| right > 0.0))
        }
        ProblemsExpr::Accuracy {
            evaluation,
            model,
            above,
            most,
        } => counts(evaluation, model, plan, store, world)?
            .map(|counts| counts.chosen(&|right| right > *above && right <= *most)),
        ProblemsExpr::Union { left, right } => {
            both(left, right)?.map(|(left, right)| left.union(&right).cloned().collect())
        }
        ProblemsExpr::Intersection { left, right } => {
            both(left, right)?.map(|(left, right)| left.intersection(&right).cloned().collect())
        }
        ProblemsExpr::Difference { left, right } => {
            both(left, right)?.map(|(left, right)| left.difference(&right).cloned().collect())
        }
    })
}

impl Counts {
    /// Problems by the share of their samples that are right.
    fn chosen(&self, keeps: &dyn Fn(f64) -> bool) -> BTreeSet<String> {
        let share = |(right, all): (u64, u64)| right as f64 / all.max(1) as f64;
        self.0
            .iter()
            .filter(|(_, counts)| keeps(share(**counts)))
            .map(|(id, _)| id.clone())
            .collect()
    }
}

/// Counts of an evaluation's problems; None while one of its verdicts is missing.
fn counts(
    evaluation: &str,
    model: &ModelRef,
    plan: &Plan,
    store: &Store,
    world: &World,
) -> Result<Option<Counts>, RunError> {
    let Some(step) = plan.step(&format!("judge {evaluation} {}", model.label())) else {
        return Ok(None);
    };
    let Action::Judge { samples, .. } = &step.action else {
        return Ok(None);
    };
    let Some(draw) = sample_step(plan, *samples) else {
        return Ok(None);
    };
    let Ok(problems) = sampled_problems(world, draw) else {
        return Ok(None);
    };
    let table = store.verdicts(&step.key.folder());
    let hash = problems_hash(problems.iter().map(|problem| problem.id.as_str()));
    if !table.complete_for(&hash, draw.samples)? {
        return Ok(None);
    }
    let ids = problems.iter().map(|problem| (problem.id.clone(), (0, 0)));
    let mut counts: BTreeMap<String, (u64, u64)> = ids.collect();
    for row in table.read()? {
        if row.sample < draw.samples
            && let Some((right, all)) = counts.get_mut(&row.problem)
        {
            *right += u64::from(solved(&row.verdict));
            *all += 1;
        }
    }
    Ok(Some(Counts(counts)))
}
