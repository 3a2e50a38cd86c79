//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Studies of reinforcement learning with verifiable rewards, written down and run.
#[derive(Debug, Parser)]
#[command(
    name = "rlx",
    version,
    about,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run what is missing of a study and write its tables, figures, report and claim verdicts.
    Run(RunArgs),
    /// Show the steps of a study: what is done, what is to do, what it will cost.
    Plan(PlanArgs),
    /// Parse, resolve and check; all errors at once.
    Check(CheckArgs),
    /// Bring files into the one layout.
    Fmt(FmtArgs),
    /// Download the models and data that a study needs; then `--offline` works.
    Fetch(FetchArgs),
    /// Show the curves of a study's trainings while they run.
    Watch(WatchArgs),
    /// Pin what a study stands on (models, data, the standard library) by content, in a file beside it.
    Lock(LockArgs),
    /// Write the report of a study again, from the rows in the store.
    Report(ReportArgs),
    /// Compare two studies: spec, settings, data, numbers, claims, and problem by problem.
    Diff(DiffArgs),
    /// A local page to read the right responses to the hardest solved problems, and to label them.
    Inspect(InspectArgs),
    /// Put a finished study into one file that others can check.
    Pack(PackArgs),
    /// Check such a file: hashes, numbers, verdicts, samples, or everything again.
    Verify(VerifyArgs),
    /// A value of a study (where it comes from, what it overrode), or the longer story of an error code.
    Explain(ExplainArgs),
    /// Why a step would run again, field by field against the last run.
    Why(WhyArgs),
    /// Draw responses outside a study.
    Sample(SampleArgs),
    /// Log-probabilities of responses made elsewhere.
    Score(ScoreArgs),
    /// Make responses that another program drew (vLLM, lm-evaluation-harness, OpenAI's batches) readable for a study.
    Import(ImportArgs),
    /// Verdicts on responses made elsewhere.
    Grade(GradeArgs),
    /// pass@k with intervals from a table of counts.
    Passk(PasskArgs),
    /// Remove from the store what none of the given studies needs.
    Gc(GcArgs),
    /// Say what this machine can do.
    Doctor(DoctorArgs),
    /// Write a first study.
    New(NewArgs),
    /// Serve an editor over standard input and output (the Language Server Protocol).
    Lsp(LspArgs),
    /// Write the reference of the standard library, or of `.rlx` files, from their doc comments.
    Doc(DocArgs),
}

/// Which study, and what of it is changed.
#[derive(Debug, Clone, Args)]
pub(crate) struct StudyArgs {
    /// The `.rlx` file.
    pub(crate) file: PathBuf,
    /// A profile of the file.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Put a value in place of another: `--set n=64`. Can be given again.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// The study's seed.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// Where things lie.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArgs {
    /// Folder of the rows and checkpoints.
    #[arg(long, value_name = "DIR", default_value = ".rlx/store")]
    pub(crate) store: PathBuf,
    /// Folder of tables, figures and reports.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) results: PathBuf,
    /// Never ask the network.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// The device.
#[derive(Debug, Clone, Args)]
pub struct DeviceOptions {
    /// `auto`, `cpu`, `cuda` or `cuda:N`
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// `bf16` or `fp32`; by default each model decides by its size and the device.
    #[arg(long, value_parser = ["bf16", "fp32"])]
    pub precision: Option<String>,
    /// Memory for a model that draws or scores, with its cache of keys and values: `6GB`, `800MiB`; by default half
    /// of what is free goes to the cache. It changes how fast rows come, never what they are.
    #[arg(long, value_name = "SIZE", value_parser = crate::flag::bytes)]
    pub memory: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) device: DeviceOptions,
    /// Exit with 1 unless every claim holds.
    #[arg(long)]
    pub(crate) check_claims: bool,
    /// Events as JSON lines on stdout instead of progress and the summary.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    Text,
    Json,
    Dot,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) device: DeviceOptions,
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub(crate) format: PlanFormat,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// A profile of the files.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Put a value in place of another.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
    /// Annotations of GitHub Actions, a line each.
    Github,
}

