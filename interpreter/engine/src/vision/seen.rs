//! Prompts with pictures as the network on CPUs reads them.
//!
//! An image token becomes the number of a vector, and has a row of its own in the tables of the rotation. A picture's
//! vectors are made once, so prompts that begin with the same words and pictures begin with the same numbers, and
//! share the pages of that beginning as any others do.

use std::collections::BTreeMap;

use tch::Tensor;

use super::{Pixels, Positions, Tower};
use crate::config::Vision;
use crate::score::numbers;
use crate::{EngineError, Rope};

/// From here on an id is the number of a vector and no token's.
pub(crate) const VECTORS: u32 = 1 << 31;

/// Bytes of vectors at which no further request joins a group.
const MOST_BYTES: usize = 512 << 20;

/// The pictures of a call's requests, read when they are needed.
pub struct Album<'a> {
    /// Of each request, numbers of its pictures in the order of their places in the prompt. Equal numbers mean the
    /// same picture.
    pub of: &'a [Vec<usize>],
    /// Gives a picture by its number.
    pub read: &'a mut dyn FnMut(usize) -> Result<Pixels, EngineError>,
}

impl Album<'_> {
    /// Refuses an album of other requests.
    pub(crate) fn check(&self, requests: usize) -> Result<(), EngineError> {
        if self.of.len() == requests {
            return Ok(());
        }
        Err(EngineError::invalid(
            format!("an album of {} requests for {requests}", self.of.len()),
            "give each request a list of pictures, empty where it has none",
        ))
    }

    /// A request's pictures, read now.
    pub(crate) fn pixels(&mut self, request: usize) -> Result<Vec<Pixels>, EngineError> {
        let own = self.of.get(request).map(Vec::as_slice).unwrap_or_default();
        own.iter().map(|&number| (self.read)(number)).collect()
    }

    /// Numbers of a request's pictures.
    pub(crate) fn numbers(&self, request: usize) -> &[usize] {
        self.of.get(request).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A prompt whose pictures have become vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The tokens as they were given.
    pub(crate) said: Vec<u32>,
    /// The same with the numbers of vectors, from [`VECTORS`] on, in the places of image tokens.
    pub(crate) ids: Vec<u32>,
    /// The row of the rotation's tables of each.
    turns: Vec<usize>,
    /// Added to the place of a later token for its row; never more than nothing, as a picture's rows and columns are
    /// not more than its tokens.
    delta: i64,
}

impl Seen {
    /// The row of the rotation's tables for a position of a sequence that begins with this prompt.
    pub(crate) fn turn(&self, position: usize) -> usize {
        match self.turns.get(position) {
            Some(turn) => *turn,
            None => usize::try_from(position as i64 + self.delta).unwrap_or(0),
        }
    }
}

/// What reads pictures for a network whose weights are packed.
pub(crate) struct Sight {
    pub(crate) tower: Tower,
    pub(crate) vision: Vision,
    pub(crate) rope: Rope,
    pub(crate) head_dim: i64,
}

/// The vectors of some requests' pictures.
#[derive(Default)]
pub(crate) struct Gallery {
    /// The first request that is not of the group.
    pub(crate) end: usize,
    vectors: Vec<f32>,
    /// By the picture's number: its first vector, and its grid.
    hung: BTreeMap<usize, (u32, [i64; 3])>,
}

/// Prompts as a network reads them, with what it has to be shown for them.
pub(crate) struct Shown {
    pub(crate) seen: Vec<Seen>,
    pub(crate) vectors: Vec<f32>,
    pub(crate) cos: Vec<f32>,
    pub(crate) sin: Vec<f32>,
}

