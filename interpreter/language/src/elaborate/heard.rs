//! Models that are only heard: recorded responses and servers, and where they do not do.

use super::checked::{Checked, Owner};
use super::entries::Entries;
use super::{Elaborator, Sited};
use crate::diagnostic::Diagnostic;
use crate::heard::{Endpoint, Recorded, RecordedBy};
use crate::program::Place;
use crate::schema;
use crate::sources::join;
use crate::study::{ModelRef, ModelSource, Sampling};

/// More than this a server takes for an attack.
const MOST_PARALLEL: u64 = 256;

impl<'a> Elaborator<'a> {
    /// `responses { … }`
    pub(super) fn recorded(
        &mut self,
        entries: Entries<'a>,
        at: Sited<'a>,
        inner: &Owner,
    ) -> Option<ModelSource> {
        let checked = self.read(&schema::RESPONSES, entries, inner);
        if !checked.is_whole() {
            return None;
        }
        let (id, problem) = (checked.maybe_text("id")?, checked.maybe_text("problem")?);
        let by = match (id, problem) {
            (Some(_), Some(_)) => {
                let diagnostic = Diagnostic::error(
                    "rlx::model::responses",
                    "rows are matched with problems by `id` or by `problem`, and both are named",
                );
                let diagnostic = self.at(diagnostic, checked.place("id"), "by the problem's id");
                let diagnostic = self
                    .at(diagnostic, checked.place("problem"), "by its text")
                    .help("leave one of them out");
                self.report(diagnostic);
                return None;
            }
            (None, Some(problem)) => RecordedBy::Problem(problem),
            (Some(id), None) => RecordedBy::Id(id),
            (None, None) => {
                self.computed(&format!("{}.id", inner.path), super::leaf::quoted("id"), None);
                RecordedBy::Id("id".to_owned())
            }
        };
        let file = checked.text("file")?;
        let recorded = Recorded {
            path: join(&self.folder_of(checked.place("file"), at), &file),
            by,
            response: checked.text("response")?,
            truncated: checked.text("truncated")?,
            verdict: checked.maybe_text("verdict")?,
        };
        Some(ModelSource::Responses { recorded })
    }

    /// `endpoint { … }`
    pub(super) fn endpoint(&mut self, entries: Entries<'a>, inner: &Owner) -> Option<ModelSource> {
        let checked = self.read(&schema::ENDPOINT, entries, inner);
        if !checked.is_whole() {
            return None;
        }
        let url = checked.text("url")?;
        let key = checked.maybe_text("key")?;
        let parallel = checked.count("parallel")?;
        // Keys of all services have small letters or dashes in them: one that is pasted here is seen.
        let variable = |name: &str| {
            let mut letters = name.chars();
            letters.next().is_some_and(|c| c.is_ascii_uppercase() || c == '_')
                && letters.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        };
        let wrong = if !plain_address(&url) {
            Some((
                "url",
                "this is no address of a server".to_owned(),
                "write it up to `/v1`, without `?` and without a name or a password: \"https://api.example.org/v1\"",
            ))
        } else if key.as_deref().is_some_and(|key| !variable(key)) {
            Some((
                "key",
                "`key` is the name of an environment variable, in capitals".to_owned(),
                "put the key into a variable, `export TEACHER_KEY=…`, and write `key = \"TEACHER_KEY\"`: a study is passed on, and a key must not be",
            ))
        } else if parallel > MOST_PARALLEL {
            Some((
                "parallel",
                format!("{parallel} questions at a time, and at most {MOST_PARALLEL} are asked"),
                "lower it",
            ))
        } else {
            None
        };
        if let Some((field, message, help)) = wrong {
            let diagnostic = Diagnostic::error("rlx::model::endpoint", message);
            let diagnostic = self
                .at(diagnostic, checked.place(field), format!("`{field}`"))
                .help(help);
            self.report(diagnostic);
            return None;
        }
        let endpoint = Endpoint {
            url: url.trim_end_matches('/').to_owned(),
            model: checked.text("model")?,
            key,
            timeout: checked.count("timeout")?,
            parallel,
            retries: checked.count("retries")?,
        };
        Some(ModelSource::Endpoint { endpoint })
    }

