//! What an evaluation observed: a verdict for every sample, a perplexity for every scored response. n and c are
//! counted from these rows; where a row is missing, the numbers that need it are undefined rather than smaller.

use std::collections::BTreeMap;

use thiserror::Error;

/// What an evaluation set out to measure; rows are checked against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    /// The evaluation's name.
    pub evaluation: String,
    pub benchmark: String,
    /// Ids of the problems, in the benchmark's order.
    pub problems: Vec<String>,
    /// Labels of the sampled models (`base`, `rl@150`), in the order of the study.
    pub models: Vec<String>,
    /// Samples a problem that were asked for.
    pub samples: u64,
    /// The judge's verdict names, in its order; others are appended by name.
    pub verdicts: Vec<String>,
}

/// One judged sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRow<'a> {
    pub model: &'a str,
    pub problem: &'a str,
    /// Number of the sample, 0-based and below [`Design::samples`].
    pub sample: u64,
    pub correct: bool,
    /// The judge's name of the verdict (`right`, `wrong`, `truncated`, …).
    pub verdict: &'a str,
    /// Tokens of the response; 0 where nobody counted them.
    pub tokens: u64,
    /// Whether the response ran into `max_tokens`.
    pub truncated: bool,
    /// What the judge took for the answer: wrong responses with equal answers vote together. None does not vote.
    pub answer: Option<&'a str>,
    /// Negative log-probability of the drawn tokens at the sampling temperature, in nats.
    pub surprisal: Option<f64>,
}

/// Perplexity of one response of the model `of` under the model `under`: exp of the mean negative log-probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerplexityRow<'a> {
    pub of: &'a str,
    pub under: &'a str,
    pub problem: &'a str,
    pub sample: u64,
    pub perplexity: f64,
}

/// Rows that contradict the design or each other.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum OutcomesError {
    #[error(
        "{evaluation}: problem `{problem}` is listed twice; problem ids must be unique within a benchmark"
    )]
    DuplicateProblem { evaluation: String, problem: String },
    #[error("{evaluation}: model `{model}` is listed twice")]
    DuplicateModel { evaluation: String, model: String },
    #[error(
        "{evaluation}: a row names the problem `{problem}`, which {benchmark} does not have; judge again with the benchmark the samples were drawn for"
    )]
    UnknownProblem {
        evaluation: String,
        benchmark: String,
        problem: String,
    },
    #[error("{evaluation}: a row names the model `{model}`, which is not evaluated there (models: {known})")]
    UnknownModel {
        evaluation: String,
        model: String,
        known: String,
    },
    #[error("{evaluation}: two rows for sample {sample} of `{problem}` by {model}; keep one of them")]
    DuplicateSample {
        evaluation: String,
        model: String,
        problem: String,
        sample: u64,
    },
    #[error(
        "{evaluation}: sample {sample} of `{problem}` by {model} lies beyond the {samples} samples a problem; sample numbers start at 0"
    )]
    SampleOutOfRange {
        evaluation: String,
        model: String,
        problem: String,
        sample: u64,
        samples: u64,
    },
    #[error(
        "{evaluation}: two perplexities under {under} for sample {sample} of `{problem}` by {of}; keep one of them"
    )]
    DuplicatePerplexity {
        evaluation: String,
        of: String,
        under: String,
        problem: String,
        sample: u64,
    },
    #[error(
        "{evaluation}: the perplexity {perplexity} under {under} of sample {sample} of `{problem}` by {of} is not a positive finite number; score the response again"
    )]
    BadPerplexity {
        evaluation: String,
        of: String,
        under: String,
        problem: String,
        sample: u64,
        perplexity: f64,
    },
    #[error(
        "{evaluation}: {problems} problems with {samples} samples each are more than can be analysed at once (2^32 rows a model)"
    )]
    TooLarge {
        evaluation: String,
        problems: usize,
        samples: u64,
    },
}

/// The rows of one evaluation, checked and laid out by model, problem and sample.
#[derive(Debug, Clone)]
pub struct Outcomes {
    design: Design,
    models: Vec<Vec<Option<Sample>>>,
    /// Samples a problem, by model: those of the design, or fewer.
    samples: Vec<u64>,
    verdicts: Vec<String>,
    /// Per (of, under): NaN where a row is missing.
    perplexities: BTreeMap<(usize, String), Vec<f64>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) correct: bool,
    pub(crate) truncated: bool,
    pub(crate) verdict: u16,
    pub(crate) tokens: u32,
    /// Number of the answer within the evaluation; [`NO_ANSWER`] for none.
    pub(crate) answer: u32,
    /// Nats of the whole response; NaN where unknown.
    pub(crate) surprisal: f64,
}

