//! A language model: its configuration and weights, opened, copied, refreshed and saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize_to_file};
use tch::{Device, Kind, Tensor};

use crate::adapter::Adapter;
use crate::config::{Config, token_ids};
use crate::gguf::Gguf;
use crate::layers::Weights;
use crate::safetensors::Checkpoint;
use crate::tokenizer::Tokenizer;
use crate::{EngineError, Precision, Runtime, error::FETCH_AGAIN};

/// A decoder-only transformer with an LM head.
pub struct LanguageModel {
    /// Its shape.
    pub config: Config,
    pub(crate) weights: Weights,
    precision: Precision,
    device: Device,
}

impl LanguageModel {
    /// Opens a Hugging Face directory (config.json and *.safetensors, sharded or not) or a .gguf file, and
    /// casts the weights to the runtime's precision for a model of this size.
    ///
    /// A missing, superfluous, misshapen or truncated tensor is [`EngineError::Corrupt`] and names it; a
    /// tokenizer beside the weights that is larger than the embedding is [`EngineError::TokenizerMismatch`].
    pub fn open(path: &Path, runtime: &Runtime) -> Result<Self, EngineError> {
        Self::open_with_adapter(path, None, runtime)
    }

    /// As [`LanguageModel::open`], with a LoRA adapter (a folder in PEFT's layout) merged into the weights in
    /// fp32, before they are cast.
    pub fn open_with_adapter(
        path: &Path,
        adapter: Option<&Path>,
        runtime: &Runtime,
    ) -> Result<Self, EngineError> {
        if path.is_dir() {
            Self::open_directory(path, adapter, runtime)
        } else {
            Self::open_gguf(path, adapter, runtime)
        }
    }

    fn open_directory(dir: &Path, adapter: Option<&Path>, runtime: &Runtime) -> Result<Self, EngineError> {
        let config = read_config(dir)?;
        let mut adapter = adapter.map(|dir| Adapter::open(dir, &config)).transpose()?;
        let precision = runtime.precision_for(config.parameters());
        let mut checkpoint = Checkpoint::open(dir)?;
        let shapes: BTreeMap<String, Vec<i64>> = config.shapes().into_iter().collect();
        let extra: Vec<&str> = checkpoint
            .names()
            .filter(|n| !shapes.contains_key(*n) && !harmless(n, &config))
            .take(3)
            .collect();
        if !extra.is_empty() {
            return Err(EngineError::corrupt(
                dir,
                format!(
                    "the configuration has no place for tensor `{}`",
                    extra.join("`, `")
                ),
                "use the config.json that was published with these weights",
            ));
        }
        if dir.join("tokenizer.json").is_file() {
            Tokenizer::open(dir)?.check_fits(&config, dir)?;
        }
        let weights = {
            let _no_grad = tch::no_grad_guard();
            Weights::assemble(&config, true, |name| {
                let shape = shapes.get(name).map(Vec::as_slice).unwrap_or_default();
                let read = checkpoint.read(name, shape, dir)?;
                place(&merged(&mut adapter, name, read)?, precision, runtime.device)
            })?
        };
        Ok(Self {
            config,
            weights,
            precision,
            device: runtime.device,
        })
    }

    fn open_gguf(path: &Path, adapter: Option<&Path>, runtime: &Runtime) -> Result<Self, EngineError> {
        let mut gguf = Gguf::open(path)?;
        let config = gguf.config()?;
        let mut adapter = adapter.map(|dir| Adapter::open(dir, &config)).transpose()?;
        let precision = runtime.precision_for(config.parameters());
        let shapes: BTreeMap<String, Vec<i64>> = config.shapes().into_iter().collect();
        gguf.check_tensors(&config)?;
        let weights = {
            let _no_grad = tch::no_grad_guard();
            Weights::assemble(&config, true, |name| {
                let shape = shapes.get(name).map(Vec::as_slice).unwrap_or_default();
                let read = gguf.read(name, shape, &config)?;
                place(&merged(&mut adapter, name, read)?, precision, runtime.device)
            })?
        };
        Ok(Self {
            config,
            weights,
            precision,
            device: runtime.device,
        })
    }

    pub(crate) fn of_weights(config: Config, weights: Weights, precision: Precision, device: Device) -> Self {
        Self {
            config,
            weights,
            precision,
            device,
        }
    }

    /// Groups tensors that are already on their device; used for fresh weights.
    pub(crate) fn from_tensors(
        config: Config,
        precision: Precision,
        device: Device,
        mut tensors: BTreeMap<String, Tensor>,
    ) -> Result<Self, EngineError> {
        let _no_grad = tch::no_grad_guard();
        let weights = Weights::assemble(&config, true, |name| {
            tensors.remove(name).ok_or_else(|| {
                EngineError::invalid(format!("tensor `{name}` is missing"), "report this defect")
            })
        })?;
        Ok(Self {
            config,
            weights,
            precision,
            device,
        })
    }

