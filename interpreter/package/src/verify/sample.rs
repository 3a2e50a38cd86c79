//! Level 3: a part of the responses drawn again.

use super::{Findings, Local, Opened};
use crate::error::PackError;
use rlx_data::{PinCache, pin_model};
use rlx_language::{ModelRef, ModelSource, Study};
use rlx_plan::{Action, SampleStep, Step};
use rlx_run::{Backend, ModelAt, OpenModel, World};
use rlx_store::{Response, Store};
use std::collections::BTreeMap;

/// Share of altered responses that a check should not overlook.
const ALTERED: f64 = 0.05;
/// Chance with which it may.
const MISSED: f64 = 0.05;

/// Responses to draw again of each model, so that with [`MISSED`] probability at most a share of [`ALTERED`] altered
/// ones stays unseen: the least m with (1 − share)^m ≤ chance. 59.
pub(crate) fn responses_to_draw() -> usize {
    (MISSED.ln() / (1.0 - ALTERED).ln()).ceil() as usize
}

/// Chance that none of `drawn` independent picks is among a `share` of altered responses: (1 − share)^drawn.
pub fn chance_of_missing(share: f64, drawn: usize) -> f64 {
    (1.0 - share).powi(i32::try_from(drawn).unwrap_or(i32::MAX))
}

/// Draws a part of the responses of each model again, from their own random streams.
///
/// Where the row's fingerprint (engine, device, precision) is this machine's, tokens must be equal; elsewhere the shares
/// of right answers are compared, by a two-sided test of equal proportions at 1% a model.
///
/// # Errors
/// A backend that fails. A model that is not here is a note.
pub fn sample(opened: &Opened, local: &Local, backend: &mut dyn Backend) -> Result<Findings, PackError> {
    let mut found = Findings::default();
    let here = opened.here(local);
    let store = opened.store();
    let looks = rlx_run::looks(&opened.plan, &store);
    let looks = looks.iter().flat_map(|(_, looks)| looks);
    for step in opened.plan.steps.iter().chain(looks) {
        let Action::Sample(draw) = &step.action else {
            continue;
        };
        let at = match model_at(opened, &here, draw, local) {
            Ok(at) => at,
            Err(PackError::Missing(why)) => {
                found
                    .notes
                    .push(format!("`{}` was not drawn again: {why}", step.name));
                continue;
            }
            Err(error) => return Err(error),
        };
        let problems = match opened.problems_to_draw(&draw.set, local) {
            Ok(problems) => problems,
            Err(PackError::Missing(why)) => {
                found
                    .notes
                    .push(format!("`{}` was not drawn again: {why}", step.name));
                continue;
            }
            Err(error) => return Err(error),
        };
        let world = World::given(&opened.spec.study, BTreeMap::from([(draw.set.clone(), problems)]));
        let temperature = rlx_run::temperature(&opened.plan, &store, &draw.sampling)?;
        let rows = spread(store.samples(&step.key.folder()).read()?, responses_to_draw());
        let failed =
            |error: rlx_run::BackendError| PackError::Run(rlx_run::RunError::backend(&step.name)(error));
        let mut model = backend.open(&at).map_err(failed)?;
        let again = rlx_run::draw_again(step, (draw, temperature), &rows, &world, model.as_mut())?;
        compare(opened, step, &rows, &again, &world, model.as_ref(), &mut found)?;
    }
    Ok(found)
}

/// Every so many-th row, so that all problems are met alike.
pub(crate) fn spread(rows: Vec<Response>, wanted: usize) -> Vec<Response> {
    let total = rows.len();
    if total <= wanted {
        return rows;
    }
    // Positions i · total / wanted: distinct, as total > wanted.
    let picked: std::collections::BTreeSet<usize> = (0..wanted).map(|at| at * total / wanted).collect();
    rows.into_iter()
        .enumerate()
        .filter(|(at, _)| picked.contains(at))
        .map(|(_, row)| row)
        .collect()
}

fn compare(
    opened: &Opened,
    step: &Step,
    rows: &[Response],
    again: &[Response],
    world: &World,
    model: &dyn OpenModel,
    found: &mut Findings,
) -> Result<(), PackError> {
    let fingerprint = model.fingerprint();
    let alike = rows.iter().all(|row| row.engine == fingerprint);
    let equal = rows
        .iter()
        .zip(again)
        .filter(|(row, again)| row.tokens == again.tokens)
        .count();
    if alike || equal == rows.len() {
        for (row, _) in rows
            .iter()
            .zip(again)
            .filter(|(row, now)| row.tokens != now.tokens)
            .take(5)
        {
            found.fault(
                &step.name,
                format!(
                    "problem `{}`, sample {}: other tokens come out on the same kind of machine ({fingerprint})",
                    row.problem, row.sample
                ),
            );
        }
        if equal == rows.len() {
            found.passed.push(format!(
                "{}: {equal} responses drawn again, token by token the same (a share of {:.0}% altered ones would stay unseen with {:.1}%)",
                step.name,
                100.0 * ALTERED,
                100.0 * chance_of_missing(ALTERED, equal)
            ));
        }
        return Ok(());
    }
    let judge = opened.plan.steps.iter().find(|judged| {
        matches!(judged.action, Action::Judge { samples, .. } if opened.plan.steps[samples].name == step.name)
    });
    let Some(judge) = judge else {
        found.notes.push(format!(
            "{}: {equal} of {} responses are token by token the same; the others were drawn on another kind of machine and have no judge",
            step.name,
            rows.len()
        ));
        return Ok(());
    };
    let right = |rows: &[Response]| -> Result<usize, PackError> {
        let verdicts = rlx_run::judge_again(judge, rows, world)?;
        Ok(verdicts.iter().filter(|row| row.verdict == "correct").count())
    };
    let (then, now, n) = (right(rows)?, right(again)?, rows.len());
    let p = two_proportions(then, now, n);
    let said = format!(
        "{then} of {n} packed responses are right, {now} of {n} drawn again on this machine ({fingerprint}); p = {p:.3}"
    );
    if p < 0.01 {
        found.fault(&step.name, said);
    } else {
        found.passed.push(format!("{}: {said}", step.name));
    }
    Ok(())
}

