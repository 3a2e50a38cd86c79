//! Measured numbers beside published ones.

use rlx_language::{BesideRow, Quantity};

use super::{Setting, UNDEFINED, Warnings, cell, column, number, text};
use crate::evidence::Evidence;
use crate::quantity;
use crate::results::{Listing, ListingUnit};
use crate::undefined::Undefined;

pub(super) fn answer(
    rows: &[BesideRow],
    evidence: &Evidence,
    setting: &Setting<'_>,
) -> Result<Listing, Undefined> {
    let mut warnings = Warnings::default();
    // Shares on the per cent scale only if all are: one column has one unit.
    let shares = rows.iter().all(|row| is_share(&row.measured));
    let (unit, difference) = if shares {
        (ListingUnit::Share, ListingUnit::Points)
    } else {
        (ListingUnit::Plain, ListingUnit::Plain)
    };
    let mut cells = Vec::new();
    for row in rows {
        let published = quantity::measure(&row.published, evidence, setting.resampling)?;
        let (own, gap, inside) = match quantity::measure(&row.measured, evidence, setting.resampling) {
            Ok(measured) => {
                warnings.saw(&measured);
                let own = setting.estimate(&measured);
                let gap = setting.estimate(&measured.minus(&published));
                let inside = own
                    .problems_like_these
                    .map(|interval| (interval.low..=interval.high).contains(&published.value));
                (own, gap, inside)
            }
            Err(reason) => {
                warnings.undefined(&reason);
                (UNDEFINED, UNDEFINED, None)
            }
        };
        let word = match inside {
            Some(true) => "yes",
            Some(false) => "no",
            None => "–",
        };
        cells.push(vec![
            text(row.label.clone()),
            cell(own),
            number(published.value),
            cell(gap),
            text(word),
        ]);
    }
    let percent = if shares { " %" } else { "" };
    Ok(Listing {
        title: "Measured beside published".to_owned(),
        notes: vec![
            "Published numbers carry no interval; “inside” says whether one lies in the measured interval over problems like these.".to_owned(),
        ],
        confidence: Some(setting.confidence),
        columns: vec![
            column("quantity", "quantity", ListingUnit::Text),
            column("measured", format!("measured{percent}"), unit),
            column("published", format!("published{percent}"), unit),
            column("difference", if shares { "difference, points" } else { "difference" }, difference),
            column("inside", "inside", ListingUnit::Text),
        ],
        rows: cells,
        bars: Vec::new(),
        warnings: warnings.finish(),
    })
}

fn is_share(quantity: &Quantity) -> bool {
    match quantity {
        Quantity::Pass { .. }
        | Quantity::Majority { .. }
        | Quantity::BestOf { .. }
        | Quantity::DeltaSe { .. }
        | Quantity::Truncated { .. }
        | Quantity::Share { .. }
        | Quantity::Contained { .. } => true,
        Quantity::Add { left, right } | Quantity::Subtract { left, right } => {
            is_share(left) && is_share(right)
        }
        Quantity::Largest { of } | Quantity::Smallest { of } => of.iter().all(is_share),
        _ => false,
    }
}
