//! Responses that were drawn elsewhere, as rows of a sampling step.

use crate::{
    RunError,
    event::{Event, Listener},
    state::sampled_problems,
    world::World,
};
use rlx_data::{PinCache, Told};
use rlx_language::Recorded;
use rlx_plan::{SampleStep, Step};
use rlx_store::{Finish, Response, Store, VerdictRow, problems_hash};
use std::{collections::BTreeMap, path::Path};

/// Rows written as one block.
const ROWS_A_BLOCK: usize = 4096;

/// Where rows come to lie, and what for.
pub(crate) struct Place<'a> {
    pub(crate) store: &'a Store,
    pub(crate) world: &'a World,
    /// They are measured, not learnt: no problem may lack a response.
    pub(crate) measured: bool,
}

/// Takes in the first `samples` responses to each of the step's problems. Where a file holds fewer, there are fewer rows:
/// they teach as they are, and are measured as far as every problem has them; a listener hears how many lack.
pub(crate) fn run(
    step: &Step,
    draw: &SampleStep,
    source: &Recorded,
    place: &Place<'_>,
    listener: &mut dyn Listener,
) -> Result<(), RunError> {
    let Place { store, world, .. } = place;
    let table = store.samples(&step.key.folder());
    let problems = sampled_problems(world, draw)?;
    let present = table.present()?;
    let told = rlx_data::recorded(source, problems)?;
    let pin = rlx_data::pin(Path::new(&source.path), &mut PinCache::none())?;
    let engine = format!("recorded, BLAKE3 {}", pin.get(..16).unwrap_or(&pin));
    if place.measured {
        whole(
            step,
            source,
            problems.iter().map(|problem| problem.id.as_str()),
            &told,
        )?;
    }
    let fewest = problems.iter().filter_map(|problem| told.get(&problem.id));
    let fewest = fewest.map(Vec::len).min().unwrap_or(0);
    let (mut rows, mut short, mut silent) = (Vec::new(), 0, 0);
    for problem in problems {
        let told = told.get(&problem.id).map(Vec::as_slice).unwrap_or_default();
        short += u64::from((told.len() as u64) < draw.samples);
        silent += u64::from(told.is_empty());
        for (sample, told) in (0..draw.samples).zip(told) {
            if present.contains(&(problem.id.clone(), sample)) {
                continue;
            }
            rows.push(Response {
                problem: problem.id.clone(),
                sample,
                seed: 0,
                prompt: String::new(),
                tokens: Vec::new(),
                text: told.text.clone(),
                finish: match told.truncated {
                    true => Finish::Length,
                    false => Finish::Stop,
                },
                length: None,
                logprob: None,
                engine: engine.clone(),
            });
        }
    }
    for block in rows.chunks(ROWS_A_BLOCK) {
        table.append(block)?;
    }
    if short > 0 {
        let told = match place.measured {
            true => format!("to each problem {fewest} are measured"),
            false => format!("and none to {silent}"),
        };
        let text = format!(
            "{}: {} holds fewer than {} responses to {short} of {} problems, {told}",
            step.name,
            source.path,
            draw.samples,
            problems.len()
        );
        listener.hear(&Event::Warning { text });
    }
    listener.hear(&Event::Progress {
        name: &step.name,
        done: (present.len() + rows.len()) as u64,
        tokens: 0,
        note: None,
    });
    table.mark_complete(
        &problems_hash(problems.iter().map(|problem| problem.id.as_str())),
        draw.samples,
    )?;
    Ok(())
}

/// A problem without a response would make every number undefined.
fn whole<'a>(
    step: &Step,
    source: &Recorded,
    problems: impl ExactSizeIterator<Item = &'a str>,
    told: &BTreeMap<String, Vec<Told>>,
) -> Result<(), RunError> {
    let all = problems.len();
    let silent: Vec<&str> = problems.filter(|id| !told.contains_key(*id)).collect();
    let Some(first) = silent.first() else {
        return Ok(());
    };
    Err(RunError::Step {
        step: step.name.clone(),
        code: "rlx::run::recorded",
        message: format!(
            "{} holds no response to {} of {all} problems, the first is `{first}`: what it would have been is not known, \
             and it does not count as wrong",
            source.path,
            silent.len()
        ),
        help: "measure on the problems that are answered: give the benchmark a `filter` or a `limit`; \
               `rlx import` lists how many responses each problem has"
            .into(),
    })
}

/// The verdicts that lie with the responses, as rows of a judging step.
pub(crate) fn verdicts(
    step: &Step,
    draw: &SampleStep,
    source: &Recorded,
    store: &Store,
    world: &World,
) -> Result<(), RunError> {
    let table = store.verdicts(&step.key.folder());
    let problems = sampled_problems(world, draw)?;
    let present = table.present()?;
    let told = rlx_data::recorded(source, problems)?;
    let column = source.verdict.as_deref().unwrap_or_default();
    let mut rows = Vec::new();
    for problem in problems {
        let told = told.get(&problem.id).map(Vec::as_slice).unwrap_or_default();
        for (sample, told) in (0..draw.samples).zip(told) {
            if present.contains(&(problem.id.clone(), sample)) {
                continue;
            }
            let Some(outcome) = told.verdict else { continue };
            rows.push(VerdictRow {
                problem: problem.id.clone(),
                sample,
                judge: "given".into(),
                verdict: outcome.name().to_owned(),
                extracted: None,
                rule: "given".into(),
                reason: format!("the column `{column}` of the file says so"),
            });
        }
    }
    for block in rows.chunks(ROWS_A_BLOCK) {
        table.append(block)?;
    }
    table.mark_complete(
        &problems_hash(problems.iter().map(|problem| problem.id.as_str())),
        draw.samples,
    )?;
    Ok(())
}
