//! Pictures in the decoder's input: their vectors and their positions.

use tch::{Device, Kind, Tensor};

use super::{Pixels, Positions};
use crate::config::{Config, Vision};
use crate::forward::size2;
use crate::{EngineError, LanguageModel};

impl LanguageModel {
    fn tower(&self) -> Result<(&super::Tower, &Vision), EngineError> {
        match (&self.weights.tower, &self.config.vision) {
            (Some(tower), Some(vision)) => Ok((tower, vision)),
            _ => Err(blind(&self.config)),
        }
    }

    /// The vectors of a picture, [tokens, hidden], one for every image token.
    pub fn picture_vectors(&self, pixels: &Pixels) -> Result<Tensor, EngineError> {
        self.tower()?.0.forward(pixels, &mut |_| {})
    }

    /// The embedded patches and the output of every block of the vision tower, [patches, width] each, in the
    /// order of its windows: for comparison with other implementations.
    pub fn picture_states(&self, pixels: &Pixels) -> Result<Vec<Tensor>, EngineError> {
        let mut states = Vec::new();
        let _merged = self
            .tower()?
            .0
            .forward(pixels, &mut |x| states.push(x.shallow_clone()))?;
        Ok(states)
    }

    /// Puts the pictures' vectors into `x` [B,T,H] where `ids` [B,T] has image tokens.
    pub(crate) fn place_pictures(
        &self,
        x: &Tensor,
        ids: &Tensor,
        pictures: &[&Pixels],
    ) -> Result<Tensor, EngineError> {
        let (tower, vision) = self.tower()?;
        let vectors = pictures
            .iter()
            .map(|picture| tower.forward(picture, &mut |_| {}))
            .collect::<Result<Vec<_>, _>>()?;
        let vectors = Tensor::f_cat(&vectors, 0)?;
        let places = ids
            .f_reshape([-1])?
            .f_eq(i64::from(vision.image_token))?
            .f_nonzero()?
            .f_squeeze_dim(1)?;
        if places.size() != [vectors.size().first().copied().unwrap_or(0)] {
            return Err(EngineError::invalid(
                format!(
                    "{:?} image tokens for pictures that take {:?}",
                    places.size(),
                    vectors.size().first()
                ),
                "expand each image token by `ImageProcessor::expand`",
            ));
        }
        let flat = x
            .f_flatten(0, 1)?
            .f_index_copy(0, &places, &vectors.f_to_kind(x.kind())?)?;
        Ok(flat.f_reshape(x.size())?)
    }

    /// Cosines and sines [B,1,T,D] in fp32 of a batch with pictures. Padding has position 0.
    pub(crate) fn picture_rotation(
        &self,
        ids: &Tensor,
        mask: Option<&Tensor>,
        pictures: &[&Pixels],
    ) -> Result<(Tensor, Tensor), EngineError> {
        let (_, vision) = self.tower()?;
        let positions = positions(ids, mask, pictures, vision)?.f_to_device(self.device())?;
        let (cos, sin) = self
            .config
            .rope
            .sectioned(&positions, &vision.sections, self.config.head_dim)?;
        Ok((cos.f_unsqueeze(1)?, sin.f_unsqueeze(1)?))
    }
}

/// Refuses pictures for a model without eyes.
pub(crate) fn blind(config: &Config) -> EngineError {
    EngineError::invalid(
        format!("pictures for a model of {}", config.family.traits().architecture),
        "use a model that reads pictures, such as Qwen2.5-VL",
    )
}

/// Positions [3,B,T] of rows with pictures; `pictures` are those of all rows in turn.
fn positions(
    ids: &Tensor,
    mask: Option<&Tensor>,
    pictures: &[&Pixels],
    vision: &Vision,
) -> Result<Tensor, EngineError> {
    let (batch, length) = size2(ids)?;
    let numbers = |t: &Tensor| -> Result<Vec<i64>, EngineError> {
        let flat = t
            .f_to_kind(Kind::Int64)?
            .f_to_device(Device::Cpu)?
            .f_reshape([-1])?
            .f_contiguous()?;
        let mut out = vec![0i64; flat.numel()];
        let count = out.len();
        flat.f_copy_data(&mut out, count)?;
        Ok(out)
    };
    let all = numbers(ids)?;
    let mask = match mask {
        Some(mask) => numbers(mask)?,
        None => vec![1; all.len()],
    };
    let width = usize::try_from(length).unwrap_or(1).max(1);
    let mut out = vec![Vec::with_capacity(all.len()), Vec::new(), Vec::new()];
    let mut rest = pictures;
    for (row, mask) in all.chunks(width).zip(mask.chunks(width)) {
        let real: Vec<i64> = row
            .iter()
            .zip(mask)
            .filter(|(_, m)| **m != 0)
            .map(|(id, _)| *id)
            .collect();
        // The row's own pictures are as many as its image tokens fill.
        let mut open = real
            .iter()
            .filter(|&&id| id == i64::from(vision.image_token))
            .count();
        let mut own = 0;
        while open > 0
            && let Some(picture) = rest.get(own)
        {
            open = open.saturating_sub(picture.tokens(vision)?);
            own += 1;
        }
        let (these, others) = rest.split_at(own);
        rest = others;
        let found = Positions::of(&real, these, vision)?;
        for (axis, values) in out.iter_mut().zip(&found.axes) {
            let mut values = values.iter();
            axis.extend(mask.iter().map(|m| {
                if *m != 0 {
                    values.next().copied().unwrap_or(0)
                } else {
                    0
                }
            }));
        }
    }
    let flat: Vec<i64> = out.into_iter().flatten().collect();
    Ok(Tensor::f_from_slice(&flat)?.f_reshape([3, batch, length])?)
}
