//! Figures and tables.

use rlx_grammar::ast::Keyword;

use super::scope::Content;
use super::{Elaborator, Sited};
use crate::program::DeclId;
use crate::schema::{self, Type};
use crate::study::{Judge, Output, OutputKind, Query};

impl<'a> Elaborator<'a> {
    pub(super) fn output(&mut self, id: DeclId) {
        let declaration = self.program.declaration(id);
        let name = self.name_of(id);
        let title = declaration
            .title
            .as_ref()
            .map(|title| self.titled(&title.node, id));
        let kind = if declaration.keyword.node == Keyword::Figure {
            OutputKind::Figure
        } else {
            OutputKind::Table
        };
        let value = match self.content(id) {
            Content::Value(value) => value,
            Content::Fields(..) | Content::Block(_) => {
                let diagnostic = crate::Diagnostic::error(
                    "rlx::type::mismatch",
                    format!("`{name}` is no call of a function"),
                );
                let place = self.name_place(id);
                let diagnostic = self
                    .at(diagnostic, place, "not a call")
                    .help(format!("write `{name} = pass_at_k(EVALUATION, k = 1..n by *2)`"));
                self.report(diagnostic);
                return;
            }
        };
        let origin = self.origin(value);
        self.leaf(&name, self.text_of(value), None, origin, Vec::new());
        if let Some(query) = self.query(value, &name) {
            self.outputs.insert(
                name.clone(),
                Output {
                    name,
                    kind,
                    title,
                    query,
                },
            );
        }
    }

    fn query(&mut self, value: Sited<'a>, name: &str) -> Option<Query> {
        let Some((callee, arguments, at)) = self.call(value)? else {
            self.mismatch(
                value,
                name,
                &Type::Reference("a function of an evaluation, such as `pass_at_k(aime, k = 1..n by *2)`"),
            );
            return None;
        };
        let function = self.function(callee, at, &schema::FUNCTIONS)?;
        let checked = self.arguments(function, arguments, at, name)?;
        if function.name == "training" {
            let (of, _) = checked.reference("of")?;
            let trainings = self.trainings_named(of)?;
            return checked.is_whole().then_some(Query::Training { trainings });
        }
        if function.name == "searched" {
            let (of, _) = checked.reference("of")?;
            let searches = self.searches_named(of)?;
            return checked.is_whole().then_some(Query::Searched { searches });
        }
        if function.name == "beside" {
            let query = self.beside(&checked, at, name)?;
            return checked.is_whole().then_some(query);
        }
        if function.name == "pass_at_k" {
            let query = self.curves(&checked)?;
            return checked.is_whole().then_some(query);
        }
        let info = self.asked(&checked)?;
        let of = self.asked_models(&checked, "of", &info);
        let evaluation = info.evaluation.name.clone();
        let query = match function.name {
            "majority" => Query::Majority {
                evaluation,
                of: of?,
                k: self.asked_ks(&checked, &info)?,
            },
            "best_of" => {
                let by = self.asked_model(&checked, "under", &info);
                Query::BestOf {
                    evaluation,
                    of: of?,
                    by: by?,
                    k: self.asked_ks(&checked, &info)?,
                }
            }
            "best_judged" => Query::BestJudged {
                evaluation,
                of: of?,
                by: self.other_judge(&checked, &info)?,
                k: self.asked_ks(&checked, &info)?,
            },
            "compare" | "crossing" => {
                let against = self.asked_model(&checked, "against", &info)?;
                let mut of = of?;
                if checked.is_default("of") {
                    of.retain(|model| *model != against);
                }
                if function.name == "crossing" {
                    Query::Crossing {
                        evaluation,
                        of,
                        against,
                    }
                } else {
                    Query::Compare {
                        evaluation,
                        of,
                        against,
                        k: self.asked_ks(&checked, &info)?,
                    }
                }
            }
            "disagreements" => Query::Disagreements {
                evaluation,
                of: of?,
                by: self.other_judge(&checked, &info)?,
            },
            "read_by_hand" => Query::ReadByHand {
                evaluation,
                of: of?,
                below: checked.number("below")?,
                left_out: checked.word("ambiguous")? == "left_out",
            },
            "accuracy" => Query::Accuracy { evaluation, of: of? },
            "coverage" => Query::Coverage { evaluation, of: of? },
            "solved" => Query::Solved { evaluation, of: of? },
            "lengths" => Query::Lengths { evaluation, of: of? },
            "entropy" => {
                let of = of?;
                self.knows_entropy(&checked, &of)?;
                Query::Entropy { evaluation, of }
            }
            "delta_se" => {
                let against = self.asked_model(&checked, "against", &info);
                let k = checked.count("k")?;
                self.check_k(k, checked.place("k"), &info)?;
                self.warn_k(k, checked.place("k"), &info);
                let against = against?;
                // A model's gap to itself says nothing; without `of` it is left out.
                let mut of = of?;
                if checked.is_default("of") {
                    of.retain(|model| *model != against);
                }
                Query::DeltaSe {
                    evaluation,
                    of,
                    against,
                    k,
                }
            }
            "subset" => {
                let within = self.asked_model(&checked, "within", &info)?;
                let mut of = of?;
                if checked.is_default("of") {
                    of.retain(|model| *model != within);
                }
                Query::Subset {
                    evaluation,
                    of,
                    within,
                }
            }
            "perplexity" => {
                let under = self.asked_models(&checked, "under", &info);
                Query::Perplexity {
                    evaluation,
                    of: of?,
                    under: under?,
                    only_correct: checked.boolean("correct")?,
                }
            }
            _ => Query::Summary { evaluation, of: of? },
        };
        checked.is_whole().then_some(query)
    }

    /// A judge that compares what the benchmark's judge compares, and is another one.
    fn other_judge(
        &mut self,
        checked: &super::checked::Checked<'a>,
        info: &super::EvaluationInfo,
    ) -> Option<Judge> {
        let by = Judge::by_name(checked.word("judge")?)?;
        let benchmark = &info.evaluation.benchmark;
        let own = self.problem_sets.get(benchmark)?.judge;
        let (message, help) = if own == by {
            (
                format!("`{}` is the judge of `{benchmark}` itself", by.name()),
                "name another one: a judge never differs from itself".to_owned(),
            )
        } else if matches!(own, Judge::Code | Judge::Countdown) {
            (
                format!(
                    "`{benchmark}` is judged by `{}`, beside which no other judge makes sense",
                    own.name()
                ),
                "ask it of an evaluation whose answers are compared with golds".to_owned(),
            )
        } else {
            return Some(by);
        };
        let diagnostic = crate::Diagnostic::error("rlx::query::judge", message);
        let diagnostic = self
            .at(
                diagnostic,
                checked.place("judge"),
                "no other judge of the same answers",
            )
            .help(help);
        self.report(diagnostic);
        None
    }

    /// The k of a range or list, ascending, each once; none above the samples.
    pub(super) fn asked_ks(
        &mut self,
        checked: &super::checked::Checked<'a>,
        info: &super::EvaluationInfo,
    ) -> Option<Vec<u64>> {
        let counts = checked.counts("k")?.to_vec();
        if let Some((largest, place)) = counts.iter().max_by_key(|(k, _)| *k).copied() {
            self.check_k(largest, place, info)?;
        }
        let mut k: Vec<u64> = counts.into_iter().map(|(k, _)| k).collect();
        k.sort_unstable();
        k.dedup();
        Some(k)
    }
}
