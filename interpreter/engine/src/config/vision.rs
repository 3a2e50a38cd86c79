//! The vision tower's shape: patches, blocks, windows, and how its output enters the text.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Config;
use super::keys::Keys;
use crate::{EngineError, error::FETCH_AGAIN};

/// The vision tower of Qwen2.5-VL.
#[derive(Debug, Clone, PartialEq)]
pub struct Vision {
    /// Blocks.
    pub depth: i64,
    /// Width of the tower.
    pub hidden: i64,
    /// Width of its feed-forward blocks.
    pub ff: i64,
    /// Attention heads.
    pub heads: i64,
    /// Channels of a picture.
    pub channels: i64,
    /// Side of a patch, in pixels.
    pub patch: i64,
    /// Frames of a patch; a still picture is repeated.
    pub frames: i64,
    /// Side of the square of patches that become one token.
    pub merge: i64,
    /// Side of an attention window, in pixels.
    pub window: i64,
    /// Width of the merger's output, which is the decoder's.
    pub out: i64,
    /// Blocks that see the whole picture; the others see their window.
    pub full_blocks: Vec<i64>,
    /// Base of the tower's own rotation.
    pub theta: f64,
    /// How many of the decoder's rotated pairs turn with time, height and width.
    pub sections: Vec<i64>,
    /// The token in whose place an image's vectors stand.
    pub image_token: u32,
    /// The token of a video, which the engine refuses.
    pub video_token: u32,
    /// Tokens around a picture or video.
    pub around: (u32, u32),
    /// Steps of the temporal position in a second of video; kept for writing only.
    pub tokens_per_second: i64,
}

