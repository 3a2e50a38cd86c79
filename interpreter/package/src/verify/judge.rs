//! Level 2: every response judged again.

use super::{Findings, Local, Opened};
use crate::error::PackError;
use rlx_plan::Action;
use rlx_run::World;
use rlx_store::{Row, VerdictRow};
use std::collections::BTreeMap;

/// Disagreements that are told one by one, a step.
const TOLD: usize = 5;

/// Judges all responses again with this binary's judges and compares verdict and extracted answer.
///
/// # Errors
/// Rows that cannot be read. A set whose content is neither packed nor here is a note.
pub fn judge(opened: &Opened, local: &Local) -> Result<Findings, PackError> {
    let mut found = Findings::default();
    let store = opened.store();
    for step in &opened.plan.steps {
        let Action::Judge {
            samples, set, given, ..
        } = &step.action
        else {
            continue;
        };
        if given.is_some() {
            found.notes.push(format!(
                "`{}` was not judged again: its verdicts were given elsewhere, with the responses",
                step.name
            ));
            continue;
        }
        let problems = match opened.problems(set, local) {
            Ok(problems) => problems,
            Err(PackError::Missing(why)) => {
                found
                    .notes
                    .push(format!("`{}` was not judged again: {why}", step.name));
                continue;
            }
            Err(error) => return Err(error),
        };
        let drawn = &opened.plan.steps[*samples];
        let world = World::given(&opened.here(local), BTreeMap::from([(set.clone(), problems)]));
        let responses = store.samples(&drawn.key.folder()).read()?;
        let again = rlx_run::judge_again(step, &responses, &world)?;
        let again: BTreeMap<(String, u64), VerdictRow> = again
            .into_iter()
            .map(|row| ((row.problem.clone(), row.sample), row))
            .collect();
        let packed = store.verdicts(&step.key.folder()).read()?;
        let mut differ = 0;
        for row in &packed {
            let now = again.get(&(row.problem().to_owned(), row.sample()));
            if now.is_some_and(|now| now.verdict == row.verdict && now.extracted == row.extracted) {
                continue;
            }
            differ += 1;
            if differ <= TOLD {
                let said = now.map_or_else(
                    || "there is no such response".to_owned(),
                    |now| format!("now `{}` ({})", now.verdict, now.reason),
                );
                found.fault(
                    &step.name,
                    format!(
                        "problem `{}`, sample {}: packed as `{}`, {said}",
                        row.problem, row.sample, row.verdict
                    ),
                );
            }
        }
        if differ > TOLD {
            found.fault(
                &step.name,
                format!("{differ} of {} verdicts differ", packed.len()),
            );
        }
        if differ == 0 {
            found.passed.push(format!(
                "{}: {} verdicts given again, all the same",
                step.name,
                packed.len()
            ));
        }
    }
    Ok(found)
}
