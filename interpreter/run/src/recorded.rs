//! Responses that were drawn elsewhere, as rows of a sampling step.

use crate::{
    RunError,
    event::{Event, Listener},
    state::sampled_problems,
    world::World,
};
use rlx_data::PinCache;
use rlx_language::Recorded;
use rlx_plan::{SampleStep, Step};
use rlx_store::{Finish, Response, Store, problems_hash};
use std::path::Path;

/// Rows written as one block.
const ROWS_A_BLOCK: usize = 4096;

/// Takes in the first `samples` responses to each of the step's problems. Where a file holds fewer, there are fewer rows:
/// they teach as they are, and a listener hears how many lack.
pub(crate) fn run(
    step: &Step,
    draw: &SampleStep,
    source: &Recorded,
    store: &Store,
    world: &World,
    listener: &mut dyn Listener,
) -> Result<(), RunError> {
    let table = store.samples(&step.key.folder());
    let problems = sampled_problems(world, draw)?;
    let present = table.present()?;
    let told = rlx_data::recorded(source, problems)?;
    let pin = rlx_data::pin(Path::new(&source.path), &mut PinCache::none())?;
    let engine = format!("recorded, BLAKE3 {}", pin.get(..16).unwrap_or(&pin));
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
        let text = format!(
            "{}: {} holds fewer than {} responses to {short} of {} problems, and none to {silent}",
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