    fn source_of(&self, model: &ModelRef) -> Option<&ModelSource> {
        match model {
            ModelRef::Model { name } => self.models.get(name).map(|info| &info.model.source),
            ModelRef::Checkpoint { .. } => None,
        }
    }

    /// True for responses that were drawn before, whatever the study says of sampling.
    pub(super) fn is_recorded(&self, model: &ModelRef) -> bool {
        matches!(self.source_of(model), Some(ModelSource::Responses { .. }))
    }

    /// A model that is trained, or asked for probabilities, has weights here.
    pub(super) fn needs_weights(
        &mut self,
        model: &ModelRef,
        place: Place,
        why: &str,
        mend: &str,
    ) -> Option<()> {
        let what = match self.source_of(model) {
            Some(ModelSource::Responses { .. }) => "there are only responses of it",
            Some(ModelSource::Endpoint { .. }) => "a server only gives its responses",
            _ => return Some(()),
        };
        let diagnostic = Diagnostic::error(
            "rlx::model::weights",
            format!("{why}, and `{}` has none here", model.label()),
        );
        let diagnostic = self.at(diagnostic, place, what).help(mend);
        self.report(diagnostic);
        None
    }

    /// Whether a server can be asked for what a sampling and the prompt of `data` want.
    pub(super) fn check_interface(
        &mut self,
        model: &ModelRef,
        sampling: &Sampling,
        record: &Checked<'a>,
        data: &str,
        place: Place,
    ) -> Option<()> {
        if !matches!(self.source_of(model), Some(ModelSource::Endpoint { .. })) {
            return Some(());
        }
        let wanted = [
            ("top_k", sampling.top_k.is_some()),
            ("min_p", sampling.min_p.is_some()),
            ("repetition_penalty", sampling.repetition_penalty.is_some()),
            ("logit_bias", !sampling.logit_bias.is_empty()),
            ("min_tokens", sampling.min_tokens.is_some()),
        ];
        let mut good = Some(());
        for (field, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
            let diagnostic = Diagnostic::error(
                "rlx::model::endpoint",
                format!("OpenAI's interface has no `{field}`: a server may take no notice of it"),
            );
            let diagnostic = self.at(diagnostic, record.place(field), "asked of a server");
            let diagnostic = self
                .at(diagnostic, place, "because of this model")
                .help("leave it out");
            self.report(diagnostic);
            good = None;
        }
        let prompt = self.problem_sets.get(data).map(|set| &set.prompt);
        if prompt.is_some_and(|prompt| prompt.chat && prompt.prefill.is_some()) {
            let diagnostic = Diagnostic::error(
                "rlx::model::endpoint",
                format!("a server writes the whole answer, and the prompt of `{data}` begins it (`prefill`)"),
            );
            let diagnostic = self
                .at(diagnostic, place, "because of this model")
                .help("leave `prefill` out of the prompt, or write a plain text instead of `chat = true`");
            self.report(diagnostic);
            good = None;
        }
        good
    }

    /// What is said of sampling is not read where responses are recorded. It is no error: a profile or `--set` may have put
    /// the file in the place of a model that drew them.
    pub(super) fn warn_sampling(&mut self, checked: &Checked<'a>) {
        if checked.is_default("sampling") {
            return;
        }
        let diagnostic = Diagnostic::warning(
            "rlx::sampling::recorded",
            "responses that are recorded are not drawn: nothing of this `sampling` is held",
        );
        let diagnostic = self.at(diagnostic, checked.place("sampling"), "not read");
        let diagnostic = self
            .at(diagnostic, checked.place("teacher"), "because of this teacher")
            .help("leave it out");
        self.report(diagnostic);
    }
}

/// `http://` or `https://`, a host, and no more than a path.
fn plain_address(url: &str) -> bool {
    let Some(rest) = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
    else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty()
        && rest
            .chars()
            .all(|c| c.is_ascii_graphic() && !"?#@\\\"<>".contains(c))
}
