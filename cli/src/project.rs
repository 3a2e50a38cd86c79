//! A `.rlx` file with everything that is known of it before it runs.

use crate::{
    args::{PlaceArgs, StudyArgs},
    failure::{Failure, draw},
};
use rlx_grammar::ast::Span;
use rlx_language::{Diagnostic, Label, Options, Recording, Rendered, Severity, Source, Sources, Study};
use rlx_plan::{Plan, Surroundings, build};
use rlx_run::{Drift, StudyLock, World, survey};
use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Files as the language reads them.
pub(crate) struct Files;

impl Sources for Files {
    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(name).ok()
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".rlx") && !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }
}

/// A checked study and its plan.
pub(crate) struct Project {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    pub(crate) study: Study,
    pub(crate) plan: Plan,
    pub(crate) world: World,
    /// What of the world the plan was built with.
    pub(crate) around: Surroundings,
    /// `results/<study>`
    pub(crate) results: PathBuf,
    /// What the study stood on when it was last locked, where it was.
    pub(crate) locked: Option<StudyLock>,
    /// What it stands on now, as far as it is on this machine.
    pub(crate) stands_on: StudyLock,
    /// Models and problem sets that are not on this machine.
    pub(crate) missing: Vec<String>,
    pins: PathBuf,
    texts: BTreeMap<String, String>,
    warnings: Vec<Diagnostic>,
}

impl Project {
    /// Reads, checks and plans; shows what is wrong with the file.
    pub(crate) fn open(args: &StudyArgs, place_args: &PlaceArgs) -> Result<Project, Failure> {
        let text = read_text(&args.file)?;
        let options = Options {
            profile: args.profile.clone(),
            set: args.set.clone(),
            seed: args.seed,
        };
        let recording = Recording::new(&Files);
        let name = args.file.to_string_lossy();
        let (study, warnings) =
            rlx_language::elaborate(&recording, &name, &options).map_err(|diagnostics| {
                show(&diagnostics);
                Failure::Shown
            })?;
        let mut texts = recording.into_texts();
        texts.remove(&*name);
        let locked = StudyLock::read(&args.file)?;
        let commits = locked.as_ref().map(StudyLock::commits).unwrap_or_default();
        let world = World::new(&study, place(place_args.offline).holding(commits));
        let pins = place_args.store.join("pins.json");
        let around = survey(&study, &world, &place_args.store)?;
        let (stands_on, missing) = StudyLock::of(&study, &args.file, &texts, &world, &pins, VERSION)?;
        let plan = build(&study, &around)?;
        // Two settings of one file are two studies: they must not overwrite each other's results.
        let folder = match &study.profile {
            Some(profile) => format!("{}-{}", study.name, profile.name),
            None => study.name.clone(),
        };
        let results = place_args.results.join(folder);
        Ok(Project {
            file: args.file.clone(),
            text,
            study,
            plan,
            world,
            around,
            results,
            locked,
            stands_on,
            missing,
            pins,
            texts,
            warnings,
        })
    }

    /// What is another thing than it was when the study was locked.
    pub(crate) fn drift(&self) -> Vec<Drift> {
        let locked = self.locked.as_ref();
        locked
            .map(|locked| locked.drift(&self.stands_on))
            .unwrap_or_default()
    }

    /// Refuses other models and data than those that the study was locked with.
    pub(crate) fn check_lock(&self) -> Result<(), Failure> {
        let changed: Vec<String> = self
            .drift()
            .iter()
            .filter(|drift| drift.is_content())
            .map(Drift::to_string)
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let file = self.file.display();
        Err(Failure::user(
            "rlx::lock::drift",
            format!(
                "{} is locked with other content than is here:\n  {}",
                rlx_run::study_lock::path(&self.file).display(),
                changed.join("\n  ")
            ),
            Some(format!(
                "bring back what was locked; or, if the change is meant, take it with `rlx lock {file} --update`"
            )),
        ))
    }

    /// Writes down what the study stands on, now that it has been fetched; says so where that is new. A folder that
    /// cannot be written is no reason to fail.
    ///
    /// # Errors
    /// A model or data file that is there but cannot be read.
    pub(crate) fn lock_fetched(&self) -> Result<(), Failure> {
        let (now, _) = StudyLock::of(
            &self.study,
            &self.file,
            &self.texts,
            &self.world,
            &self.pins,
            VERSION,
        )?;
        self.lock(now);
        Ok(())
    }

    /// The lock with what was found now.
    pub(crate) fn merged(&self, now: StudyLock) -> StudyLock {
        match &self.locked {
            None => now,
            Some(locked) => locked.clone().with(now),
        }
    }

    /// [`Project::lock_fetched`] where nothing was fetched since the study was opened.
    pub(crate) fn lock_opened(&self) {
        self.lock(self.stands_on.clone());
    }

    fn lock(&self, now: StudyLock) {
        if self.study.models.is_empty() && self.study.problem_sets.is_empty() {
            return;
        }
        let path = rlx_run::study_lock::path(&self.file);
        let new = self.merged(now);
        if self.locked.as_ref() == Some(&new) {
            return;
        }
        match new.write(&self.file) {
            Ok(()) if self.locked.is_none() => {
                eprintln!(
                    "{}: written; it pins what the study stands on, keep it with the file",
                    path.display()
                );
            }
            Ok(()) => eprintln!("{}: brought up to date", path.display()),
            Err(error) => eprintln!("{} could not be written: {error}", path.display()),
        }
    }