impl Vision {
    /// `outer` is config.json, `text` the decoder's keys in it.
    pub(super) fn read(outer: Keys<'_>, text: Keys<'_>, config: &Config) -> Result<Self, EngineError> {
        let path = outer.path;
        let missing = |key: &str| EngineError::corrupt(path, format!("`{key}` is missing"), FETCH_AGAIN);
        let map = outer
            .object("vision_config")?
            .ok_or_else(|| missing("vision_config"))?;
        let keys = Keys { map, path };
        keys.silu_only()?;
        // Defaults are those of transformers' Qwen2_5_VLVisionConfig.
        let or =
            |key: &str, default: i64| Ok::<_, EngineError>(keys.optional_dimension(key)?.unwrap_or(default));
        let channels = match keys.optional_dimension("in_channels")? {
            Some(n) => n,
            None => or("in_chans", 3)?,
        };
        let rope = Keys {
            map: match text.object("rope_scaling")?.filter(|map| !map.is_empty()) {
                Some(map) => map,
                None => text
                    .object("rope_parameters")?
                    .ok_or_else(|| missing("rope_scaling"))?,
            },
            path,
        };
        let own = keys.object("rope_parameters")?;
        let theta = match own {
            Some(map) => Keys { map, path }.number("rope_theta")?,
            None => None,
        };
        let token = |key: &str, default: u32| match outer.map.get(key) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value
                .as_u64()
                .and_then(|n| u32::try_from(n).ok())
                .ok_or_else(|| outer.wrong(key, value, "a token id")),
        };
        Ok(Self {
            depth: or("depth", 32)?,
            hidden: or("hidden_size", 3584)?,
            ff: or("intermediate_size", 3420)?,
            heads: or("num_heads", 16)?,
            channels,
            patch: or("patch_size", 14)?,
            frames: or("temporal_patch_size", 2)?,
            merge: or("spatial_merge_size", 2)?,
            window: or("window_size", 112)?,
            out: or("out_hidden_size", 3584)?,
            full_blocks: keys
                .numbers("fullatt_block_indexes")?
                .unwrap_or_else(|| vec![7, 15, 23, 31]),
            theta: theta.unwrap_or(10_000.0),
            sections: rope
                .numbers("mrope_section")?
                .unwrap_or_else(|| match config.head_dim {
                    128 => vec![16, 24, 24],
                    _ => Vec::new(),
                }),
            image_token: token("image_token_id", 151_655)?,
            video_token: token("video_token_id", 151_656)?,
            around: (
                token("vision_start_token_id", 151_652)?,
                token("vision_end_token_id", 151_653)?,
            ),
            tokens_per_second: or("tokens_per_second", 4)?,
        })
    }

    /// Refuses what no tower could be.
    pub(super) fn check(&self, config: &Config, path: &Path) -> Result<(), EngineError> {
        let wrong = |what: String| Err(EngineError::corrupt(path, what, "correct the configuration"));
        if self.depth > super::MOST_LAYERS {
            return wrong(format!("a vision tower of {} blocks", self.depth));
        }
        // Half of a head turns with the row, half with the column, each in pairs.
        if self.hidden % self.heads != 0 || (self.hidden / self.heads) % 4 != 0 {
            return wrong(format!(
                "a vision tower of width {} and {} heads",
                self.hidden, self.heads
            ));
        }
        if self.out != config.hidden {
            let (out, hidden) = (self.out, config.hidden);
            return wrong(format!(
                "the vision tower ends in {out} numbers where the decoder has {hidden}"
            ));
        }
        if self.window / self.merge / self.patch < 1 {
            return wrong(format!(
                "a window of {} pixels holds no merged patch",
                self.window
            ));
        }
        if self.patch > 1024 || self.frames > 64 || self.merge > 64 || self.channels > 64 {
            return wrong("patches that are larger than any picture".to_owned());
        }
        if self.sections.len() != 3 || self.sections.iter().sum::<i64>() * 2 != config.head_dim {
            let sections = &self.sections;
            return wrong(format!(
                "mrope_section {sections:?} for heads of {}",
                config.head_dim
            ));
        }
        Ok(())
    }

    /// Numbers of one flattened patch.
    pub(crate) fn patch_numbers(&self) -> i64 {
        self.channels * self.frames * self.patch * self.patch
    }

    /// Names and shapes of the tower's parameters, hub names.
    pub(super) fn shapes(&self) -> Vec<(String, Vec<i64>)> {
        let mut all = vec![(
            "visual.patch_embed.proj.weight".to_owned(),
            vec![self.hidden, self.channels, self.frames, self.patch, self.patch],
        )];
        let mut linear = |name: String, rows: i64, columns: i64| {
            all.push((format!("{name}.weight"), vec![rows, columns]));
            all.push((format!("{name}.bias"), vec![rows]));
        };
        for block in 0..self.depth {
            for (name, rows, columns) in [
                ("attn.qkv", 3 * self.hidden, self.hidden),
                ("attn.proj", self.hidden, self.hidden),
                ("mlp.gate_proj", self.ff, self.hidden),
                ("mlp.up_proj", self.ff, self.hidden),
                ("mlp.down_proj", self.hidden, self.ff),
            ] {
                linear(format!("visual.blocks.{block}.{name}"), rows, columns);
            }
        }
        let merged = self.hidden * self.merge * self.merge;
        linear("visual.merger.mlp.0".to_owned(), merged, merged);
        linear("visual.merger.mlp.2".to_owned(), self.out, merged);
        for block in 0..self.depth {
            for name in ["norm1", "norm2"] {
                all.push((format!("visual.blocks.{block}.{name}.weight"), vec![self.hidden]));
            }
        }
        all.push(("visual.merger.ln_q.weight".to_owned(), vec![self.hidden]));
        all
    }

    /// Adds the keys that the hub's configurations have.
    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        for (key, id) in [
            ("image_token_id", self.image_token),
            ("video_token_id", self.video_token),
            ("vision_start_token_id", self.around.0),
            ("vision_end_token_id", self.around.1),
        ] {
            map.insert(key.to_owned(), json!(id));
        }
        let tower = json!({
            "model_type": "qwen2_5_vl",
            "depth": self.depth,
            "hidden_act": "silu",
            "hidden_size": self.hidden,
            "intermediate_size": self.ff,
            "num_heads": self.heads,
            "in_channels": self.channels,
            "in_chans": self.channels,
            "out_hidden_size": self.out,
            "patch_size": self.patch,
            "spatial_patch_size": self.patch,
            "spatial_merge_size": self.merge,
            "temporal_patch_size": self.frames,
            "window_size": self.window,
            "fullatt_block_indexes": self.full_blocks,
            "tokens_per_second": self.tokens_per_second,
            "rope_parameters": {"rope_theta": self.theta, "rope_type": "axial"},
        });
        map.insert("vision_config".to_owned(), tower);
    }
}
