//! The container: header, metadata and tensor directory, with every count, length and offset checked
//! against the file before it is believed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::quant::Storage;
use crate::EngineError;
use crate::error::FETCH_AGAIN;

const MOST_KEYS: u64 = 1 << 16;
const MOST_TENSORS: u64 = 1 << 16;
const MOST_ELEMENTS: u64 = 1 << 24;
const LONGEST_STRING: u64 = 1 << 24;

/// A metadata value. Whole numbers are widened; arrays of arrays are skipped, for nothing here needs them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meta {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    Ints(Vec<i64>),
    Other,
}

/// A tensor's place.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) storage: Storage,
    /// Row-major shape (GGUF stores it reversed).
    pub(crate) shape: Vec<i64>,
    start: u64,
    bytes: usize,
}

/// An open GGUF file.
pub(crate) struct Gguf {
    pub(crate) path: PathBuf,
    file: File,
    pub(crate) metadata: BTreeMap<String, Meta>,
    /// By name, as in the file.
    pub(crate) tensors: BTreeMap<String, Place>,
}

impl Gguf {
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        let file = File::open(path).map_err(|e| EngineError::io(path, "read", e))?;
        let length = file
            .metadata()
            .map_err(|e| EngineError::io(path, "read", e))?
            .len();
        let parse_from = file.try_clone().map_err(|e| EngineError::io(path, "read", e))?;
        let mut source = Source {
            reader: BufReader::new(parse_from),
            at: 0,
            length,
        };
        let (metadata, tensors) = source
            .parse()
            .map_err(|what| EngineError::corrupt(path, what, FETCH_AGAIN))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            metadata,
            tensors,
        })
    }

    /// The numbers of a tensor, row-major.
    pub(crate) fn numbers(&mut self, name: &str) -> Result<Vec<f32>, EngineError> {
        let Some(place) = self.tensors.get(name) else {
            return Err(EngineError::corrupt(
                &self.path,
                format!("tensor `{name}` is missing"),
                FETCH_AGAIN,
            ));
        };
        let mut bytes = vec![0; place.bytes];
        self.file
            .seek(SeekFrom::Start(place.start))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|e| EngineError::io(&self.path, "read", e))?;
        Ok(place.storage.dequantise(&bytes))
    }

    pub(crate) fn int(&self, key: &str) -> Option<i64> {
        match self.metadata.get(key) {
            Some(Meta::Int(n)) => Some(*n),
            _ => None,
        }
    }

    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        match self.metadata.get(key) {
            Some(Meta::Float(x)) => Some(*x),
            Some(Meta::Int(n)) => Some(*n as f64),
            _ => None,
        }
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key) {
            Some(Meta::Text(s)) => Some(s),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        match self.metadata.get(key) {
            Some(Meta::Bool(b)) => Some(*b),
            _ => None,
        }
    }

    pub(crate) fn corrupt(&self, what: impl Into<String>) -> EngineError {
        EngineError::corrupt(&self.path, what, FETCH_AGAIN)
    }
}

/// A reader that knows how much of the file is left.
struct Source<R> {
    reader: R,
    at: u64,
    length: u64,
}

type Parsed = (BTreeMap<String, Meta>, BTreeMap<String, Place>);

