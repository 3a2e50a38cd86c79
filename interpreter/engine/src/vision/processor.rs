//! What transformers' image processor of Qwen2-VL does: sizes, patches, normalisation, and how many tokens a
//! picture takes.

use std::path::Path;

use serde_json::{Map, Value};

use super::picture::{Rgb, decode, size};
use super::resize::{Filter, resize};
use crate::config::Vision;
use crate::{EngineError, error::FETCH_AGAIN};

/// Settings of preprocessor_config.json.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageProcessor {
    patch: usize,
    frames: usize,
    merge: usize,
    least: f64,
    most: f64,
    resize: bool,
    filter: Filter,
    scale: Option<f64>,
    normal: Option<([f32; 3], [f32; 3])>,
}

/// A picture as the vision tower reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    values: Vec<f32>,
    grid: [i64; 3],
}

impl Pixels {
    /// `values` [frames · height · width of the grid, channels · frames · patch · patch], row-major, merged
    /// square by merged square; `grid` counts patches in time, height and width.
    pub fn new(values: Vec<f32>, grid: [i64; 3]) -> Self {
        Self { values, grid }
    }

    /// The numbers, one row a patch.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Patches in time, height and width.
    pub fn grid(&self) -> [i64; 3] {
        self.grid
    }

    /// Image tokens that the picture takes in a prompt of a model with this tower.
    pub fn tokens(&self, vision: &Vision) -> Result<usize, EngineError> {
        let [frames, height, width] = self.checked_grid(vision)?;
        Ok(usize::try_from(frames * height * width / (vision.merge * vision.merge)).unwrap_or(0))
    }

    /// The grid, once it agrees with the values and the tower.
    pub(super) fn checked_grid(&self, vision: &Vision) -> Result<[i64; 3], EngineError> {
        let [frames, height, width] = self.grid;
        let want = [frames, height, width, vision.patch_numbers()]
            .into_iter()
            .map(|n| usize::try_from(n).ok().filter(|&n| n > 0))
            .try_fold(1usize, |product, n| product.checked_mul(n?));
        if want != Some(self.values.len()) || height % vision.merge != 0 || width % vision.merge != 0 {
            return Err(EngineError::invalid(
                format!(
                    "a picture of {} numbers and a grid of {:?} patches for a tower that reads patches of {} in squares of {}",
                    self.values.len(),
                    self.grid,
                    vision.patch_numbers(),
                    vision.merge
                ),
                "use the preprocessor_config.json that was published with the model",
            ));
        }
        Ok(self.grid)
    }
}

