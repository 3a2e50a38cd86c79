//! Ast → Study. Each declaration is elaborated once, on demand, after what it refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use indexmap::IndexMap;
use rlx_grammar::ast::{Expr, Keyword, Span};
use typed_arena::Arena;

use crate::diagnostic::Diagnostic;
use crate::load::Library;
use crate::program::{DeclId, Place, Program, ROOT};
use crate::study::{
    Algorithm, AppliedProfile, Change, Claim, Evaluation, Leaf, Model, ModelRef, Origin, Output, ProblemSet,
    Search, Study, Training,
};
use crate::{Options, Sources};

mod algorithm;
mod axis;
mod checked;
mod claim;
mod count;
mod curves;
mod distill;
mod entries;
mod evaluation;
mod family;
mod filter;
mod heard;
mod joined;
mod leaf;
mod limits;
mod measure;
mod model;
mod models;
mod number;
mod output;
mod overrides;
mod pace;
mod problem_source;
mod problems;
mod prompt;
mod query;
mod read;
mod scope;
mod search;
mod training;
mod unused;
mod value;

use family::{Bound, Expanded};
use overrides::Override;
pub(crate) use scope::names;

/// Where an expression was written, and on whose behalf it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    /// Whose names it sees.
    module: usize,
    file: usize,
    via: Via,
    /// A default has no place of its own: it is blamed on the declaration that left the field out.
    fixed: Option<Span>,
    /// The values of a family's axes that it sees; 0 has none.
    env: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Via {
    Written,
    Default,
    Profile,
    Set,
}

/// An expression with its site.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sited<'a> {
    expr: &'a rlx_grammar::ast::Expr,
    site: Site,
}

impl Sited<'_> {
    fn place(&self) -> Place {
        Place {
            file: self.site.file,
            span: self.site.fixed.unwrap_or(self.expr.span),
        }
    }
}

impl<'a> Sited<'a> {
    fn with(&self, expr: &'a rlx_grammar::ast::Expr) -> Sited<'a> {
        Sited {
            expr,
            site: self.site,
        }
    }
}

/// Why a value could not be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fail {
    /// A diagnostic was given.
    Reported,
    /// It is of another kind; the caller knows what was wanted.
    Kind,
}

/// A model with what later checks need of it.
#[derive(Debug, Clone)]
struct ModelInfo {
    model: Model,
    context: Option<(u64, Place)>,
}

#[derive(Debug, Clone)]
struct TrainingInfo {
    training: Training,
    last: u64,
    /// Where `keep` is written, or the training's name.
    keep: Place,
}

#[derive(Debug, Clone)]
struct EvaluationInfo {
    evaluation: Evaluation,
    models: Place,
    samples: Place,
    /// Problems, where their number is known.
    problems: Option<u64>,
}

pub(crate) struct Elaborator<'a> {
    program: &'a Program,
    /// Expressions that nobody wrote: the numbers of a range, the members of a family.
    arena: &'a Arena<Expr>,
    profile: Option<&'a str>,
    seed: Option<u64>,
    overrides: Vec<Override<'a>>,
    out: Vec<Diagnostic>,
    origins: IndexMap<String, Leaf>,
    /// What is read leaves no record.
    unrecorded: bool,
    /// Declarations that are being elaborated, outermost first.
    active: Vec<DeclId>,
    /// Names that were followed; a study that doubles a value sixty times over ends here.
    followed: u64,
    /// Circles that were reported.
    circles: BTreeSet<Vec<DeclId>>,
    /// Evaluations and k that were said to be noisy.
    noisy: BTreeSet<(String, u64)>,
    /// Declarations that were read.
    touched: BTreeSet<DeclId>,
    keys: BTreeMap<String, DeclId>,
    study_seed: u64,

    envs: Vec<Vec<Bound<'a>>>,
    env_of: BTreeMap<DeclId, usize>,
    families: BTreeMap<DeclId, Option<Rc<Expanded<'a>>>>,
    /// Families whose members are being made.
    expanding: Vec<DeclId>,
    members_made: usize,

    model_of: BTreeMap<DeclId, Option<ModelInfo>>,
    problems_of: BTreeMap<DeclId, Option<String>>,
    training_of: BTreeMap<DeclId, Option<TrainingInfo>>,
    evaluation_of: BTreeMap<DeclId, Option<EvaluationInfo>>,
    search_of: BTreeMap<DeclId, Option<String>>,

    models: IndexMap<String, ModelInfo>,
    problem_sets: IndexMap<String, ProblemSet>,
    /// Problem sets without a name of their own: key and the declaration they change.
    unnamed: Vec<(String, DeclId)>,
    /// Problem sets that a result reads.
    used_sets: BTreeSet<String>,
    algorithms: IndexMap<String, Algorithm>,
    trainings: IndexMap<String, Training>,
    searches: IndexMap<String, Search>,
    evaluations: IndexMap<String, Evaluation>,
    outputs: IndexMap<String, Output>,
    claims: IndexMap<String, Claim>,
    /// Places in the lists of a claim that are read now, innermost last.
    lanes: Vec<measure::Lane>,
}