/// A sample without an answer.
pub(crate) const NO_ANSWER: u32 = u32::MAX;

impl Outcomes {
    /// Lays the rows out. Their order is of no importance; rows may be missing.
    ///
    /// # Errors
    /// When a row names what the design does not have, or when two rows are of the same sample.
    pub fn new<'a>(
        design: Design,
        rows: impl IntoIterator<Item = SampleRow<'a>>,
        perplexities: impl IntoIterator<Item = PerplexityRow<'a>>,
    ) -> Result<Self, OutcomesError> {
        let index = Index::new(&design)?;
        let cells = index.cells;
        let mut models = vec![vec![None; cells]; design.models.len()];
        let mut names: BTreeMap<&str, u16> = BTreeMap::new();
        let mut answers: BTreeMap<&str, u32> = BTreeMap::new();
        for row in rows {
            let (model, cell) = index.place(&design, row.model, row.problem, row.sample)?;
            let fresh = names.len() as u16;
            let verdict = *names.entry(row.verdict).or_insert(fresh);
            let slot: &mut Option<Sample> = &mut models[model][cell];
            if slot.is_some() {
                return Err(OutcomesError::DuplicateSample {
                    evaluation: design.evaluation.clone(),
                    model: row.model.to_owned(),
                    problem: row.problem.to_owned(),
                    sample: row.sample,
                });
            }
            *slot = Some(Sample {
                correct: row.correct,
                truncated: row.truncated,
                verdict,
                tokens: u32::try_from(row.tokens).unwrap_or(u32::MAX),
                answer: row.answer.map_or(NO_ANSWER, |answer| {
                    let fresh = answers.len() as u32;
                    *answers.entry(answer.trim()).or_insert(fresh)
                }),
                surprisal: row.surprisal.filter(|nats| nats.is_finite()).unwrap_or(f64::NAN),
            });
        }
        let mut scored: BTreeMap<(usize, String), Vec<f64>> = BTreeMap::new();
        for row in perplexities {
            let (of, cell) = index.place(&design, row.of, row.problem, row.sample)?;
            let slot = &mut scored
                .entry((of, row.under.to_owned()))
                .or_insert_with(|| vec![f64::NAN; cells])[cell];
            if !slot.is_nan() {
                return Err(OutcomesError::DuplicatePerplexity {
                    evaluation: design.evaluation.clone(),
                    of: row.of.to_owned(),
                    under: row.under.to_owned(),
                    problem: row.problem.to_owned(),
                    sample: row.sample,
                });
            }
            if !(row.perplexity.is_finite() && row.perplexity > 0.0) {
                return Err(OutcomesError::BadPerplexity {
                    evaluation: design.evaluation.clone(),
                    of: row.of.to_owned(),
                    under: row.under.to_owned(),
                    problem: row.problem.to_owned(),
                    sample: row.sample,
                    perplexity: row.perplexity,
                });
            }
            *slot = row.perplexity;
        }
        let verdicts = order_verdicts(&design.verdicts, names, &mut models);
        Ok(Outcomes {
            samples: vec![design.samples; design.models.len()],
            design,
            models,
            verdicts,
            perplexities: scored,
        })
    }

    /// As these, with at most `samples` of each problem by `model`: of responses that lie in a file there may be fewer than
    /// the design asks for. Rows of later ones are left out. A model that the design does not have changes nothing.
    #[must_use]
    pub fn with_samples(mut self, model: &str, samples: u64) -> Self {
        if let Some(at) = self.model(model) {
            self.samples[at] = samples.min(self.design.samples);
        }
        self
    }

    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Names of the verdicts, in the judge's order.
    pub fn verdicts(&self) -> &[String] {
        &self.verdicts
    }

    pub(crate) fn model(&self, label: &str) -> Option<usize> {
        self.design.models.iter().position(|known| known == label)
    }

    /// Samples a problem that are wanted of `model`.
    pub(crate) fn samples(&self, model: usize) -> u64 {
        self.samples[model]
    }

    /// Rows of `model` that are there.
    pub(crate) fn rows(&self, model: usize) -> impl Iterator<Item = &Sample> {
        self.samples_by_problem(model).flatten().flatten()
    }

    /// Rows of `model` that are wanted and not there.
    pub(crate) fn missing(&self, model: usize) -> usize {
        let slots = self.samples_by_problem(model).flatten();
        slots.filter(|slot| slot.is_none()).count()
    }

    /// Responses of `model` of which nobody counted the tokens.
    pub(crate) fn uncounted(&self, model: usize) -> usize {
        self.rows(model).filter(|sample| sample.tokens == 0).count()
    }

    /// Per problem the samples drawn (n) and the right ones (c), as far as rows are there.
    pub(crate) fn counts(&self, model: usize) -> Vec<(u64, u64)> {
        self.samples_by_problem(model)
            .map(|slots| {
                let right = slots.iter().flatten().filter(|sample| sample.correct).count();
                (slots.iter().flatten().count() as u64, right as u64)
            })
            .collect()
    }

    /// The smallest number of samples that any problem has of any model.
    pub(crate) fn fewest_samples(&self) -> u64 {
        let all = (0..self.models.len()).flat_map(|model| self.counts(model));
        all.map(|(n, _)| n).min().unwrap_or(0)
    }

    /// Per problem the perplexities of the responses of `of` under `under`, and how many of those wanted are missing.
    pub(crate) fn perplexities(&self, of: usize, under: &str, only_correct: bool) -> (Vec<Vec<f64>>, usize) {
        let wanted = |slot: &Option<Sample>| !only_correct || slot.is_none_or(|sample| sample.correct);
        let Some(values) = self.perplexities.get(&(of, under.to_owned())) else {
            let slots = self.samples_by_problem(of).flatten();
            let missing = slots.filter(|slot| wanted(slot)).count();
            return (vec![Vec::new(); self.design.problems.len()], missing);
        };
        let mut missing = 0;
        let groups = self
            .samples_by_problem(of)
            .zip(values.chunks(self.design.samples.max(1) as usize))
            .map(|(slots, values)| {
                let mut group = Vec::new();
                for (slot, &value) in slots.iter().zip(values) {
                    if !wanted(slot) {
                        continue;
                    }
                    // Without its verdict a response may or may not be among the right ones.
                    if value.is_nan() || (only_correct && slot.is_none()) {
                        missing += 1;
                    } else {
                        group.push(value);
                    }
                }
                group
            })
            .collect();
        (groups, missing)
    }

    /// Rows of `model` by problem, each problem's in the order of its samples.
    pub(crate) fn samples_by_problem(&self, model: usize) -> impl Iterator<Item = &[Option<Sample>]> {
        let wanted = self.samples[model] as usize;
        let problems = self.models[model].chunks(self.design.samples.max(1) as usize);
        problems.map(move |slots| slots.get(..wanted).unwrap_or(slots))
    }
}

