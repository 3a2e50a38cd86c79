//! Solved problems by their places in the benchmark, as tables 4 and 5 of "limit of RLVR" list them.

use rlx_language::ModelRef;

use super::{Warnings, column, models, number, text};
use crate::outcomes::Outcomes;
use crate::results::{Listing, ListingUnit};
use crate::sets;
use crate::undefined::Undefined;

pub(super) fn answer(outcomes: &Outcomes, of: &[ModelRef]) -> Result<Listing, Undefined> {
    let models = models(outcomes, of)?;
    let design = outcomes.design();
    let mut warnings = Warnings::default();
    warnings.problems(outcomes, models.len());
    warnings.uneven(outcomes, &models);
    let first = models.first().cloned();
    let base = first
        .as_ref()
        .map(|(_, model)| sets::solved(outcomes, *model))
        .unwrap_or_default();
    let base_label = first.map_or_else(String::new, |(label, _)| label);
    let places = |inside: &dyn Fn(usize) -> bool| -> String {
        let found: Vec<String> = (0..design.problems.len())
            .filter(|place| inside(*place))
            .map(|place| place.to_string())
            .collect();
        if found.is_empty() {
            "none".to_owned()
        } else {
            found.join(", ")
        }
    };
    let mut rows = Vec::new();
    for (label, model) in models {
        let missing = outcomes.missing(model);
        if missing > 0 {
            warnings.say(format!(
                "undefined: {missing} rows of {label} are missing, so what it solves is not known"
            ));
            continue;
        }
        let own = sets::solved(outcomes, model);
        rows.push(vec![
            text(label.clone()),
            number(own.iter().filter(|solved| **solved).count() as f64),
            text(places(&|place| own[place])),
            text(if label == base_label {
                String::new()
            } else {
                places(&|place| base[place] && !own[place])
            }),
            text(if label == base_label {
                String::new()
            } else {
                places(&|place| own[place] && !base[place])
            }),
        ]);
    }
    Ok(Listing {
        title: format!("Solved problems of {}", design.benchmark),
        notes: vec![format!(
            "A problem is solved when at least one of {} samples is right; numbers are places in the benchmark, from 0.",
            design.samples
        )],
        confidence: None,
        columns: vec![
            column("model", "model", ListingUnit::Model),
            column("solved", "solved", ListingUnit::Count),
            column("problems", "problems", ListingUnit::Text),
            column("only_first", format!("only {base_label}"), ListingUnit::Text),
            column("only_model", "only the model", ListingUnit::Text),
        ],
        rows,
        bars: vec![1],
        warnings: warnings.finish(),
    })
}
