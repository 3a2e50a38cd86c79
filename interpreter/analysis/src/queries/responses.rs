//! Lengths, truncation and entropy of responses.

use rlx_language::ModelRef;

use super::{Setting, UNDEFINED, Warnings, cell, column, models, text};
use crate::measured::Measured;
use crate::outcomes::{Outcomes, Sample};
use crate::responses;
use crate::results::{Estimate, Listing, ListingCell, ListingUnit};
use crate::undefined::Undefined;

/// The quantiles that stand beside a mean.
const POINTS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

fn estimate(
    measured: Result<Measured, Undefined>,
    setting: &Setting<'_>,
    warnings: &mut Warnings,
) -> Estimate {
    match measured {
        Ok(measured) => setting.estimate(&measured),
        Err(reason) => {
            warnings.undefined(&reason);
            UNDEFINED
        }
    }
}

pub(super) fn lengths(
    outcomes: &Outcomes,
    of: &[ModelRef],
    setting: &Setting<'_>,
) -> Result<Listing, Undefined> {
    let design = outcomes.design();
    let mut warnings = Warnings::default();
    let mut rows = Vec::new();
    for (label, model) in models(outcomes, of)? {
        let tokens = |wanted: Option<bool>| {
            move |sample: &Sample| {
                let fits = wanted.is_none_or(|right| sample.correct == right);
                fits.then(|| f64::from(sample.tokens))
            }
        };
        let counted = responses::counted(outcomes, model);
        let all = counted.clone().and_then(|()| {
            responses::measure(outcomes, model, "", tokens(None), &POINTS, setting.resampling)
        });
        let mut row = vec![text(label.clone())];
        match all {
            Ok(mut measured) => {
                measured.rotate_right(1);
                row.extend(measured.iter().map(|number| cell(setting.estimate(number))));
            }
            Err(reason) => {
                warnings.undefined(&reason);
                row.extend([UNDEFINED; 6].map(cell));
            }
        }
        for (kind, wanted) in [("right ", true), ("wrong ", false)] {
            // A model without a wrong response has no mean of them; that is no fault of the rows.
            let mean = counted.clone().and_then(|()| {
                responses::mean(outcomes, model, kind, tokens(Some(wanted)), setting.resampling)
            });
            row.push(cell(mean.map_or(UNDEFINED, |mean| setting.estimate(&mean))));
        }
        let cut = responses::truncated(outcomes, model, setting.resampling);
        row.push(cell(estimate(cut, setting, &mut warnings)));
        rows.push(row);
    }
    let plain = |name: &str, head: &str| column(name, head, ListingUnit::Plain);
    Ok(Listing {
        title: format!("Lengths of responses in {}", design.evaluation),
        notes: vec!["Tokens a response, and the share of responses that were cut at max_tokens.".to_owned()],
        confidence: Some(setting.confidence),
        columns: vec![
            column("model", "model", ListingUnit::Model),
            plain("tokens", "mean tokens"),
            plain("q05", "5%"),
            plain("q25", "25%"),
            plain("q50", "median"),
            plain("q75", "75%"),
            plain("q95", "95%"),
            plain("tokens_right", "right ones"),
            plain("tokens_wrong", "wrong ones"),
            column("truncated", "cut %", ListingUnit::Share),
        ],
        rows,
        bars: vec![1, 9],
        warnings: warnings.finish(),
    })
}

pub(super) fn entropy(
    outcomes: &Outcomes,
    of: &[ModelRef],
    setting: &Setting<'_>,
) -> Result<Listing, Undefined> {
    let design = outcomes.design();
    let mut warnings = Warnings::default();
    let mut rows: Vec<Vec<ListingCell>> = Vec::new();
    for (label, model) in models(outcomes, of)? {
        let entropy = responses::entropy(outcomes, model, setting.resampling);
        rows.push(vec![text(label), cell(estimate(entropy, setting, &mut warnings))]);
    }
    Ok(Listing {
        title: format!("Entropy of the models' outputs in {}", design.evaluation),
        notes: vec![
            "Nats a token: the mean over responses of the negative log-probability of the drawn tokens at the sampling temperature, before top-p; with top-p 1 its expectation is the token-level entropy.".to_owned(),
        ],
        confidence: Some(setting.confidence),
        columns: vec![
            column("model", "model", ListingUnit::Model),
            column("entropy", "entropy, nats a token", ListingUnit::Plain),
        ],
        rows,
        bars: vec![1],
        warnings: warnings.finish(),
    })
}