struct Index {
    problems: BTreeMap<String, usize>,
    models: BTreeMap<String, usize>,
    cells: usize,
}

impl Index {
    fn new(design: &Design) -> Result<Self, OutcomesError> {
        let evaluation = || design.evaluation.clone();
        let mut problems = BTreeMap::new();
        for (i, problem) in design.problems.iter().enumerate() {
            if problems.insert(problem.clone(), i).is_some() {
                return Err(OutcomesError::DuplicateProblem {
                    evaluation: evaluation(),
                    problem: problem.clone(),
                });
            }
        }
        let mut models = BTreeMap::new();
        for (i, model) in design.models.iter().enumerate() {
            if models.insert(model.clone(), i).is_some() {
                return Err(OutcomesError::DuplicateModel {
                    evaluation: evaluation(),
                    model: model.clone(),
                });
            }
        }
        let cells = (design.problems.len() as u64).checked_mul(design.samples);
        match cells.filter(|&cells| cells <= u64::from(u32::MAX)) {
            Some(cells) => Ok(Index {
                problems,
                models,
                cells: cells as usize,
            }),
            None => Err(OutcomesError::TooLarge {
                evaluation: evaluation(),
                problems: design.problems.len(),
                samples: design.samples,
            }),
        }
    }

    fn place(
        &self,
        design: &Design,
        model: &str,
        problem: &str,
        sample: u64,
    ) -> Result<(usize, usize), OutcomesError> {
        let Some(&at_model) = self.models.get(model) else {
            return Err(OutcomesError::UnknownModel {
                evaluation: design.evaluation.clone(),
                model: model.to_owned(),
                known: design.models.join(", "),
            });
        };
        let Some(&at_problem) = self.problems.get(problem) else {
            return Err(OutcomesError::UnknownProblem {
                evaluation: design.evaluation.clone(),
                benchmark: design.benchmark.clone(),
                problem: problem.to_owned(),
            });
        };
        if sample >= design.samples {
            return Err(OutcomesError::SampleOutOfRange {
                evaluation: design.evaluation.clone(),
                model: model.to_owned(),
                problem: problem.to_owned(),
                sample,
                samples: design.samples,
            });
        }
        Ok((at_model, at_problem * design.samples as usize + sample as usize))
    }
}

