//! The report's own sentences: titles, captions, the paragraph at the top. All from the data, none by hand.

use rlx_analysis::{Measure, PassAtK, Results, Verdict};

use crate::data::{EvaluationSettings, OutputForm, ReportData, ReportOutput};
use crate::figures;
use crate::number::{self, Unit, count, list, plural};
use crate::tables;

/// The title that was written, or one from the results.
pub(crate) fn title(output: &ReportOutput) -> String {
    if let Some(title) = output.title.as_ref().filter(|title| !title.trim().is_empty()) {
        return title.clone();
    }
    match &output.results {
        Results::PassAtK(results) => match &results.measure {
            Measure::Pass => format!("pass@k on {}", results.benchmark),
            Measure::Majority => format!("Majority of k on {}", results.benchmark),
            Measure::BestOf { by } | Measure::BestJudged { by } => {
                format!("Best of k by {by} on {}", results.benchmark)
            }
        },
        Results::Histogram(results) => format!("Accuracy of single problems of {}", results.benchmark),
        Results::Coverage(results) => format!("Which problems of {} are solved", results.benchmark),
        Results::Listing(results) => results.title.clone(),
        Results::DeltaSe(results) => format!(
            "Sampling-efficiency gap to {} at k = {}",
            results.against,
            count(results.k)
        ),
        Results::Subset(results) => format!("Problems solved, against {}", results.within),
        Results::Perplexity(results) if results.only_correct => "Perplexity of correct responses".to_owned(),
        Results::Perplexity(_) => "Perplexity of responses".to_owned(),
        Results::Summary(results) => format!("Summary of {}", results.evaluation),
        Results::Training(_) => "Training".to_owned(),
    }
}