    /// A copy in fp32 whose parameters require gradients, each a leaf of its own. A tied head is the
    /// embedding and appears once.
    pub fn to_trainable(&self) -> Result<Self, EngineError> {
        self.to_trainable_in(Precision::Fp32)
    }

    /// The same in another precision: forward and backward pass run in it, and so are the gradients.
    pub fn to_trainable_in(&self, precision: Precision) -> Result<Self, EngineError> {
        let mut copies = BTreeMap::new();
        for (name, tensor) in self.merged_parameters()? {
            copies.insert(name, copy(&tensor, precision.kind())?.f_set_requires_grad(true)?);
        }
        let weights = Weights::assemble(&self.config, false, |name| {
            copies.remove(name).ok_or_else(|| {
                EngineError::invalid(format!("tensor `{name}` is missing"), "report this defect")
            })
        })?;
        Ok(Self {
            config: self.config.clone(),
            weights,
            precision,
            device: self.device,
        })
    }

    /// A copy for inference in `precision`: a rollout model of a trainable one.
    pub fn to_inference(&self, precision: Precision) -> Result<Self, EngineError> {
        let _no_grad = tch::no_grad_guard();
        let mut copies = BTreeMap::new();
        for (name, tensor) in self.merged_parameters()? {
            copies.insert(name, copy(&tensor, precision.kind())?);
        }
        Self::from_tensors(self.config.clone(), precision, self.device, copies)
    }

    /// All parameters under their hub names, in the order of the modules. Shallow clones: they share storage
    /// with the model. Low-rank changes are not in them ([`LanguageModel::merged_parameters`]).
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        self.weights.list()
    }

    /// Replaces the weights by copies of another set with the same names and shapes, cast to this model's
    /// precision and device.
    pub fn load_parameters(&mut self, from: &[(String, Tensor)]) -> Result<(), EngineError> {
        let _no_grad = tch::no_grad_guard();
        let own = self.parameters();
        let given: BTreeMap<&str, &Tensor> = from.iter().map(|(n, t)| (n.as_str(), t)).collect();
        if own.len() != given.len() || own.iter().any(|(n, _)| !given.contains_key(n.as_str())) {
            let name = own
                .iter()
                .map(|(n, _)| n.as_str())
                .find(|n| !given.contains_key(n))
                .unwrap_or("(one too many)");
            return Err(EngineError::invalid(
                format!("the parameter sets differ, for instance at `{name}`"),
                "load parameters of a model with the same configuration",
            ));
        }
        for (name, tensor) in &own {
            if let Some(source) = given.get(name.as_str())
                && source.size() != tensor.size()
            {
                return Err(EngineError::invalid(
                    format!(
                        "`{name}` has the shape {:?} here and {:?} there",
                        tensor.size(),
                        source.size()
                    ),
                    "load parameters of a model with the same configuration",
                ));
            }
        }
        for (name, mut tensor) in own {
            if let Some(source) = given.get(name.as_str()) {
                tensor.f_copy_(source)?;
            }
        }
        Ok(())
    }

    /// The same model sharing all storage, for another thread.
    pub(crate) fn shallow(&self) -> Self {
        Self {
            config: self.config.clone(),
            weights: self.weights.shallow(),
            precision: self.precision,
            device: self.device,
        }
    }

    /// Whether q, k, v and gate, up are fused, as the decoder wants them.
    pub(crate) fn is_fused(&self) -> bool {
        self.weights
            .layers
            .iter()
            .all(|l| l.qkv.fused.is_some() && l.gate_up.fused.is_some())
    }

    /// Number format of the weights.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Where the weights live.
    pub fn device(&self) -> Device {
        self.device
    }

    pub(crate) fn kind(&self) -> Kind {
        self.precision.kind()
    }

    /// Writes config.json, model.safetensors (in this model's precision) and, when given, the tokenizer's
    /// files: a directory that [`LanguageModel::open`] and transformers read. Low-rank changes are in the weights, and
    /// beside them in PEFT's layout in the folder `adapter`. The folder appears whole or not at all; one that is already
    /// there is replaced.
    pub fn save(&self, dir: &Path, tokenizer: Option<&Tokenizer>) -> Result<(), EngineError> {
        let name = dir
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let parent = match dir.parent() {
            Some(p) if !p.as_os_str().is_empty() => p.to_owned(),
            _ => PathBuf::from("."),
        };
        let sibling = |what: &str| parent.join(format!(".{name}.{}.{what}", std::process::id()));
        let (fresh, old) = (sibling("new"), sibling("old"));
        std::fs::create_dir_all(&fresh).map_err(|e| EngineError::io(&fresh, "write", e))?;
        let written = self.write_into(&fresh, tokenizer).and_then(|()| {
            let io = |e| EngineError::io(dir, "write", e);
            if dir.exists() {
                std::fs::rename(dir, &old).map_err(io)?;
            }
            std::fs::rename(&fresh, dir).map_err(io)
        });
        // Left-overs are removed on success and on failure; that they may be gone already is no error.
        let _ = std::fs::remove_dir_all(&fresh);
        if dir.exists() {
            let _ = std::fs::remove_dir_all(&old);
        }
        written
    }

    fn write_into(&self, dir: &Path, tokenizer: Option<&Tokenizer>) -> Result<(), EngineError> {
        let (dtype, label) = match self.precision {
            Precision::Fp32 => (Dtype::F32, "float32"),
            Precision::Bf16 => (Dtype::BF16, "bfloat16"),
        };
        let path = dir.join("config.json");
        std::fs::write(&path, self.config.to_json_with(label))
            .map_err(|e| EngineError::io(&path, "write", e))?;
        let path = dir.join("model.safetensors");
        let mut data: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, tensor) in self.merged_parameters()? {
            let shape = tensor
                .size()
                .into_iter()
                .map(|d| usize::try_from(d).unwrap_or(0))
                .collect();
            data.push((name, shape, bytes(&tensor)?));
        }
        let mut views = Vec::with_capacity(data.len());
        for (name, shape, bytes) in &data {
            let view =
                TensorView::new(dtype, shape.clone(), bytes).map_err(|e| safetensors_error(&path, e))?;
            views.push((name.as_str(), view));
        }
        let metadata = std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]);
        serialize_to_file(views, Some(metadata), &path).map_err(|e| safetensors_error(&path, e))?;
        self.write_adapter(&dir.join("adapter"))?;
        match tokenizer {
            Some(tokenizer) => tokenizer.save(dir),
            None => Ok(()),
        }
    }
}

