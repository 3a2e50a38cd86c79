//! Positions in time, height and width.

use super::processor::Pixels;
use crate::EngineError;
use crate::config::Vision;

/// Positions of one sequence's tokens: those of text count on along all three axes at once; a picture's
/// share the time, and spread over its rows and columns of merged squares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions {
    /// Time, height and width of each token.
    pub axes: [Vec<i64>; 3],
    /// What is added to a later token's index to give its position along every axis.
    pub delta: i64,
}

impl Positions {
    /// Positions of `ids`, in which every picture in turn has taken up as many image tokens as it has merged
    /// squares.
    ///
    /// Numbers of image tokens and pictures that do not match, and a video, are
    /// [`EngineError::InvalidRequest`].
    pub fn of(ids: &[i64], pictures: &[&Pixels], vision: &Vision) -> Result<Self, EngineError> {
        let grids = pictures
            .iter()
            .map(|picture| picture.checked_grid(vision))
            .collect::<Result<Vec<_>, _>>()?;
        Self::of_grids(ids, &grids, vision)
    }

    /// As [`Positions::of`], of pictures with these grids.
    pub(crate) fn of_grids(ids: &[i64], grids: &[[i64; 3]], vision: &Vision) -> Result<Self, EngineError> {
        let (image, video) = (i64::from(vision.image_token), i64::from(vision.video_token));
        let mut axes = [Vec::new(), Vec::new(), Vec::new()];
        let mut pictures = grids.iter();
        let (mut index, mut next) = (0, 0);
        while let Some(&id) = ids.get(index) {
            if id == video {
                return Err(EngineError::invalid(
                    "a prompt with a video",
                    "give pictures instead: the engine reads no videos",
                ));
            }
            if id != image {
                axes.iter_mut().for_each(|axis| axis.push(next));
                (index, next) = (index + 1, next + 1);
                continue;
            }
            let &[frames, height, width] = pictures
                .next()
                .ok_or_else(|| mismatch("more image tokens than pictures"))?;
            let (rows, columns) = (height / vision.merge, width / vision.merge);
            let count = usize::try_from(frames * rows * columns).unwrap_or(usize::MAX);
            let own = ids.get(index..index.saturating_add(count)).unwrap_or_default();
            if own.is_empty() || own.iter().any(|&id| id != image) {
                return Err(mismatch(&format!("fewer image tokens than a picture's {count}")));
            }
            let [time, down, across] = &mut axes;
            for frame in 0..frames {
                for row in 0..rows {
                    for column in 0..columns {
                        time.push(next + frame);
                        down.push(next + row);
                        across.push(next + column);
                    }
                }
            }
            index += count;
            next += rows.max(columns);
        }
        if pictures.next().is_some() {
            return Err(mismatch("more pictures than places for them"));
        }
        let largest = axes.iter().flatten().copied().max().unwrap_or(-1);
        Ok(Self {
            axes,
            delta: largest + 1 - ids.len() as i64,
        })
    }
}

fn mismatch(what: &str) -> EngineError {
    EngineError::invalid(
        format!("the prompt has {what}"),
        "expand each image token by `ImageProcessor::expand`, and give the pictures in their order",
    )
}