/// What an output shows: its measure, n and k, and what the intervals mean.
pub(crate) fn caption(output: &ReportOutput, data: &ReportData) -> String {
    let figure = output.kind == OutputForm::Figure;
    let mut sentences: Vec<String> = Vec::new();
    match &output.results {
        Results::Histogram(results) => {
            sentences.push(format!(
                "How many of {} a model gets right how often, out of {} samples each{}: never, in ten steps of 10% (upper ends inside), always.",
                plural(results.problems as u64, "problem"),
                count(results.samples),
                sampling(&results.evaluation, data)
            ));
        }
        Results::Coverage(results) => {
            sentences.push(format!(
                "A column a problem, by how often the first model solves it; the darker, the more of {} samples are right{}. Empty: none.",
                count(results.samples),
                sampling(&results.evaluation, data)
            ));
        }
        Results::Listing(results) => sentences.extend(results.notes.iter().cloned()),
        Results::PassAtK(results) if results.measure != Measure::Pass => {
            sentences.push(match &results.measure {
                Measure::BestJudged { by } => format!(
                    "Share of {} that are solved when of k samples one is kept that the judge {by} accepts (any where it accepts none), in %, mean over subsets of n = {} samples{}.",
                    plural(results.problems as u64, "problem"),
                    count(results.samples),
                    sampling(&results.evaluation, data)
                ),
                Measure::BestOf { by } => format!(
                    "Share of {} that are solved when of k samples the one likeliest under {by} is kept, in %, mean over subsets of n = {} samples{}.",
                    plural(results.problems as u64, "problem"),
                    count(results.samples),
                    sampling(&results.evaluation, data)
                ),
                _ => format!(
                    "Share of {} that are solved when k samples vote and the commonest answer is kept, in %, mean over subsets of n = {} samples{}; k = 1 is the mean accuracy.",
                    plural(results.problems as u64, "problem"),
                    count(results.samples),
                    sampling(&results.evaluation, data)
                ),
            });
        }
        Results::PassAtK(results) if results.curves.iter().any(|curve| curve.of.is_some()) => {
            sentences.push(format!(
                "Unbiased pass@k in %: the chance that at least one of k responses is right, mean over {} of {}. {}",
                plural(results.problems as u64, "problem"),
                results.benchmark,
                drawn_how(results, data)
            ));
            sentences.extend(crossings(results));
        }
        Results::PassAtK(results) => {
            sentences.push(format!(
                "Unbiased pass@k in %: the chance that at least one of k responses is right, mean over {} of {}, from n = {} samples each{}.",
                plural(results.problems as u64, "problem"),
                results.benchmark,
                count(results.samples),
                sampling(&results.evaluation, data)
            ));
            sentences.extend(crossings(results));
            if !figure && results.curves.len() > 1 {
                sentences.push("Intervals are each number's own; differences between models are paired by problem and corrected for their number by compare(…).".to_owned());
            }
        }
        Results::DeltaSe(results) => {
            sentences.push(format!(
                "ΔSE is pass@{} of {} ({}) minus pass@1 of the model, in percentage points: what one response still lacks of what {} samples of {} reach{}.",
                count(results.k),
                results.against,
                number::estimate(&results.against_pass_k, Unit::Share),
                count(results.k),
                results.against,
                sampling(&results.evaluation, data)
            ));
            if !figure && results.compared() {
                let models = results.rows.len();
                sentences.push(format!(
                    "“Over the smallest” is what a model has more than the smallest ΔSE of the table, paired by problem; p (Holm) is the level at which that interval leaves 0 out, corrected for the {} of models by Holm's method.",
                    plural((models * models.saturating_sub(1) / 2) as u64, "pair")
                ));
            }
        }
        Results::Subset(results) => {
            sentences.push(format!(
                "A problem counts as solved when at least one of {} samples is right ({}{}); “inside” is the share of what a model solves that {} solves too.",
                count(results.samples),
                plural(results.problems as u64, "problem"),
                sampling(&results.evaluation, data),
                results.within
            ));
            sentences.push(format!(
                "“A redraw” is what a second draw of {} itself would have inside on average; with {} samples a problem that is right less often than {:.2}% of the time looks unsolved more than once in twenty.",
                results.within,
                count(results.samples),
                100.0 * results.blind_below
            ));
            let tested = results.rows.iter().filter(|row| row.p_holm.is_some()).count();
            if !figure && tested > 0 {
                sentences.push(format!(
                    "p (Holm) is McNemar's exact test of whether the model alone solves as many problems as {} alone, corrected for {} by Holm's method.",
                    results.within,
                    plural(tested as u64, "comparison")
                ));
            }
        }
        Results::Perplexity(results) => {
            let which = if results.only_correct {
                "the correct"
            } else {
                "all"
            };
            sentences.push(format!(
                "Perplexity of {which} responses of {}, one number a response: exp of its mean negative log-likelihood a token.",
                results.evaluation
            ));
            if figure {
                sentences.push("Boxes reach from the 25 to the 75% point with the median in them, whiskers from 5 to 95%.".to_owned());
            }
        }
        Results::Summary(results) => {
            sentences.push(format!(
                "{} of {}, {} each{}; verdicts are shares of all responses.",
                plural(results.problems as u64, "problem"),
                results.benchmark,
                plural(results.samples, "sample"),
                sampling(&results.evaluation, data)
            ));
        }
        Results::Training(results) => {
            sentences.push("Values at each training step.".to_owned());
            let longest = results
                .panels
                .iter()
                .flat_map(|panel| &panel.series)
                .map(|series| series.points.len())
                .max()
                .unwrap_or(0);
            let half = figures::half_window(longest);
            if figure && half > 0 {
                sentences.push(format!(
                    "Faint: each step; bold: moving mean over {} steps.",
                    2 * half + 1
                ));
            }
        }
    }
    if let Some(confidence) = tables::confidence(&output.results) {
        let confidence = number::confidence(confidence);
        sentences.push(match (&output.results, figure) {
            (Results::PassAtK(_), true) => format!("Bands are {confidence} intervals over problems like these (problems and samples resampled)."),
            (Results::DeltaSe(_) | Results::Summary(_) | Results::Histogram(_) | Results::Listing(_), true) => {
                format!("Whiskers are {confidence} intervals: thin over problems like these (problems and samples resampled), thick over these problems (sampling noise alone).")
            }
            (Results::Perplexity(_), true) => {
                format!("Intervals of median and mean ({confidence}, over problems like these) stand with the numbers below.")
            }
            _ => format!("Brackets are {confidence} intervals over problems like these (problems and samples resampled)."),
        });
    }
    sentences.join(" ")
}