/// Elaborates `root` and all that it imports.
pub(crate) fn run(
    sources: &dyn Sources,
    root: &str,
    options: &Options,
) -> Result<(Study, Vec<Diagnostic>), Vec<Diagnostic>> {
    let read = |library| {
        let mut out = Vec::new();
        match Program::load(sources, root, &options.set, library, &mut out) {
            Some(program) => check(&program, root, options, out),
            None => Err(out),
        }
    };
    let named = read(Library::Named);
    // What is proposed for an unknown name may lie in a part that nobody spoke of.
    let unknown = |code: &str| {
        matches!(
            code,
            "rlx::name::unknown" | "rlx::set::unknown" | "rlx::profile::target"
        )
    };
    match named {
        Err(errors) if errors.iter().any(|error| unknown(error.code)) => read(Library::Whole),
        settled => settled,
    }
}

/// Elaborates what was loaded; `out` has what is wrong with it so far.
pub(crate) fn check(
    program: &Program,
    root: &str,
    options: &Options,
    out: Vec<Diagnostic>,
) -> Result<(Study, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut out = told(out);
    let arena = Arena::new();
    if out.iter().any(Diagnostic::is_error) {
        // What could be read is checked all the same: all errors are told at once. Who reads what cannot be known.
        let (_, found) =
            Elaborator::new(program, &arena, options.profile.as_deref(), options.seed).study(root);
        out.extend(
            found
                .into_iter()
                .filter(|diagnostic| !needs_the_whole(diagnostic.code)),
        );
        return Err(out);
    }
    let (study, mut diagnostics) =
        Elaborator::new(program, &arena, options.profile.as_deref(), options.seed).study(root);
    // What a profile writes is checked when it is not applied, too: nothing is written in vain.
    if study.is_some() && options.profile.is_none() && options.set.is_empty() {
        for profile in program.profiles() {
            let name = &profile.name.node;
            let (_, found) = Elaborator::new(program, &arena, Some(name), options.seed).study(root);
            for mut diagnostic in found.into_iter().filter(Diagnostic::is_error) {
                diagnostic.message = format!("with `--profile {name}`: {}", diagnostic.message);
                diagnostics.push(diagnostic);
            }
        }
    }
    match study {
        Some(study) if !diagnostics.iter().any(Diagnostic::is_error) => Ok((study, diagnostics)),
        _ => Err(diagnostics),
    }
}

/// The most diagnostics of one file that are told: nobody mends more at once.
const MOST_TOLD: usize = 1000;

/// The first of them, errors before warnings where there are too many.
fn told(mut all: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if all.len() > MOST_TOLD {
        all.sort_by_key(|diagnostic| !diagnostic.is_error());
        all.truncate(MOST_TOLD);
    }
    all
}

