//! What is asked of the rows: figures, tables, claims.

use serde::{Deserialize, Serialize};

use super::{Judge, ModelRef};

/// A figure or a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
    pub kind: OutputKind,
    pub title: Option<String>,
    pub query: Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    Figure,
    Table,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "query", rename_all = "snake_case")]
pub enum Query {
    /// `pass_at_k(aime, k = 1..n by *2, of = [base, rl@*])`; `of` defaults to all models of the evaluation.
    PassAtK {
        evaluation: String,
        of: Vec<ModelRef>,
        /// `pass_at_k([cool, raised], …)`: curves of further evaluations, on the same problems.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        more: Vec<Asked>,
        k: Vec<u64>,
        /// The figure's vertical axis gives its upper part most of the room.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        folded: bool,
    },
    /// `delta_se(aime, of = rl@*, against = base, k = 256)`: pass@k of the base minus pass@1 of the model.
    DeltaSe {
        evaluation: String,
        of: Vec<ModelRef>,
        against: ModelRef,
        k: u64,
    },
    /// `subset(aime, of = rl@450, within = base)`
    Subset {
        evaluation: String,
        of: Vec<ModelRef>,
        within: ModelRef,
    },
    /// `perplexity(aime, of = [base, rl@450], under = [base], correct = true)`
    Perplexity {
        evaluation: String,
        of: Vec<ModelRef>,
        under: Vec<ModelRef>,
        only_correct: bool,
    },
    /// `summary(aime)`: pass@1, solved share, lengths, truncation, verdict counts a model.
    Summary { evaluation: String, of: Vec<ModelRef> },
    /// `training(rl)`: reward, length, entropy … over steps.
    Training { trainings: Vec<String> },
    /// `accuracy(aime)`: how many problems have which accuracy c/n, in the twelve bins of "limit of RLVR".
    Accuracy { evaluation: String, of: Vec<ModelRef> },
    /// `coverage(aime)`: which problems each model solves, and how often.
    Coverage { evaluation: String, of: Vec<ModelRef> },
    /// `solved(aime)`: the solved problems by their places in the benchmark, and what each model lacks of the first.
    Solved { evaluation: String, of: Vec<ModelRef> },
    /// `crossing(aime, of = rl@*, against = base)`: from which k on `against` leads.
    Crossing {
        evaluation: String,
        of: Vec<ModelRef>,
        against: ModelRef,
    },
    /// `lengths(aime)`: tokens a response, of right and of wrong ones, and the share cut at `max_tokens`.
    Lengths { evaluation: String, of: Vec<ModelRef> },
    /// `entropy(aime)`: of the drawn tokens, at the temperature they were drawn at.
    Entropy { evaluation: String, of: Vec<ModelRef> },
    /// `majority(aime, k = 1..n by *2)`: how often the commonest answer of k samples is right.
    Majority {
        evaluation: String,
        of: Vec<ModelRef>,
        k: Vec<u64>,
    },
    /// `best_of(aime, under = base, k = 1..n by *2)`: how often the likeliest of k samples under `under` is right.
    BestOf {
        evaluation: String,
        of: Vec<ModelRef>,
        by: ModelRef,
        k: Vec<u64>,
    },
    /// `best_judged(aime, judge = exact, k = 1..n by *2)`: how often one of k samples is right that another judge accepts.
    BestJudged {
        evaluation: String,
        of: Vec<ModelRef>,
        by: Judge,
        k: Vec<u64>,
    },
    /// `compare(aime, of = rl@*, against = base, k = [1, 256])`: differences in pass@k, corrected for their number.
    Compare {
        evaluation: String,
        of: Vec<ModelRef>,
        against: ModelRef,
        k: Vec<u64>,
    },
    /// `read_by_hand(grade, below = 5%)`: what readers say of the right responses to the hardest solved problems.
    ReadByHand {
        evaluation: String,
        of: Vec<ModelRef>,
        /// Problems with 0 < accuracy < below.
        below: f64,
        /// Ambiguous problems are in neither part of the share.
        left_out: bool,
    },
    /// `beside(measured = pass(…), published = published(…))`: measured numbers beside published ones.
    Beside { rows: Vec<BesideRow> },
    /// `searched(matched[*])`: the looks of searches, and the temperatures that they found.
    Searched { searches: Vec<String> },
    /// `disagreements(aime, judge = math_paper)`: responses on which the benchmark's judge and another one differ.
    Disagreements {
        evaluation: String,
        of: Vec<ModelRef>,
        by: Judge,
    },
}

