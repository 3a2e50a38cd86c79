//! Trainings: where prompts, rewards and examples come from. The steps themselves are the backend's.

use crate::{
    RunError,
    backend::{
        Backend, BackendError, DistilledOn, ModelAt, TrainExample, TrainJob, TrainProblem, TrainStepSeen,
        TrainWork,
    },
    event::{Event, Listener},
    judging::Judging,
    state::{TrainingDone, sampled_problems},
    world::World,
};
use rlx_data::Problem;
use rlx_language::{ProblemSet, Recipe};
use rlx_plan::{Plan, Step, TrainStep};
use rlx_store::{Finish, Response, Store, file};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// What a training reads from.
#[derive(Clone, Copy)]
pub(crate) struct Within<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) store: &'a Store,
    pub(crate) world: &'a World,
}

/// Runs a training to its end; returns the tokens it took.
pub(crate) fn run(
    step: &Step,
    train: &TrainStep,
    (start, teacher): (ModelAt, Option<ModelAt>),
    within: Within<'_>,
    backend: &mut dyn Backend,
    listener: &mut dyn Listener,
) -> Result<u64, RunError> {
    let Within { store, world, .. } = within;
    let training = &train.training;
    let set = world.set(&training.data)?;
    let folder = store.training(&step.key.folder());
    file::create_folder(&folder)?;
    let clock = Instant::now();
    let mut observer = |seen: TrainStepSeen| {
        for text in &seen.warnings {
            listener.hear(&Event::Warning {
                text: format!("{}, {text}", step.name),
            });
        }
        let note = seen
            .shown
            .iter()
            .map(|(name, value)| format!("{name} {value:.3}"))
            .collect::<Vec<_>>()
            .join("  ");
        listener.hear(&Event::Progress {
            name: &step.name,
            done: seen.step,
            tokens: seen.tokens,
            note: Some(note),
        });
    };
    let job = |work| TrainJob {
        name: training.name.clone(),
        start,
        folder: folder.clone(),
        optimizer: training.optimizer.clone(),
        keep: training.keep.clone(),
        seed: training.seed,
        lora: training.lora.clone(),
        checkpointing: training.checkpointing,
        work,
    };
    let failed = RunError::backend(&step.name);
    let end = match &training.recipe {
        Recipe::Rl {
            algorithm,
            batch,
            rollouts,
            steps,
            max_tokens,
        } => {
            let pool = world.problems(&training.data)?;
            let judge = Judging::open(set.judge, set, &step.name)?;
            let by_id: BTreeMap<&str, &Problem> = pool
                .iter()
                .map(|problem| (problem.id.as_str(), problem))
                .collect();
            let mut problems = |step: u64, count: usize| {
                let chosen = epochs(pool.len(), training.seed, step, count);
                chosen
                    .into_iter()
                    .map(|at| train_problem(set, &pool[at]))
                    .collect()
            };
            let form = match &algorithm.format {
                None => None,
                // The language has read the pattern already; it is the same crate.
                Some(format) => {
                    let read = regex::Regex::new(&format.pattern).map_err(|error| RunError::Step {
                        step: step.name.clone(),
                        code: "rlx::value::pattern",
                        message: format!("the pattern of the format reward cannot be read: {error}"),
                        help: "write a regular expression of the Rust crate `regex`".into(),
                    })?;
                    Some((read, format.reward))
                }
            };
            let mut reward = |problem: &TrainProblem, response: &str, truncated: bool| {
                let verdict = by_id
                    .get(problem.id.as_str())
                    .map(|problem| judge.judge(problem, response, truncated));
                let formed = form
                    .as_ref()
                    .filter(|(pattern, _)| pattern.is_match(response))
                    .map_or(0.0, |(_, reward)| *reward);
                match verdict.map(|verdict| verdict.outcome) {
                    Some(outcome) if outcome.solved() => 1.0 + formed,
                    Some(rlx_judge::Outcome::GaveUp) | None => f64::NAN,
                    Some(_) => formed,
                }
            };
            let work = TrainWork::Rl {
                algorithm: algorithm.clone(),
                batch: *batch,
                rollouts: *rollouts,
                steps: *steps,
                max_tokens: *max_tokens,
                problems: &mut problems,
                reward: &mut reward,
            };
            backend.train(job(work), &mut observer).map_err(failed)?
        }
        Recipe::Sft {
            batch,
            steps,
            max_tokens,
        } => {
            // An endless task gives each step examples of its own; a finite set is gone through again.
            let pool = world.problems(&training.data)?;
            let mut examples = |step: u64, count: usize| {
                let chosen = epochs(pool.len(), training.seed, step, count);
                chosen
                    .into_iter()
                    .map(|at| demonstration(set, &pool[at]))
                    .collect()
            };
            let work = TrainWork::Demonstrations {
                batch: *batch,
                steps: *steps,
                max_tokens: *max_tokens,
                examples: &mut examples,
            };
            backend.train(job(work), &mut observer).map_err(failed)?
        }
        Recipe::Distill {
            epochs,
            batch,
            prompts,
            samples,
            sampling,
            divergence,
            ..
        } => {
            let pool = match divergence {
                Some(divergence) if divergence.on_policy => world.problems(&training.data)?,
                _ => &[],
            };
            let count = prompts.map_or(pool.len(), |most| pool.len().min(most as usize));
            let mut problems = |step: u64, number: usize| {
                let chosen = self::epochs(count, training.seed, step, number);
                chosen
                    .into_iter()
                    .map(|at| train_problem(set, &pool[at]))
                    .collect()
            };
            let work = match (divergence, teacher) {
                (Some(divergence), Some(teacher)) => TrainWork::Distributions {
                    teacher,
                    divergence: divergence.clone(),
                    batch: *batch,
                    on: if divergence.on_policy {
                        DistilledOn::Own {
                            steps: (count as u64 * samples * epochs).div_ceil(*batch).max(1),
                            sampling: crate::sample::settings(
                                sampling,
                                crate::search::temperature(within.plan, within.store, sampling)?,
                            ),
                            problems: &mut problems,
                        }
                    } else {
                        DistilledOn::Responses {
                            epochs: *epochs,
                            examples: taught(step, train, set, within)?,
                        }
                    },
                },
                _ => TrainWork::Responses {
                    batch: *batch,
                    epochs: *epochs,
                    examples: taught(step, train, set, within)?,
                },
            };
            backend.train(job(work), &mut observer).map_err(failed)?
        }
    };
    let done = TrainingDone {
        steps: end.steps,
        tokens: end.tokens,
        engine: end.engine,
        seconds: clock.elapsed().as_secs_f64(),
    };
    file::write_json(&folder.join("done.json"), &done)?;
    Ok(end.tokens)
}

