//! LoRA adapters in PEFT's layout: adapter_config.json beside adapter_model.safetensors, merged into the
//! weights as they are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use crate::error::FETCH_AGAIN;
use crate::safetensors::Checkpoint;
use crate::{Config, EngineError};

/// A low-rank change of some matrices: W + scale · B · A (Hu et al. 2021, arXiv:2106.09685).
pub(crate) struct Adapter {
    path: PathBuf,
    checkpoint: Checkpoint,
    changes: BTreeMap<String, Change>,
}

/// What is added to one matrix.
struct Change {
    /// Names of the factors in the file, and their shapes.
    a: (String, Vec<i64>),
    b: (String, Vec<i64>),
    scale: f64,
    /// An embedding's factors give the transposed matrix.
    transposed: bool,
}

impl Adapter {
    /// Opens an adapter's folder for a model of this shape. Options that change more than matrices
    /// (`modules_to_save`, biases, DoRA) and factors without a place are errors that name them.
    pub(crate) fn open(dir: &Path, config: &Config) -> Result<Self, EngineError> {
        let settings = Settings::read(&dir.join("adapter_config.json"))?;
        let path = dir.join("adapter_model.safetensors");
        if !path.is_file() {
            let what = "there is no adapter_model.safetensors in the folder";
            return Err(EngineError::corrupt(
                dir,
                what,
                "save the adapter in safetensors format",
            ));
        }
        let checkpoint = Checkpoint::of_file(&path)?;
        let shapes: BTreeMap<String, Vec<i64>> = config.shapes().into_iter().collect();
        let corrupt = |what: String| EngineError::corrupt(&path, what, FETCH_AGAIN);
        let mut changes: BTreeMap<String, Change> = BTreeMap::new();
        let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
        for name in &names {
            let Some((module, factor)) = split(name) else {
                return Err(EngineError::unsupported(
                    &path,
                    format!("the tensor `{name}`, which is no factor of a LoRA"),
                    "merge the adapter with PEFT (`merge_and_unload`) and use the merged model",
                ));
            };
            if factor.b {
                continue;
            }
            let twin = name.replacen("_A", "_B", 1);
            let place = place(module, &shapes).ok_or_else(|| {
                corrupt(format!(
                    "`{name}` has no place in a model of {}",
                    config.family.traits().architecture
                ))
            })?;
            if config.tied && place == "lm_head.weight" {
                return Err(EngineError::unsupported(
                    &path,
                    "a change of a head that is tied to the embedding",
                    "merge the adapter with PEFT (`merge_and_unload`) and use the merged model",
                ));
            }
            let shape = |name: &str| checkpoint.shape(name).map(<[i64]>::to_vec);
            let (Some(a), Some(b)) = (shape(name), shape(&twin)) else {
                return Err(corrupt(format!("`{twin}` is missing")));
            };
            let want = shapes.get(&place).map(Vec::as_slice).unwrap_or_default();
            let given = match (a.as_slice(), b.as_slice()) {
                (&[rank, columns], &[rows, same]) if rank == same && rank > 0 => Some((rank, rows, columns)),
                _ => None,
            };
            let fits = |&(_, rows, columns): &(i64, i64, i64)| {
                if factor.embedding {
                    want == [columns, rows]
                } else {
                    want == [rows, columns]
                }
            };
            let Some((rank, ..)) = given.filter(fits) else {
                return Err(corrupt(format!(
                    "`{name}` and its twin have the shapes {a:?} and {b:?} for a matrix of {want:?}"
                )));
            };
            let change = Change {
                scale: settings.scale(module, rank, &path)?,
                a: (name.clone(), a),
                b: (twin, b),
                transposed: factor.embedding,
            };
            if changes.insert(place.clone(), change).is_some() {
                return Err(corrupt(format!("`{place}` is changed twice")));
            }
        }
        if changes.is_empty() || changes.len() * 2 != names.len() {
            return Err(corrupt(format!(
                "{} factors for {} matrices",
                names.len(),
                changes.len()
            )));
        }
        Ok(Self {
            path,
            checkpoint,
            changes,
        })
    }

    /// The matrix `name` with its change, in fp32; as it was where the adapter leaves it.
    pub(crate) fn merge(&mut self, name: &str, weight: Tensor) -> Result<Tensor, EngineError> {
        let Some(change) = self.changes.get(name) else {
            return Ok(weight);
        };
        let mut factor = |(name, shape): &(String, Vec<i64>)| -> Result<Tensor, EngineError> {
            Ok(self
                .checkpoint
                .read(name, shape, &self.path)?
                .f_to_kind(Kind::Float)?)
        };
        let product = factor(&change.b)?.f_matmul(&factor(&change.a)?)?;
        let product = if change.transposed {
            product.f_transpose(0, 1)?
        } else {
            product
        };
        Ok(weight
            .f_to_kind(Kind::Float)?
            .f_add(&product.f_mul_scalar(change.scale)?)?)
    }
}

/// Which factor a tensor is.
struct Factor {
    b: bool,
    embedding: bool,
}

