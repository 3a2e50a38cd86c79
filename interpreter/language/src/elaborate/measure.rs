//! What claims measure: calls over evaluations, trainings and published numbers, and lists in them.
//!
//! Inside of `all`, `any`, `rising`, `falling`, `max` and `min` an argument can be a list (of models, of k, of evaluations,
//! of published numbers). The expression is read once for each place of the lists, side by side; what is no list is the same
//! in each.

use rlx_grammar::ast::{Argument, Expr, ExprKind, Keyword, Path};

use super::{Elaborator, EvaluationInfo, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::schema::{self, Schema};
use crate::study::{BesideRow, ModelRef, ProblemsExpr, Quantity, Query};

/// Longest list that is spread over a condition.
const LONGEST: usize = 1_000;

/// The place that is read of the lists in an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    at: usize,
    /// Length of the lists that were met; 1 while there is none.
    len: usize,
}

impl<'a> Elaborator<'a> {
    /// Reads `at` once for each place of the lists in it.
    pub(super) fn over_lanes<T>(
        &mut self,
        at: Sited<'a>,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.lanes.push(Lane { at: 0, len: 1 });
        let reported = self.out.len();
        let mut all = Vec::new();
        let whole = loop {
            let Some(one) = read(self) else { break false };
            all.push(one);
            let Some(lane) = self.lanes.last_mut() else {
                break false;
            };
            if all.len() >= lane.len {
                break true;
            }
            lane.at = all.len();
            if lane.len > LONGEST {
                let diagnostic = Diagnostic::error(
                    "rlx::claim::form",
                    format!("a list of {} is more than {LONGEST}", lane.len),
                );
                let diagnostic = self.at(diagnostic, at.place(), "too long");
                self.report(diagnostic);
                break false;
            }
        };
        self.lanes.pop();
        // What is wrong in each place of a list is said once.
        let mut said = reported;
        while said < self.out.len() {
            let repeated = self.out[reported..said].contains(&self.out[said]);
            if repeated {
                self.out.remove(said);
            } else {
                said += 1;
            }
        }
        whole.then_some(all)
    }

    /// The item of a list that is read now.
    fn pick<T>(&mut self, mut items: Vec<T>, place: Place, what: &str) -> Option<T> {
        let count = items.len();
        if count == 1 {
            return items.pop();
        }
        let problem = match self.lanes.last_mut() {
            _ if count == 0 => Some(format!("the list holds no {what}")),
            None => Some(format!("one {what} is wanted here, and these are {count}")),
            Some(lane) if lane.len == 1 || lane.len == count => {
                lane.len = count;
                let at = lane.at;
                return items.into_iter().nth(at);
            }
            Some(lane) => Some(format!(
                "this list has {count}, and another one in the same expression has {}",
                lane.len
            )),
        };
        let diagnostic = Diagnostic::error("rlx::claim::list", problem.unwrap_or_default());
        let diagnostic = self.at(diagnostic, place, format!("{count} of them")).help(
            "lists stand inside of `all(…)`, `any(…)`, `rising(…)`, `falling(…)`, `max(…)` or `min(…)`, and are of equal length",
        );
        self.report(diagnostic);
        None
    }

    /// The evaluation of a measure; a list of them is read place by place.
    fn measured_evaluation(&mut self, checked: &super::checked::Checked<'a>) -> Option<EvaluationInfo> {
        let (at, _) = checked.reference("evaluation")?;
        let at = self.resolve(at)?;
        let ExprKind::List(items) = &at.expr.node else {
            return self.asked(checked);
        };
        let all: Vec<&'a Expr> = items.iter().collect();
        let one = self.pick(all, at.place(), "evaluation")?;
        self.asked_at(at.with(one))
    }

    /// The model of a measure; of a list the one whose turn it is.
    fn measured_model(
        &mut self,
        checked: &super::checked::Checked<'a>,
        field: &str,
        info: &EvaluationInfo,
    ) -> Option<ModelRef> {
        if self.lanes.is_empty() {
            return self.asked_model(checked, field, info);
        }
        let models = self.asked_models(checked, field, info)?;
        self.pick(models, checked.place(field), "model")
    }