/// Models of an evaluation that is asked together with others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub evaluation: String,
    pub of: Vec<ModelRef>,
}

/// One number that was measured, and one that somebody published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BesideRow {
    /// As it was written.
    pub label: String,
    pub measured: Quantity,
    pub published: Quantity,
}

/// A statement over measured quantities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub name: String,
    /// The sentence in quotes.
    pub statement: String,
    pub condition: Condition,
    /// The expression as it was written, on one line.
    pub text: String,
    /// Confidence of the verdict, 0.95 unless said.
    pub confidence: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Condition {
    Compare {
        comparison: Comparison,
        left: Quantity,
        right: Quantity,
    },
    And {
        left: Box<Condition>,
        right: Box<Condition>,
    },
    Or {
        left: Box<Condition>,
        right: Box<Condition>,
    },
    Not {
        condition: Box<Condition>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// A number that is measured. Shares and probabilities are in 0..=1 (`5%` is 0.05).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Quantity {
    Number {
        value: f64,
    },
    /// `pass(aime, base, k = 256)`
    Pass {
        evaluation: String,
        model: ModelRef,
        k: u64,
    },
    /// `delta_se(aime, of = rl@450, against = base, k = 256)`
    DeltaSe {
        evaluation: String,
        of: ModelRef,
        against: ModelRef,
        k: u64,
    },
    /// `perplexity(aime, of = rl@450, under = base)`: the median over responses.
    Perplexity {
        evaluation: String,
        of: ModelRef,
        under: ModelRef,
        only_correct: bool,
    },
    /// `crossing(aime, of = rl@450, against = base)`: the k from which on `against` leads; n + 1 where it never does.
    Crossing {
        evaluation: String,
        of: ModelRef,
        against: ModelRef,
    },
    /// `majority(aime, base, k = 64)`
    Majority {
        evaluation: String,
        model: ModelRef,
        k: u64,
    },
    /// `best_of(aime, rl@450, under = base, k = 64)`
    BestOf {
        evaluation: String,
        model: ModelRef,
        by: ModelRef,
        k: u64,
    },
    /// `length(aime, base)`: mean tokens a response.
    Length {
        evaluation: String,
        model: ModelRef,
    },
    /// `truncated(aime, base)`: share of responses cut at `max_tokens`.
    Truncated {
        evaluation: String,
        model: ModelRef,
    },
    /// `entropy(aime, base)`: nats a drawn token, at the sampling temperature.
    Entropy {
        evaluation: String,
        model: ModelRef,
    },
    /// `valid_chains(grade, rl@450, below = 5%)`: of the problems with 0 < accuracy < below, the share with a response that
    /// readers call a valid chain of thought.
    ValidChains {
        evaluation: String,
        model: ModelRef,
        below: f64,
        left_out: bool,
    },
    /// `logged(rl, entropy, step = 10)`: what a training logged; without `step` at its end.
    Logged {
        training: String,
        metric: String,
        step: Option<u64>,
    },
    /// `temperature(matched)`: what a search found.
    Temperature {
        search: String,
    },
    /// `published(NAME, k = 256)`: a number that somebody published, with the name it was read from.
    Published {
        value: f64,
        source: String,
    },
    /// `max(…)`, `min(…)` over a list.
    Largest {
        of: Vec<Quantity>,
    },
    Smallest {
        of: Vec<Quantity>,
    },
    /// `contained(set, within = other)`: the share of the set's problems that the other has, too.
    Contained {
        set: Box<ProblemsExpr>,
        within: Box<ProblemsExpr>,
    },
    /// `share(set)`: of all problems of the evaluation.
    Share {
        set: ProblemsExpr,
    },
    /// `count(set)`
    Count {
        set: ProblemsExpr,
    },
    Add {
        left: Box<Quantity>,
        right: Box<Quantity>,
    },
    Subtract {
        left: Box<Quantity>,
        right: Box<Quantity>,
    },
    Multiply {
        left: Box<Quantity>,
        right: Box<Quantity>,
    },
    Divide {
        left: Box<Quantity>,
        right: Box<Quantity>,
    },
}

/// A set of problems of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProblemsExpr {
    /// `solved(aime, base)`: at least one right sample.
    Solved { evaluation: String, model: ModelRef },
    /// `accuracy(aime, base, above = 0%, most = 5%)`: problems with `above` < c/n ≤ `most`; with `above` = −1 also c = 0.
    Accuracy {
        evaluation: String,
        model: ModelRef,
        above: f64,
        most: f64,
    },
    Union {
        left: Box<ProblemsExpr>,
        right: Box<ProblemsExpr>,
    },
    Intersection {
        left: Box<ProblemsExpr>,
        right: Box<ProblemsExpr>,
    },
    Difference {
        left: Box<ProblemsExpr>,
        right: Box<ProblemsExpr>,
    },
}

