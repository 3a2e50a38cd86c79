//! The longer story of what can go wrong after a file has been checked: models, data, the store, the run.

/// Code and story, sorted.
const STORIES: [(&str, &str); 74] = [
    (
        "rlx::data::download",
        "The hub answered with an error, the line was cut, or what came does not have the checksum that the hub states. What came whole is kept and is not asked for again: run the same command. 401 and 403 want a token (`HF_TOKEN`) and an accepted licence; 404 is a wrong name or revision; 429 asks to wait.",
    ),
    (
        "rlx::data::file",
        "A model or a file of problems that the study names by path is not there or cannot be read. Relative paths start at the folder of the file that declares them.",
    ),
    (
        "rlx::data::not_here",
        "A model or data set is not on this machine and was not to be fetched. `rlx fetch FILE` brings it into the Hugging Face cache (`HF_HOME`); or name a folder or file: `--set base.source=\"PATH\"`.",
    ),
    (
        "rlx::data::offline",
        "`--offline` or HF_HUB_OFFLINE forbids the network, and something is missing. Run `rlx fetch FILE` where there is a network, or put the files in place.",
    ),
    (
        "rlx::data::overlap",
        "A warning: test problems share 13 words in a row with problems (or worked responses) that a study trains on, so the tests may have been trained on. It is looked for by `rlx check` where both sets are on this machine. `exclude = BENCHMARK` leaves problems out that are the same word for word; for the others look at the rows.",
    ),
    (
        "rlx::data::prompt",
        "A prompt template has one placeholder, `{problem}`, and must have it.",
    ),
    (
        "rlx::data::response",
        "Supervised training imitates responses, and the data has none: name the column that holds them (`response = \"solution\"`).",
    ),
    (
        "rlx::data::row",
        "A row of a data file is not what the declaration says: not JSON, a missing column, a duplicate id, or a format that is not read. The message names file, line and column.",
    ),
    (
        "rlx::data::set",
        "A problem set cannot be made as declared: it is empty, endless where a number is needed, unknown, or shares problems with a set that it excludes.",
    ),
    (
        "rlx::diff::no_results",
        "A study that is to be compared has no results yet. `rlx run` or `rlx report` writes `results/<study>/report.json`; `rlx diff` takes that file, its folder, or the `.rlx` file with `--results DIR`.",
    ),
    (
        "rlx::diff::unreadable",
        "A `report.json` cannot be read: it was cut short or is of another version. `rlx report` writes it again from the rows in the store.",
    ),
    (
        "rlx::endpoint::answer",
        "A server that a model names as its source (`endpoint { … }`) answered, and not as OpenAI's interface does: no `choices`, no `usage`, or a `finish_reason` that says neither `stop` nor `length`. Look whether `url` leads to that interface, up to `/v1`.",
    ),
    (
        "rlx::endpoint::key",
        "A server wants another key (401, 403), or the environment variable that the study names with `key` is not set. Keys are read from there at the moment a question is asked, and are written neither into rows nor into messages.",
    ),
    (
        "rlx::endpoint::refused",
        "A server does not take a question: no such model or path (404), or a parameter that it does not have (400, 422). The message quotes the server. Responses that came before are kept.",
    ),
    (
        "rlx::endpoint::silent",
        "A server was busy (429, 5xx), gave no answer within `timeout`, or the line was cut, more often than `retries` allows. Every response that came is kept: the same command goes on with those that lack.",
    ),
    (
        "rlx::engine::device",
        "The device that was asked for is not there. `rlx doctor` says which there is and why; `--device auto` takes the best.",
    ),
    (
        "rlx::engine::failed",
        "libtorch reported an error. If the message means nothing to you it is likely a defect of rlx: please report it with the command.",
    ),
    (
        "rlx::engine::memory",
        "Memory ran out. Lower `max_tokens`, `batch` or `rollouts`, or use a smaller model; what was computed is kept.",
    ),
    (
        "rlx::engine::not_finite",
        "A model's output holds NaN or infinity. The weights are damaged, or a training diverged: use an earlier checkpoint, a lower learning rate, or `--precision fp32`.",
    ),
    (
        "rlx::explain",
        "`rlx explain` takes a code or a file and the path of a value; this one is not known.",
    ),
    (
        "rlx::file",
        "A file named on the command line cannot be read or written.",
    ),
    (
        "rlx::import::evaluation",
        "`rlx import STUDY EVALUATION FILE` finds the responses to the problems of one evaluation, and the study has none of that name.",
    ),
    (
        "rlx::import::name",
        "A file of responses is read under the name of a model: letters, digits and `_`. `--name` gives one where the file's own name does not do.",
    ),
    (
        "rlx::import::there",
        "`rlx import` would write over a file of responses that a study may have measured. Its content is in keys and lock, so another content is another model. `--force` does it, `--out FILE` writes elsewhere.",
    ),
    (
        "rlx::inspect::reader",
        "A reader's name becomes part of a file's name: letters, digits, `-` and `_`.",
    ),
    (
        "rlx::inspect::server",
        "The page for reading by hand is served on this machine only, and its port could not be opened. Another one that is still running may hold it.",
    ),
    (
        "rlx::install",
        "`rlx` hands tensor work to `rlx-compute`, which lies beside it; it could not be started.",
    ),
    ("rlx::json", "cannot be caused"),
    ("rlx::judge", "There is no judge of that name."),
    (
        "rlx::lock::drift",
        "The lock beside the study's file says what models and data it stood on, by content, and something else lies there now under the same name. Numbers would change without a word. Bring back what was locked, or take the change with `rlx lock FILE --update`: then it shows where the lock is kept.",
    ),
    (
        "rlx::lock::unreadable",
        "`<study>.lock` is not a lock that this rlx can read: a conflict of a merge left in it, an edit by hand, or another version's format.",
    ),
    ("rlx::lsp", "an editor that breaks off"),
    (
        "rlx::model::architecture",
        "The engine knows Llama, Qwen2 and Qwen3 decoders; the model's config.json names another architecture, or sizes that do not fit together.",
    ),
    (
        "rlx::model::corrupt",
        "A model file is damaged: truncated, a header that lies about sizes, or numbers that contradict the configuration. Fetch it again; `sha256sum` against the hub's page tells which file.",
    ),
    (
        "rlx::model::missing",
        "A model's file cannot be read. A model is a Hugging Face folder (config.json, *.safetensors, tokenizer.json) or a `.gguf` file.",
    ),
    (
        "rlx::model::template",
        "The prompt asks for the model's chat template, and the model has none or it refuses the messages: use `chat = false` with a plain template, or a chat model.",
    ),
    (
        "rlx::model::tokenizer",
        "The tokenizer does not fit the model: it has ids that the embedding does not. Use the tokenizer that was published with the model.",
    ),
    (
        "rlx::model::unsupported",
        "The architecture is known, but the model uses an option of it that the engine does not have.",
    ),
    (
        "rlx::new",
        "`rlx new` writes a first study and a tokenizer beside it, and overwrites nothing.",
    ),
    (
        "rlx::pack::damaged",
        "A file in the pack does not have the hash that the pack states for it, or the pack ends too early. The message names it; ask for the pack again.",
    ),
    (
        "rlx::pack::hostile",
        "The archive holds what no pack holds: paths outside of it, links, or far more bytes than it says. Nothing of it was written.",
    ),
    (
        "rlx::pack::key",
        "A signature wants a secret key, and the one that was given cannot be read as one; or the pack is signed with another key than the one named.",
    ),
    (
        "rlx::pack::missing",
        "A file that belongs into the pack, or that the pack says it holds, is not there.",
    ),
    (
        "rlx::pack::spec",
        "The study cannot be packed as it is written: it has errors, or imports a file by an absolute path, which no other machine has.",
    ),
    (
        "rlx::pack::unfinished",
        "Only a finished study can be packed: `rlx run` does what is missing.",
    ),
    (
        "rlx::passk",
        "`rlx passk` reads a table with the columns problem, n and c: how many samples of each problem, and how many of them are right. The message names the line.",
    ),
    (
        "rlx::plan::broken",
        "The study names something that it does not hold. The language checks this before: please report it.",
    ),
    ("rlx::plan::step", "`rlx plan FILE` lists the names of the steps."),
    ("rlx::report", "cannot be caused"),
    (
        "rlx::run::analysis",
        "the language checks before what can be known",
    ),
    (
        "rlx::run::answer",
        "The judge compares with an answer, and problems of the set have none: no response to them could be right. Name the column of the answers, or leave these rows out.",
    ),
    ("rlx::run::backend", "cannot be caused"),
    (
        "rlx::run::checkpoint",
        "A training is finished, but a checkpoint that a later step needs was removed from the store.",
    ),
    (
        "rlx::run::context",
        "Prompt and response do not fit into the model's context. Left to run, responses would be cut early without a word.",
    ),
    (
        "rlx::run::judge",
        "The judge cannot be had. With `judge = command` its program cannot be read: `program` is a path from the folder of the declaring file.",
    ),
    (
        "rlx::run::nothing_to_learn",
        "A distillation keeps only what passes its filter, and no response did. Use `filter = all`, another teacher, or more samples.",
    ),
    ("rlx::run::problem", "rows of other data than their key says"),
    (
        "rlx::run::recorded",
        "An evaluation measures responses that lie in a file (`source = responses { … }`), and the file has none to some of its problems. They do not count as wrong: nobody asked. Measure on the problems that are answered (`filter`, `limit`), or import more.",
    ),
    (
        "rlx::run::search",
        "A `search` did not find its temperature: the target is not between the entropies at the two ends, the entropy does not rise with the temperature, or all looks are used up. No later step draws at a temperature that nobody found. The message names the entropies; what was drawn is kept, and a search with other ends, a wider `within` or more `looks` goes on from it.",
    ),
    (
        "rlx::run::size",
        "A set says how many problems it has (`size`), and another number was read. Epochs, costs and what is few are reckoned with it. Mend `size`, or look whether split, configuration and revision are the ones that are meant.",
    ),
    (
        "rlx::run::token",
        "`logit_bias` names a token that the model's tokenizer does not have: an id beyond its vocabulary, or a text that it writes as several tokens. A word within a sentence mostly begins with a space: \" yes\".",
    ),
    (
        "rlx::run::undecided",
        "A problem set with `among` has the problems that an evaluation of the study chooses. Before that evaluation is judged nobody knows which; when it is judged, none may be left. Run the study, or widen the set.",
    ),
    (
        "rlx::sandbox",
        "Programs are judged by running them, locked in: namespaces, Landlock, seccomp and limits, as far as the machine has them; `rlx doctor` says what it has. Without namespaces and Landlock nothing is run, unless `--unsafe-judge` is given. A Python interpreter has to be there: `--python PATH` names one.",
    ),
    ("rlx::stdout", "a full disk behind a pipe"),
    (
        "rlx::store::busy",
        "Two runs must not write the same store at once. Wait, or give one of them `--store DIR`.",
    ),
    (
        "rlx::store::damaged",
        "A block of rows does not have the hash in its name: a byte flipped, or somebody edited it. Remove the named file; the same command draws only its rows anew.",
    ),
    (
        "rlx::store::full",
        "The disk is full. Everything that was finished is kept: free some space and run the same command.",
    ),
    ("rlx::store::io", "The store cannot be read or written."),
    (
        "rlx::train::diverged",
        "Loss or gradient was NaN or infinite several updates in a row. Those updates were skipped, so the weights are clean up to the named step: lower the learning rate, lengthen the warm-up, or look at the named batch.",
    ),
    ("rlx::train::failed", "libtorch failing in a training"),
    (
        "rlx::train::spec",
        "A setting of a training cannot be used; the message names it.",
    ),
    (
        "rlx::usage",
        "Options that do not go together; `--help` lists them.",
    ),
    (
        "rlx::watch::nothing",
        "`rlx watch` draws the curves of trainings, and the study has none.",
    ),
    (
        "rlx::watch::terminal",
        "The terminal gives no picture or no keys: run `rlx watch` in an interactive one, or with `--once`.",
    ),
];