/// Problem numbers of a step (from 1): every problem once an epoch, in an order drawn from (seed, epoch).
///
/// A pure function, so that a resumed run goes on with the very same prompts.
fn epochs(pool: usize, seed: u64, step: u64, count: usize) -> Vec<usize> {
    if pool == 0 {
        return Vec::new();
    }
    let first = (step.saturating_sub(1)) as usize * count;
    let mut order: (usize, Vec<usize>) = (usize::MAX, Vec::new());
    (first..first + count)
        .map(|at| {
            let epoch = at / pool;
            if order.0 != epoch {
                order = (epoch, shuffled(pool, seed, epoch as u64));
            }
            order.1[at % pool]
        })
        .collect()
}

/// 0..count ordered by a hash of (seed, epoch, number).
fn shuffled(count: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<(u64, usize)> = (0..count)
        .map(|at| {
            let mut hasher = blake3::Hasher::new();
            for word in [seed, epoch, at as u64] {
                hasher.update(&word.to_le_bytes());
            }
            let mut word = [0; 8];
            word.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
            (u64::from_le_bytes(word), at)
        })
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, at)| at).collect()
}

fn data_failed(error: rlx_data::DataError) -> BackendError {
    BackendError {
        code: crate::error::data_code(&error).to_owned(),
        help: None,
        message: error.to_string(),
    }
}