impl Quantity {
    /// The models whose responses it counts, by evaluation, each once.
    pub fn models(&self) -> Vec<(&str, &ModelRef)> {
        let mut found = Vec::new();
        self.collect_models(&mut found);
        found
    }

    fn collect_models<'q>(&'q self, found: &mut Vec<(&'q str, &'q ModelRef)>) {
        let mut see = |evaluation: &'q String, model: &'q ModelRef| {
            if !found.contains(&(evaluation.as_str(), model)) {
                found.push((evaluation, model));
            }
        };
        match self {
            Quantity::Number { .. }
            | Quantity::Published { .. }
            | Quantity::Logged { .. }
            | Quantity::Temperature { .. } => {}
            Quantity::Pass {
                evaluation, model, ..
            }
            | Quantity::Majority {
                evaluation, model, ..
            }
            | Quantity::BestOf {
                evaluation, model, ..
            }
            | Quantity::Length { evaluation, model }
            | Quantity::Truncated { evaluation, model }
            | Quantity::ValidChains {
                evaluation, model, ..
            }
            | Quantity::Entropy { evaluation, model } => see(evaluation, model),
            Quantity::Perplexity { evaluation, of, .. } => see(evaluation, of),
            Quantity::DeltaSe {
                evaluation,
                of,
                against,
                ..
            }
            | Quantity::Crossing {
                evaluation,
                of,
                against,
            } => {
                see(evaluation, of);
                see(evaluation, against);
            }
            Quantity::Largest { of } | Quantity::Smallest { of } => {
                of.iter().for_each(|quantity| quantity.collect_models(found));
            }
            Quantity::Share { set } | Quantity::Count { set } => set.collect_models(found),
            Quantity::Contained { set, within } => {
                set.collect_models(found);
                within.collect_models(found);
            }
            Quantity::Add { left, right }
            | Quantity::Subtract { left, right }
            | Quantity::Multiply { left, right }
            | Quantity::Divide { left, right } => {
                left.collect_models(found);
                right.collect_models(found);
            }
        }
    }

    /// Whose right responses have to be labelled by people for it: evaluation, model, and the accuracy below which.
    pub fn read_by_hand(&self) -> Vec<(&str, &ModelRef, f64)> {
        match self {
            Quantity::ValidChains {
                evaluation,
                model,
                below,
                ..
            } => vec![(evaluation, model, *below)],
            Quantity::Largest { of } | Quantity::Smallest { of } => {
                of.iter().flat_map(Quantity::read_by_hand).collect()
            }
            Quantity::Add { left, right }
            | Quantity::Subtract { left, right }
            | Quantity::Multiply { left, right }
            | Quantity::Divide { left, right } => {
                let parts = left.read_by_hand().into_iter();
                parts.chain(right.read_by_hand()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The searches whose temperatures it reads.
    pub fn searches(&self) -> Vec<&str> {
        match self {
            Quantity::Temperature { search } => vec![search],
            Quantity::Largest { of } | Quantity::Smallest { of } => {
                of.iter().flat_map(Quantity::searches).collect()
            }
            Quantity::Add { left, right }
            | Quantity::Subtract { left, right }
            | Quantity::Multiply { left, right }
            | Quantity::Divide { left, right } => {
                left.searches().into_iter().chain(right.searches()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The scores it needs: evaluation, whose responses, under which model; each once.
    pub fn scores(&self) -> Vec<(&str, &ModelRef, &ModelRef)> {
        match self {
            Quantity::Perplexity {
                evaluation,
                of,
                under,
                ..
            } => vec![(evaluation, of, under)],
            Quantity::BestOf {
                evaluation,
                model,
                by,
                ..
            } => vec![(evaluation, model, by)],
            Quantity::Largest { of } | Quantity::Smallest { of } => {
                of.iter().flat_map(Quantity::scores).collect()
            }
            Quantity::Add { left, right }
            | Quantity::Subtract { left, right }
            | Quantity::Multiply { left, right }
            | Quantity::Divide { left, right } => left.scores().into_iter().chain(right.scores()).collect(),
            Quantity::Number { .. }
            | Quantity::Pass { .. }
            | Quantity::DeltaSe { .. }
            | Quantity::Crossing { .. }
            | Quantity::Majority { .. }
            | Quantity::Length { .. }
            | Quantity::Truncated { .. }
            | Quantity::ValidChains { .. }
            | Quantity::Entropy { .. }
            | Quantity::Logged { .. }
            | Quantity::Temperature { .. }
            | Quantity::Published { .. }
            | Quantity::Contained { .. }
            | Quantity::Share { .. }
            | Quantity::Count { .. } => Vec::new(),
        }
    }
}

impl Condition {
    /// Both sides of every comparison in it, in the order of writing.
    pub fn sides(&self) -> Vec<&Quantity> {
        match self {
            Condition::Compare { left, right, .. } => vec![left, right],
            Condition::And { left, right } | Condition::Or { left, right } => {
                left.sides().into_iter().chain(right.sides()).collect()
            }
            Condition::Not { condition } => condition.sides(),
        }
    }

    /// As [`Quantity::read_by_hand`], over both sides of every comparison.
    pub fn read_by_hand(&self) -> Vec<(&str, &ModelRef, f64)> {
        let sides = self.sides().into_iter();
        sides.flat_map(Quantity::read_by_hand).collect()
    }
}

impl ProblemsExpr {
    /// The models whose responses it counts, by evaluation, each once.
    pub fn models(&self) -> Vec<(&str, &ModelRef)> {
        let mut found = Vec::new();
        self.collect_models(&mut found);
        found
    }

    fn collect_models<'q>(&'q self, found: &mut Vec<(&'q str, &'q ModelRef)>) {
        match self {
            ProblemsExpr::Solved { evaluation, model }
            | ProblemsExpr::Accuracy {
                evaluation, model, ..
            } => {
                if !found.contains(&(evaluation.as_str(), model)) {
                    found.push((evaluation, model));
                }
            }
            ProblemsExpr::Union { left, right }
            | ProblemsExpr::Intersection { left, right }
            | ProblemsExpr::Difference { left, right } => {
                left.collect_models(found);
                right.collect_models(found);
            }
        }
    }
}