impl ImageProcessor {
    /// Reads preprocessor_config.json of a model's folder, or the `image_processor` of processor_config.json.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        let old = dir.join("preprocessor_config.json");
        let path = if old.is_file() {
            old
        } else {
            dir.join("processor_config.json")
        };
        let text = std::fs::read_to_string(&path).map_err(|e| EngineError::io(&path, "read", e))?;
        Self::from_json(&text, &path)
    }

    /// See [`ImageProcessor::open`]; `place` is what errors name.
    pub fn from_json(text: &str, place: &Path) -> Result<Self, EngineError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| EngineError::corrupt(place, format!("not valid JSON ({e})"), FETCH_AGAIN))?;
        let map = value
            .get("image_processor")
            .unwrap_or(&value)
            .as_object()
            .ok_or_else(|| EngineError::corrupt(place, "not a JSON object", FETCH_AGAIN))?;
        let wrong = |key: &str| EngineError::corrupt(place, format!("`{key}` makes no sense"), FETCH_AGAIN);
        let number = |map: &Map<String, Value>, key: &str, most: u64| match map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(n) if (1..=most).contains(&n) => Ok(Some(n)),
                _ => Err(wrong(key)),
            },
        };
        let side = |key: &str, default: u64| {
            Ok::<_, EngineError>(number(map, key, 1024)?.unwrap_or(default) as usize)
        };
        let flag = |key: &str| match map.get(key) {
            None | Some(Value::Null) => Ok(true),
            Some(value) => value.as_bool().ok_or_else(|| wrong(key)),
        };
        let size = map
            .get("size")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let pixels = |own: &str, edge: &str, default: u64| -> Result<f64, EngineError> {
            let found = [
                number(map, own, 1 << 40)?,
                number(&size, edge, 1 << 40)?,
                number(&size, own, 1 << 40)?,
            ];
            Ok(found.into_iter().flatten().next().unwrap_or(default) as f64)
        };
        let triple = |key: &str, default: [f32; 3]| match map.get(key) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => {
                let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let list: Vec<f32> = list.iter().filter_map(Value::as_f64).map(|x| x as f32).collect();
                <[f32; 3]>::try_from(list).map_err(|_| wrong(key))
            }
        };
        let filter = match map.get("resample") {
            None | Some(Value::Null) => Filter::Bicubic,
            Some(value) => value.as_u64().and_then(Filter::of_number).ok_or_else(|| {
                EngineError::unsupported(
                    place,
                    format!("resampling of kind {value}"),
                    "use bicubic (3), bilinear (2) or Lanczos (1)",
                )
            })?,
        };
        let scale = match map.get("rescale_factor") {
            None | Some(Value::Null) => 1.0 / 255.0,
            Some(value) => value.as_f64().ok_or_else(|| wrong("rescale_factor"))?,
        };
        // The means and deviations of CLIP are transformers' defaults.
        let mean = triple("image_mean", [0.481_454_66, 0.457_827_5, 0.408_210_73])?;
        let std = triple("image_std", [0.268_629_54, 0.261_302_6, 0.275_777_1])?;
        Ok(Self {
            patch: side("patch_size", 14)?,
            frames: side("temporal_patch_size", 2)?,
            merge: side("merge_size", 2)?,
            least: pixels("min_pixels", "shortest_edge", 56 * 56)?,
            most: pixels("max_pixels", "longest_edge", 28 * 28 * 1280)?,
            resize: flag("do_resize")?,
            filter,
            scale: flag("do_rescale")?.then_some(scale),
            normal: flag("do_normalize")?.then_some((mean, std)),
        })
    }

    /// A picture file's pixels.
    pub fn read(&self, path: &Path) -> Result<Pixels, EngineError> {
        let bytes = std::fs::read(path).map_err(|e| EngineError::io(path, "read", e))?;
        self.decode(&bytes, path)
    }

    /// Pixels of an encoded picture; `place` is what errors name.
    pub fn decode(&self, bytes: &[u8], place: &Path) -> Result<Pixels, EngineError> {
        let Rgb { width, height, bytes } = decode(bytes, place)?;
        self.process(&bytes, width, height)
    }

    /// Image tokens that an encoded picture takes in a prompt of a model with this tower; only its head is read.
    pub fn count(&self, bytes: &[u8], place: &Path, vision: &Vision) -> Result<usize, EngineError> {
        let (width, height) = size(bytes, place)?;
        let (rows, columns) = match self.resize {
            true => self.smart_resize(height, width)?,
            false => (height, width),
        };
        let unit = self.patch * usize::try_from(vision.merge).unwrap_or(self.merge);
        Ok((rows / unit.max(1)) * (columns / unit.max(1)))
    }

    /// Pixels of interleaved 8-bit RGB.
    pub fn process(&self, rgb: &[u8], width: usize, height: usize) -> Result<Pixels, EngineError> {
        let whole = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        if whole != Some(rgb.len()) || rgb.is_empty() {
            return Err(EngineError::invalid(
                format!("{} bytes for a picture of {width} by {height}", rgb.len()),
                "give three bytes a pixel",
            ));
        }
        let (resized, width, height) = if self.resize {
            let (rows, columns) = self.smart_resize(height, width)?;
            (
                resize(rgb, (width, height), (columns, rows), self.filter),
                columns,
                rows,
            )
        } else {
            (rgb.to_vec(), width, height)
        };
        let unit = self.patch * self.merge;
        if width % unit != 0 || height % unit != 0 {
            return Err(EngineError::invalid(
                format!("a picture of {width} by {height} does not divide into squares of {unit}"),
                "set `do_resize`, or give pictures of such sizes",
            ));
        }
        Ok(self.patches(&resized, width, height))
    }

    /// Height and width after resizing: multiples of patch · merge that keep the shape and hold as many pixels
    /// as the settings allow.
    pub fn smart_resize(&self, height: usize, width: usize) -> Result<(usize, usize), EngineError> {
        smart_resize(height, width, self.patch * self.merge, self.least, self.most)
    }

    fn patches(&self, rgb: &[u8], width: usize, height: usize) -> Pixels {
        let (patch, merge) = (self.patch, self.merge);
        // Every value that a byte can take, in fp32 as numpy computes it.
        let table = |channel: usize| -> Vec<f32> {
            (0..=255u8)
                .map(|byte| {
                    let value = match self.scale {
                        Some(scale) => (f64::from(byte) * scale) as f32,
                        None => f32::from(byte),
                    };
                    match &self.normal {
                        Some((mean, std)) => (value - mean[channel % 3]) / std[channel % 3],
                        None => value,
                    }
                })
                .collect()
        };
        let tables = [table(0), table(1), table(2)];
        let (rows, columns) = (height / patch, width / patch);
        let mut values = Vec::with_capacity(rgb.len() * self.frames);
        for top in (0..rows).step_by(merge) {
            for left in (0..columns).step_by(merge) {
                for row in top..top + merge {
                    for column in left..left + merge {
                        for (channel, table) in tables.iter().enumerate() {
                            for _ in 0..self.frames {
                                for y in row * patch..(row + 1) * patch {
                                    let start = 3 * (y * width + column * patch) + channel;
                                    let line = rgb.get(start..).unwrap_or_default();
                                    let bytes = line.iter().step_by(3).take(patch);
                                    values.extend(bytes.filter_map(|&b| table.get(usize::from(b))));
                                }
                            }
                        }
                    }
                }
            }
        }
        Pixels::new(values, [1, rows as i64, columns as i64])
    }

    /// Repeats each image token as often as its picture has merged squares.
    pub fn expand(ids: &[u32], pictures: &[&Pixels], vision: &Vision) -> Result<Vec<u32>, EngineError> {
        let counts = pictures
            .iter()
            .map(|picture| picture.tokens(vision))
            .collect::<Result<Vec<_>, _>>()?;
        Self::expand_by(ids, &counts, vision)
    }

    /// As [`ImageProcessor::expand`], by the numbers of tokens that the pictures take.
    pub fn expand_by(ids: &[u32], counts: &[usize], vision: &Vision) -> Result<Vec<u32>, EngineError> {
        let places = ids.iter().filter(|&&id| id == vision.image_token).count();
        if places != counts.len() {
            return Err(EngineError::invalid(
                format!(
                    "a prompt with places for {places} pictures and {} pictures",
                    counts.len()
                ),
                "write one image token for every picture",
            ));
        }
        let mut counts = counts.iter();
        let mut out = Vec::with_capacity(ids.len());
        for &id in ids {
            if id == vision.image_token {
                out.extend(std::iter::repeat_n(id, counts.next().copied().unwrap_or(1)));
            } else {
                out.push(id);
            }
        }
        Ok(out)
    }
}