/// Whether a diagnostic says that nothing reads something, which a broken file cannot tell.
fn needs_the_whole(code: &str) -> bool {
    matches!(
        code,
        "rlx::name::unused" | "rlx::profile::idle" | "rlx::set::idle"
    )
}

/// The first sentence of a doc.
fn title(doc: &str) -> Option<String> {
    let lines: Vec<&str> = doc
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    let paragraph = lines.join(" ");
    let end = paragraph
        .char_indices()
        .find(|(at, c)| ".?!".contains(*c) && paragraph[at + c.len_utf8()..].starts_with(' '));
    let sentence = end.map_or(paragraph.as_str(), |(at, c)| &paragraph[..at + c.len_utf8()]);
    let title = sentence.strip_suffix('.').unwrap_or(sentence);
    (!title.is_empty()).then(|| title.to_owned())
}

impl<'a> Elaborator<'a> {
    fn new(
        program: &'a Program,
        arena: &'a Arena<Expr>,
        profile: Option<&'a str>,
        seed: Option<u64>,
    ) -> Self {
        Elaborator {
            program,
            arena,
            profile,
            seed,
            overrides: Vec::new(),
            out: Vec::new(),
            origins: IndexMap::new(),
            unrecorded: false,
            active: Vec::new(),
            followed: 0,
            circles: BTreeSet::new(),
            noisy: BTreeSet::new(),
            touched: BTreeSet::new(),
            keys: BTreeMap::new(),
            study_seed: 0,
            envs: vec![Vec::new()],
            env_of: BTreeMap::new(),
            families: BTreeMap::new(),
            expanding: Vec::new(),
            members_made: 0,
            model_of: BTreeMap::new(),
            problems_of: BTreeMap::new(),
            training_of: BTreeMap::new(),
            evaluation_of: BTreeMap::new(),
            search_of: BTreeMap::new(),
            models: IndexMap::new(),
            problem_sets: IndexMap::new(),
            unnamed: Vec::new(),
            used_sets: BTreeSet::new(),
            algorithms: IndexMap::new(),
            trainings: IndexMap::new(),
            searches: IndexMap::new(),
            evaluations: IndexMap::new(),
            outputs: IndexMap::new(),
            claims: IndexMap::new(),
            lanes: Vec::new(),
        }
    }

    fn study(mut self, root: &str) -> (Option<Study>, Vec<Diagnostic>) {
        let changes = self.collect_overrides();
        self.check_bindings();
        if self.out.iter().any(Diagnostic::is_error) {
            // Names that stand for nothing in a profile, or a circle of values: more would be noise.
            return (None, self.out);
        }
        for (id, declaration) in self.program.declarations(ROOT) {
            self.keys.insert(declaration.name.node.clone(), id);
        }
        self.check_selected();
        self.read_seed();
        for (base, declaration) in self.program.declarations(ROOT) {
            for id in self.all_of(base) {
                self.declaration(id, declaration.keyword.node);
            }
        }
        self.check_unused();
        self.check_overrides();
        self.finish(root, changes)
    }

    fn declaration(&mut self, id: DeclId, keyword: Keyword) {
        match keyword {
            Keyword::Param | Keyword::Let => self.binding_leaf(id),
            Keyword::Model => {
                self.model(id);
            }
            Keyword::Data | Keyword::Benchmark => {
                self.problems(id);
            }
            Keyword::Algorithm => self.check_algorithm(id),
            Keyword::Train | Keyword::Distill => {
                self.training(id);
            }
            Keyword::Search => {
                self.search(id);
            }
            Keyword::Evaluate => {
                self.evaluation(id);
            }
            Keyword::Figure | Keyword::Table => self.output(id),
            Keyword::Claim => self.claim(id),
        }
    }