/// A factor's module (as the base model calls it) and kind.
fn split(name: &str) -> Option<(&str, Factor)> {
    let rest = name.strip_prefix("base_model.model.").unwrap_or(name);
    let kinds = [
        (".lora_A.weight", false, false),
        (".lora_B.weight", true, false),
        (".lora_embedding_A", false, true),
        (".lora_embedding_B", true, true),
    ];
    kinds.into_iter().find_map(|(suffix, b, embedding)| {
        let module = rest.strip_suffix(suffix)?;
        Some((module, Factor { b, embedding }))
    })
}

/// The hub's name of a module's matrix; transformers 5 nests those of Qwen2.5-VL deeper.
fn place(module: &str, shapes: &BTreeMap<String, Vec<i64>>) -> Option<String> {
    let flat = module
        .replacen("model.language_model.", "model.", 1)
        .replacen("model.visual.", "visual.", 1);
    [module, &flat]
        .into_iter()
        .map(|module| format!("{module}.weight"))
        .find(|name| shapes.get(name).is_some_and(|shape| shape.len() == 2))
}

/// What adapter_config.json says.
struct Settings {
    rank: f64,
    alpha: f64,
    root: bool,
    ranks: Vec<(Regex, f64)>,
    alphas: Vec<(Regex, f64)>,
}

impl Settings {
    fn read(path: &Path) -> Result<Self, EngineError> {
        let text = std::fs::read_to_string(path).map_err(|e| EngineError::io(path, "read", e))?;
        let map: Map<String, Value> = serde_json::from_str(&text)
            .map_err(|e| EngineError::corrupt(path, format!("not a valid JSON object ({e})"), FETCH_AGAIN))?;
        let refuse = |what: String| {
            Err(EngineError::unsupported(
                path,
                what,
                "merge the adapter with PEFT (`merge_and_unload`) and use the merged model",
            ))
        };
        match map.get("peft_type").and_then(Value::as_str) {
            Some("LORA") => {}
            other => return refuse(format!("an adapter of type {}", other.unwrap_or("(none named)"))),
        }
        for key in [
            "modules_to_save",
            "trainable_token_indices",
            "target_parameters",
            "megatron_config",
        ] {
            match map.get(key) {
                None | Some(Value::Null) => {}
                Some(Value::Array(list)) if list.is_empty() => {}
                Some(value) => return refuse(format!("`{key}` = {value}")),
            }
        }
        for key in [
            "use_dora",
            "fan_in_fan_out",
            "lora_bias",
            "alora_invocation_tokens",
            "use_qalora",
        ] {
            match map.get(key) {
                None | Some(Value::Null | Value::Bool(false)) => {}
                Some(value) => return refuse(format!("`{key}` = {value}")),
            }
        }
        match map.get("bias") {
            None | Some(Value::Null) => {}
            Some(Value::String(bias)) if bias == "none" => {}
            Some(value) => return refuse(format!("`bias` = {value}")),
        }
        // These begin from changed base weights, which the adapter does not hold.
        if let Some(Value::String(start)) = map.get("init_lora_weights")
            && ["pissa", "olora", "corda", "loftq"]
                .iter()
                .any(|kind| start.to_lowercase().starts_with(kind))
        {
            return refuse(format!("`init_lora_weights` = {start}"));
        }
        let wrong = |key: &str| EngineError::corrupt(path, format!("`{key}` makes no sense"), FETCH_AGAIN);
        let positive = |value: &Value| value.as_f64().filter(|x| x.is_finite() && *x > 0.0);
        let number = |key: &str, default: f64| match map.get(key) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => positive(value).ok_or_else(|| wrong(key)),
        };
        let patterns = |key: &str| -> Result<Vec<(Regex, f64)>, EngineError> {
            let list = match map.get(key) {
                None | Some(Value::Null) => return Ok(Vec::new()),
                Some(value) => value.as_object().ok_or_else(|| wrong(key))?,
            };
            list.iter()
                .map(|(pattern, value)| {
                    // As PEFT matches: the whole name, or its end after a dot.
                    let regex = Regex::new(&format!(r"^(?:.*\.)?(?:{pattern})$")).map_err(|_| wrong(key))?;
                    Ok((regex, positive(value).ok_or_else(|| wrong(key))?))
                })
                .collect()
        };
        Ok(Self {
            // PEFT's defaults.
            rank: number("r", 8.0)?,
            alpha: number("lora_alpha", 8.0)?,
            root: map.get("use_rslora").and_then(Value::as_bool).unwrap_or(false),
            ranks: patterns("rank_pattern")?,
            alphas: patterns("alpha_pattern")?,
        })
    }

    /// alpha / r, or alpha / √r with rsLoRA (arXiv:2312.03732).
    fn scale(&self, module: &str, rank: i64, path: &Path) -> Result<f64, EngineError> {
        let of = |patterns: &[(Regex, f64)], default: f64| {
            let found = patterns.iter().find(|(regex, _)| regex.is_match(module));
            found.map_or(default, |(_, value)| *value)
        };
        let want = of(&self.ranks, self.rank);
        if want != rank as f64 {
            return Err(EngineError::corrupt(
                path,
                format!("the factors of `{module}` have rank {rank} where adapter_config.json says {want}"),
                "use the adapter_config.json that was saved with these factors",
            ));
        }
        let alpha = of(&self.alphas, self.alpha);
        Ok(alpha / if self.root { want.sqrt() } else { want })
    }
}