    /// The k of a measure, checked against the samples.
    fn measured_k(&mut self, checked: &super::checked::Checked<'a>, info: &EvaluationInfo) -> Option<u64> {
        let ks = checked.counts("k")?.to_vec();
        let (k, place) = self.pick(ks, checked.place("k"), "k")?;
        self.check_k(k, place, info)?;
        self.warn_k(k, place, info);
        Some(k)
    }

    pub(super) fn measure(
        &mut self,
        function: &'static Schema,
        arguments: &'a [Argument],
        at: Sited<'a>,
        name: &str,
    ) -> Option<Quantity> {
        // Leaves of calls inside a claim would collide; the claim's text is its record.
        let path = format!("{name}.{}", function.name);
        let checked = self.unrecorded(|these| these.arguments(function, arguments, at, &path))?;
        match function.name {
            "published" => return self.published(&checked),
            "logged" => {
                let (of, _) = checked.reference("of")?;
                let trainings = self.trainings_named(of)?;
                let training = self.pick(trainings, checked.place("of"), "training")?;
                let quantity = Quantity::Logged {
                    training,
                    metric: checked.word("metric")?.to_owned(),
                    step: checked.maybe_count("step")?,
                };
                return checked.is_whole().then_some(quantity);
            }
            "temperature" => {
                let (of, _) = checked.reference("of")?;
                let searches = self.searches_named(of)?;
                let search = self.pick(searches, checked.place("of"), "search")?;
                return checked.is_whole().then_some(Quantity::Temperature { search });
            }
            _ => {}
        }
        let info = self.measured_evaluation(&checked)?;
        let model = self.measured_model(&checked, "of", &info);
        let evaluation = info.evaluation.name.clone();
        let quantity = match function.name {
            "pass" => Quantity::Pass {
                evaluation,
                k: self.measured_k(&checked, &info)?,
                model: model?,
            },
            "majority" => Quantity::Majority {
                evaluation,
                k: self.measured_k(&checked, &info)?,
                model: model?,
            },
            "best_of" => Quantity::BestOf {
                evaluation,
                k: self.measured_k(&checked, &info)?,
                model: model?,
                by: self.measured_model(&checked, "under", &info)?,
            },
            "delta_se" => {
                let against = self.measured_model(&checked, "against", &info);
                let k = checked.count("k")?;
                self.check_k(k, checked.place("k"), &info)?;
                self.warn_k(k, checked.place("k"), &info);
                Quantity::DeltaSe {
                    evaluation,
                    of: model?,
                    against: against?,
                    k,
                }
            }
            "crossing" => Quantity::Crossing {
                evaluation,
                of: model?,
                against: self.measured_model(&checked, "against", &info)?,
            },
            "length" => Quantity::Length {
                evaluation,
                model: model?,
            },
            "truncated" => Quantity::Truncated {
                evaluation,
                model: model?,
            },
            "valid_chains" => Quantity::ValidChains {
                evaluation,
                model: model?,
                below: checked.number("below")?,
                left_out: checked.word("ambiguous")? == "left_out",
            },
            "entropy" => {
                let model = model?;
                self.knows_entropy(&checked, std::slice::from_ref(&model))?;
                Quantity::Entropy { evaluation, model }
            }
            _ => Quantity::Perplexity {
                evaluation,
                of: model?,
                under: self.measured_model(&checked, "under", &info)?,
                only_correct: checked.boolean("correct")?,
            },
        };
        checked.is_whole().then_some(quantity)
    }

    /// `solved(…)`, `accuracy(…)`.
    pub(super) fn set_call(
        &mut self,
        callee: &'a Path,
        arguments: &'a [Argument],
        at: Sited<'a>,
        name: &str,
    ) -> Option<ProblemsExpr> {
        let function = self.function(callee, at, &schema::SETS)?;
        let path = format!("{name}.{}", function.name);
        let checked = self.unrecorded(|these| these.arguments(function, arguments, at, &path))?;
        let info = self.measured_evaluation(&checked)?;
        let model = self.measured_model(&checked, "of", &info)?;
        let evaluation = info.evaluation.name.clone();
        let set = if function.name == "solved" {
            ProblemsExpr::Solved { evaluation, model }
        } else {
            // Below every accuracy, so that problems without a right sample are inside.
            let above = checked.maybe_number("above")?.unwrap_or(-1.0);
            ProblemsExpr::Accuracy {
                evaluation,
                model,
                above,
                most: checked.number("most")?,
            }
        };
        checked.is_whole().then_some(set)
    }

