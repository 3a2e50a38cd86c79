//! Perplexities of all responses pooled: their median, mean and quantiles, measured.
//!
//! Noise of the samples: the responses of each problem are drawn again with replacement. Problems like these: problems
//! are drawn with all of their responses.

use std::collections::BTreeMap;

use crate::across::Problems;
use crate::measured::{Measured, Single};
use crate::resampling::Resampling;
use crate::rng::{Stream, below};

/// Blocks of neighbouring ranks that a search for an order statistic first goes through.
const BLOCKS: usize = 512;

/// Responses in order of perplexity, each with its problem.
pub(crate) struct Pooled {
    values: Vec<f64>,
    owners: Vec<u32>,
    /// Places in `values` of each problem's responses.
    of_problem: Vec<Vec<u32>>,
    sums: Vec<f64>,
    block: usize,
    /// Responses of each problem among the first `b` blocks: row b, column problem.
    before: Vec<u32>,
}

impl Pooled {
    /// From the perplexities of each problem's responses; there is at least one.
    pub(crate) fn new(groups: &[Vec<f64>]) -> Self {
        let mut ranked: Vec<(f64, u32, usize)> = Vec::new();
        for (owner, values) in groups.iter().enumerate() {
            ranked.extend(
                values
                    .iter()
                    .enumerate()
                    .map(|(i, &value)| (value, owner as u32, i)),
            );
        }
        ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        // By problem in the order of its responses, so that a resample draws the same responses whoever scored them.
        let mut of_problem: Vec<Vec<u32>> = groups.iter().map(|values| vec![0; values.len()]).collect();
        for (place, (_, owner, i)) in ranked.iter().enumerate() {
            of_problem[*owner as usize][*i] = place as u32;
        }
        let block = ranked.len().div_ceil(BLOCKS).max(1);
        let mut before = vec![0; groups.len()];
        let mut seen = before.clone();
        for block in ranked.chunks(block) {
            block.iter().for_each(|(_, owner, _)| seen[*owner as usize] += 1);
            before.extend_from_slice(&seen);
        }
        Pooled {
            values: ranked.iter().map(|(value, ..)| *value).collect(),
            owners: ranked.iter().map(|(_, owner, _)| *owner).collect(),
            of_problem,
            sums: groups
                .iter()
                .map(|values| crate::special::sum(values.iter().copied()))
                .collect(),
            block,
            before,
        }
    }

    pub(crate) fn responses(&self) -> usize {
        self.values.len()
    }