/// The code itself, where it has a story.
pub(crate) fn known(code: &str) -> &'static str {
    let found = STORIES.iter().find(|(known, _)| *known == code);
    found.map_or("rlx::data::set", |(known, _)| known)
}

/// The story of a code.
pub(crate) fn story(code: &str) -> Option<&'static str> {
    STORIES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, story)| *story)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    /// Rust files below a folder.
    fn sources(folder: &std::path::Path, wanted: &dyn Fn(&str) -> bool, out: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = path.to_string_lossy().into_owned();
            let own = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && own != "target" && !own.starts_with('.') {
                sources(&path, wanted, out);
            } else if wanted(&name) {
                out.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn all(wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut texts = Vec::new();
        for folder in ["cli", "interpreter", "editors/server", "tests", "grammar"] {
            sources(&root.join(folder), wanted, &mut texts);
        }
        assert!(texts.len() > 10);
        texts
    }

    #[test]
    fn every_code_has_a_story() {
        let written = regex::Regex::new("\"(rlx::[a-z_]+(?:::[a-z_]+)*)\"").unwrap();
        for text in all(&|name| name.ends_with(".rs") && name.contains("/src/")) {
            // What only tests write is no code: prefixes and made-up ones.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for found in written.captures_iter(text) {
                let code = &found[1];
                // The beginning that codes of one kind share.
                if code == "rlx::syntax" {
                    continue;
                }
                assert!(
                    story(code).is_some() || rlx_language::codes::story(code).is_some(),
                    "{code} has no story"
                );
            }
        }
    }

    /// Codes that no test of the whole program causes, and why.
    const WITHOUT: [(&str, &str); 22] = [
        (
            "rlx::engine::device",
            "depends on the machine; the engine's own tests ask for devices",
        ),
        ("rlx::engine::failed", "a defect of rlx or libtorch"),
        ("rlx::engine::memory", "the engine's tests give it a small budget"),
        (
            "rlx::inspect::server",
            "held by the error's own test, not by its code",
        ),
        ("rlx::install", "needs a broken installation"),
        ("rlx::json", "cannot be caused"),
        ("rlx::lsp", "an editor that breaks off"),
        (
            "rlx::model::template",
            "wants a model: the engine's tests hold the error, not its code",
        ),
        (
            "rlx::pack::missing",
            "held by the error's own test, not by its code",
        ),
        ("rlx::pack::spec", "held by the error's own test, not by its code"),
        (
            "rlx::plan::broken",
            "cannot be caused: the language checks before",
        ),
        ("rlx::report", "cannot be caused"),
        (
            "rlx::run::analysis",
            "the language checks before what can be known",
        ),
        ("rlx::run::backend", "cannot be caused"),
        ("rlx::run::judge", "held by the error's own test, not by its code"),
        ("rlx::run::problem", "rows of other data than their key says"),
        ("rlx::stdout", "a full disk behind a pipe"),
        ("rlx::store::full", "a full disk; tried by hand on a small one"),
        (
            "rlx::train::diverged",
            "wants a training: the trainer's tests hold the error, not its code",
        ),
        ("rlx::train::failed", "libtorch failing in a training"),
        (
            "rlx::train::spec",
            "wants a training: the trainer's tests hold the error, not its code",
        ),
        (
            "rlx::watch::terminal",
            "held by the error's own test, not by its code",
        ),
    ];

    #[test]
    fn every_code_has_a_case() {
        let tests = all(&|name| {
            (name.contains("/tests/") && (name.ends_with(".rs") || name.ends_with(".rlx")))
                || name.ends_with("tests.rs")
        });
        for (code, _) in STORIES {
            let excused = WITHOUT.iter().any(|(known, _)| *known == code);
            let found = tests.iter().any(|text| text.contains(code));
            assert!(found || excused, "no test causes {code}");
            assert!(!(found && excused), "{code} is excused, and a test causes it");
        }
    }

    #[test]
    fn stories_are_sorted_and_single() {
        assert!(STORIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(story("rlx::store::full").is_some());
    }
}