    /// `contained(set, within = other)`
    pub(super) fn contained(
        &mut self,
        arguments: &'a [Argument],
        at: Sited<'a>,
        name: &str,
    ) -> Option<Quantity> {
        let [set, within] = arguments else {
            return self.no_containment(at);
        };
        if set.name.is_some() || within.name.as_ref().is_none_or(|name| name.node != "within") {
            return self.no_containment(at);
        }
        let set = self.problems_expr(at.with(&set.value), name);
        let within = self.problems_expr(at.with(&within.value), name);
        let (set, within) = (set?, within?);
        let both = ProblemsExpr::Union {
            left: Box::new(set.clone()),
            right: Box::new(within.clone()),
        };
        self.one_evaluation(&both, at)?;
        Some(Quantity::Contained {
            set: Box::new(set),
            within: Box::new(within),
        })
    }

    fn no_containment(&mut self, at: Sited<'a>) -> Option<Quantity> {
        let diagnostic = Diagnostic::error(
            "rlx::query::argument",
            "`contained` takes a set of problems and the set it lies in",
        );
        let diagnostic = self
            .at(diagnostic, at.place(), "of another form")
            .help("write `contained(solved(EVALUATION, rl), within = solved(EVALUATION, base))`");
        self.report(diagnostic);
        None
    }

    /// A published number: a `let` that is a number, or a place in a record of two lists of numbers.
    fn published(&mut self, checked: &super::checked::Checked<'a>) -> Option<Quantity> {
        let (named, _) = checked.reference("of")?;
        let mut named = named;
        if let ExprKind::List(items) = &self.resolve(named)?.expr.node {
            let list = self.resolve(named)?;
            let all: Vec<&'a Expr> = items.iter().collect();
            let one = self.pick(all, list.place(), "published number")?;
            named = list.with(one);
        }
        let source = self.text_of(named);
        let at = self.resolve(named)?;
        let mut wanted: Vec<(&str, u64, Place)> = Vec::new();
        if let Some(ks) = checked.counts("k") {
            let (k, place) = self.pick(ks.to_vec(), checked.place("k"), "k")?;
            wanted.push(("k", k, place));
        }
        for field in ["bin", "step"] {
            if let Some(count) = checked.maybe_count(field)? {
                wanted.push((field, count, checked.place(field)));
            }
        }
        if let ExprKind::Record(fields) = &at.expr.node {
            let lists: Vec<(&'a str, &'a [Expr])> = fields
                .iter()
                .filter_map(|field| match (&field.name.node.as_slice(), &field.value.node) {
                    ([name], ExprKind::List(items)) => Some((name.node.as_str(), items.as_slice())),
                    _ => None,
                })
                .collect();
            let ([(axis, places), (_, values)], [(field, count, place)]) =
                (lists.as_slice(), wanted.as_slice())
            else {
                let axis = lists.first().map_or("k", |(name, _)| *name);
                return self.no_published(at, &format!("say where: `published({source}, {axis} = …)`"));
            };
            if axis != field {
                return self.no_published(at, &format!("its numbers stand by `{axis}`, not by `{field}`"));
            }
            for (at_place, value) in places.iter().zip(values.iter()) {
                if self.plain(at.with(at_place))? == *count as f64 {
                    let value = self.plain(at.with(value))?;
                    return Some(Quantity::Published {
                        value,
                        source: format!("{source} at {field} = {count}"),
                    });
                }
            }
            let diagnostic = Diagnostic::error(
                "rlx::claim::published",
                format!("`{source}` has no number at {field} = {count}"),
            );
            let known: Vec<String> = places
                .iter()
                .filter_map(|expr| self.plain(at.with(expr)))
                .map(|number| number.to_string())
                .collect();
            let diagnostic = self.at(diagnostic, *place, "not published").help(format!(
                "there are {}",
                crate::suggest::list(known.iter().map(String::as_str))
            ));
            self.report(diagnostic);
            return None;
        }
        if let Some((field, ..)) = wanted.first() {
            return self.no_published(at, &format!("it is one number: leave `{field}` out"));
        }
        match self.number(at) {
            Ok(number) => Some(Quantity::Published {
                value: number.value,
                source,
            }),
            Err(Fail::Reported) => None,
            Err(Fail::Kind) => self.no_published(
                at,
                "published numbers are a number, or a record of two lists: `{ k = [1, 2], pass = [7.4%, 12%] }`",
            ),
        }
    }

