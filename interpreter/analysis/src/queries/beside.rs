//! Measured numbers beside published ones.

use rlx_language::{BesideRow, Quantity};

use super::contrast::{corrected, tested};
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
    let mut found = Vec::new();
    for row in rows {
        let published = quantity::measure(&row.published, evidence, setting.resampling)?;
        let (own, gap, p) = match quantity::measure(&row.measured, evidence, setting.resampling) {
            Ok(measured) => {
                warnings.saw(&measured);
                let own = setting.estimate(&measured);
                let difference = measured.minus(&published);
                let (difference, p) = tested(&difference, setting);
                // Without an interval nothing can be said of it.
                (own, difference, own.problems_like_these.map(|_| p))
            }
            Err(reason) => {
                warnings.undefined(&reason);
                (UNDEFINED, UNDEFINED, None)
            }
        };
        found.push((row.label.clone(), own, published.value, gap, p));
    }
    let ps: Vec<Option<f64>> = found.iter().map(|(.., p)| *p).collect();
    let count = ps.iter().flatten().count();
    let cells = found
        .into_iter()
        .zip(corrected(&ps, count))
        .map(|((label, own, published, gap, _), holm)| {
            let word = match holm.map(|p| p > 1.0 - setting.confidence) {
                Some(true) => "yes",
                Some(false) => "no",
                None => "–",
            };
            vec![
                text(label),
                cell(own),
                number(published),
                cell(gap),
                number(holm.unwrap_or(f64::NAN)),
                text(word),
            ]
        })
        .collect();
    let percent = if shares { " %" } else { "" };
    Ok(Listing {
        title: "Measured beside published".to_owned(),
        notes: vec![
            "Published numbers carry no interval; “inside” says whether one lies in the measured interval over problems like these, widened for the number of comparisons.".to_owned(),
            format!(
                "p (Holm) is the level at which that interval leaves the published number out, corrected for the {count} comparisons of this table by Holm's method."
            ),
        ],
        confidence: Some(setting.confidence),
        columns: vec![
            column("quantity", "quantity", ListingUnit::Text),
            column("measured", format!("measured{percent}"), unit),
            column("published", format!("published{percent}"), unit),
            column("difference", if shares { "difference, points" } else { "difference" }, difference),
            column("p_holm", "p (Holm)", ListingUnit::P),
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
        | Quantity::ValidChains { .. }
        | Quantity::Share { .. }
        | Quantity::Contained { .. } => true,
        Quantity::Add { left, right } | Quantity::Subtract { left, right } => {
            is_share(left) && is_share(right)
        }
        Quantity::Largest { of } | Quantity::Smallest { of } => of.iter().all(is_share),
        _ => false,
    }
}
