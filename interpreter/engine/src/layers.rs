//! The parts of a decoder: weights grouped by what multiplies them.

use tch::{Kind, Tensor};

use crate::EngineError;
use crate::config::Config;
use crate::lora::Factors;
use crate::vision::Tower;

/// A matrix, with its bias where there is one, under its hub name (without `.weight`).
pub(crate) struct Linear {
    pub(crate) name: String,
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
    /// A low-rank change that is trained in the place of the matrix.
    pub(crate) change: Option<Factors>,
}

impl Linear {
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        let y = x.f_linear(&self.weight, self.bias.as_ref())?;
        match &self.change {
            None => Ok(y),
            Some(change) => Ok(y.f_add(&change.apply(x)?)?),
        }
    }

    pub(crate) fn shallow(&self) -> Self {
        Self {
            name: self.name.clone(),
            weight: self.weight.shallow_clone(),
            bias: self.bias.as_ref().map(Tensor::shallow_clone),
            change: self.change.as_ref().map(Factors::shallow),
        }
    }

    pub(crate) fn list(&self, into: &mut Vec<(String, Tensor)>) {
        into.push((format!("{}.weight", self.name), self.weight.shallow_clone()));
        if let Some(bias) = &self.bias {
            into.push((format!("{}.bias", self.name), bias.shallow_clone()));
        }
    }
}

/// Matrices that share their input. Fused they are one matrix, of which the parts are views; unfused each
/// part is a leaf of the autograd graph.
pub(crate) struct Projection {
    pub(crate) parts: Vec<Linear>,
    pub(crate) fused: Option<(Tensor, Option<Tensor>)>,
}

impl Projection {
    /// Copies the parts into one matrix and makes them views of it.
    pub(crate) fn fuse(parts: Vec<Linear>) -> Result<Self, EngineError> {
        let weights: Vec<&Tensor> = parts.iter().map(|p| &p.weight).collect();
        let weight = Tensor::f_cat(&weights, 0)?.f_detach()?;
        let biases: Option<Vec<&Tensor>> = parts.iter().map(|p| p.bias.as_ref()).collect();
        let bias = match biases {
            Some(biases) if !biases.is_empty() => Some(Tensor::f_cat(&biases, 0)?.f_detach()?),
            _ => None,
        };
        let mut start = 0;
        let mut views = Vec::with_capacity(parts.len());
        for part in parts {
            let rows = part.weight.size().first().copied().unwrap_or(0);
            views.push(Linear {
                name: part.name,
                weight: weight.f_narrow(0, start, rows)?,
                bias: bias.as_ref().map(|b| b.f_narrow(0, start, rows)).transpose()?,
                change: None,
            });
            start += rows;
        }
        Ok(Self {
            parts: views,
            fused: Some((weight, bias)),
        })
    }

    /// One output per part.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Vec<Tensor>, EngineError> {
        match &self.fused {
            Some((weight, bias)) => {
                let sizes: Vec<i64> = self
                    .parts
                    .iter()
                    .filter_map(|p| p.weight.size().first().copied())
                    .collect();
                Ok(x.f_linear(weight, bias.as_ref())?.f_split_with_sizes(sizes, -1)?)
            }
            None => self.parts.iter().map(|p| p.apply(x)).collect(),
        }
    }

    fn shallow(&self) -> Self {
        Self {
            parts: self.parts.iter().map(Linear::shallow).collect(),
            fused: self
                .fused
                .as_ref()
                .map(|(w, b)| (w.shallow_clone(), b.as_ref().map(Tensor::shallow_clone))),
        }
    }

    fn list(&self, into: &mut Vec<(String, Tensor)>) {
        for part in &self.parts {
            part.list(into);
        }
    }
}

/// Per-head norms of Qwen3.
pub(crate) struct HeadNorms {
    pub(crate) q: Tensor,
    pub(crate) k: Tensor,
}

/// One decoder block.
pub(crate) struct Layer {
    pub(crate) input_norm: Tensor,
    pub(crate) qkv: Projection,
    pub(crate) head_norms: Option<HeadNorms>,
    pub(crate) o: Linear,
    pub(crate) post_norm: Tensor,
    pub(crate) gate_up: Projection,
    pub(crate) down: Linear,
    /// How far back attention looks, where not to the beginning.
    pub(crate) window: Option<i64>,
}

/// All weights of a model.
pub(crate) struct Weights {
    pub(crate) embedding: Tensor,
    pub(crate) layers: Vec<Layer>,
    pub(crate) norm: Tensor,
    /// The embedding itself where tied.
    pub(crate) head: Tensor,
    pub(crate) tied: bool,
    pub(crate) tower: Option<Tower>,
}

