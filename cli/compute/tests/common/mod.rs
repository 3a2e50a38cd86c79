//! A small real study (random weights of a few thousand parameters) and the binary that runs it.
#![allow(dead_code)] // each test file uses a part
#![allow(clippy::unwrap_used)] // a test may panic

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A folder with a study.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

const STUDY: &str = r#"//! A small study for tests.

use std.algorithms.grpo

param n = 8 samples

model base {
    source = init {
        family       = qwen2
        hidden       = 16
        layers       = 2
        heads        = 2
        kv_heads     = 1
        feed_forward = 32
        context      = 96 tokens
        rope_theta   = 10_000
        norm_epsilon = 1e-6
        tied         = true
        tokenizer    = "./tokenizer"
        seed         = 1
    }
}

data puzzles {
    source  = countdown { seed = 1, numbers = 3 }
    size    = 50 problems
    prompt  = "{problem}\n"
    judge   = countdown
    exclude = [held_out]
}

benchmark held_out {
    source = countdown { seed = 2, numbers = 3 }
    size   = 12 problems
    prompt = "{problem}\n"
    judge  = countdown
}

train rl {
    start      = base
    algorithm  = grpo { kl = { estimator = k3, coefficient = 0.01 } }
    data       = puzzles
    batch      = 4 prompts
    rollouts   = 4 samples
    steps      = 6 steps
    max_tokens = 24
    keep       = [3, 6]
}

distill student {
    start    = base
    teacher  = rl@3
    data     = puzzles
    prompts  = 16 prompts
    samples  = 2 samples
    epochs   = 2
    batch    = 8
    sampling = { temperature = 1.0, top_p = 1.0, max_tokens = 40 }
}

evaluate test {
    models    = [base, rl@*, student]
    benchmark = held_out
    sampling  = { temperature = 1.0, top_p = 0.9, max_tokens = 24 }
    samples   = n
}

figure coverage   = pass_at_k(test, k = 1..n by *2)
table  overview   = summary(test)
figure likelihood = perplexity(test, of = [base, rl@6], under = base)

claim better "RL is better" {
    pass(test, rl@6, k = 1) > pass(test, base, k = 1)
}
"#;

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = folder.path().join("tokenizer");
        fs::create_dir(&tokenizer).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/quickstart/tokenizer");
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, tokenizer.join(path.file_name().unwrap())).unwrap();
        }
        let place = Place { folder };
        place.write("study.rlx", STUDY);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The study with something else in it.
    pub(crate) fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("study.rlx")).unwrap();
        assert!(text.contains(from), "{from}");
        self.write("study.rlx", &text.replace(from, to));
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rlx-compute"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env("HF_HUB_OFFLINE", "1");
        command
    }

    pub(crate) fn rlx(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the study; it must succeed.
    pub(crate) fn run(&self) {
        let output = self.rlx(&["run", "study.rlx"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Runs the study; it must end with 1 and a diagnostic with this code.
    pub(crate) fn refused(&self, arguments: &[&str], code: &str) -> String {
        let output = self.rlx(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(code), "no {code} in:\n{text}");
        text
    }

    /// What a run leaves that must not depend on how it got there: rows, weights, figures and tables, by relative path.
    pub(crate) fn traces(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.path(".rlx"), self.path("results")];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let name = path
                    .strip_prefix(self.folder.path())
                    .unwrap()
                    .display()
                    .to_string();
                // Times of a step are in it, and no two runs take the same.
                let timed = name.ends_with("metrics.csv");
                let kept = name.contains("rows-")
                    || name.contains("checkpoints/")
                    || [".csv", ".svg", ".tex"].iter().any(|end| name.ends_with(end));
                if kept && !timed {
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        found
    }
}