/// As transformers' function of the name: half-way sizes round to the even multiple.
fn smart_resize(
    height: usize,
    width: usize,
    factor: usize,
    least: f64,
    most: f64,
) -> Result<(usize, usize), EngineError> {
    let (h, w, f) = (height as f64, width as f64, factor as f64);
    if height == 0 || width == 0 || h.max(w) / h.min(w) > 200.0 {
        return Err(EngineError::invalid(
            format!("a picture of {width} by {height}"),
            "give pictures whose sides differ by at most 200 times",
        ));
    }
    let (mut rows, mut columns) = ((h / f).round_ties_even() * f, (w / f).round_ties_even() * f);
    if rows * columns > most {
        let beta = (h * w / most).sqrt();
        rows = ((h / beta / f).floor() * f).max(f);
        columns = ((w / beta / f).floor() * f).max(f);
    } else if rows * columns < least {
        let beta = (least / (h * w)).sqrt();
        rows = (h * beta / f).ceil() * f;
        columns = (w * beta / f).ceil() * f;
    }
    // A side can round to nothing only where the least number of pixels is tiny.
    if rows < f || columns < f || rows * columns > 1e9 {
        return Err(EngineError::invalid(
            format!("a picture of {width} by {height} would become {columns} by {rows}"),
            "check `min_pixels` and `max_pixels` in preprocessor_config.json",
        ));
    }
    Ok((rows as usize, columns as usize))
}