impl Weights {
    /// Groups the tensors that `get` yields by name. `fused` for inference, else every tensor stays a leaf.
    pub(crate) fn assemble(
        config: &Config,
        fused: bool,
        mut get: impl FnMut(&str) -> Result<Tensor, EngineError>,
    ) -> Result<Self, EngineError> {
        let embedding = get("model.embed_tokens.weight")?;
        let mut layers = Vec::new();
        for index in 0..config.layers {
            let mut linear = |name: &str, bias: bool| -> Result<Linear, EngineError> {
                let name = format!("model.layers.{index}.{name}");
                let weight = get(&format!("{name}.weight"))?;
                let bias = if bias {
                    Some(get(&format!("{name}.bias"))?)
                } else {
                    None
                };
                Ok(Linear {
                    name,
                    weight,
                    bias,
                    change: None,
                })
            };
            let group = |parts: Vec<Linear>| {
                if fused {
                    Projection::fuse(parts)
                } else {
                    Ok(Projection { parts, fused: None })
                }
            };
            let qkv = group(vec![
                linear("self_attn.q_proj", config.qkv_bias)?,
                linear("self_attn.k_proj", config.qkv_bias)?,
                linear("self_attn.v_proj", config.qkv_bias)?,
            ])?;
            let o = linear("self_attn.o_proj", config.o_bias)?;
            let gate_up = group(vec![
                linear("mlp.gate_proj", config.mlp_bias)?,
                linear("mlp.up_proj", config.mlp_bias)?,
            ])?;
            let down = linear("mlp.down_proj", config.mlp_bias)?;
            let mut norm = |name: &str| get(&format!("model.layers.{index}.{name}.weight"));
            let head_norms = if config.family.traits().qk_norm {
                Some(HeadNorms {
                    q: norm("self_attn.q_norm")?,
                    k: norm("self_attn.k_norm")?,
                })
            } else {
                None
            };
            let input_norm = norm("input_layernorm")?;
            let post_norm = norm("post_attention_layernorm")?;
            layers.push(Layer {
                input_norm,
                qkv,
                head_norms,
                o,
                post_norm,
                gate_up,
                down,
                window: config.window(usize::try_from(index).unwrap_or(0)),
            });
        }
        let norm = get("model.norm.weight")?;
        let head = if config.tied {
            embedding.shallow_clone()
        } else {
            get("lm_head.weight")?
        };
        let tower = match &config.vision {
            Some(vision) => Some(Tower::assemble(vision, &mut get)?),
            None => None,
        };
        Ok(Self {
            embedding,
            layers,
            norm,
            head,
            tied: config.tied,
            tower,
        })
    }

    /// The same tensors again, sharing storage, so that another thread can own them.
    pub(crate) fn shallow(&self) -> Self {
        let layers = self.layers.iter().map(|l| Layer {
            input_norm: l.input_norm.shallow_clone(),
            qkv: l.qkv.shallow(),
            head_norms: l.head_norms.as_ref().map(|n| HeadNorms {
                q: n.q.shallow_clone(),
                k: n.k.shallow_clone(),
            }),
            o: l.o.shallow(),
            post_norm: l.post_norm.shallow_clone(),
            gate_up: l.gate_up.shallow(),
            down: l.down.shallow(),
            window: l.window,
        });
        Self {
            embedding: self.embedding.shallow_clone(),
            layers: layers.collect(),
            norm: self.norm.shallow_clone(),
            head: self.head.shallow_clone(),
            tied: self.tied,
            tower: self.tower.as_ref().map(Tower::shallow),
        }
    }

    /// Names and shallow clones: the decoder's in the order of [`Config::shapes`], then the tower's.
    pub(crate) fn list(&self) -> Vec<(String, Tensor)> {
        let mut all = vec![(
            "model.embed_tokens.weight".to_owned(),
            self.embedding.shallow_clone(),
        )];
        for (index, layer) in self.layers.iter().enumerate() {
            let norm = |all: &mut Vec<(String, Tensor)>, name: &str, tensor: &Tensor| {
                all.push((
                    format!("model.layers.{index}.{name}.weight"),
                    tensor.shallow_clone(),
                ));
            };
            layer.qkv.list(&mut all);
            layer.o.list(&mut all);
            if let Some(norms) = &layer.head_norms {
                norm(&mut all, "self_attn.q_norm", &norms.q);
                norm(&mut all, "self_attn.k_norm", &norms.k);
            }
            layer.gate_up.list(&mut all);
            layer.down.list(&mut all);
            norm(&mut all, "input_layernorm", &layer.input_norm);
            norm(&mut all, "post_attention_layernorm", &layer.post_norm);
        }
        all.push(("model.norm.weight".to_owned(), self.norm.shallow_clone()));
        if !self.tied {
            all.push(("lm_head.weight".to_owned(), self.head.shallow_clone()));
        }
        if let Some(tower) = &self.tower {
            tower.list(&mut all);
        }
        all
    }
}

/// RMS norm over the last dimension, computed in fp32 whatever the kind of `x`, then scaled in `x`'s kind.
pub(crate) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor, EngineError> {
    let kind = x.kind();
    let wide = if kind == Kind::Float {
        x.shallow_clone()
    } else {
        x.f_to_kind(Kind::Float)?
    };
    let mean = wide.f_square()?.f_mean_dim(-1, true, Kind::Float)?;
    let normed = wide.f_mul(&mean.f_add_scalar(eps)?.f_rsqrt()?)?;
    let normed = if kind == Kind::Float {
        normed
    } else {
        normed.f_to_kind(kind)?
    };
    Ok(normed.f_mul(weight)?)
}
