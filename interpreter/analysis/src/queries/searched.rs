//! Searches for a temperature: every look, and which one was found.

use super::{UNDEFINED, cell, column, number, text};
use crate::results::{Estimate, Listing, ListingUnit};
use crate::search::Look;

/// What one search looked at, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchLog {
    pub search: String,
    /// Label of the model.
    pub model: String,
    /// Nats a token; None where the rows that it is measured on are missing.
    pub target: Option<f64>,
    pub within: f64,
    pub looks: Vec<Look>,
    /// Of each look its entropy and how far that is from the target, paired by problem.
    pub estimates: Vec<[Estimate; 2]>,
    /// Of the intervals.
    pub confidence: f64,
    /// None while the search goes on.
    pub found: Option<Look>,
}

/// A row a look; what was found first, as a reader wants to see that alone.
pub(super) fn answer(logs: &[SearchLog], searches: &[String]) -> Listing {
    let mut rows = Vec::new();
    let mut notes = vec![
        "Nats a token at each temperature that was looked at, beside the entropy that was looked for; how far off it is, is paired by problem."
            .to_owned(),
    ];
    let mut warnings = Vec::new();
    for name in searches {
        let Some(log) = logs.iter().find(|log| log.search == *name) else {
            warnings.push(format!(
                "nothing is known of the search {name}; run the study again"
            ));
            continue;
        };
        match &log.found {
            Some(found) => notes.push(format!(
                "{name}: temperature {}, entropy {:.4}, wanted {:.4} within {}, after {}.",
                found.temperature,
                found.entropy,
                log.target.unwrap_or(f64::NAN),
                log.within,
                if log.looks.len() == 1 {
                    "1 look".to_owned()
                } else {
                    format!("{} looks", log.looks.len())
                }
            )),
            None => warnings.push(format!("the search {name} is not finished; run the study again")),
        }
        let mut looks: Vec<(usize, &Look)> = log.looks.iter().enumerate().collect();
        looks.sort_by_key(|(place, look)| (log.found.as_ref() != Some(*look), *place));
        for (place, look) in looks {
            let found = log.found.as_ref() == Some(look);
            let target = log.target.unwrap_or(f64::NAN);
            let [entropy, off] = log.estimates.get(place).copied().unwrap_or([UNDEFINED; 2]);
            rows.push(vec![
                text(format!("{name} at {}", look.temperature)),
                text(log.model.clone()),
                number(look.temperature),
                cell(entropy),
                number(target),
                cell(off),
                number((place + 1) as f64),
                text(if found { "found" } else { "" }),
            ]);
        }
    }
    let fine = |name: &str, head: &str| column(name, head, ListingUnit::Fine);
    Listing {
        title: "Temperatures searched for".to_owned(),
        notes,
        confidence: logs.iter().map(|log| log.confidence).reduce(f64::min),
        columns: vec![
            column("search", "search", ListingUnit::Text),
            column("model", "model", ListingUnit::Model),
            fine("temperature", "temperature"),
            fine("entropy", "entropy, nats a token"),
            fine("target", "target"),
            fine("off", "off by"),
            column("look", "look", ListingUnit::Count),
            column("found", "found", ListingUnit::Text),
        ],
        rows,
        bars: vec![3],
        warnings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::ListingCell;

    #[test]
    fn what_was_found_stands_first() {
        let look = |temperature, entropy| Look { temperature, entropy };
        let log = SearchLog {
            search: "matched".into(),
            model: "rl@4".into(),
            target: Some(0.5),
            within: 0.02,
            looks: vec![look(0.6, 0.2), look(2.0, 3.0), look(0.9, 0.51)],
            found: Some(look(0.9, 0.51)),
            estimates: vec![[UNDEFINED; 2]; 3],
            confidence: 0.95,
        };
        let found = answer(std::slice::from_ref(&log), &["matched".into(), "other".into()]);
        let cell = |row: usize, place: usize| found.rows[row][place].clone();
        let is = |text: &str| ListingCell::Text { text: text.into() };
        assert_eq!((cell(0, 0), cell(0, 7)), (is("matched at 0.9"), is("found")));
        assert_eq!(cell(1, 6), ListingCell::Number { value: Some(1.0) });
        assert_eq!(found.rows.len(), 3);
        assert!(found.notes[1].contains("temperature 0.9"), "{:?}", found.notes);
        assert!(found.warnings[0].contains("other"), "{:?}", found.warnings);
        let open = SearchLog { found: None, ..log };
        assert!(answer(&[open], &["matched".into()]).warnings[0].contains("not finished"));
    }
}