/// Two-sided p-value that two counts of `n` come from one share: Fisher's exact test.
fn two_proportions(one: usize, other: usize, n: usize) -> f64 {
    let ln_factorial = |count: usize| (1..=count).map(|value| (value as f64).ln()).sum::<f64>();
    let ln_choose = |n: usize, k: usize| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let total = one + other;
    let ln_probability = |first: usize| {
        let second = total - first;
        ln_choose(n, first) + ln_choose(n, second) - ln_choose(2 * n, total)
    };
    let seen = ln_probability(one);
    (total.saturating_sub(n)..=total.min(n))
        .map(ln_probability)
        .filter(|value| *value <= seen + 1e-9)
        .map(f64::exp)
        .sum::<f64>()
        .min(1.0)
}

/// Where the weights of a sampling step are on this machine.
pub(crate) fn model_at(
    opened: &Opened,
    here: &Study,
    draw: &SampleStep,
    local: &Local,
) -> Result<ModelAt, PackError> {
    match &draw.model.reference {
        ModelRef::Model { name } => {
            let missing = |why: String| PackError::Missing(format!("model `{name}`: {why}"));
            let model = here
                .models
                .get(name)
                .ok_or_else(|| missing("it is not in the study".into()))?;
            if !model.source.has_weights() {
                return Err(missing(
                    "its responses were not drawn by rlx, and cannot be drawn again".into(),
                ));
            }
            let path = rlx_data::locate_model(model, &local.place).map_err(|error| {
                let lies = match &model.source {
                    ModelSource::Path { .. } => "its weights are",
                    ModelSource::Init { .. } => "its tokenizer is",
                    _ => return missing(error.to_string()),
                };
                missing(match local.models.get(name) {
                    Some(_) => error.to_string(),
                    None => format!("{lies} not in the pack; `--model {name}=PATH` says where to look"),
                })
            })?;
            if let ModelSource::Path { path: packed }
            | ModelSource::Init {
                tokenizer: packed, ..
            } = &opened.spec.study.models[name].source
                && let Some(pin) = opened.around.pins.get(packed)
                && *pin != pin_model(model, &local.place, &mut PinCache::none())?
            {
                return Err(missing(
                    "what lies there is not what the packed study used".into(),
                ));
            }
            Ok(match &model.source {
                ModelSource::Init {
                    architecture, seed, ..
                } => ModelAt::Init {
                    architecture: architecture.clone(),
                    tokenizer: path,
                    seed: *seed,
                },
                _ => ModelAt::Path(path),
            })
        }
        ModelRef::Checkpoint { training, step } => {
            let label = draw.model.reference.label();
            let made_by = draw.model.made_by.and_then(|id| opened.plan.steps.get(id));
            let stores = [Some(opened.folder.path().join("store")), local.store.clone()];
            for root in stores.into_iter().flatten() {
                let store = Store::read_only(&root);
                if let Some(place) = made_by.and_then(|made_by| rlx_run::checkpoint(&store, made_by, *step))
                    && place.join("config.json").is_file()
                {
                    return Ok(ModelAt::Path(place));
                }
            }
            Err(PackError::Missing(format!(
                "the weights of {label} are neither packed nor in a store given by --store (level 4 trains `{training}` again)"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_responses_are_drawn_to_see_five_percent() {
        let drawn = responses_to_draw();
        assert_eq!(drawn, 59);
        assert!(chance_of_missing(ALTERED, drawn) <= MISSED);
        assert!(chance_of_missing(ALTERED, drawn - 1) > MISSED);
    }

    #[test]
    fn fishers_test_knows_a_table() {
        // 3 of 10 against 9 of 10: the textbook's two-sided p is 0.0198.
        assert!((two_proportions(3, 9, 10) - 0.0198).abs() < 5e-4);
        assert!((two_proportions(5, 5, 10) - 1.0).abs() < 1e-12);
        assert!((two_proportions(0, 0, 10) - 1.0).abs() < 1e-12);
    }
}