impl<R: Read> Source<R> {
    fn parse(&mut self) -> Result<Parsed, String> {
        if &self.array::<4>()? != b"GGUF" {
            return Err("it does not begin with GGUF".to_owned());
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return Err(format!("its GGUF version is {version}; 2 and 3 can be read"));
        }
        let tensor_count = self.count("tensors", MOST_TENSORS, 24)?;
        let key_count = self.count("metadata keys", MOST_KEYS, 12)?;
        let mut metadata = BTreeMap::new();
        for _ in 0..key_count {
            let key = self.string()?;
            let kind = self.u32()?;
            let value = self
                .value(kind, 0)
                .map_err(|e| format!("metadata `{key}`: {e}"))?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(format!("metadata `{key}` is there twice"));
            }
        }
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(Meta::Int(n)) if (1..=1 << 20).contains(n) && n.count_ones() == 1 => *n as u64,
            Some(other) => return Err(format!("general.alignment is {other:?}, not a power of two")),
        };
        let mut directory = Vec::new();
        for _ in 0..tensor_count {
            directory.push(self.tensor()?);
        }
        let data = self.at.next_multiple_of(alignment);
        let mut tensors = BTreeMap::new();
        let mut spans = Vec::new();
        for (name, mut place) in directory {
            let start = data.checked_add(place.start);
            let end = start.and_then(|s| s.checked_add(place.bytes as u64));
            match (start, end) {
                (Some(start), Some(end)) if end <= self.length && place.start % alignment == 0 => {
                    place.start = start
                }
                _ => {
                    return Err(format!(
                        "tensor `{name}` of {} bytes at offset {} reaches beyond the file's {} bytes; the file is cut short",
                        place.bytes, place.start, self.length
                    ));
                }
            }
            spans.push((place.start, place.bytes as u64, name.clone()));
            if tensors.insert(name.clone(), place).is_some() {
                return Err(format!("tensor `{name}` is there twice"));
            }
        }
        spans.sort();
        for pair in spans.windows(2) {
            if let [(start, bytes, a), (next, _, b)] = pair
                && start + bytes > *next
            {
                return Err(format!("tensors `{a}` and `{b}` overlap"));
            }
        }
        Ok((metadata, tensors))
    }

    fn tensor(&mut self) -> Result<(String, Place), String> {
        let name = self.string()?;
        let dims = self.u32()?;
        if dims > 4 {
            return Err(format!("tensor `{name}` claims {dims} dimensions"));
        }
        let mut shape = Vec::new();
        for _ in 0..dims {
            shape.push(self.u64()?);
        }
        let number = self.u32()?;
        let offset = self.u64()?;
        let storage = Storage::of_number(number).ok_or_else(|| {
            format!(
                "tensor `{name}` has the ggml type {number}; F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K can be read"
            )
        })?;
        let (elements, block) = storage.block();
        let row = shape.first().copied().unwrap_or(1);
        if row % elements as u64 != 0 {
            return Err(format!(
                "tensor `{name}` has rows of {row}, not a multiple of its blocks of {elements}"
            ));
        }
        let count = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
        let bytes = count
            .and_then(|n| (n / elements as u64).checked_mul(block as u64))
            .filter(|&n| n <= self.length);
        let bytes = bytes.and_then(|n| usize::try_from(n).ok());
        let bytes =
            bytes.ok_or_else(|| format!("tensor `{name}` of shape {shape:?} is larger than the file"))?;
        shape.reverse();
        let shape = shape.into_iter().map(i64::try_from).collect::<Result<_, _>>();
        let shape = shape.map_err(|_| format!("tensor `{name}` has an impossible shape"))?;
        Ok((
            name,
            Place {
                storage,
                shape,
                start: offset,
                bytes,
            },
        ))
    }

    fn value(&mut self, kind: u32, depth: u32) -> Result<Meta, String> {
        Ok(match kind {
            0 => Meta::Int(i64::from(self.array::<1>()?[0])),
            1 => Meta::Int(i64::from(i8::from_le_bytes(self.array()?))),
            2 => Meta::Int(i64::from(u16::from_le_bytes(self.array()?))),
            3 => Meta::Int(i64::from(i16::from_le_bytes(self.array()?))),
            4 => Meta::Int(i64::from(self.u32()?)),
            5 => Meta::Int(i64::from(i32::from_le_bytes(self.array()?))),
            6 => Meta::Float(f64::from(f32::from_le_bytes(self.array()?))),
            7 => Meta::Bool(self.array::<1>()?[0] != 0),
            8 => Meta::Text(self.string()?),
            9 => self.list(depth)?,
            10 => Meta::Int(i64::try_from(self.u64()?).map_err(|_| "a number beyond 2^63".to_owned())?),
            11 => Meta::Int(i64::from_le_bytes(self.array()?)),
            12 => Meta::Float(f64::from_le_bytes(self.array()?)),
            other => return Err(format!("unknown value type {other}")),
        })
    }

    fn list(&mut self, depth: u32) -> Result<Meta, String> {
        if depth > 2 {
            return Err("arrays nested too deep".to_owned());
        }
        let kind = self.u32()?;
        let smallest = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => 12,
            other => return Err(format!("unknown element type {other}")),
        };
        let count = self.count("array elements", MOST_ELEMENTS, smallest)?;
        let (mut texts, mut ints) = (Vec::new(), Vec::new());
        for _ in 0..count {
            match self.value(kind, depth + 1)? {
                Meta::Text(s) => texts.push(s),
                Meta::Int(n) => ints.push(n),
                _ => {}
            }
        }
        Ok(match kind {
            8 => Meta::Texts(texts),
            0..=5 | 10 | 11 => Meta::Ints(ints),
            _ => Meta::Other,
        })
    }

    /// A count that the rest of the file could hold at `smallest` bytes each.
    fn count(&mut self, of: &str, most: u64, smallest: u64) -> Result<u64, String> {
        let count = self.u64()?;
        if count > most || count.saturating_mul(smallest) > self.length.saturating_sub(self.at) {
            return Err(format!("it claims {count} {of}, more than the file can hold"));
        }
        Ok(count)
    }

    fn string(&mut self) -> Result<String, String> {
        let length = self.count("bytes in a string", LONGEST_STRING, 1)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|e| e.to_string())?];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| "a string is not valid UTF-8".to_owned())
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.reader
            .read_exact(bytes)
            .map_err(|_| format!("it ends within the header, at byte {}", self.at))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}
