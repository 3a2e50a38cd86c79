//! Problems like these: the bootstrap over problems.
//!
//! A resample draws whole problems with replacement, each with its samples as they are. That is the right variance for
//! an average over problems: the spread of the observed per-problem values holds both the spread of the problems and the
//! noise of their samples; drawing samples anew inside the drawn problems would count that noise twice (Davison and
//! Hinkley 1997, 3.8). It also leaves pass@k unbiased for every k up to n.
//!
//! The draw depends on the seed and the list of problems only: every model, k and evaluation on the same problems is
//! resampled with the same problems, so that differences are paired.

use crate::lanes::{LANES, Rows};
use crate::outcomes::Outcomes;
use crate::resampling::Resampling;
use crate::rng::{Stream, below};

/// A list of problems as something to draw from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problems {
    /// Equal for equal benchmarks with equal lists of problems.
    pub(crate) key: String,
    pub(crate) count: usize,
}

impl Problems {
    pub(crate) fn of(outcomes: &Outcomes) -> Self {
        let design = outcomes.design();
        Problems::named(&design.benchmark, design.problems.iter().map(String::as_str))
    }

    /// The problems of a benchmark by their ids.
    pub(crate) fn named<'n>(benchmark: &str, ids: impl Iterator<Item = &'n str>) -> Self {
        let ids: Vec<&str> = ids.collect();
        // A stream is a hash of its names; block 0 of it stands for the list.
        let [a, b, ..] = Stream::new(0, &ids).block(0, 0, 0);
        Problems {
            key: format!("{benchmark}/{a:08x}{b:08x}"),
            count: ids.len(),
        }
    }

    fn stream(&self, resampling: &Resampling) -> Stream {
        Stream::new(resampling.seed(), &["problems", &self.key])
    }

    /// The problems of one resample, in the order they are drawn.
    #[inline]
    fn draw(&self, stream: &Stream, resample: u32, mut see: impl FnMut(usize)) {
        let count = self.count as u32;
        for quad in 0..self.count.div_ceil(4) {
            let words = stream.block(resample, quad as u32, 0);
            for &word in words.iter().take(self.count - 4 * quad) {
                see(below(word, count) as usize);
            }
        }
    }

    /// Means over the drawn problems of `columns` values a problem (row-major), one series a column.
    pub(crate) fn means(&self, resampling: &Resampling, columns: usize, values: &[f64]) -> Vec<Vec<f64>> {
        let stream = self.stream(resampling);
        let scale = 1.0 / self.count as f64;
        let rows = Rows::new(
            columns,
            values.chunks(columns.max(1)).map(|row| row.iter().copied()),
        );
        resampling.series(
            columns,
            || rows.sums(),
            |resample, sums, means| {
                sums.fill([0.0; LANES]);
                self.draw(&stream, resample, |problem| rows.add(problem, sums));
                let sums = sums.as_flattened();
                means
                    .iter_mut()
                    .zip(sums)
                    .for_each(|(mean, sum)| *mean = sum * scale);
            },
        )
    }

    /// Any statistics of how often each problem was drawn.
    pub(crate) fn statistics(
        &self,
        resampling: &Resampling,
        columns: usize,
        statistics: impl Fn(&[u32], &mut [f64]) + Sync,
    ) -> Vec<Vec<f64>> {
        let stream = self.stream(resampling);
        resampling.series(
            columns,
            || vec![0_u32; self.count],
            |resample, times, row| {
                times.fill(0);
                self.draw(&stream, resample, |problem| times[problem] += 1);
                statistics(times, row);
            },
        )
    }
}
