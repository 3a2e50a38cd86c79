//! The vision tower: patches to vectors of the decoder's width.

use tch::{Device, Kind, Tensor};

use super::processor::Pixels;
use super::windows::{Windows, coordinates, windows};
use crate::EngineError;
use crate::config::Vision;
use crate::layers::{Linear, rms_norm};
use crate::rope::rotate;

/// Epsilon of the tower's norms, which no configuration changes.
const EPS: f64 = 1e-6;

struct Block {
    norm1: Tensor,
    qkv: Linear,
    proj: Linear,
    norm2: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
    /// Sees the whole picture.
    full: bool,
}

/// The tower's weights.
pub(crate) struct Tower {
    config: Vision,
    /// [hidden, channels, frames, patch, patch].
    patches: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    inner: Linear,
    outer: Linear,
}

/// Sequences that attend within themselves, laid side by side.
struct Segments {
    /// Places in the sequence, [segments * longest], any place where a segment is shorter.
    gather: Tensor,
    /// Places in the padded layout of all patches in turn.
    scatter: Tensor,
    count: i64,
    longest: i64,
    /// [segments, 1, 1, longest], true at real places; `None` where all are.
    real: Option<Tensor>,
}

impl Tower {
    pub(crate) fn assemble(
        config: &Vision,
        get: &mut impl FnMut(&str) -> Result<Tensor, EngineError>,
    ) -> Result<Self, EngineError> {
        let patches = get("visual.patch_embed.proj.weight")?;
        let mut linear = |name: String| -> Result<Linear, EngineError> {
            Ok(Linear {
                weight: get(&format!("{name}.weight"))?,
                bias: Some(get(&format!("{name}.bias"))?),
                name,
                change: None,
            })
        };
        let mut parts = Vec::new();
        for index in 0..config.depth {
            let mut part = |name: &str| linear(format!("visual.blocks.{index}.{name}"));
            parts.push((
                part("attn.qkv")?,
                part("attn.proj")?,
                part("mlp.gate_proj")?,
                part("mlp.up_proj")?,
                part("mlp.down_proj")?,
            ));
        }
        let inner = linear("visual.merger.mlp.0".to_owned())?;
        let outer = linear("visual.merger.mlp.2".to_owned())?;
        let mut blocks = Vec::new();
        for (index, (qkv, proj, gate, up, down)) in (0..config.depth).zip(parts) {
            blocks.push(Block {
                norm1: get(&format!("visual.blocks.{index}.norm1.weight"))?,
                qkv,
                proj,
                norm2: get(&format!("visual.blocks.{index}.norm2.weight"))?,
                gate,
                up,
                down,
                full: config.full_blocks.contains(&index),
            });
        }
        Ok(Self {
            config: config.clone(),
            patches,
            blocks,
            norm: get("visual.merger.ln_q.weight")?,
            inner,
            outer,
        })
    }

    pub(crate) fn shallow(&self) -> Self {
        let blocks = self.blocks.iter().map(|b| Block {
            norm1: b.norm1.shallow_clone(),
            qkv: b.qkv.shallow(),
            proj: b.proj.shallow(),
            norm2: b.norm2.shallow_clone(),
            gate: b.gate.shallow(),
            up: b.up.shallow(),
            down: b.down.shallow(),
            full: b.full,
        });
        Self {
            config: self.config.clone(),
            patches: self.patches.shallow_clone(),
            blocks: blocks.collect(),
            norm: self.norm.shallow_clone(),
            inner: self.inner.shallow(),
            outer: self.outer.shallow(),
        }
    }

    pub(crate) fn list(&self, into: &mut Vec<(String, Tensor)>) {
        let one = |into: &mut Vec<(String, Tensor)>, name: String, tensor: &Tensor| {
            into.push((name, tensor.shallow_clone()));
        };
        one(into, "visual.patch_embed.proj.weight".to_owned(), &self.patches);
        for (index, block) in self.blocks.iter().enumerate() {
            for linear in [&block.qkv, &block.proj, &block.gate, &block.up, &block.down] {
                linear.list(into);
            }
            one(into, format!("visual.blocks.{index}.norm1.weight"), &block.norm1);
            one(into, format!("visual.blocks.{index}.norm2.weight"), &block.norm2);
        }
        self.inner.list(into);
        self.outer.list(into);
        one(into, "visual.merger.ln_q.weight".to_owned(), &self.norm);
    }