fn sampling(evaluation: &str, data: &ReportData) -> String {
    data.evaluations
        .iter()
        .find(|settings| settings.name == evaluation)
        .map_or_else(String::new, |settings| match drawn(settings, " and ") {
            text if settings.only_recorded => format!(", {text}"),
            text => format!(", at {text}"),
        })
}

/// `cool: n = 128 samples each, at temperature 0.6 and top-p 0.95; raised: …`
fn drawn_how(results: &PassAtK, data: &ReportData) -> String {
    let mut told: Vec<(&str, String)> = Vec::new();
    for of in results.curves.iter().filter_map(|curve| curve.of.as_ref()) {
        if told.iter().all(|(name, _)| *name != of.name) {
            let how = format!(
                "n = {} samples each{}",
                count(of.samples),
                sampling(&of.evaluation, data)
            );
            told.push((&of.name, how));
        }
    }
    let parts: Vec<String> = told
        .into_iter()
        .map(|(name, how)| format!("{name}: {how}"))
        .collect();
    format!("{}.", parts.join("; "))
}

/// `0.6`; `1.2345 (found by matched)`
pub(crate) fn temperature(settings: &EvaluationSettings) -> String {
    let number = settings
        .temperature
        .map_or_else(|| "not found yet".to_owned(), number::setting);
    match &settings.found_by {
        Some(search) => format!("{number} (search {search})"),
        None => number,
    }
}

/// How the responses of an evaluation were drawn, as far as that is known.
fn drawn(settings: &EvaluationSettings, between: &str) -> String {
    if settings.only_recorded {
        return "drawn elsewhere".to_owned();
    }
    let text = format!(
        "temperature {}{between}top-p {}",
        temperature(settings),
        number::setting(settings.top_p)
    );
    if settings.recorded.is_empty() {
        text
    } else {
        format!("{text}; {} drawn elsewhere", list(&settings.recorded))
    }
}

/// One curve that leads others from a k on.
pub(crate) struct Lead<'a> {
    pub(crate) k: u64,
    pub(crate) above: &'a str,
    pub(crate) below: Vec<&'a str>,
}

/// Where curves change places for good, by k: those of the first curve (what the others are held against), or all
/// where it takes part in none. Curves that lead from the smallest k on do not cross.
pub(crate) fn leads(results: &PassAtK) -> Vec<Lead<'_>> {
    let first = results
        .curves
        .iter()
        .flat_map(|curve| &curve.points)
        .map(|point| point.k)
        .min()
        .unwrap_or(1);
    let crossing: Vec<(u64, &str, &str)> = results
        .crossings
        .iter()
        .filter_map(|crossing| {
            Some((
                crossing.k.filter(|k| *k > first)?,
                crossing.above.as_str(),
                crossing.below.as_str(),
            ))
        })
        .collect();
    let reference = results.curves.first().map_or("", |curve| curve.model.as_str());
    let touches = |(_, above, below): &(u64, &str, &str)| *above == reference || *below == reference;
    let any = crossing.iter().any(touches);
    let mut leads: Vec<Lead<'_>> = Vec::new();
    for (k, above, below) in crossing.into_iter().filter(|one| !any || touches(one)) {
        match leads.iter_mut().find(|lead| lead.k == k && lead.above == above) {
            Some(lead) => lead.below.push(below),
            None => leads.push(Lead {
                k,
                above,
                below: vec![below],
            }),
        }
    }
    leads.sort_by_key(|lead| lead.k);
    leads
}

/// `From k = 32 on base leads rl@40 and rl@80 (point estimates).`
pub(crate) fn crossings(results: &PassAtK) -> Vec<String> {
    leads(results)
        .into_iter()
        .map(|lead| {
            let below: Vec<String> = lead.below.iter().map(|label| (*label).to_owned()).collect();
            format!(
                "From k = {} on {} leads {} (point estimates).",
                count(lead.k),
                lead.above,
                list(&below)
            )
        })
        .collect()
}

/// The word of a verdict.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "Holds",
        Verdict::Refuted => "Refuted",
        Verdict::Inconclusive => "Inconclusive",
        Verdict::Error => "Error",
    }
}

