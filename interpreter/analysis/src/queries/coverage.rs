//! Which problems each model solves, and how often.

use rlx_language::ModelRef;

use super::models;
use crate::outcomes::Outcomes;
use crate::results::{Coverage, CoverageRow};
use crate::undefined::Undefined;

pub(super) fn answer(outcomes: &Outcomes, of: &[ModelRef]) -> Result<Coverage, Undefined> {
    let design = outcomes.design();
    let rows: Vec<CoverageRow> = models(outcomes, of)?
        .into_iter()
        .map(|(model, at)| CoverageRow {
            model,
            samples: outcomes.samples(at),
            right: outcomes
                .counts(at)
                .into_iter()
                .map(|(n, right)| (n == outcomes.samples(at)).then_some(right))
                .collect(),
        })
        .collect();
    let missing = rows
        .iter()
        .flat_map(|row| &row.right)
        .filter(|right| right.is_none())
        .count();
    let warnings = (missing > 0).then(|| format!("undefined: {missing} cells lack rows and stay empty"));
    Ok(Coverage {
        evaluation: design.evaluation.clone(),
        benchmark: design.benchmark.clone(),
        samples: design.samples,
        problems: design.problems.clone(),
        rows,
        warnings: warnings.into_iter().collect(),
    })
}