    /// The environment, with the hub held at the commits of the lock.
    pub(crate) fn place(&self, offline: bool) -> rlx_data::World {
        let commits = self.locked.as_ref().map(StudyLock::commits).unwrap_or_default();
        place(offline).holding(commits)
    }

    pub(crate) fn show_warnings(&self) {
        show(&self.warnings);
    }

    /// Brings problem sets of the hub that are not here yet, so that the plan can be made of their rows. True where one came.
    pub(crate) fn fetch_rows(&self, offline: bool) -> Result<bool, Failure> {
        let place = self.place(offline);
        let mut came = false;
        for (name, set) in &self.study.problem_sets {
            let rlx_language::ProblemSource::Hub { repo, .. } = &set.source else {
                continue;
            };
            if place.offline() || rlx_data::have_problems(set, &place) {
                continue;
            }
            eprintln!("fetching {repo} for `{name}`");
            rlx_data::fetch_problems(set, &place, &mut |_| true)?;
            came = true;
        }
        Ok(came)
    }

    /// Says at once everything that is not on this machine and cannot be fetched.
    pub(crate) fn check_sources(&self, offline: bool) -> Result<(), Failure> {
        let place = self.place(offline);
        let offline = place.offline();
        let mut missing = Vec::new();
        let heard =
            |model: &&rlx_language::Model| matches!(model.source, rlx_language::ModelSource::Endpoint { .. });
        for model in self.study.models.values().filter(|model| !heard(model)) {
            let fetchable = matches!(model.source, rlx_language::ModelSource::Hub { .. }) && !offline;
            if !fetchable && let Err(error) = rlx_data::locate_model(model, &place) {
                missing.push(rlx_run::RunError::from(error));
            }
        }
        for (name, set) in &self.study.problem_sets {
            let fetchable = matches!(set.source, rlx_language::ProblemSource::Hub { .. }) && !offline;
            let endless = matches!(set.source, rlx_language::ProblemSource::Task { .. });
            if !fetchable
                && !endless
                && let Err(error) = self.world.problems(name)
                && !matches!(error, rlx_run::RunError::Undecided { .. })
            {
                missing.push(error);
            }
        }
        let Some(first) = missing.first().map(rlx_run::RunError::code) else {
            return Ok(());
        };
        // Of several kinds, what is not here is the first to be mended.
        let alike = missing.iter().all(|error| error.code() == first);
        let code = if alike {
            first
        } else {
            "rlx::data::not_here".into()
        };
        let said: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let help = "`rlx plan` shows what else the study needs".to_owned();
        Err(Failure::user(code, said.join("\n\n"), Some(help)))
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Elaborates a file.
pub(crate) fn elaborate(file: &Path, options: &Options) -> Result<(Study, Vec<Diagnostic>), Vec<Diagnostic>> {
    rlx_language::elaborate(&Files, &file.to_string_lossy(), options)
}

/// The environment as the data crate sees it: the one place where it is read.
pub(crate) fn place(offline: bool) -> rlx_data::World {
    #[allow(clippy::disallowed_methods)] // the door to the environment
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    rlx_data::World::new(variables, offline)
}

/// Where copies lie that can be made again: `XDG_CACHE_HOME`, or `~/.cache`, or the system's folder for passing things.
pub(crate) fn cache() -> PathBuf {
    #[allow(clippy::disallowed_methods)] // the door to the environment
    let folder = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    folder("XDG_CACHE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("rlx")
}

/// A file's text.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    if let Some(diagnostic) = not_text(path)? {
        show(&[diagnostic]);
        return Err(Failure::Shown);
    }
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, "read", &error))
}

/// What is said of a file that is no text; the language itself only sees text.
pub(crate) fn not_text(path: &Path) -> Result<Option<Diagnostic>, Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure::file(path, "read", &error))?;
    // A file that is too large to be a study is refused by its length; more of it is not needed.
    let mut bytes = Vec::new();
    file.take(rlx_grammar::MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file(path, "read", &error))?;
    if bytes.len() > rlx_grammar::MAX_BYTES {
        // Whether a character is cut at the end does not matter any more.
        let parsed = rlx_grammar::parse(&String::from_utf8_lossy(&bytes));
        return Ok(syntax(path, "", &parsed.errors).into_iter().next());
    }
    if std::str::from_utf8(&bytes).is_ok() {
        return Ok(None);
    }
    let parsed = rlx_grammar::parse_bytes(&bytes);
    let shown = String::from_utf8_lossy(&bytes);
    Ok(syntax(path, &shown, &parsed.errors).into_iter().next())
}

/// Draws diagnostics on stderr.
pub(crate) fn show(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        eprint!("{}", draw(&Rendered::from(diagnostic)));
    }
}

/// Draws what the parser found on stderr.
pub(crate) fn show_syntax(path: &Path, text: &str, errors: &[rlx_grammar::SyntaxError]) {
    show(&syntax(path, text, errors));
}

fn syntax(path: &Path, text: &str, errors: &[rlx_grammar::SyntaxError]) -> Vec<Diagnostic> {
    let file = Arc::new(Source::new(path.display().to_string(), text));
    let whole = |at: usize| file.text.floor_char_boundary(at);
    errors
        .iter()
        .map(|error| Diagnostic {
            code: error.code,
            severity: Severity::Error,
            message: error.message.clone(),
            labels: vec![Label {
                file: Arc::clone(&file),
                span: Span {
                    start: whole(error.span.start),
                    end: whole(error.span.end),
                },
                text: error.label.clone(),
            }],
            help: error.help.clone(),
        })
        .collect()
}
