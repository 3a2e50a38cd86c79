//! One line a model: what a reader asks for first.

use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings, models};
use crate::outcomes::Outcomes;
use crate::passes;
use crate::responses;
use crate::results::{Estimate, Summary, SummaryRow};
use crate::undefined::Undefined;

pub(super) fn answer(
    outcomes: &Outcomes,
    of: &[ModelRef],
    setting: &Setting<'_>,
) -> Result<Summary, Undefined> {
    let models = models(outcomes, of)?;
    let design = outcomes.design();
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len());
    warnings.uneven(outcomes, &models);
    let mut rows = Vec::new();
    for (label, model) in models {
        // Solved by n samples is pass@n.
        let measured = passes::measure(
            outcomes,
            model,
            &[1, outcomes.samples(model).max(1)],
            setting.resampling,
        );
        let (pass_1, solved) = match measured.as_deref() {
            Ok([pass_1, solved]) => {
                warnings.saw(pass_1);
                warnings.saw(solved);
                (setting.estimate(pass_1), setting.estimate(solved))
            }
            Ok(_) => (UNDEFINED, UNDEFINED),
            Err(reason) => {
                warnings.undefined(reason);
                (UNDEFINED, UNDEFINED)
            }
        };
        let (mut responses, mut truncated) = (0_u64, 0_u64);
        let mut of_verdict = vec![0_u64; outcomes.verdicts().len()];
        for sample in outcomes.rows(model) {
            responses += 1;
            truncated += u64::from(sample.truncated);
            of_verdict[usize::from(sample.verdict)] += 1;
        }
        if responses == 0 {
            warnings.say(format!(
                "{label} is left out: it has no responses in {}",
                design.evaluation
            ));
            continue;
        }
        let share = |count: u64| count as f64 / responses as f64;
        if 10 * truncated > responses {
            warnings.say(format!(
                "{:.0}% of {label}'s responses ran into max_tokens; raise it to see what they would have said",
                100.0 * share(truncated)
            ));
        }
        let mean_tokens = match responses::length(outcomes, model, setting.resampling) {
            Ok(tokens) => setting.estimate(&tokens),
            // Lengths of recorded responses are often not known; missing rows are told of above.
            Err(_) => UNDEFINED,
        };
        let verdicts = outcomes.verdicts().iter().enumerate().map(|(verdict, name)| {
            let measured = responses::verdict(outcomes, model, verdict, setting.resampling);
            let estimate = measured.map_or(
                Estimate {
                    value: Some(share(of_verdict[verdict])),
                    ..UNDEFINED
                },
                |measured| setting.estimate(&measured),
            );
            (name.clone(), estimate)
        });
        rows.push(SummaryRow {
            model: label,
            pass_1,
            solved,
            mean_tokens,
            verdicts: verdicts.collect(),
        });
    }
    Ok(Summary {
        evaluation: design.evaluation.clone(),
        benchmark: design.benchmark.clone(),
        problems: design.problems.len(),
        samples: outcomes.fewest_samples(),
        confidence: setting.confidence,
        rows,
        warnings: warnings.finish(),
    })
}
