//! The same problems, other samples: simulated worlds of one model on one evaluation.
//!
//! In each world every problem's success probability is drawn from its posterior (see `prior.rs`) and n new
//! samples are drawn at it. The world's estimate from those samples minus the world's truth is an estimation error, and
//! the measured number minus such errors is where the truth may lie (the pivot of the parametric bootstrap; A. C.
//! Davison and D. V. Hinkley 1997, "Bootstrap methods and their application", 2.2 and 5.2).
//!
//! Why not resample the n samples with replacement: the unbiased estimator on a resample aims at 1 - (1 - c/n)^k,
//! which for k near n lies far below it (63% against 100% for c = 1, k = n), and a resample never solves what was not
//! solved. Here the estimate is held against the truth it is unbiased for, and problems enter and leave the solved set.

use crate::alias::Alias;
use crate::prior::Posterior;
use crate::rng::Stream;

/// Draws worlds of one model. Everything measured on the same model sees the same worlds.
pub(crate) struct Worlds {
    stream: Stream,
    pub(crate) grid: Vec<f64>,
    posteriors: Vec<Alias>,
    /// Per problem an index into `posteriors`, and which number of samples it has.
    of_problem: Vec<(u32, u32)>,
    /// By number of samples and point of the grid.
    samples: Vec<Vec<Alias>>,
}

impl Worlds {
    /// `counts`: samples and right ones of every problem; `names` address the random numbers.
    pub(crate) fn new(seed: u64, names: &[&str], counts: &[(u32, u32)]) -> Self {
        let drawn: Vec<u32> = counts.iter().map(|(n, _)| *n).collect();
        Worlds::drawing(seed, names, counts, &drawn)
    }

    /// As [`Worlds::new`], with `drawn` new samples of each problem instead of as many as were counted.
    pub(crate) fn drawing(seed: u64, names: &[&str], counts: &[(u32, u32)], drawn: &[u32]) -> Self {
        let Posterior { grid, by_count } = Posterior::fit(counts);
        let places: Vec<(u32, u32)> = by_count.keys().copied().collect();
        let mut sizes = drawn.to_vec();
        sizes.sort_unstable();
        sizes.dedup();
        let of_problem = counts
            .iter()
            .zip(drawn)
            .map(|(count, drawn)| {
                let posterior = places.partition_point(|place| place < count) as u32;
                (posterior, sizes.partition_point(|n| n < drawn) as u32)
            })
            .collect();
        Worlds {
            stream: Stream::new(seed, names),
            posteriors: by_count.values().map(|weights| Alias::new(0, weights)).collect(),
            of_problem,
            samples: sizes
                .iter()
                .map(|&n| grid.iter().map(|&p| Alias::binomial(n, p)).collect())
                .collect(),
            grid,
        }
    }

    /// Calls `see(problem, point of the grid, right samples)` for every problem of the world `resample`, in order.
    #[inline]
    pub(crate) fn each(&self, resample: u32, mut see: impl FnMut(usize, usize, usize)) {
        for (pair, problems) in self.of_problem.chunks(2).enumerate() {
            let words = self.stream.block(resample, pair as u32, 0);
            for (i, &(posterior, size)) in problems.iter().enumerate() {
                let point = self.posteriors[posterior as usize].draw(words[2 * i]);
                let right = self.samples[size as usize][point as usize].draw(words[2 * i + 1]);
                see(2 * pair + i, point as usize, right as usize);
            }
        }
    }
}
