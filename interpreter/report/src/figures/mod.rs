//! One file a kind of figure; each turns results into a `Drawing`.

mod bars;
mod coverage;
mod delta_se;
mod histogram;
mod legend;
mod listing;
mod pass_at_k;
mod perplexity;
mod spread;
mod subset;
mod summary;
mod training;

use rlx_analysis::Results;

pub(crate) use training::half_window;

use crate::palette::Palette;
use crate::svg::{Drawing, Size};

/// The figure of any results.
pub(crate) fn draw(results: &Results, palette: &Palette, size: Size) -> Drawing {
    match results {
        Results::PassAtK(results) => pass_at_k::draw(results, palette, size),
        Results::DeltaSe(results) => delta_se::draw(results, palette, size),
        Results::Subset(results) => subset::draw(results, palette, size),
        Results::Perplexity(results) => perplexity::draw(results, palette, size),
        Results::Summary(results) => summary::draw(results, palette, size),
        Results::Training(results) => training::draw(results, palette, size),
        Results::Histogram(results) => histogram::draw(results, palette, size),
        Results::Coverage(results) => coverage::draw(results, palette, size),
        Results::Listing(results) => listing::draw(results, palette, size),
    }
}
