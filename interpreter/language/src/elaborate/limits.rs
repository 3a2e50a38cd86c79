//! Numbers of one field against those of another: prompts against contexts, limits against sizes.

use super::Elaborator;
use super::checked::Checked;
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::study::{ModelRef, Prompt};

/// Characters of English and formulas that a token stands for, at the most that tokenizers of the known families reach.
const CHARACTERS_A_TOKEN: u64 = 4;

/// Tokens that the written part of a prompt takes at least, about.
fn written_tokens(prompt: &Prompt) -> u64 {
    let placeholder = "{problem}".len();
    let template = prompt.template.chars().count().saturating_sub(placeholder);
    let system = prompt.system.as_ref().map_or(0, |system| system.chars().count());
    (template + system) as u64 / CHARACTERS_A_TOKEN
}

impl<'a> Elaborator<'a> {
    /// What `max_tokens` leaves of the context should hold at least the words that are around every problem.
    pub(super) fn warn_room(&mut self, model: &ModelRef, set: &str, tokens: u64, place: Place) {
        let Some((context, rule)) = self.context_of(model) else {
            return;
        };
        let Some(words) = self.problem_sets.get(set).map(|set| written_tokens(&set.prompt)) else {
            return;
        };
        let room = context.saturating_sub(tokens);
        if room == 0 || room >= words.max(1) {
            return;
        }
        let diagnostic = Diagnostic::warning(
            "rlx::context::tight",
            format!(
                "{room} tokens are left for a prompt, and the words around a problem of `{set}` take about {words}"
            ),
        );
        let diagnostic = self.at(diagnostic, place, format!("{tokens} tokens for the response"));
        let diagnostic = self.at(diagnostic, rule, format!("{context} tokens in all")).help(format!(
            "a prompt that does not fit ends the run: `max_tokens` of {} would leave room for these words alone",
            context.saturating_sub(words)
        ));
        self.report(diagnostic);
    }

    /// `limit` beyond what `size` and `skip` leave.
    pub(super) fn check_limit(&mut self, checked: &Checked<'a>, size: Option<u64>, skip: u64) -> Option<()> {
        let (Some(limit), Some(size)) = (checked.maybe_count("limit")?, size) else {
            return Some(());
        };
        let left = size.saturating_sub(skip);
        if limit <= left {
            return Some(());
        }
        let diagnostic = Diagnostic::error(
            "rlx::data::short",
            format!("{limit} problems are wanted, and there are {left}"),
        );
        let diagnostic = self.at(diagnostic, checked.place("limit"), format!("{limit} problems"));
        let mut diagnostic = self.at(diagnostic, checked.place("size"), format!("{size} in all"));
        if skip > 0 {
            diagnostic = self.at(
                diagnostic,
                checked.place("skip"),
                format!("{skip} of them are skipped"),
            );
        }
        self.report(diagnostic.help(format!("lower `limit` to {left}, or leave it out")));
        None
    }

    /// An optimiser update takes a whole part of the step's prompts.
    pub(super) fn check_mini_batch(
        &mut self,
        checked: &Checked<'a>,
        batch: u64,
        mini: Option<u64>,
    ) -> Option<()> {
        let Some(mini) = mini.filter(|mini| !batch.is_multiple_of(*mini)) else {
            return Some(());
        };
        let diagnostic = Diagnostic::error(
            "rlx::train::mini_batch",
            if mini > batch {
                format!("an update takes {mini} prompts, and a step has {batch}")
            } else {
                format!("{batch} prompts a step cannot be cut into updates of {mini} prompts")
            },
        );
        let below = (1..=mini.min(batch))
            .rev()
            .take(10_000)
            .find(|part| batch.is_multiple_of(*part));
        let diagnostic = self.at(
            diagnostic,
            checked.place("algorithm"),
            format!("`mini_batch` is {mini} prompts"),
        );
        let diagnostic = self
            .at(
                diagnostic,
                checked.place("batch"),
                format!("{batch} prompts a step"),
            )
            .help(format!(
                "`mini_batch` divides `batch`: {} does",
                below.unwrap_or(batch)
            ));
        self.report(diagnostic);
        None
    }

    /// Distributions over tokens can be compared over one vocabulary only.
    pub(super) fn check_vocabularies(
        &mut self,
        checked: &Checked<'a>,
        student: &ModelRef,
        teacher: &ModelRef,
    ) -> Option<()> {
        let (Some(own), Some(other)) = (self.vocabulary_of(student), self.vocabulary_of(teacher)) else {
            return Some(());
        };
        if own == other {
            return Some(());
        }
        let diagnostic = Diagnostic::error(
            "rlx::train::vocabulary",
            format!(
                "the student has {own} tokens and the teacher {other}: their distributions cannot be compared"
            ),
        );
        let diagnostic = self.at(
            diagnostic,
            checked.place("teacher"),
            format!("a vocabulary of {other}"),
        );
        let diagnostic = self.at(
            diagnostic,
            checked.place("start"),
            format!("a vocabulary of {own}"),
        );
        let diagnostic = self.at(
            diagnostic,
            checked.place("divergence"),
            "learns the teacher's distributions",
        );
        self.report(diagnostic.help(
            "take a teacher of the same family, or leave `divergence` out: responses can be learnt across vocabularies",
        ));
        None
    }

    /// The stated size of the vocabulary of a model, or of what a training started from.
    fn vocabulary_of(&self, model: &ModelRef) -> Option<u64> {
        match model {
            ModelRef::Model { name } => self.models.get(name)?.model.vocabulary,
            ModelRef::Checkpoint { training, .. } => self.vocabulary_of(&self.trainings.get(training)?.start),
        }
    }

    /// A step that takes more prompts than there are problems sees some of them twice.
    pub(super) fn warn_batch(&mut self, checked: &Checked<'a>, data: &str, batch: u64) {
        let Some(known) = self.known_problems(data).filter(|known| batch > *known) else {
            return;
        };
        let diagnostic = Diagnostic::warning(
            "rlx::train::repeats",
            format!(
                "a step takes {batch} prompts, and `{data}` has {known} problems: some come twice in one step"
            ),
        );
        let diagnostic = self.at(diagnostic, checked.place("batch"), format!("{batch} prompts"));
        let diagnostic = self
            .at(diagnostic, checked.place("data"), format!("{known} problems"))
            .help("take a smaller batch, or more problems");
        self.report(diagnostic);
    }
}