    fn plain(&mut self, at: Sited<'a>) -> Option<f64> {
        match self.number(at) {
            Ok(number) => Some(number.value),
            Err(Fail::Reported) => None,
            Err(Fail::Kind) => {
                self.mismatch_with(at, "published", "a number");
                None
            }
        }
    }

    fn no_published(&mut self, at: Sited<'a>, help: &str) -> Option<Quantity> {
        let diagnostic = Diagnostic::error("rlx::claim::published", "no published number can be read here");
        let diagnostic = self.at(diagnostic, at.place(), "read here").help(help);
        self.report(diagnostic);
        None
    }

    /// `beside(measured, published)`: both sides read place by place.
    pub(super) fn beside(
        &mut self,
        checked: &super::checked::Checked<'a>,
        at: Sited<'a>,
        name: &str,
    ) -> Option<Query> {
        let (measured, _) = checked.reference("measured")?;
        let (published, _) = checked.reference("published")?;
        let pairs = self.over_lanes(at, |this| {
            Some((this.quantity(measured, name)?, this.quantity(published, name)?))
        })?;
        let rows = pairs
            .into_iter()
            .map(|(measured, published)| BesideRow {
                label: label(&measured),
                measured,
                published,
            })
            .collect();
        Some(Query::Beside { rows })
    }

    fn asked_at(&mut self, at: Sited<'a>) -> Option<EvaluationInfo> {
        let entity = self.entity(at, &[Keyword::Evaluate], "an evaluation")?;
        self.evaluation(entity.id)
    }
}

/// A quantity as a reader names it: `pass@256 of rl@450 on aime`.
fn label(quantity: &Quantity) -> String {
    match quantity {
        Quantity::Pass { evaluation, model, k } => format!("pass@{k} of {} on {evaluation}", model.label()),
        Quantity::Majority { evaluation, model, k } => {
            format!("majority of {k} of {} on {evaluation}", model.label())
        }
        Quantity::BestOf {
            evaluation,
            model,
            by,
            k,
        } => format!(
            "best of {k} of {} by {} on {evaluation}",
            model.label(),
            by.label()
        ),
        Quantity::DeltaSe {
            evaluation,
            of,
            against,
            k,
        } => format!(
            "ΔSE of {} to pass@{k} of {} on {evaluation}",
            of.label(),
            against.label()
        ),
        Quantity::Crossing {
            evaluation,
            of,
            against,
        } => format!(
            "k from which {} leads {} on {evaluation}",
            against.label(),
            of.label()
        ),
        Quantity::Perplexity {
            evaluation,
            of,
            under,
            ..
        } => format!(
            "perplexity of {} under {} on {evaluation}",
            of.label(),
            under.label()
        ),
        Quantity::Length { evaluation, model } => format!("tokens of {} on {evaluation}", model.label()),
        Quantity::Truncated { evaluation, model } => {
            format!("truncated of {} on {evaluation}", model.label())
        }
        Quantity::ValidChains {
            evaluation, model, ..
        } => format!(
            "hardest problems with a valid chain of {} on {evaluation}",
            model.label()
        ),
        Quantity::Entropy { evaluation, model } => format!("entropy of {} on {evaluation}", model.label()),
        Quantity::Logged {
            training,
            metric,
            step,
        } => match step {
            Some(step) => format!("{metric} of {training} at step {step}"),
            None => format!("{metric} of {training} at its end"),
        },
        Quantity::Temperature { search } => format!("temperature of {search}"),
        Quantity::Published { source, .. } => source.clone(),
        Quantity::Number { value } => value.to_string(),
        Quantity::Add { left, right } => format!("{} + {}", label(left), label(right)),
        Quantity::Subtract { left, right } => format!("{} − {}", label(left), label(right)),
        Quantity::Multiply { left, right } => format!("{} × {}", label(left), label(right)),
        Quantity::Divide { left, right } => format!("{} / {}", label(left), label(right)),
        Quantity::Largest { of } => format!("largest of {}", of.len()),
        Quantity::Smallest { of } => format!("smallest of {}", of.len()),
        Quantity::Share { .. } => "share of problems".into(),
        Quantity::Count { .. } => "number of problems".into(),
        Quantity::Contained { .. } => "share contained".into(),
    }
}