fn train_problem(set: &ProblemSet, problem: &Problem) -> Result<TrainProblem, BackendError> {
    Ok(TrainProblem {
        id: problem.id.clone(),
        prompt: rlx_data::render(&set.prompt, problem).map_err(data_failed)?,
        text: problem.text.clone(),
        answer: problem.answer.clone(),
    })
}

fn demonstration(set: &ProblemSet, problem: &Problem) -> Result<TrainExample, BackendError> {
    let response = problem.response.clone().ok_or_else(|| BackendError {
        code: "rlx::data::response".into(),
        message: format!(
            "problem `{}` of `{}` has no response to imitate",
            problem.id, set.name
        ),
        help: Some("name the column that holds it: `response = \"solution\"`".into()),
    })?;
    Ok(TrainExample {
        prompt: rlx_data::render(&set.prompt, problem).map_err(data_failed)?,
        response,
        ended: true,
    })
}

/// The teacher's responses to learn from: in the order of problem and sample, truncated ones left out.
fn taught(
    step: &Step,
    train: &TrainStep,
    set: &ProblemSet,
    within: Within<'_>,
) -> Result<Vec<TrainExample>, RunError> {
    let Within { plan, store, world } = within;
    let from = train
        .responses
        .and_then(|id| plan.steps.get(id).map(|step| (id, step)));
    let Some((id, drawn)) = from else {
        return Ok(Vec::new());
    };
    let Some(draw) = crate::state::sample_step(plan, id) else {
        return Ok(Vec::new());
    };
    let problems = sampled_problems(world, draw)?;
    let by_id: BTreeMap<&str, &Problem> = problems
        .iter()
        .map(|problem| (problem.id.as_str(), problem))
        .collect();
    let right: Option<BTreeSet<(String, u64)>> = match train.verdicts.and_then(|id| plan.steps.get(id)) {
        Some(judged) => {
            let rows = store.verdicts(&judged.key.folder()).read()?;
            Some(
                rows.into_iter()
                    .filter(|row| {
                        rlx_judge::Outcome::by_name(&row.verdict).is_some_and(rlx_judge::Outcome::solved)
                    })
                    .map(|row| (row.problem, row.sample))
                    .collect(),
            )
        }
        None => None,
    };
    let mut examples = Vec::new();
    for row in store.samples(&drawn.key.folder()).read()? {
        let Response {
            problem,
            sample,
            text,
            finish,
            ..
        } = row;
        let wanted = right
            .as_ref()
            .is_none_or(|right| right.contains(&(problem.clone(), sample)));
        if sample >= draw.samples || finish == Finish::Length || !wanted {
            continue;
        }
        if let Some(problem) = by_id.get(problem.as_str()) {
            examples.push(TrainExample {
                prompt: rlx_data::render(&set.prompt, problem)?,
                response: text,
                ended: true,
            });
        }
    }
    if examples.is_empty() {
        return Err(RunError::Step {
            step: step.name.clone(),
            code: "rlx::run::nothing_to_learn",
            message: "the teacher gave no whole response to learn from".into(),
            help: "draw more `samples`, raise `max_tokens`, or learn from all responses (`filter = all`)"
                .into(),
        });
    }
    Ok(examples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_comes_once_an_epoch_and_steps_are_independent() {
        let all: Vec<usize> = (1..=5).flat_map(|step| epochs(10, 3, step, 4)).collect();
        let mut first = all[..10].to_vec();
        let second = all[10..].to_vec();
        assert_ne!(first, second);
        first.sort_unstable();
        assert_eq!(first, (0..10).collect::<Vec<_>>());
        assert_eq!(epochs(10, 3, 3, 4), all[8..12]);
        assert_ne!(epochs(10, 3, 1, 4), epochs(10, 4, 1, 4));
    }
}
