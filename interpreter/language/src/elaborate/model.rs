//! Models that exist before the study.

use rlx_grammar::ast::{ExprKind, Keyword};

use super::checked::{Checked, Owner};
use super::entries::{Entries, Nested};
use super::{Elaborator, Fail, ModelInfo, Sited, Via};
use crate::diagnostic::Diagnostic;
use crate::program::{DeclId, Place};
use crate::schema;
use crate::sources::join;
use crate::study::{Architecture, Model, ModelSource};

/// Where a text points: a repository of the hub, or a path joined with the folder of its file.
pub(super) enum Location {
    Hub { repo: String, revision: String },
    Path(String),
}

impl<'a> Elaborator<'a> {
    pub(super) fn model(&mut self, id: DeclId) -> Option<ModelInfo> {
        if let Some(done) = self.model_of.get(&id) {
            return done.clone();
        }
        self.binding_leaf_if_value(id);
        let info = self.entries_of_declaration(id).and_then(|entries| {
            let key = self.key(id);
            let owner = self.owner(id, &key);
            self.build_model(entries, &owner, key)
        });
        self.model_of.insert(id, info.clone());
        info
    }

    pub(super) fn binding_leaf_if_value(&mut self, id: DeclId) {
        if id.module == crate::program::ROOT {
            self.binding_leaf(id);
        }
    }

    pub(super) fn owner(&self, id: DeclId, key: &str) -> Owner {
        let keyword = match self.program.keyword(id) {
            Keyword::Model => "model",
            Keyword::Data => "data",
            Keyword::Benchmark => "benchmark",
            Keyword::Algorithm => "algorithm",
            Keyword::Train => "train",
            Keyword::Distill => "distill",
            Keyword::Search => "search",
            Keyword::Evaluate => "evaluate",
            _ => "declaration",
        };
        let name = self.name_of(id);
        Owner {
            path: key.to_owned(),
            what: format!("`{keyword} {name}`"),
            place: self.name_place(id),
            module: id.module,
        }
    }

    pub(super) fn build_model(
        &mut self,
        entries: Entries<'a>,
        owner: &Owner,
        key: String,
    ) -> Option<ModelInfo> {
        let checked = self.read(&schema::MODEL, entries, owner);
        let source = checked
            .reference("source")
            .map(|(at, nested)| (at, nested.to_vec()));
        let source = source.and_then(|(at, nested)| self.model_source(at, &nested, owner));
        if !checked.is_whole() {
            return None;
        }
        let (source, inner) = source?;
        let stated = checked
            .maybe_count("context")?
            .map(|context| (context, checked.place("context")));
        let fresh = match (&source, &inner) {
            (ModelSource::Init { architecture, .. }, Some(inner)) => {
                Some((architecture.context, inner.place("context")))
            }
            _ => None,
        };
        if let (Some((stated, place)), Some((fresh, rule))) = (stated, fresh)
            && stated > fresh
        {
            let diagnostic = Diagnostic::error(
                "rlx::model::architecture",
                "the context is longer than the architecture's",
            );
            let diagnostic = self.at(diagnostic, place, format!("{stated} tokens"));
            let diagnostic = self
                .at(diagnostic, rule, format!("{fresh} tokens"))
                .help("state it once, in `init`");
            self.report(diagnostic);
            return None;
        }
        let adapter = checked.maybe_text("adapter")?.map(|folder| {
            let place = checked.place("adapter");
            let name = &self.program.source(place.file).name;
            let base = if name.starts_with("--set ") { "" } else { name };
            (join(base, &folder), place)
        });
        let wrong = match &source {
            ModelSource::Init { .. } => Some((
                "an adapter for fresh weights",
                "changes weights that mean nothing yet",
            )),
            source if !source.has_weights() => Some((
                "an adapter for a model without weights",
                "there are no weights to change",
            )),
            _ => None,
        };
        if let (Some((_, place)), Some((message, label))) = (&adapter, wrong) {
            let diagnostic = Diagnostic::error("rlx::model::architecture", message);
            let diagnostic = self
                .at(diagnostic, *place, label)
                .help("name the model that the adapter was trained on as `source`");
            self.report(diagnostic);
            return None;
        }
        let model = Model {
            name: key,
            source,
            adapter: adapter.map(|(folder, _)| folder),
            context: stated.or(fresh).map(|(context, _)| context),
            parameters: checked.maybe_count("parameters")?,
            vocabulary: checked.maybe_count("vocabulary")?,
            licence: checked.maybe_text("licence")?,
            vision: checked.boolean("vision")?,
        };
        let (message, label) = match &model.source {
            _ if !model.vision => ("", ""),
            ModelSource::Init { .. } => ("fresh weights that read pictures", "no family of `init` has eyes"),
            ModelSource::Responses { .. } | ModelSource::Endpoint { .. } => (
                "pictures for a model whose weights are elsewhere",
                "pictures are shown to weights that are here",
            ),
            ModelSource::Hub { .. } | ModelSource::Path { .. } => ("", ""),
        };
        if !message.is_empty() {
            let diagnostic = Diagnostic::error("rlx::model::vision", message);
            let diagnostic = self
                .at(diagnostic, checked.place("vision"), label)
                .help("leave `vision` out, or name a model such as `std.models.qwen2_5_vl_7b_instruct`");
            self.report(diagnostic);
            return None;
        }
        Some(ModelInfo {
            model,
            context: stated.or(fresh),
        })
    }

