//! Low-rank changes that are trained in the place of matrices (LoRA, Hu et al. 2021, arXiv:2106.09685), and saved as PEFT does.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize_to_file};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Kind, Tensor};

use crate::layers::{Linear, Weights};
use crate::model::{LanguageModel, bytes, copy, safetensors_error};
use crate::random::uniform;
use crate::{EngineError, Precision};

/// Which matrices of a block get a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoraTargets {
    /// Those of attention and feed-forward part.
    All,
    /// q, k, v and o.
    Attention,
    /// gate, up and down.
    FeedForward,
}

/// The shape of a low-rank change: W + alpha / rank * B * A.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lora {
    pub rank: i64,
    pub alpha: f64,
    pub targets: LoraTargets,
}

/// A change of one matrix.
pub(crate) struct Factors {
    /// [rank, columns]
    a: Tensor,
    /// [rows, rank]
    b: Tensor,
    scale: f64,
}

impl Factors {
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        Ok(x.f_linear(&self.a, None::<&Tensor>)?
            .f_linear(&self.b, None::<&Tensor>)?
            .f_mul_scalar(self.scale)?)
    }

    pub(crate) fn shallow(&self) -> Self {
        Self {
            a: self.a.shallow_clone(),
            b: self.b.shallow_clone(),
            scale: self.scale,
        }
    }

    /// The matrix with its change, made in fp32 as an adapter's is when a model is opened with it.
    fn merged(&self, weight: &Tensor) -> Result<Tensor, EngineError> {
        let _no_grad = tch::no_grad_guard();
        let product = self
            .b
            .f_to_kind(Kind::Float)?
            .f_matmul(&self.a.f_to_kind(Kind::Float)?)?;
        let sum = weight
            .f_to_kind(Kind::Float)?
            .f_add(&product.f_mul_scalar(self.scale)?)?;
        Ok(sum.f_to_kind(weight.kind())?)
    }
}

impl Weights {
    /// The matrices of all blocks, by block.
    fn matrices(&mut self) -> impl Iterator<Item = &mut Linear> {
        self.layers.iter_mut().flat_map(|layer| {
            let grouped = layer.qkv.parts.iter_mut().chain(&mut layer.gate_up.parts);
            grouped.chain([&mut layer.o, &mut layer.down])
        })
    }

    /// The same, to read.
    fn changes(&self) -> impl Iterator<Item = (&Linear, &Factors)> {
        let matrices = self.layers.iter().flat_map(|layer| {
            let grouped = layer.qkv.parts.iter().chain(&layer.gate_up.parts);
            grouped.chain([&layer.o, &layer.down])
        });
        matrices.filter_map(|linear| Some((linear, linear.change.as_ref()?)))
    }
}

impl LoraTargets {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::All => &[
                "q_proj",
                "k_proj",
                "v_proj",
                "o_proj",
                "gate_proj",
                "up_proj",
                "down_proj",
            ],
            Self::Attention => &["q_proj", "k_proj", "v_proj", "o_proj"],
            Self::FeedForward => &["gate_proj", "up_proj", "down_proj"],
        }
    }
}