    fn finish(mut self, root: &str, changes: (Vec<Change>, Vec<Change>)) -> (Option<Study>, Vec<Diagnostic>) {
        let mut seen: Vec<Diagnostic> = Vec::new();
        for diagnostic in told(std::mem::take(&mut self.out)) {
            if !seen.contains(&diagnostic) {
                seen.push(diagnostic);
            }
        }
        if seen.iter().any(Diagnostic::is_error) {
            return (None, seen);
        }
        self.name_problem_sets();
        let mut order: BTreeMap<String, usize> = BTreeMap::new();
        for (base, _) in self.program.declarations(ROOT) {
            for id in self.all_of(base) {
                order.insert(self.name_of(id), order.len());
            }
        }
        let place = |name: &String| order.get(name).copied().unwrap_or(usize::MAX);
        self.models.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
        self.problem_sets.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
        self.searches.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
        self.evaluations.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
        let stem = crate::sources::stem(root).to_owned();
        let doc = self.program.modules[ROOT].ast.doc.clone().unwrap_or_default();
        let title = title(&doc).unwrap_or_else(|| stem.clone());
        let study = Study {
            name: stem,
            title,
            doc,
            seed: self.study_seed,
            models: self
                .models
                .into_iter()
                .map(|(name, info)| (name, info.model))
                .collect(),
            problem_sets: self.problem_sets,
            algorithms: self.algorithms,
            trainings: self.trainings,
            searches: self.searches,
            evaluations: self.evaluations,
            outputs: self.outputs,
            claims: self.claims,
            profile: self.profile.map(|name| AppliedProfile {
                name: name.to_owned(),
                changes: changes.0,
            }),
            overrides: changes.1,
            origins: self.origins,
        };
        (Some(study), seen)
    }

    /// `param seed`, or `--seed`, or 0.
    fn read_seed(&mut self) {
        let declared =
            self.program.modules[ROOT]
                .symbols
                .get("seed")
                .and_then(|symbol| match symbol.target {
                    crate::program::Target::Declaration(id) if self.program.keyword(id) == Keyword::Param => {
                        Some(id)
                    }
                    _ => None,
                });
        if let Some(sited) = declared.and_then(|id| self.binding(id)) {
            match self.integer(sited, 0) {
                Ok((seed, _)) => self.study_seed = seed,
                Err(Fail::Reported) => {}
                Err(Fail::Kind) => self.mismatch(sited, "seed", &crate::schema::Type::Integer { least: 0 }),
            }
        }
        let origin = match (self.seed, declared) {
            (Some(seed), _) => {
                self.study_seed = seed;
                Origin::Set {
                    text: format!("--seed {seed}"),
                }
            }
            (None, Some(_)) => return,
            (None, None) => Origin::Default,
        };
        let leaf = Leaf {
            value: self.study_seed.to_string(),
            unit: None,
            origin,
            overrode: Vec::new(),
            through: Vec::new(),
        };
        self.origins.insert("seed".into(), leaf);
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.out.push(diagnostic);
    }

    /// Adds a label at a place.
    fn at(&self, diagnostic: Diagnostic, place: Place, text: impl Into<String>) -> Diagnostic {
        diagnostic.label(self.program.source(place.file), place.span, text)
    }

    fn name_place(&self, id: DeclId) -> Place {
        Place {
            file: self.program.modules[id.module].file,
            span: self.program.declaration(id).name.span,
        }
    }

    /// A declaration's name in the study: its own, or with its file's where another has it already.
    fn key(&mut self, id: DeclId) -> String {
        if let Some(labels) = self.labels_of(id) {
            return format!("{}[{labels}]", self.key(id.base()));
        }
        let name = &self.program.declaration(id).name.node;
        match self.keys.get(name) {
            Some(first) if *first != id => {
                let file = &self.program.source(self.program.modules[id.module].file).name;
                format!("{}.{name}", crate::sources::stem(file))
            }
            Some(_) => name.clone(),
            None => {
                self.keys.insert(name.clone(), id);
                name.clone()
            }
        }
    }

    /// Longest sequence of a model, or of what a training started from.
    fn context_of(&self, model: &ModelRef) -> Option<(u64, Place)> {
        match model {
            ModelRef::Model { name } => self.models.get(name)?.context,
            ModelRef::Checkpoint { training, .. } => self.context_of(&self.trainings.get(training)?.start),
        }
    }
}
