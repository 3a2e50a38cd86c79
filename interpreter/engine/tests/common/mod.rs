//! Reference fixtures: found by listing their folder, whatever their names.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rlx_engine::{DeviceChoice, LanguageModel, Pixels, Precision, Runtime, Tokenizer};
use serde_json::Value;
use tch::{Kind, Tensor};

/// One fixture directory.
pub struct Fixture {
    pub name: String,
    pub dir: PathBuf,
    pub expected: Value,
    tensors: BTreeMap<String, (Vec<i64>, Vec<f32>)>,
    ids: BTreeMap<String, (Vec<i64>, Vec<i64>)>,
    bytes8: BTreeMap<String, Vec<u8>>,
}

/// `RLX_REFERENCE`, or tests/reference in the repository.
pub fn reference() -> PathBuf {
    match std::env::var_os("RLX_REFERENCE") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference"),
    }
}

fn all() -> Vec<Fixture> {
    let root = reference().join("models");
    let mut dirs: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap_or_else(|e| panic!("{}: {e}", root.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expected.json").is_file())
        .collect();
    dirs.sort();
    assert!(!dirs.is_empty(), "no fixtures in {}", root.display());
    dirs.into_iter().map(Fixture::read).collect()
}

/// Fixtures with weights.
pub fn models() -> Vec<Fixture> {
    let models: Vec<_> = all()
        .into_iter()
        .filter(|f| f.dir.join("config.json").is_file())
        .collect();
    assert!(!models.is_empty());
    models
}

/// Those whose prompts are text.
pub fn text_models() -> Vec<Fixture> {
    let text: Vec<_> = models().into_iter().filter(|f| !f.reads_pictures()).collect();
    if text.is_empty() {
        eprintln!("skipped: no fixture of a text model");
    }
    text
}

/// Those whose prompts hold pictures.
pub fn vision_models() -> Vec<Fixture> {
    let vision: Vec<_> = models().into_iter().filter(Fixture::reads_pictures).collect();
    if vision.is_empty() {
        eprintln!("skipped: no fixture of a vision model");
    }
    vision
}

/// Expectations for GGUF files, with the file's path from `RLX_SMOLLM2_GGUF`.
pub fn ggufs() -> Vec<(Fixture, PathBuf)> {
    let Some(path) = std::env::var_os("RLX_SMOLLM2_GGUF").map(PathBuf::from) else {
        eprintln!("skipped: RLX_SMOLLM2_GGUF does not name SmolLM2-135M-Instruct.Q4_1.gguf");
        return Vec::new();
    };
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    all()
        .into_iter()
        .filter(|f| f.expected["file"]["name"].as_str() == Some(&name))
        .map(|f| (f, path.clone()))
        .collect()
}

impl Fixture {
    fn read(dir: PathBuf) -> Self {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(dir.join("expected.json")).unwrap();
        let expected = serde_json::from_str(&text).unwrap();
        let bytes = std::fs::read(dir.join("expected.safetensors")).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let (mut tensors, mut ids, mut bytes8) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (key, view) in file.tensors() {
            let shape: Vec<i64> = view.shape().iter().map(|&d| d as i64).collect();
            match view.dtype() {
                safetensors::Dtype::I64 => {
                    let values = view
                        .data()
                        .as_chunks::<8>()
                        .0
                        .iter()
                        .map(|b| i64::from_le_bytes(*b))
                        .collect();
                    ids.insert(key, (shape, values));
                }
                safetensors::Dtype::U8 => {
                    bytes8.insert(key, view.data().to_vec());
                }
                _ => {
                    let values = view
                        .data()
                        .as_chunks::<4>()
                        .0
                        .iter()
                        .map(|b| f32::from_le_bytes(*b))
                        .collect();
                    tensors.insert(key, (shape, values));
                }
            }
        }
        Self {
            name,
            dir,
            expected,
            tensors,
            ids,
            bytes8,
        }
    }

    pub fn reads_pictures(&self) -> bool {
        self.expected["images"].is_array()
    }

    /// 8-bit numbers, such as pixels.
    pub fn bytes(&self, key: &str) -> &[u8] {
        self.bytes8
            .get(key)
            .unwrap_or_else(|| panic!("{}: no {key}", self.name))
    }

    /// The stored pixels of the pictures with these files' names.
    pub fn pictures(&self, names: &Value) -> Vec<Pixels> {
        names
            .as_array()
            .unwrap()
            .iter()
            .map(|name| {
                let name = name.as_str().unwrap();
                let images = self.expected["images"].as_array().unwrap();
                let image = images
                    .iter()
                    .find(|i| i["file"].as_str().unwrap().ends_with(name))
                    .unwrap();
                let grid = i64s(&image["grid_thw"]).try_into().unwrap();
                let file = Path::new(name).file_name().unwrap().to_string_lossy();
                Pixels::new(self.values(&format!("image.{file}.pixel_values")).to_vec(), grid)
            })
            .collect()
    }

    pub fn model(&self) -> LanguageModel {
        LanguageModel::open(&self.dir, &cpu()).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    pub fn tokenizer(&self) -> Tokenizer {
        Tokenizer::open(&self.dir).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    pub fn values(&self, key: &str) -> &[f32] {
        &self
            .tensors
            .get(key)
            .unwrap_or_else(|| panic!("{}: no {key}", self.name))
            .1
    }

    pub fn has(&self, key: &str) -> bool {
        self.tensors.contains_key(key)
    }

    pub fn ids(&self, key: &str) -> Tensor {
        let (shape, values) = self
            .ids
            .get(key)
            .unwrap_or_else(|| panic!("{}: no {key}", self.name));
        Tensor::from_slice(values).reshape(shape)
    }

    /// Prompts with their keys.
    pub fn prompts(&self) -> Vec<&Value> {
        self.expected["prompts"].as_array().unwrap().iter().collect()
    }

    /// Fails with the fixture's name where two rows of numbers differ by more than `allow`.
    pub fn close(&self, what: &str, ours: &[f32], want: &[f32], allow: f32) {
        assert_eq!(
            ours.len(),
            want.len(),
            "{}: {what}: number of elements",
            self.name
        );
        let (mut worst, mut place) = (0f32, 0);
        for (i, (a, b)) in ours.iter().zip(want).enumerate() {
            let off = (a - b).abs();
            if off > worst || off.is_nan() {
                (worst, place) = (off, i);
            }
        }
        assert!(
            worst <= allow,
            "{}: {what}: off by {worst} at {place}, allowed {allow}",
            self.name
        );
    }
}

/// fp32 on the CPU.
pub fn cpu() -> Runtime {
    Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32)).unwrap()
}

pub fn floats(t: &Tensor) -> Vec<f32> {
    let flat = t.detach().to_kind(Kind::Float).contiguous().view([-1]);
    Vec::<f32>::try_from(&flat).unwrap()
}

pub fn i64s(value: &Value) -> Vec<i64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_i64().unwrap())
        .collect()
}

pub fn u32s(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_u64().unwrap() as u32)
        .collect()
}

/// Batch of one.
pub fn row(ids: &[u32]) -> Tensor {
    let ids: Vec<i64> = ids.iter().map(|&i| i64::from(i)).collect();
    Tensor::from_slice(&ids).unsqueeze(0)
}

/// The README's order-sensitive checksum: sum of x_i * w_i with pseudo-random weights.
pub fn probe(values: &[f32]) -> f64 {
    let weight = |i: usize| {
        let mixed = (2_654_435_761u64.wrapping_mul(i as u64).wrapping_add(12_345)) % (1 << 32);
        mixed as f64 / 4_294_967_296.0 - 0.5
    };
    values
        .iter()
        .enumerate()
        .map(|(i, x)| f64::from(*x) * weight(i))
        .sum()
}

pub fn l2(values: &[f32]) -> f64 {
    values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}