/// What the effect of a claim is measured in, from the functions that its text uses; mixed ones are plain numbers.
pub(crate) fn effect_unit(text: &str) -> Unit {
    let uses = |name: &str| text.contains(name);
    let shares = ["pass(", "share(", "delta_se("].into_iter().any(uses);
    let counts = uses("count(");
    let perplexities = uses("perplexity(");
    if text.contains(['*', '/']) {
        return Unit::Difference;
    }
    match (shares, counts, perplexities) {
        (true, false, false) => Unit::Points,
        (false, true, false) => Unit::Problems,
        _ => Unit::Difference,
    }
}

/// How many claims went which way: `2 hold, 1 is inconclusive`.
pub(crate) fn tally(data: &ReportData) -> String {
    let number = |verdict: Verdict| {
        data.claims
            .iter()
            .filter(|claim| claim.verdict == verdict)
            .count()
    };
    let word = |count: usize, one: &str, more: &str| {
        (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { more }))
    };
    let parts: Vec<String> = [
        word(number(Verdict::Holds), "holds", "hold"),
        word(number(Verdict::Refuted), "is refuted", "are refuted"),
        word(
            number(Verdict::Inconclusive),
            "is inconclusive",
            "are inconclusive",
        ),
        word(
            number(Verdict::Error),
            "could not be evaluated",
            "could not be evaluated",
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    list(&parts)
}

/// The paragraph at the top: what was compared, on how much, with what result.
pub(crate) fn summary(data: &ReportData) -> String {
    let mut sentences: Vec<String> = Vec::new();
    let evaluations: Vec<String> = data
        .evaluations
        .iter()
        .map(|settings| {
            format!(
                "{} of {} with {} each ({})",
                plural(settings.problems as u64, "problem"),
                settings.benchmark,
                plural(settings.samples, "sample"),
                drawn(settings, ", ")
            )
        })
        .collect();
    let labels: Vec<String> = data.models.iter().map(|model| model.label.clone()).collect();
    if !evaluations.is_empty() && !labels.is_empty() {
        let names = if labels.len() <= 8 {
            format!(" ({})", list(&labels))
        } else {
            String::new()
        };
        sentences.push(format!(
            "This study uses {}{names} and measures on {}.",
            plural(labels.len() as u64, "model"),
            list(&evaluations)
        ));
    }
    if let Some(results) = data.outputs.iter().find_map(|output| match &output.results {
        Results::PassAtK(results) => Some(results),
        _ => None,
    }) {
        sentences.extend(ends(results));
        sentences.extend(crossings(results));
    }
    if !data.claims.is_empty() {
        sentences.push(format!(
            "Of {}, {}.",
            plural(data.claims.len() as u64, "claim"),
            tally(data)
        ));
    }
    sentences.join(" ")
}

/// Who leads at the smallest and at the largest k.
fn ends(results: &PassAtK) -> Option<String> {
    let ks = || {
        results
            .curves
            .iter()
            .flat_map(|curve| &curve.points)
            .map(|point| point.k)
    };
    let leader = |k: u64| {
        results
            .curves
            .iter()
            .filter_map(|curve| {
                let point = curve.points.iter().find(|point| point.k == k)?;
                Some((
                    curve.model.as_str(),
                    point.pass,
                    point.pass.value.filter(|value| value.is_finite())?,
                ))
            })
            .reduce(|best, next| if next.2 > best.2 { next } else { best })
    };
    let (first, last) = (ks().min()?, ks().max()?);
    let (model, pass, _) = leader(first)?;
    let opening = format!(
        "The best pass@{first} is that of {model}, {}",
        number::estimate(&pass, Unit::Share)
    );
    if first == last {
        return Some(format!("{opening}."));
    }
    let (model, pass, _) = leader(last)?;
    Some(format!(
        "{opening}; the best pass@{} that of {model}, {}.",
        count(last),
        number::estimate(&pass, Unit::Share)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_an_effect_is_that_of_its_functions() {
        assert_eq!(
            effect_unit("pass(aime, base, k = 256) > pass(aime, rl@450, k = 256)"),
            Unit::Points
        );
        assert_eq!(
            effect_unit("count(solved(a, b) - solved(a, c)) < 3"),
            Unit::Problems
        );
        assert_eq!(
            effect_unit("perplexity(a, of = b, under = c) < 2"),
            Unit::Difference
        );
        assert_eq!(
            effect_unit("pass(a, b, k = 1) / pass(a, c, k = 1) > 2"),
            Unit::Difference
        );
    }
}