/// The judge's order first, then what it did not announce, by name; the samples' numbers are put in that order.
fn order_verdicts(
    announced: &[String],
    names: BTreeMap<&str, u16>,
    models: &mut [Vec<Option<Sample>>],
) -> Vec<String> {
    let mut ordered: Vec<String> = announced.to_vec();
    let mut renumber = vec![0_u16; names.len()];
    for (name, number) in names {
        let place = ordered.iter().position(|known| known == name).unwrap_or_else(|| {
            ordered.push(name.to_owned());
            ordered.len() - 1
        });
        renumber[usize::from(number)] = place as u16;
    }
    for sample in models.iter_mut().flatten().flatten() {
        sample.verdict = renumber[usize::from(sample.verdict)];
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design() -> Design {
        Design {
            evaluation: "main".into(),
            benchmark: "held_out".into(),
            problems: vec!["a".into(), "b".into()],
            models: vec!["base".into()],
            samples: 2,
            verdicts: vec!["right".into(), "wrong".into()],
        }
    }

    fn row(problem: &str, sample: u64, correct: bool) -> SampleRow<'_> {
        let verdict = if correct { "right" } else { "malformed" };
        SampleRow {
            model: "base",
            problem,
            sample,
            correct,
            verdict,
            tokens: 3,
            truncated: false,
            answer: None,
            surprisal: None,
        }
    }

    #[test]
    fn counts_come_from_rows_and_gaps_are_seen() {
        let rows = [row("b", 1, true), row("a", 0, false), row("a", 1, true)];
        let outcomes = Outcomes::new(design(), rows, []).unwrap();
        assert_eq!(outcomes.counts(0), [(2, 1), (1, 1)]);
        assert_eq!(outcomes.missing(0), 1);
        assert_eq!(outcomes.verdicts(), ["right", "wrong", "malformed"]);
        assert_eq!(outcomes.rows(0).filter(|sample| sample.verdict == 2).count(), 1);
    }

    #[test]
    fn rows_that_cannot_be_are_refused() {
        let refuse =
            |rows: &[SampleRow<'static>]| Outcomes::new(design(), rows.iter().copied(), []).unwrap_err();
        assert!(matches!(
            refuse(&[row("a", 0, true), row("a", 0, true)]),
            OutcomesError::DuplicateSample { .. }
        ));
        assert!(matches!(
            refuse(&[row("z", 0, true)]),
            OutcomesError::UnknownProblem { .. }
        ));
        assert!(matches!(
            refuse(&[row("a", 2, true)]),
            OutcomesError::SampleOutOfRange { .. }
        ));
        let stranger = SampleRow {
            model: "rl@1",
            ..row("a", 0, true)
        };
        assert!(matches!(refuse(&[stranger]), OutcomesError::UnknownModel { .. }));
        let mut twice = design();
        twice.problems.push("a".into());
        assert!(matches!(
            Outcomes::new(twice, [], []),
            Err(OutcomesError::DuplicateProblem { .. })
        ));
        let score = PerplexityRow {
            of: "base",
            under: "base",
            problem: "a",
            sample: 0,
            perplexity: f64::NAN,
        };
        assert!(matches!(
            Outcomes::new(design(), [], [score]),
            Err(OutcomesError::BadPerplexity { .. })
        ));
    }

    #[test]
    fn a_missing_perplexity_is_counted_not_skipped() {
        let rows = [
            row("a", 0, true),
            row("a", 1, false),
            row("b", 0, true),
            row("b", 1, true),
        ];
        let scores = [("a", 0), ("b", 0)].map(|(problem, sample)| PerplexityRow {
            of: "base",
            under: "base",
            problem,
            sample,
            perplexity: 1.5,
        });
        let outcomes = Outcomes::new(design(), rows, scores).unwrap();
        assert_eq!(
            outcomes.perplexities(0, "base", true),
            (vec![vec![1.5], vec![1.5]], 1)
        );
        assert_eq!(outcomes.perplexities(0, "base", false).1, 2);
        assert_eq!(outcomes.perplexities(0, "teacher", false).1, 4);
    }
}
