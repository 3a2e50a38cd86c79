//! Reading checkpoints in the safetensors format, one file or several, without trusting their headers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use crate::EngineError;
use crate::error::FETCH_AGAIN;

/// The format's own limit on a header, in bytes.
const LARGEST_HEADER: u64 = 100_000_000;

/// One tensor's place in a file.
#[derive(Debug, Clone)]
struct Entry {
    file: usize,
    kind: Kind,
    shape: Vec<i64>,
    start: u64,
    bytes: usize,
}

/// All tensors of a checkpoint by name; data is read when asked for.
pub(crate) struct Checkpoint {
    files: Vec<(PathBuf, File)>,
    entries: BTreeMap<String, Entry>,
}

impl Checkpoint {
    /// Opens `model.safetensors`, the shards that `model.safetensors.index.json` names, or else every
    /// `*.safetensors` of the folder.
    pub(crate) fn open(dir: &Path) -> Result<Self, EngineError> {
        let mut this = Self {
            files: Vec::new(),
            entries: BTreeMap::new(),
        };
        for path in shard_paths(dir)? {
            this.add(&path)?;
        }
        Ok(this)
    }

    /// Opens one file.
    pub(crate) fn of_file(path: &Path) -> Result<Self, EngineError> {
        let mut this = Self {
            files: Vec::new(),
            entries: BTreeMap::new(),
        };
        this.add(path)?;
        Ok(this)
    }

    fn add(&mut self, path: &Path) -> Result<(), EngineError> {
        let io = |e| EngineError::io(path, "read", e);
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let corrupt = |what: String| EngineError::corrupt(path, what, FETCH_AGAIN);
        if length < 8 {
            return Err(corrupt(format!(
                "{length} bytes are too few for a safetensors header"
            )));
        }
        let mut size = [0; 8];
        file.read_exact(&mut size).map_err(io)?;
        let size = u64::from_le_bytes(size);
        if size > LARGEST_HEADER || size > length - 8 {
            return Err(corrupt(format!(
                "the header claims {size} bytes in a file of {length}"
            )));
        }
        let mut header = vec![0; usize::try_from(size).map_err(|_| corrupt("header too large".to_owned()))?];
        file.read_exact(&mut header).map_err(io)?;
        let header: Map<String, Value> = serde_json::from_slice(&header)
            .map_err(|e| corrupt(format!("the header is not valid JSON ({e})")))?;
        let data = length - 8 - size;
        let index = self.files.len();
        let mut spans = Vec::new();
        for (name, value) in &header {
            if name == "__metadata__" {
                continue;
            }
            let mut entry = parse_entry(name, value, data).map_err(corrupt)?;
            spans.push((entry.start, entry.bytes, name));
            entry.file = index;
            entry.start += 8 + size;
            if let Some(other) = self.entries.insert(name.clone(), entry) {
                let other = self
                    .files
                    .get(other.file)
                    .map(|(p, _)| p.display().to_string())
                    .unwrap_or_default();
                return Err(corrupt(format!("tensor `{name}` is in {other} as well")));
            }
        }
        spans.sort();
        for pair in spans.windows(2) {
            if let [(start, bytes, a), (next, _, b)] = pair
                && start + *bytes as u64 > *next
            {
                return Err(corrupt(format!("tensors `{a}` and `{b}` overlap")));
            }
        }
        self.files.push((path.to_owned(), file));
        Ok(())
    }

