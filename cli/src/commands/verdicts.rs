//! Where `rlx grade` writes: stdout, or a file that an interrupted run goes on with.

use crate::{args::GradeArgs, commands::lines, failure::Failure};
use indicatif::{ProgressBar, ProgressStyle};
use rlx_judge::Verdict;
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// The verdicts of a run, in the order of the answers.
pub(crate) struct Sink {
    out: Box<dyn Write>,
    path: Option<PathBuf>,
    /// Ids of the rows that an earlier run has written.
    present: Vec<Value>,
    bar: ProgressBar,
    counts: BTreeMap<&'static str, u64>,
}

#[derive(Deserialize)]
struct Written {
    id: Value,
}

impl Sink {
    /// Opens the output and a progress bar over the answers.
    pub(crate) fn open(args: &GradeArgs) -> Result<Sink, Failure> {
        let (out, present): (Box<dyn Write>, Vec<Value>) = match &args.out {
            None => (Box::new(BufWriter::new(std::io::stdout().lock())), Vec::new()),
            Some(path) => {
                let present = resume(path)?;
                let file = OpenOptions::new().create(true).append(true).open(path);
                let file = file.map_err(|error| Failure::file(path, "write", &error))?;
                (Box::new(BufWriter::new(file)), present)
            }
        };
        let shown =
            std::io::stderr().is_terminal() && (args.out.is_some() || !std::io::stdout().is_terminal());
        let bar = if shown {
            let rows = count(&args.answers)?;
            let style = ProgressStyle::with_template(
                "{prefix:.bold} {wide_bar:.cyan/dim} {pos}/{len} {msg} · {eta} left",
            );
            let style = style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("━╸─");
            let bar = ProgressBar::new(rows).with_style(style).with_prefix("grade");
            bar.set_position(present.len() as u64);
            bar.reset_eta();
            bar
        } else {
            ProgressBar::hidden()
        };
        Ok(Sink {
            out,
            path: args.out.clone(),
            present,
            bar,
            counts: BTreeMap::new(),
        })
    }

    /// How many rows an earlier run has written.
    pub(crate) fn done(&self) -> usize {
        self.present.len()
    }

    /// Refuses answers other than those that an earlier run was about.
    pub(crate) fn check(&self, row: usize, id: &Value) -> Result<(), Failure> {
        match self.present.get(row) {
            Some(known) if known != id => {
                let path = self.path.as_deref().unwrap_or(Path::new("-")).display();
                let message = format!(
                    "{path} is about other answers: its row {} has the id {known}, the answers have {id}",
                    row + 1
                );
                let help = "give `--out` another name, or remove the file to begin anew";
                Err(Failure::user("rlx::judge", message, Some(help.into())))
            }
            _ => Ok(()),
        }
    }

    /// Writes the next row, with the verdict of a second judge where there is one.
    pub(crate) fn write(
        &mut self,
        id: &Value,
        verdict: &Verdict,
        took: Duration,
        against: Option<&Verdict>,
    ) -> Result<(), Failure> {
        let mut line = serde_json::json!({
            "id": id, "verdict": verdict.outcome.name(), "extracted": verdict.extracted, "rule": verdict.rule,
            "reason": verdict.reason, "ms": took.as_secs_f64() * 1e3,
        });
        if let (Some(other), Some(fields)) = (against, line.as_object_mut()) {
            fields.insert("against".into(), other.outcome.name().into());
        }
        *self.counts.entry(verdict.outcome.name()).or_default() += 1;
        self.bar.inc(1);
        writeln!(self.out, "{line}").map_err(|error| self.failed(&error))
    }

    /// Hands on what is written, so that an interrupted run keeps it.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let counts: Vec<String> = self
            .counts
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        self.bar.set_message(counts.join(", "));
        self.out.flush().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        match &self.path {
            Some(path) => Failure::file(path, "write", error),
            None => lines::stdout(std::io::Error::new(error.kind(), error.to_string())),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The ids in a file of verdicts; a last line that was cut off is removed.
fn resume(path: &Path) -> Result<Vec<Value>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file(path, "read", &error)),
    };
    let mut reader = BufReader::new(file);
    let (mut ids, mut whole, mut line) = (Vec::new(), 0u64, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        let length = read.map_err(|error| Failure::file(path, "read", &error))?;
        if length == 0 {
            return Ok(ids);
        }
        match serde_json::from_slice::<Written>(&line) {
            Ok(row) if line.ends_with(b"\n") => ids.push(row.id),
            // Cut off where the run was killed.
            _ if reader.fill_buf().is_ok_and(<[u8]>::is_empty) && !line.ends_with(b"\n") => {
                let file = OpenOptions::new().write(true).open(path);
                let cut = file.and_then(|file| file.set_len(whole));
                cut.map_err(|error| Failure::file(path, "write", &error))?;
                return Ok(ids);
            }
            _ => {
                let message = format!("{}: line {} is no verdict", path.display(), ids.len() + 1);
                let help = "give `--out` another name, or remove the file to begin anew";
                return Err(Failure::user("rlx::judge", message, Some(help.into())));
            }
        }
        whole += length as u64;
    }
}

/// Rows of a file of JSON lines, blank lines not counted.
fn count(path: &Path) -> Result<u64, Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, "read", &error))?;
    let mut rows = 0;
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(|error| Failure::file(path, "read", &error))?;
        rows += u64::from(!line.trim_ascii().is_empty());
    }
    Ok(rows)
}
