//! The questions of a study's figures and tables, one file each.

mod accuracy;
mod beside;
mod chosen;
mod compare;
mod contrast;
mod coverage;
mod crossing;
mod delta_se;
mod disagreements;
pub(crate) mod pass_at_k;
mod perplexity;
pub(crate) mod read_by_hand;
mod responses;
pub(crate) mod searched;
mod solved;
mod subset;
mod summary;
pub(crate) mod training;

use rlx_language::{Asked, ModelRef, Query};

use crate::evidence::{self, Evidence};
use crate::measured::Measured;
use crate::outcomes::Outcomes;
use crate::resampling::Resampling;
use crate::results::{Estimate, ListingCell, ListingColumn, ListingUnit, PassAtK, Results};
use crate::undefined::Undefined;

/// Answers the query of one figure or table. `confidence` is that of every interval (0.95 for 95%).
///
/// Numbers that need missing rows are None, and a warning says which rows.
///
/// # Errors
/// When the query names an evaluation or model that the evidence does not have.
pub fn answer(
    query: &Query,
    evidence: &Evidence,
    resampling: &Resampling,
    confidence: f64,
) -> Result<Results, Undefined> {
    let setting = Setting {
        resampling,
        confidence,
    };
    Ok(match query {
        Query::PassAtK {
            evaluation,
            of,
            more,
            k,
            folded,
        } => {
            let mut asked = vec![(evidence.evaluation(evaluation)?, of.as_slice())];
            for Asked { evaluation, of } in more {
                asked.push((evidence.evaluation(evaluation)?, of.as_slice()));
            }
            Results::PassAtK(PassAtK {
                folded: *folded,
                ..pass_at_k::answer(&asked, k, &setting)?
            })
        }
        Query::DeltaSe {
            evaluation,
            of,
            against,
            k,
        } => Results::DeltaSe(delta_se::answer(
            evidence.evaluation(evaluation)?,
            of,
            against,
            *k,
            &setting,
        )?),
        Query::Subset {
            evaluation,
            of,
            within,
        } => Results::Subset(subset::answer(
            evidence.evaluation(evaluation)?,
            of,
            within,
            &setting,
        )?),
        Query::Perplexity {
            evaluation,
            of,
            under,
            only_correct,
        } => Results::Perplexity(perplexity::answer(
            evidence.evaluation(evaluation)?,
            of,
            under,
            *only_correct,
            &setting,
        )?),
        Query::Summary { evaluation, of } => {
            Results::Summary(summary::answer(evidence.evaluation(evaluation)?, of, &setting)?)
        }
        Query::Accuracy { evaluation, of } => {
            Results::Histogram(accuracy::answer(evidence.evaluation(evaluation)?, of, &setting)?)
        }
        Query::Coverage { evaluation, of } => {
            Results::Coverage(coverage::answer(evidence.evaluation(evaluation)?, of)?)
        }
        Query::Solved { evaluation, of } => {
            Results::Listing(solved::answer(evidence.evaluation(evaluation)?, of)?)
        }
        Query::Crossing {
            evaluation,
            of,
            against,
        } => Results::Listing(crossing::answer(
            evidence.evaluation(evaluation)?,
            of,
            against,
            &setting,
        )?),
        Query::Lengths { evaluation, of } => Results::Listing(responses::lengths(
            evidence.evaluation(evaluation)?,
            of,
            &setting,
        )?),
        Query::Entropy { evaluation, of } => Results::Listing(responses::entropy(
            evidence.evaluation(evaluation)?,
            of,
            &setting,
        )?),
        Query::Majority { evaluation, of, k } => Results::PassAtK(chosen::majority(
            evidence.evaluation(evaluation)?,
            of,
            k,
            &setting,
        )?),
        Query::BestOf {
            evaluation,
            of,
            by,
            k,
        } => Results::PassAtK(chosen::best_of(
            evidence.evaluation(evaluation)?,
            of,
            by,
            k,
            &setting,
        )?),
        Query::BestJudged {
            evaluation,
            of,
            by,
            k,
        } => Results::PassAtK(chosen::best_judged(evidence, evaluation, of, *by, k, &setting)?),
        Query::Compare {
            evaluation,
            of,
            against,
            k,
        } => Results::Listing(compare::answer(
            evidence.evaluation(evaluation)?,
            of,
            against,
            k,
            &setting,
        )?),
        Query::Disagreements { evaluation, of, by } => {
            Results::Listing(disagreements::answer(evidence, evaluation, of, *by)?)
        }
        Query::ReadByHand {
            evaluation,
            of,
            below,
            left_out,
        } => Results::Listing(read_by_hand::answer(
            evidence, evaluation, of, *below, *left_out, &setting,
        )?),
        Query::Beside { rows } => Results::Listing(beside::answer(rows, evidence, &setting)?),
        Query::Searched { searches } => Results::Listing(searched::answer(&evidence.searches, searches)),
        Query::Training { trainings } => Results::Training(training::answer(&evidence.trainings, trainings)),
    })
}