    fn model_source(
        &mut self,
        at: Sited<'a>,
        nested: &[Nested<'a>],
        owner: &Owner,
    ) -> Option<(ModelSource, Option<Checked<'a>>)> {
        if let Some((form, entries)) = self.form(at, nested, &["init", "responses", "endpoint"]) {
            let inner = Owner {
                path: format!("{}.source", owner.path),
                what: format!("`{form}`"),
                place: at.place(),
                module: owner.module,
            };
            match form {
                "responses" => return Some((self.recorded(entries, at, &inner)?, None)),
                "endpoint" => return Some((self.endpoint(entries, &inner)?, None)),
                _ => {}
            }
            let checked = self.read(&schema::INIT, entries, &inner);
            let source = self.fresh(&checked, at);
            return source.map(|source| (source, Some(checked)));
        }
        match self.location(at, "source", &["gguf"]) {
            Ok(Location::Hub { repo, revision }) => Some((ModelSource::Hub { repo, revision }, None)),
            Ok(Location::Path(path)) => Some((ModelSource::Path { path }, None)),
            Err(Fail::Reported) => None,
            Err(Fail::Kind) => {
                self.mismatch(
                    at,
                    "source",
                    &schema::Type::Reference(
                        "\"hf:org/name\", a path such as \"./model\", `init { … }`, `responses { … }` or `endpoint { … }`",
                    ),
                );
                None
            }
        }
    }

    /// `init { … }`, `countdown { … }`: a form with fields, which is no declaration.
    pub(super) fn form(
        &mut self,
        at: Sited<'a>,
        nested: &[Nested<'a>],
        forms: &[&'static str],
    ) -> Option<(&'static str, Entries<'a>)> {
        let mut at = at;
        while let ExprKind::Path(path) = &at.expr.node {
            let id = self
                .program
                .lookup(at.site.module, &path.node)
                .ok()
                .map(|(id, _)| id)
                .filter(|id| self.is_binding(*id))?;
            at = self.binding(id)?;
        }
        let ExprKind::Update { base, fields } = &at.expr.node else {
            return None;
        };
        let ExprKind::Path(path) = &base.node else {
            return None;
        };
        let [word] = path.node.as_slice() else { return None };
        let form = forms.iter().find(|form| **form == word.node)?;
        let mut entries = self.entries_of_fields(fields, at.site);
        self.overlay_nested(&mut entries, nested);
        Some((form, entries))
    }

    fn fresh(&mut self, checked: &Checked<'a>, at: Sited<'a>) -> Option<ModelSource> {
        if !checked.is_whole() {
            return None;
        }
        let architecture = Architecture {
            family: checked.word("family")?.to_owned(),
            hidden: checked.count("hidden")?,
            layers: checked.count("layers")?,
            heads: checked.count("heads")?,
            kv_heads: checked.count("kv_heads")?,
            feed_forward: checked.count("feed_forward")?,
            context: checked.count("context")?,
            rope_theta: checked.number("rope_theta")?,
            norm_epsilon: checked.number("norm_epsilon")?,
            tied: checked.boolean("tied")?,
        };
        let divides = |part: u64, whole: u64| part > 0 && whole.is_multiple_of(part);
        let wrong = if !divides(architecture.heads, architecture.hidden) {
            Some((
                "heads",
                "hidden",
                format!(
                    "{} heads do not divide a width of {}",
                    architecture.heads, architecture.hidden
                ),
            ))
        } else if !divides(architecture.kv_heads, architecture.heads) {
            Some((
                "kv_heads",
                "heads",
                format!(
                    "{} key and value heads do not divide {} heads",
                    architecture.kv_heads, architecture.heads
                ),
            ))
        } else if !divides(2 * architecture.heads, architecture.hidden) {
            Some((
                "heads",
                "hidden",
                "the rotary embedding needs heads of even width".to_owned(),
            ))
        } else {
            None
        };
        if let Some((part, whole, message)) = wrong {
            let diagnostic = Diagnostic::error("rlx::model::architecture", message);
            let diagnostic = self.at(diagnostic, checked.place(part), format!("`{part}`"));
            let diagnostic = self.at(diagnostic, checked.place(whole), format!("`{whole}`"));
            self.report(diagnostic);
            return None;
        }
        let tokenizer = checked.text("tokenizer")?;
        let tokenizer = join(&self.folder_of(checked.place("tokenizer"), at), &tokenizer);
        Some(ModelSource::Init {
            architecture,
            tokenizer,
            seed: checked.count("seed")?,
        })
    }

    /// The file whose folder a path counts from; `--set` counts from where the command runs.
    pub(super) fn folder_of(&self, place: Place, at: Sited<'a>) -> String {
        let name = &self.program.source(place.file).name;
        if at.site.via == Via::Set || name.starts_with("--set ") {
            String::new()
        } else {
            name.clone()
        }
    }

    /// A text that says where something is. Names without `hf:` or `./` could be either: an error.
    pub(super) fn location(
        &mut self,
        at: Sited<'a>,
        field: &str,
        endings: &[&str],
    ) -> Result<Location, Fail> {
        let (text, at) = self.text(at)?;
        let problem = |this: &mut Self, message: String, help: String| {
            let diagnostic = Diagnostic::error("rlx::source::form", message);
            let diagnostic = this.at(diagnostic, at.place(), "unclear").help(help);
            this.report(diagnostic);
            Err(Fail::Reported)
        };
        let named = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
                && !part.starts_with('.')
        };
        if let Some(hub) = text.strip_prefix("hf:") {
            let (repo, revision) = hub.split_once('@').unwrap_or((hub, "main"));
            let mut parts = repo.split('/');
            let good = matches!((parts.next(), parts.next(), parts.next()), (Some(org), Some(name), None) if named(org) && named(name));
            let safe = !revision.is_empty() && revision.split('/').all(|part| named(part) && part != "..");
            if !good || !safe {
                return problem(
                    self,
                    format!("`{text}` names no repository of the hub"),
                    "write \"hf:org/name\" or \"hf:org/name@revision\"".into(),
                );
            }
            return Ok(Location::Hub {
                repo: repo.to_owned(),
                revision: revision.to_owned(),
            });
        }
        if text.trim().is_empty() {
            return problem(
                self,
                format!("`{field}` is empty"),
                "write \"hf:org/name\" or a path such as \"./folder\"".into(),
            );
        }
        let mut parts = text.split('/');
        let like_hub = matches!((parts.next(), parts.next(), parts.next()), (Some(org), Some(name), None) if named(org) && named(name));
        let file = endings.iter().any(|ending| text.ends_with(&format!(".{ending}")));
        if like_hub && !file && at.site.via != Via::Set {
            return problem(
                self,
                format!("`{text}` can be a repository of the hub or a path"),
                format!("write \"hf:{text}\" for the hub, or \"./{text}\" for a folder"),
            );
        }
        let folder = self.folder_of(at.place(), at);
        Ok(Location::Path(join(&folder, text)))
    }
}