    /// The quantile `q` of all responses, linear between neighbours (type 7 of Hyndman and Fan 1996).
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let place = q * (self.values.len() - 1) as f64;
        let low = libm::floor(place);
        let (a, b) = (self.values[low as usize], self.values[libm::ceil(place) as usize]);
        a + (place - low) * (b - a)
    }

    /// Median and mean over all responses.
    pub(crate) fn measure(
        &self,
        problems: &Problems,
        names: &[&str],
        resampling: &Resampling,
    ) -> [Measured; 2] {
        let within = self.resampled_responses(names, resampling);
        let across = problems.statistics(resampling, 2, |times, row| {
            row.copy_from_slice(&self.of_weighted_problems(times));
        });
        let mut times = vec![1_u32; self.of_problem.len()];
        let [median, mean] = self.of_weighted_problems(&times);
        let mut without = [Vec::new(), Vec::new()];
        for problem in 0..times.len() {
            times[problem] = 0;
            let [median, mean] = self.of_weighted_problems(&times);
            without[0].push(median);
            without[1].push(mean);
            times[problem] = 1;
        }
        let [without_median, without_mean] = without;
        let measured = |value: f64, within: &[f64], across: &[f64], without: Vec<f64>| Measured {
            value,
            bounds: (0.0, f64::INFINITY),
            // A resample stands for the truth and the value seen for the estimate: the pivot of the two is then the
            // percentile interval, which follows a median's uneven steps.
            within: (Vec::new(), within.to_vec()),
            across: across.to_vec(),
            problems: BTreeMap::from([(
                problems.key.clone(),
                Single {
                    without,
                    unseen: (0.0, f64::INFINITY),
                },
            )]),
            jumps: false,
        };
        [
            measured(median, &within[0], &across[0], without_median),
            measured(mean, &within[1], &across[1], without_mean),
        ]
    }

    /// Median and mean where problem i counts `times[i]` times; NaN where none has a response.
    fn of_weighted_problems(&self, times: &[u32]) -> [f64; 2] {
        let weight = |counts: &[u32]| -> u64 {
            times
                .iter()
                .zip(counts)
                .map(|(&times, &count)| u64::from(times) * u64::from(count))
                .sum()
        };
        let rows = self.before.len() / times.len();
        let row = |b: usize| &self.before[b * times.len()..(b + 1) * times.len()];
        let total = weight(row(rows - 1));
        if total == 0 {
            return [f64::NAN; 2];
        }
        let at_rank = |rank: u64| -> f64 {
            // The last block boundary with at most `rank` responses before it.
            let (mut low, mut high) = (0, rows - 1);
            while high - low > 1 {
                let middle = usize::midpoint(low, high);
                if weight(row(middle)) <= rank {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let mut seen = weight(row(low));
            for place in low * self.block..self.values.len() {
                seen += u64::from(times[self.owners[place] as usize]);
                if seen > rank {
                    return self.values[place];
                }
            }
            f64::NAN
        };
        let median = middle(total, at_rank);
        let sum: f64 = times
            .iter()
            .zip(&self.sums)
            .map(|(&times, sum)| f64::from(times) * sum)
            .sum();
        [median, sum / total as f64]
    }

    /// Medians and means with every problem's responses drawn again.
    fn resampled_responses(&self, names: &[&str], resampling: &Resampling) -> Vec<Vec<f64>> {
        let stream = Stream::new(resampling.seed(), names);
        resampling.series(
            2,
            || vec![0_u32; self.values.len()],
            |resample, times, row| {
                times.fill(0);
                let mut sum = 0.0;
                for (problem, places) in self.of_problem.iter().enumerate() {
                    for quad in 0..places.len().div_ceil(4) {
                        let words = stream.block(resample, problem as u32, quad as u32);
                        for &word in words.iter().take(places.len() - 4 * quad) {
                            let place = places[below(word, places.len() as u32) as usize] as usize;
                            times[place] += 1;
                            sum += self.values[place];
                        }
                    }
                }
                let at_rank = |rank: u64| {
                    let mut seen = 0;
                    for (&times, &value) in times.iter().zip(&self.values) {
                        seen += u64::from(times);
                        if seen > rank {
                            return value;
                        }
                    }
                    f64::NAN
                };
                row[0] = middle(self.values.len() as u64, at_rank);
                row[1] = sum / self.values.len() as f64;
            },
        )
    }
}

/// Median of `total` values by their ranks.
fn middle(total: u64, at_rank: impl Fn(u64) -> f64) -> f64 {
    let upper = at_rank(total / 2);
    if total % 2 == 1 {
        upper
    } else {
        0.5 * (at_rank(total / 2 - 1) + upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighted_medians_are_those_of_the_written_out_list() {
        let groups: Vec<Vec<f64>> = (0..40)
            .map(|p| {
                (0..50)
                    .map(|s| 1.0 + f64::from((p * 7919 + s * 104_729) % 1000) / 1000.0)
                    .collect()
            })
            .collect();
        let pooled = Pooled::new(&groups);
        assert!(pooled.block > 1, "the search goes through blocks");
        for turn in 0..20_u32 {
            let times: Vec<u32> = (0..40).map(|p| (p * 31 + turn * 17) % 4).collect();
            let mut list: Vec<f64> = groups
                .iter()
                .zip(&times)
                .flat_map(|(group, &times)| {
                    group
                        .iter()
                        .flat_map(move |&v| std::iter::repeat_n(v, times as usize))
                })
                .collect();
            list.sort_unstable_by(f64::total_cmp);
            let half = list.len() / 2;
            let median = if list.len() % 2 == 1 {
                list[half]
            } else {
                0.5 * (list[half - 1] + list[half])
            };
            let [found, mean] = pooled.of_weighted_problems(&times);
            assert_eq!(found, median);
            assert!((mean - list.iter().sum::<f64>() / list.len() as f64).abs() < 1e-12);
        }
        assert!(pooled.of_weighted_problems(&[0; 40])[0].is_nan());
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let pooled = Pooled::new(&[vec![1.0, 4.0], vec![2.0, 3.0], vec![]]);
        assert_eq!(pooled.quantile(0.5), 2.5);
        assert_eq!(pooled.quantile(0.0), 1.0);
        assert_eq!(pooled.quantile(1.0), 4.0);
    }
}