struct Setting<'a> {
    resampling: &'a Resampling,
    confidence: f64,
}

impl Setting<'_> {
    fn estimate(&self, measured: &Measured) -> Estimate {
        measured.estimate(self.confidence, self.resampling)
    }
}

const UNDEFINED: Estimate = Estimate {
    value: None,
    these_problems: None,
    problems_like_these: None,
};

/// Fewest problems on which models are compared without a warning.
const FEWEST_PROBLEMS: usize = 30;

/// Models in the order of the query; an empty list means all of the evaluation, as labels and places.
fn models(outcomes: &Outcomes, of: &[ModelRef]) -> Result<Vec<(String, usize)>, Undefined> {
    if of.is_empty() {
        return Ok(outcomes.design().models.iter().cloned().zip(0..).collect());
    }
    of.iter()
        .map(|model| Ok((model.label(), evidence::model(outcomes, model)?)))
        .collect()
}

/// What a reader should know before trusting the numbers, each thing once.
#[derive(Default)]
struct Warnings {
    said: Vec<String>,
    widened: usize,
    intervals: usize,
}

impl Warnings {
    fn say(&mut self, warning: String) {
        if !self.said.contains(&warning) {
            self.said.push(warning);
        }
    }

    fn undefined(&mut self, reason: &Undefined) {
        self.say(format!("undefined: {reason}"));
    }

    fn problems(&mut self, outcomes: &Outcomes, models: usize) {
        self.said.extend(few_problems(outcomes).filter(|_| models > 1));
    }

    /// The `ks` that a model's samples reach; says where its curve ends for want of them.
    fn reached(&mut self, outcomes: &Outcomes, label: &str, model: usize, ks: &[u64]) -> Vec<u64> {
        let samples = outcomes.samples(model);
        let own: Vec<u64> = ks.iter().copied().filter(|k| *k <= samples).collect();
        if own.len() < ks.len() {
            self.say(format!(
                "there are {samples} responses of {label} to each problem: its curve ends there"
            ));
        }
        own
    }

    /// What is solved in n samples hangs on n.
    fn uneven(&mut self, outcomes: &Outcomes, models: &[(String, usize)]) {
        let most = models.iter().map(|(_, model)| outcomes.samples(*model)).max();
        for (label, model) in models {
            let samples = outcomes.samples(*model);
            if let Some(most) = most.filter(|most| *most > samples) {
                self.say(format!(
                    "{label} has {samples} responses to each problem, others have {most}: with fewer chances fewer problems count as solved"
                ));
            }
        }
    }

    fn k(&mut self, outcomes: &Outcomes, ks: &[u64]) {
        let samples = outcomes.design().samples;
        if let Some(largest) = ks.iter().copied().filter(|k| *k <= samples).max()
            && let Some(warning) = large_k(largest, samples)
        {
            self.say(warning);
        }
    }

    fn saw(&mut self, measured: &Measured) {
        self.intervals += 1;
        self.widened += usize::from(measured.rests_on_few());
    }

    fn finish(mut self) -> Vec<String> {
        if self.widened > 0 {
            self.said.push(format!(
                "{} of {} numbers rest on fewer than {} problems; their intervals for problems like these allow for a problem that was not seen",
                self.widened,
                self.intervals,
                crate::interval::FEW
            ));
        }
        self.said
    }
}

fn column(name: &str, head: impl Into<String>, unit: ListingUnit) -> ListingColumn {
    ListingColumn {
        name: name.to_owned(),
        head: head.into(),
        unit,
    }
}

fn text(text: impl Into<String>) -> ListingCell {
    ListingCell::Text { text: text.into() }
}

fn number(value: f64) -> ListingCell {
    ListingCell::Number {
        value: Some(value).filter(|value| value.is_finite()),
    }
}

fn cell(estimate: Estimate) -> ListingCell {
    ListingCell::Estimate { estimate }
}

pub(crate) fn few_problems(outcomes: &Outcomes) -> impl Iterator<Item = String> + use<> {
    let design = outcomes.design();
    let few = design.problems.len() < FEWEST_PROBLEMS;
    few.then(|| {
        format!(
            "{} has {} problems; differences between models on fewer than {FEWEST_PROBLEMS} are rarely conclusive",
            design.benchmark,
            design.problems.len()
        )
    })
    .into_iter()
}

pub(crate) fn large_k(k: u64, samples: u64) -> Option<String> {
    (2 * k > samples).then(|| {
        format!("pass@{k} from {samples} samples a problem: above half the samples the estimate is noisy; draw {} or more", 2 * k)
    })
}
