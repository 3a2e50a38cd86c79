//! How often and from which seed numbers are resampled, and the parallel loop that all resampling shares.

use rayon::prelude::*;
use thiserror::Error;

/// Resamples a rayon task does: fixed, so that the split never depends on the number of threads.
const BLOCK: usize = 32;

/// Number of resamples and the seed they are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    seed: u64,
    resamples: u32,
}

/// Too few resamples for a two-sided interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "{asked} resamples cannot carry an interval; ask for {} or more",
    Resampling::FEWEST
)]
pub struct TooFewResamples {
    pub asked: u32,
}

impl Resampling {
    pub const FEWEST: u32 = 200;
    pub const DEFAULT: u32 = 10_000;

    /// 10,000 resamples from the study's seed.
    pub fn new(seed: u64) -> Self {
        Resampling {
            seed,
            resamples: Self::DEFAULT,
        }
    }

    /// As few as there can be, for who reads no interval.
    pub(crate) fn fewest() -> Self {
        Resampling {
            seed: 0,
            resamples: Self::FEWEST,
        }
    }

    /// Another number of resamples.
    ///
    /// # Errors
    /// Below [`Resampling::FEWEST`].
    pub fn with_resamples(self, resamples: u32) -> Result<Self, TooFewResamples> {
        if resamples < Self::FEWEST {
            return Err(TooFewResamples { asked: resamples });
        }
        Ok(Resampling { resamples, ..self })
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn resamples(&self) -> u32 {
        self.resamples
    }

    /// `columns` series of one number a resample. `fill` writes the numbers of one resample, which must depend on its
    /// number alone; `scratch` makes working space that a block of resamples shares.
    pub(crate) fn series<S>(
        &self,
        columns: usize,
        scratch: impl Fn() -> S + Sync,
        fill: impl Fn(u32, &mut S, &mut [f64]) + Sync,
    ) -> Vec<Vec<f64>> {
        let count = self.resamples as usize;
        let mut rows = vec![0.0; count * columns];
        if columns > 0 {
            rows.par_chunks_mut(BLOCK * columns)
                .enumerate()
                .for_each(|(block, rows)| {
                    let mut space = scratch();
                    for (within, row) in rows.chunks_mut(columns).enumerate() {
                        fill((block * BLOCK + within) as u32, &mut space, row);
                    }
                });
        }
        (0..columns)
            .map(|column| rows.iter().skip(column).step_by(columns).copied().collect())
            .collect()
    }
}
