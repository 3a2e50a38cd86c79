//! Which files of a repository matter: those of a model, and those of a data set's split.

use crate::error::DataError;
use std::fs;
use std::path::Path;

/// Files of a folder with `/` between parts, sorted, hidden ones left out; links are followed.
pub(crate) fn files_below(root: &Path) -> Result<Vec<String>, DataError> {
    let mut found = Vec::new();
    let mut open = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| DataError::io(&folder, e))? {
            let entry = entry.map_err(|e| DataError::io(&folder, e))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let relative = format!("{prefix}{name}");
            let path = entry.path();
            match fs::metadata(&path) {
                // A ring of linked folders ends here.
                Ok(metadata) if metadata.is_dir() && depth < 8 => {
                    open.push((path, format!("{relative}/"), depth + 1))
                }
                Ok(metadata) if metadata.is_file() => found.push(relative),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Files that the engine reads: weights, configuration, tokenizer, chat template, at the top of the repository.
pub(crate) fn is_model_file(name: &str) -> bool {
    const NAMED: [&str; 13] = [
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "merges.txt",
        "chat_template.jinja",
        "chat_template.json",
        "preprocessor_config.json",
        "processor_config.json",
    ];
    NAMED.contains(&name) || is_weights(name)
}

/// `model.safetensors` or a shard of it.
pub(super) fn is_weights(name: &str) -> bool {
    !name.contains('/') && name.starts_with("model") && name.ends_with(".safetensors")
}

const EXTENSIONS: [&str; 5] = [".jsonl", ".ndjson", ".json", ".csv", ".parquet"];

fn is_data(name: &str) -> bool {
    let plain = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(name);
    let file = plain.rsplit('/').next().unwrap_or(plain);
    EXTENSIONS.iter().any(|extension| plain.ends_with(extension))
        && ![
            "dataset_infos.json",
            "dataset_info.json",
            "state.json",
            "source.json",
        ]
        .contains(&file)
}

/// The files of a folder that hold rows.
pub(crate) fn data_files(root: &Path) -> Result<Vec<String>, DataError> {
    Ok(files_below(root)?
        .into_iter()
        .filter(|name| is_data(name))
        .collect())
}

/// What the files of a data set offer for a split.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Split {
    Files(Vec<String>),
    None,
}

/// Files of `config` and `split` among `names`, by the hub's habits: the configuration is a folder (or the beginning of
/// the file's name), the split a word of the path (`main/train-00000-of-00001.jsonl`). A single data file without any
/// split's name is `train`.
///
/// `train+test` is both, in this order, as the hub's own tools read it; each of them has to be there.
pub(super) fn split_files(names: &[String], config: Option<&str>, split: &str) -> Split {
    let mut all = Vec::new();
    for part in split.split('+') {
        match one_split(names, config, part.trim()) {
            Split::Files(files) => all.extend(
                files
                    .into_iter()
                    .filter(|file| !all.contains(file))
                    .collect::<Vec<_>>(),
            ),
            Split::None => return Split::None,
        }
    }
    Split::Files(all)
}

fn one_split(names: &[String], config: Option<&str>, split: &str) -> Split {
    let words = |name: &str| -> Vec<String> {
        let plain = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        plain
            .split(|c: char| !c.is_ascii_alphanumeric())
            .map(str::to_ascii_lowercase)
            .collect()
    };
    let of_config = |name: &str| match config {
        None => true,
        Some(config) => name
            .split(['/'])
            .any(|part| part == config || part.starts_with(&format!("{config}-"))),
    };
    let any_of_config = config.is_some() && names.iter().any(|name| is_data(name) && of_config(name));
    let pick = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let kept = names
            .iter()
            .filter(|name| wanted(name) && (!any_of_config || of_config(name)));
        let kept: Vec<String> = kept.cloned().collect();
        let split = split.to_ascii_lowercase();
        let exact: Vec<String> = kept
            .iter()
            .filter(|name| words(name).contains(&split))
            .cloned()
            .collect();
        const SPLITS: [&str; 6] = ["train", "test", "validation", "valid", "val", "dev"];
        let unnamed = |name: &String| !words(name).iter().any(|word| SPLITS.contains(&word.as_str()));
        match kept.as_slice() {
            [only] if exact.is_empty() && split == "train" && unnamed(only) => kept,
            _ => exact,
        }
    };
    // The same rows may lie there in both forms; lines are preferred, as they were before Parquet was read.
    for wanted in [
        &(|name: &str| is_data(name) && !is_parquet(name)) as &dyn Fn(&str) -> bool,
        &is_parquet,
    ] {
        let files = pick(wanted);
        if !files.is_empty() {
            return Split::Files(files);
        }
    }
    Split::None
}

fn is_parquet(name: &str) -> bool {
    name.ends_with(".parquet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_splits_come_one_after_the_other() {
        let names = [
            "README.md",
            "test.jsonl",
            "test2.jsonl",
            "test3.jsonl",
            "train.jsonl",
        ]
        .map(str::to_owned);
        let files = |split: &str| split_files(&names, None, split);
        let named = |files: &[&str]| Split::Files(files.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(files("test"), named(&["test.jsonl"]));
        assert_eq!(files("test3+test"), named(&["test3.jsonl", "test.jsonl"]));
        assert_eq!(files("train + train"), named(&["train.jsonl"]));
        assert_eq!(files("test+test4"), Split::None);
    }
}