impl Sight {
    /// The vectors of the pictures of requests from `start` on: of as many requests as a bound allows, at least one.
    pub(crate) fn gather(&self, album: &mut Album<'_>, start: usize) -> Result<Gallery, EngineError> {
        let _no_grad = tch::no_grad_guard();
        let mut gallery = Gallery {
            end: start,
            ..Gallery::default()
        };
        let mut count = 0u32;
        while let Some(own) = album.of.get(gallery.end) {
            for &number in own {
                if gallery.hung.contains_key(&number) {
                    continue;
                }
                let pixels = (album.read)(number)?;
                let grid = pixels.checked_grid(&self.vision)?;
                let vectors = self.tower.forward(&pixels, &mut |_| {})?;
                gallery.hung.insert(number, (count, grid));
                count = u32::try_from(pixels.tokens(&self.vision)?)
                    .ok()
                    .and_then(|own| count.checked_add(own))
                    .filter(|count| *count < VECTORS)
                    .ok_or_else(|| {
                        EngineError::invalid(
                            "pictures of more tokens than can be counted",
                            "give smaller ones",
                        )
                    })?;
                gallery.vectors.extend(numbers(&vectors)?);
            }
            gallery.end += 1;
            if gallery.vectors.len() * size_of::<f32>() >= MOST_BYTES {
                break;
            }
        }
        Ok(gallery)
    }

    /// The prompts of the group's requests; `base` is the number of rows that the tables of the rotation have without
    /// pictures.
    pub(crate) fn show<'p>(
        &self,
        gallery: Gallery,
        prompts: impl Iterator<Item = (&'p [u32], &'p [usize])>,
        base: usize,
    ) -> Result<Shown, EngineError> {
        let _no_grad = tch::no_grad_guard();
        let mut shown = Shown {
            seen: Vec::new(),
            vectors: gallery.vectors,
            cos: Vec::new(),
            sin: Vec::new(),
        };
        let mut rows = base;
        for (said, own) in prompts {
            let pictures: Vec<(u32, [i64; 3])> = own
                .iter()
                .filter_map(|number| gallery.hung.get(number).copied())
                .collect();
            let grids: Vec<[i64; 3]> = pictures.iter().map(|(_, grid)| *grid).collect();
            let wide: Vec<i64> = said.iter().map(|&id| i64::from(id)).collect();
            let Positions { axes, delta } = Positions::of_grids(&wide, &grids, &self.vision)?;
            let per = self.vision.merge * self.vision.merge;
            let mut vectors = pictures.iter().flat_map(|(first, grid)| {
                let own = grid.iter().product::<i64>() / per;
                (*first..).take(usize::try_from(own).unwrap_or(0))
            });
            let (mut ids, mut turns) = (Vec::with_capacity(said.len()), Vec::with_capacity(said.len()));
            let mut places = [Vec::new(), Vec::new(), Vec::new()];
            for (at, &id) in said.iter().enumerate() {
                let place = axes.each_ref().map(|axis| axis.get(at).copied().unwrap_or(0));
                if id == self.vision.image_token {
                    ids.push(VECTORS + vectors.next().unwrap_or(0));
                    turns.push(rows);
                    rows += 1;
                    for (axis, place) in places.iter_mut().zip(place) {
                        axis.push(place);
                    }
                } else {
                    ids.push(id);
                    turns.push(usize::try_from(place[0]).unwrap_or(0));
                }
            }
            self.turn(&places, &mut shown)?;
            shown.seen.push(Seen {
                said: said.to_vec(),
                ids,
                turns,
                delta,
            });
        }
        Ok(shown)
    }

    /// Adds cosines and sines, half a head wide, of places in time, height and width.
    fn turn(&self, places: &[Vec<i64>; 3], shown: &mut Shown) -> Result<(), EngineError> {
        let count = places[0].len() as i64;
        if count == 0 {
            return Ok(());
        }
        let places = Tensor::f_from_slice(&places.concat())?.f_reshape([3, count])?;
        let (cos, sin) = self
            .rope
            .sectioned(&places, &self.vision.sections, self.head_dim)?;
        let half = |table: &Tensor| numbers(&table.f_narrow(1, 0, self.head_dim / 2)?);
        shown.cos.extend(half(&cos)?);
        shown.sin.extend(half(&sin)?);
        Ok(())
    }
}