#[derive(Debug, Args)]
pub(crate) struct FmtArgs {
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Change nothing; exit with 1 when a file is not in the layout.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Print a line a training and leave, as without a terminal.
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LockArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Take other content than was locked: the change is meant.
    #[arg(long, conflicts_with = "check")]
    pub(crate) update: bool,
    /// Write nothing; exit with 1 where something is not as locked.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Who reads: letters, digits, `-` and `_`. Several readers can label the same responses.
    #[arg(long, default_value = "reader")]
    pub(crate) reader: String,
    /// Problems with an accuracy above 0 and below this share are shown; by default what the study's tables and claims say, else
    /// 0.05.
    #[arg(long, value_name = "SHARE")]
    pub(crate) below: Option<f64>,
    /// Port on this machine's own address; 0 takes any that is free.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Open no page: only the counts of the labels that are there.
    #[arg(long)]
    pub(crate) counts: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Where to write it; by default `<study>.rlxpack` here.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Put the weights of the kept checkpoints in, too.
    #[arg(long)]
    pub(crate) weights: bool,
    /// Sign with this minisign secret key; writes `<pack>.minisig`.
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Option<PathBuf>,
    /// File with the password of the secret key; without it the key must have none.
    #[arg(long, value_name = "FILE", requires = "sign")]
    pub(crate) password_file: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The `.rlxpack` file.
    pub(crate) pack: PathBuf,
    /// 0 hashes, 1 every number recomputed, 2 responses judged again, 3 a part sampled again, 4 trained again; each with
    /// those below it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=4))]
    pub(crate) level: u8,
    /// A model that is not in the pack: `base=/models/base`. Can be given again.
    #[arg(long, value_name = "NAME=PATH")]
    pub(crate) model: Vec<String>,
    /// A data file that is not in the pack, by its problem set. Can be given again.
    #[arg(long, value_name = "NAME=PATH")]
    pub(crate) data: Vec<String>,
    /// A store that may hold the checkpoints of the study's trainings.
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Folder for level 4: interrupted, the same command goes on there.
    #[arg(long, value_name = "DIR", default_value = ".rlx/verify")]
    pub(crate) work: PathBuf,
    /// Check the signature beside the pack with this minisign public key.
    #[arg(long, value_name = "KEY")]
    pub(crate) public_key: Option<PathBuf>,
    /// Where to write the attestation; by default `<pack>.level<N>.intoto.json`.
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation: Option<PathBuf>,
    /// Never ask the network.
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) device: DeviceOptions,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// A study's folder of results, its `report.json`, or its `.rlx` file (whose results must be there).
    pub(crate) left: PathBuf,
    /// The other one.
    pub(crate) right: PathBuf,
    /// Folder of results, for studies that are named by their `.rlx` file.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) results: PathBuf,
    /// Write the comparison as a page.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Exit with 1 unless all numbers and verdicts are the same, bit for bit.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// An error code (`rlx::unit::mismatch`) or a `.rlx` file.
    pub(crate) subject: String,
    /// The value: `rl.batch`. Without it: all values.
    pub(crate) path: Option<String>,
    /// A profile of the file.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Put a value in place of another.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    /// The step as `rlx plan` names it: `"sample aime rl@150"`.
    pub(crate) step: String,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// A Hugging Face folder, a `.gguf` file, or `hf:org/name[@revision]`.
    #[arg(long)]
    pub(crate) model: String,
    /// JSON lines: `{"id", "prompt"}` or `{"id", "messages"}`.
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: PathBuf,
    /// Responses a prompt.
    #[arg(long, default_value_t = 1)]
    pub(crate) samples: u64,
    #[arg(long, default_value_t = 1.0)]
    pub(crate) temperature: f64,
    #[arg(long, default_value_t = 1.0)]
    pub(crate) top_p: f64,
    #[arg(long)]
    pub(crate) top_k: Option<u64>,
    /// Draw no token less likely than this share of the likeliest one.
    #[arg(long)]
    pub(crate) min_p: Option<f64>,
    #[arg(long)]
    pub(crate) repetition_penalty: Option<f64>,
    /// Add this to a token's logit; -100 forbids it. TOKEN is an id or a text of one token (in double quotes where it
    /// would read as a number). May be given many times.
    #[arg(long, value_name = "TOKEN=BIAS", value_parser = crate::flag::bias, allow_hyphen_values = true)]
    pub(crate) logit_bias: Vec<(rlx_language::Token, f64)>,
    /// End a response before this text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Option<String>,
    /// End no response before so many tokens.
    #[arg(long)]
    pub(crate) min_tokens: Option<u64>,
    #[arg(long, default_value_t = 512)]
    pub(crate) max_tokens: u64,
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Never ask the network.
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) device: DeviceOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// A Hugging Face folder, a `.gguf` file, or `hf:org/name[@revision]`.
    #[arg(long)]
    pub(crate) model: String,
    /// JSON lines: `{"id", "prompt", "response"}`.
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: PathBuf,
    /// Never ask the network.
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) device: DeviceOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    /// The evaluation whose problems are answered.
    pub(crate) evaluation: String,
    /// JSON lines, JSON, CSV or Parquet, also compressed; of several files (runs with different seeds) the responses to a
    /// problem are put one behind the other.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// What the study calls who gave the responses [default: the first file's name].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Column with the problem's id [default: `id`, `doc_id`, `custom_id`, `idx` …, the first that is there].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id: Option<String>,
    /// Column with the problem's text, or the whole prompt, where ids are not shared.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) problem: Option<String>,
    /// Column with the response, or a list of them [default: what vLLM, OpenAI and others call it].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) response: Option<String>,
    /// Column with verdicts that are kept; without it the benchmark's judge judges.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) verdict: Option<String>,
    /// Where to write it [default: `<name>.jsonl` beside the study].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct GradeArgs {
    /// `math`, `math_paper`, `number`, `choice`, `exact`, `countdown`, `code` or `command`
    #[arg(long, required_unless_present = "benchmark")]
    pub(crate) judge: Option<String>,
    /// Take golds or tests, and the judge, from this benchmark of `std.benchmarks`; a row is then `{"id", "problem",
    /// "response"}`, with the id of its problem.
    #[arg(long, value_name = "NAME")]
    pub(crate) benchmark: Option<String>,
    /// File with the benchmark's rows [default: the hub's cache].
    #[arg(long, value_name = "FILE", requires = "benchmark")]
    pub(crate) source: Option<PathBuf>,
    /// JSON lines: `{"id", "gold", "response"}`, optionally `"gold_is_text"`, `"problem"`, `"truncated"`, `"precision"`; for `code`
    /// `{"id", "response", "tests"}`, optionally `"kind"`, `"prompt"`, `"setup"`, `"starter_code"`.
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: PathBuf,
    /// Write the verdicts into this file instead of stdout; a run that was interrupted goes on where it ended.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// A second judge: each row gets its verdict as `against`, and a table of disagreements ends the run (on stderr).
    #[arg(long, value_name = "JUDGE")]
    pub(crate) against: Option<String>,
    /// For `command`: the program that judges; it reads `{"problem", "gold", "response", "truncated"}` and prints
    /// `{"verdict", "extracted", "reason"}`.
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,
    /// Run programs with limits alone where the machine offers no way to lock them in.
    #[arg(long)]
    pub(crate) unsafe_judge: bool,
    /// The interpreter of the code judge [default: python3].
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// CPU seconds of a program, or of a test over standard input [default: 6].
    #[arg(long, value_name = "SECONDS")]
    pub(crate) cpu_seconds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct PasskArgs {
    /// CSV with the columns problem, n, c.
    pub(crate) counts: PathBuf,
    /// `1..256*2` (doubling), `1..10` or `1,5,10`
    #[arg(long)]
    pub(crate) k: String,
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// The studies whose results stay.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Folder of the rows and checkpoints.
    #[arg(long, value_name = "DIR", default_value = ".rlx/store")]
    pub(crate) store: PathBuf,
    /// Only say what would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) device: DeviceOptions,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Where to write it.
    #[arg(default_value = "study.rlx")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LspArgs {
    /// What editors say to a server that could speak otherwise; this is the only way.
    #[arg(long)]
    pub(crate) stdio: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DocArgs {
    /// `.rlx` files or folders of them; the standard library where none is given.
    pub(crate) files: Vec<PathBuf>,
    /// Folder for one page a file; without it everything goes to stdout.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