    /// All names, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The shape of a tensor.
    pub(crate) fn shape(&self, name: &str) -> Option<&[i64]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Reads a tensor in its stored kind, on the CPU, after checking that its shape is the expected one.
    pub(crate) fn read(&mut self, name: &str, shape: &[i64], dir: &Path) -> Result<Tensor, EngineError> {
        let Some(entry) = self.entries.get(name) else {
            return Err(EngineError::corrupt(
                dir,
                format!("tensor `{name}` is missing"),
                FETCH_AGAIN,
            ));
        };
        let Some((path, file)) = self.files.get_mut(entry.file) else {
            return Err(EngineError::corrupt(
                dir,
                format!("tensor `{name}` has no file"),
                FETCH_AGAIN,
            ));
        };
        if entry.shape != shape {
            return Err(EngineError::corrupt(
                path,
                format!(
                    "tensor `{name}` has the shape {:?} where the configuration asks for {shape:?}",
                    entry.shape
                ),
                "use the config.json that was published with these weights",
            ));
        }
        let mut bytes = vec![0; entry.bytes];
        file.seek(SeekFrom::Start(entry.start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|e| EngineError::io(path, "read", e))?;
        Ok(Tensor::f_from_data_size(&bytes, shape, entry.kind)?)
    }
}

fn parse_entry(name: &str, value: &Value, data: u64) -> Result<Entry, String> {
    let dtype = value.get("dtype").and_then(Value::as_str).unwrap_or("(none)");
    let kind = match dtype {
        "F32" => Kind::Float,
        "F16" => Kind::Half,
        "BF16" => Kind::BFloat16,
        "F64" => Kind::Double,
        "I64" => Kind::Int64,
        other => {
            return Err(format!(
                "tensor `{name}` has the type {other}; F32, F16, BF16 and F64 can be read"
            ));
        }
    };
    let numbers =
        |key: &str| -> Option<Vec<u64>> { value.get(key)?.as_array()?.iter().map(Value::as_u64).collect() };
    let shape = numbers("shape").ok_or_else(|| format!("tensor `{name}` has no valid shape"))?;
    let offsets = numbers("data_offsets").unwrap_or_default();
    let &[start, end] = offsets.as_slice() else {
        return Err(format!("tensor `{name}` has no valid data_offsets"));
    };
    if start > end || end > data {
        return Err(format!(
            "tensor `{name}` lies at bytes {start}..{end} of a data section that has {data}; the file is cut short"
        ));
    }
    let want = shape
        .iter()
        .try_fold(kind.elt_size_in_bytes() as u64, |n, &d| n.checked_mul(d))
        .ok_or_else(|| format!("tensor `{name}` has an impossible shape {shape:?}"))?;
    if want != end - start {
        return Err(format!(
            "tensor `{name}` of shape {shape:?} needs {want} bytes but has {}",
            end - start
        ));
    }
    let narrow = |d: u64| i64::try_from(d).map_err(|_| format!("tensor `{name}` has an impossible shape"));
    Ok(Entry {
        file: 0,
        kind,
        shape: shape.into_iter().map(narrow).collect::<Result<_, _>>()?,
        start,
        bytes: usize::try_from(want)
            .map_err(|_| format!("tensor `{name}` does not fit this machine's memory"))?,
    })
}

/// The files of a checkpoint, sorted by name.
fn shard_paths(dir: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let index = dir.join("model.safetensors.index.json");
    if index.is_file() {
        let text = std::fs::read_to_string(&index).map_err(|e| EngineError::io(&index, "read", e))?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|e| EngineError::corrupt(&index, format!("not valid JSON ({e})"), FETCH_AGAIN))?;
        let map = value
            .get("weight_map")
            .and_then(Value::as_object)
            .ok_or_else(|| EngineError::corrupt(&index, "`weight_map` is missing", FETCH_AGAIN))?;
        let mut names: Vec<&str> = map.values().filter_map(Value::as_str).collect();
        names.sort_unstable();
        names.dedup();
        for name in &names {
            if name.is_empty() || name.contains(['/', '\\']) || *name == ".." {
                return Err(EngineError::corrupt(
                    &index,
                    format!("shard `{name}` is not a file name"),
                    FETCH_AGAIN,
                ));
            }
        }
        let paths: Vec<PathBuf> = names.into_iter().map(|n| dir.join(n)).collect();
        if let Some(gone) = paths.iter().find(|p| !p.is_file()) {
            let name = gone.file_name().unwrap_or_default().to_string_lossy();
            return Err(EngineError::corrupt(
                &index,
                format!("the shard {name} is missing"),
                "fetch the missing shard",
            ));
        }
        return Ok(paths);
    }
    let single = dir.join("model.safetensors");
    if single.is_file() {
        return Ok(vec![single]);
    }
    let listing = std::fs::read_dir(dir).map_err(|e| EngineError::io(dir, "read", e))?;
    let mut paths: Vec<PathBuf> = listing
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(EngineError::corrupt(
            dir,
            "there is no *.safetensors file in the folder",
            "fetch the weights in safetensors format",
        ));
    }
    Ok(paths)
}