/// The last part of a module's name.
fn kind_of(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

impl LanguageModel {
    /// A copy whose weights stay as they are and whose changes require gradients. As in PEFT, A begins uniform within
    /// 1 / sqrt(columns) and B at 0, so that the model begins as the same function; A's numbers follow from `seed`.
    ///
    /// # Errors
    /// [`EngineError::InvalidRequest`] for a rank below 1.
    pub fn to_trainable_lora(
        &self,
        precision: Precision,
        lora: &Lora,
        seed: u64,
    ) -> Result<Self, EngineError> {
        if lora.rank < 1 {
            return Err(EngineError::invalid(
                format!("a low-rank change of rank {}", lora.rank),
                "give a rank of at least 1; 16 is common",
            ));
        }
        let mut copies = BTreeMap::new();
        for (name, tensor) in self.merged_parameters()? {
            copies.insert(name, copy(&tensor, precision.kind())?);
        }
        let mut weights = Weights::assemble(&self.config, false, |name| {
            copies.remove(name).ok_or_else(|| {
                EngineError::invalid(format!("tensor `{name}` is missing"), "report this defect")
            })
        })?;
        let options = (precision.kind(), self.device());
        for (number, linear) in weights.matrices().enumerate() {
            if !lora.targets.names().contains(&kind_of(&linear.name)) {
                continue;
            }
            let &[rows, columns] = linear.weight.size().as_slice() else {
                continue;
            };
            let count = usize::try_from(lora.rank * columns).unwrap_or(0);
            let stream = seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let bound = 1.0 / (columns as f64).sqrt();
            let values: Vec<f32> = (0..count as u64)
                .map(|place| ((2.0 * uniform(stream, place) - 1.0) * bound) as f32)
                .collect();
            let a = Tensor::f_from_slice(&values)?
                .f_reshape([lora.rank, columns])?
                .f_to_device(self.device())?
                .f_to_kind(precision.kind())?;
            linear.change = Some(Factors {
                a: a.f_set_requires_grad(true)?,
                b: Tensor::f_zeros([rows, lora.rank], options)?.f_set_requires_grad(true)?,
                scale: lora.alpha / lora.rank as f64,
            });
        }
        Ok(Self::of_weights(
            self.config.clone(),
            weights,
            precision,
            self.device(),
        ))
    }

    /// What is trained of a trainable model: the factors of its low-rank changes under PEFT's names, or all parameters
    /// where it has none.
    pub fn trained_parameters(&self) -> Vec<(String, Tensor)> {
        let factors: Vec<(String, Tensor)> = self
            .weights
            .changes()
            .flat_map(|(linear, change)| {
                let name = |factor: &str| format!("base_model.model.{}.lora_{factor}.weight", linear.name);
                [
                    (name("A"), change.a.shallow_clone()),
                    (name("B"), change.b.shallow_clone()),
                ]
            })
            .collect();
        if factors.is_empty() {
            self.parameters()
        } else {
            factors
        }
    }

    /// All parameters as [`LanguageModel::parameters`] has them, with the low-rank changes added to their matrices.
    ///
    /// # Errors
    /// Of libtorch, where there is no memory for the sums.
    pub fn merged_parameters(&self) -> Result<Vec<(String, Tensor)>, EngineError> {
        let mut sums = BTreeMap::new();
        for (linear, change) in self.weights.changes() {
            sums.insert(format!("{}.weight", linear.name), change.merged(&linear.weight)?);
        }
        let parameters = self.parameters().into_iter();
        Ok(parameters
            .map(|(name, tensor)| {
                let tensor = sums.remove(&name).unwrap_or(tensor);
                (name, tensor)
            })
            .collect())
    }

    /// Writes the low-rank changes as an adapter in PEFT's layout into `dir`, if there are any.
    pub(crate) fn write_adapter(&self, dir: &Path) -> Result<(), EngineError> {
        let Some((rank, scale)) = self.weights.changes().next().map(|(_, change)| {
            let rank = change.a.size().first().copied().unwrap_or(1);
            (rank, change.scale)
        }) else {
            return Ok(());
        };
        std::fs::create_dir_all(dir).map_err(|e| EngineError::io(dir, "write", e))?;
        let mut targets: Vec<&str> = self.weights.changes().map(|(l, _)| kind_of(&l.name)).collect();
        targets.sort_unstable();
        targets.dedup();
        // transformers keeps the decoder of a model that sees in a module of its own, and the tower's matrices bear the
        // same last names: a pattern names those of the decoder alone.
        let sees = self.config.vision.is_some();
        let targets = match sees {
            true => json!(format!(r"model\.language_model\..*\.({})", targets.join("|"))),
            false => json!(targets),
        };
        let settings = json!({
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": null, "revision": null,
            "inference_mode": true, "r": rank, "lora_alpha": scale * rank as f64, "lora_dropout": 0.0,
            "target_modules": targets, "bias": "none", "fan_in_fan_out": false, "init_lora_weights": true,
            "use_rslora": false, "use_dora": false, "modules_to_save": null,
        });
        let path = dir.join("adapter_config.json");
        let text = serde_json::to_string_pretty(&settings).unwrap_or_default();
        std::fs::write(&path, text).map_err(|e| EngineError::io(&path, "write", e))?;
        let dtype = match self.precision() {
            Precision::Fp32 => Dtype::F32,
            Precision::Bf16 => Dtype::BF16,
        };
        let path = dir.join("adapter_model.safetensors");
        let mut data = Vec::new();
        for (name, tensor) in self.trained_parameters() {
            let name = match sees {
                true => name.replacen(".model.layers.", ".model.language_model.layers.", 1),
                false => name,
            };
            let shape: Vec<usize> = tensor.size().iter().map(|&d| d as usize).collect();
            data.push((name, shape, bytes(&tensor)?));
        }
        let mut views = Vec::with_capacity(data.len());
        for (name, shape, bytes) in &data {
            let view =
                TensorView::new(dtype, shape.clone(), bytes).map_err(|e| safetensors_error(&path, e))?;
            views.push((name.as_str(), view));
        }
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        serialize_to_file(views, Some(metadata), &path).map_err(|e| safetensors_error(&path, e))
    }
}