pub(crate) fn safetensors_error(path: &Path, error: safetensors::SafeTensorError) -> EngineError {
    match error {
        safetensors::SafeTensorError::IoError(e) => EngineError::io(path, "write", e),
        other => EngineError::io(path, "write", std::io::Error::other(other.to_string())),
    }
}

/// The elements of a tensor, row-major, little-endian.
pub(crate) fn bytes(tensor: &Tensor) -> Result<Vec<u8>, EngineError> {
    let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
    let count = tensor.numel();
    Ok(match tensor.kind() {
        Kind::BFloat16 => {
            let mut values = vec![half::bf16::ZERO; count];
            tensor.f_copy_data(&mut values, count)?;
            values.iter().flat_map(|v| v.to_le_bytes()).collect()
        }
        _ => {
            let mut values = vec![0f32; count];
            tensor.f_to_kind(Kind::Float)?.f_copy_data(&mut values, count)?;
            values.iter().flat_map(|v| v.to_le_bytes()).collect()
        }
    })
}

/// A copy with storage of its own and no history.
pub(crate) fn copy(tensor: &Tensor, kind: Kind) -> Result<Tensor, EngineError> {
    let mut copy = Tensor::f_empty(tensor.size(), (kind, tensor.device()))?;
    copy.f_copy_(&tensor.f_detach()?)?;
    Ok(copy)
}

fn merged(adapter: &mut Option<Adapter>, name: &str, weight: Tensor) -> Result<Tensor, EngineError> {
    match adapter {
        Some(adapter) => adapter.merge(name, weight),
        None => Ok(weight),
    }
}

fn place(tensor: &Tensor, precision: Precision, device: Device) -> Result<Tensor, EngineError> {
    Ok(tensor.f_to_device(device)?.f_to_kind(precision.kind())?)
}

/// Tensors that old exporters write and nobody needs.
fn harmless(name: &str, config: &Config) -> bool {
    name.ends_with("rotary_emb.inv_freq") || (config.tied && name == "lm_head.weight")
}

/// config.json, with the end-of-text ids of generation_config.json added.
fn read_config(dir: &Path) -> Result<Config, EngineError> {
    let path = dir.join("config.json");
    let text = std::fs::read_to_string(&path).map_err(|e| EngineError::io(&path, "read", e))?;
    let mut config = Config::read(&text, &path)?;
    let path = dir.join("generation_config.json");
    if path.is_file() {
        let text = std::fs::read_to_string(&path).map_err(|e| EngineError::io(&path, "read", e))?;
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|e| EngineError::corrupt(&path, format!("not valid JSON ({e})"), FETCH_AGAIN))?;
        if let Some(map) = value.as_object() {
            for id in token_ids(map, "eos_token_id") {
                if !config.eos.contains(&id) {
                    config.eos.push(id);
                }
            }
        }
    }
    Ok(config)
}