    /// One picture's vectors, [patches / merge², out], in the order of its merged squares. `seen` is told
    /// every block's output in window order, that of the patches first.
    pub(super) fn forward(
        &self,
        pixels: &Pixels,
        seen: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor, EngineError> {
        let c = &self.config;
        let [frames, height, width] = pixels.checked_grid(c)?;
        let (device, kind) = (self.patches.device(), self.patches.kind());
        let count = frames * height * width;
        let unit = c.merge * c.merge;
        let x = Tensor::f_from_slice(pixels.values())?
            .f_reshape([count, c.patch_numbers()])?
            .f_to_device(device)?
            .f_to_kind(kind)?;
        let x = x.f_linear(&self.patches.f_reshape([c.hidden, -1])?, None::<&Tensor>)?;
        let side = c.window / c.merge / c.patch;
        let Windows { order, sizes } = windows(frames, height / c.merge, width / c.merge, side, unit);
        let order = Tensor::f_from_slice(&order)?.f_to_device(device)?;
        let sort = |t: &Tensor| -> Result<Tensor, EngineError> {
            let wide = t.f_reshape([count / unit, -1])?.f_index_select(0, &order)?;
            Ok(wide.f_reshape([count, -1])?)
        };
        let mut x = sort(&x)?;
        let (cos, sin) = self.rotation(frames, height, width, device)?;
        let (cos, sin) = (sort(&cos)?.f_unsqueeze(1)?, sort(&sin)?.f_unsqueeze(1)?);
        // A frame is a picture of its own; a still one has a single frame.
        let whole = segments(
            &vec![height * width; usize::try_from(frames).unwrap_or(0)],
            device,
        )?;
        let local = segments(&sizes, device)?;
        seen(&x);
        for block in &self.blocks {
            let within = if block.full { &whole } else { &local };
            let attended = self.attend(block, &rms_norm(&x, &block.norm1, EPS)?, &cos, &sin, within)?;
            x = x.f_add(&attended)?;
            let normed = rms_norm(&x, &block.norm2, EPS)?;
            let gate = block.gate.apply(&normed)?.f_silu()?;
            x = x.f_add(&block.down.apply(&gate.f_mul(&block.up.apply(&normed)?)?)?)?;
            seen(&x);
        }
        let merged = rms_norm(&x, &self.norm, EPS)?.f_reshape([count / unit, unit * c.hidden])?;
        let merged = self.outer.apply(&self.inner.apply(&merged)?.f_gelu("none")?)?;
        Ok(merged.f_index_select(0, &order.f_argsort(0, false)?)?)
    }

    /// Cosines and sines [patches, head width] in fp32: a quarter of the pairs' halves turns with the row, a
    /// quarter with the column, and both again.
    fn rotation(
        &self,
        frames: i64,
        height: i64,
        width: i64,
        device: Device,
    ) -> Result<(Tensor, Tensor), EngineError> {
        let half = self.config.hidden / self.config.heads / 2;
        let theta = self.config.theta as f32;
        let frequencies: Vec<f32> = (0..half / 2)
            .map(|i| 1.0 / theta.powf((2 * i) as f32 / half as f32))
            .collect();
        let frequencies = Tensor::f_from_slice(&frequencies)?.f_to_device(device)?;
        let (rows, columns) = coordinates(frames, height, width, self.config.merge);
        let angles = |places: &[i64]| -> Result<Tensor, EngineError> {
            let places = Tensor::f_from_slice(places)?
                .f_to_device(device)?
                .f_to_kind(Kind::Float)?;
            Ok(places.f_unsqueeze(1)?.f_mul(&frequencies)?)
        };
        let (rows, columns) = (angles(&rows)?, angles(&columns)?);
        let angles = Tensor::f_cat(&[&rows, &columns, &rows, &columns], -1)?;
        Ok((angles.f_cos()?, angles.f_sin()?))
    }

    fn attend(
        &self,
        block: &Block,
        x: &Tensor,
        cos: &Tensor,
        sin: &Tensor,
        within: &Segments,
    ) -> Result<Tensor, EngineError> {
        let (heads, dim) = (self.config.heads, self.config.hidden / self.config.heads);
        let qkv = block.qkv.apply(x)?.f_reshape([-1, 3, heads, dim])?;
        let kind = qkv.kind();
        let turned = |index: i64| -> Result<Tensor, EngineError> {
            let wide = qkv.f_select(1, index)?.f_to_kind(Kind::Float)?;
            Ok(rotate(&wide, cos, sin)?.f_to_kind(kind)?)
        };
        let apart = |t: Tensor| -> Result<Tensor, EngineError> {
            let t = t.f_index_select(0, &within.gather)?;
            Ok(t.f_reshape([within.count, within.longest, heads, dim])?
                .f_transpose(1, 2)?)
        };
        let (q, k, v) = (
            apart(turned(0)?)?,
            apart(turned(1)?)?,
            apart(qkv.f_select(1, 2)?)?,
        );
        let attended = Tensor::f_scaled_dot_product_attention(
            &q,
            &k,
            &v,
            within.real.as_ref(),
            0.0,
            false,
            None,
            false,
        )?;
        let attended = attended
            .f_transpose(1, 2)?
            .f_reshape([within.count * within.longest, heads * dim])?
            .f_index_select(0, &within.scatter)?;
        block.proj.apply(&attended)
    }
}

fn segments(sizes: &[i64], device: Device) -> Result<Segments, EngineError> {
    let longest = sizes.iter().copied().max().unwrap_or(1).max(1);
    let (mut gather, mut scatter, mut real) = (Vec::new(), Vec::new(), Vec::new());
    let mut start = 0;
    for (number, &size) in sizes.iter().enumerate() {
        for place in 0..longest {
            let inside = place < size;
            gather.push(if inside { start + place } else { 0 });
            real.push(inside);
            if inside {
                scatter.push(number as i64 * longest + place);
            }
        }
        start += size;
    }
    let count = sizes.len() as i64;
    let real = if real.contains(&false) {
        let mask = Tensor::f_from_slice(&real)?.f_reshape([count, 1, 1, longest])?;
        Some(mask.f_to_device(device)?)
    } else {
        None
    };
    Ok(Segments {
        gather: Tensor::f_from_slice(&gather)?.f_to_device(device)?,
        scatter: Tensor::f_from_slice(&scatter)?.f_to_device(device)?,
        count,
        longest,
        real,
    })
}
