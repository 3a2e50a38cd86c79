//! Numbers of all responses pooled (perplexities, lengths): their quantiles and mean, measured.
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

    /// The quantiles at `points` (ascending, in 0..=1; linear between neighbours, type 7 of Hyndman and Fan 1996) and, last,
    /// the mean over all responses, none of which can be below `lowest`.
    pub(crate) fn measure(
        &self,
        points: &[f64],
        lowest: f64,
        problems: &Problems,
        names: &[&str],
        resampling: &Resampling,
    ) -> Vec<Measured> {
        let columns = points.len() + 1;
        let within = self.resampled_responses(points, names, resampling);
        let across = problems.statistics(resampling, columns, |times, row| {
            self.of_weighted_problems(points, times, row);
        });
        let mut times = vec![1_u32; self.of_problem.len()];
        let mut values = vec![0.0; columns];
        self.of_weighted_problems(points, &times, &mut values);
        let mut without = vec![Vec::with_capacity(times.len()); columns];
        let mut left = vec![0.0; columns];
        for problem in 0..times.len() {
            times[problem] = 0;
            self.of_weighted_problems(points, &times, &mut left);
            without
                .iter_mut()
                .zip(&left)
                .for_each(|(of, value)| of.push(*value));
            times[problem] = 1;
        }
        let unseen = self.with_an_unseen_problem(points, lowest);
        let series = within
            .into_iter()
            .zip(across)
            .zip(without.into_iter().zip(unseen));
        values
            .into_iter()
            .zip(series)
            .map(|(value, ((within, across), (without, unseen)))| Measured {
                value,
                bounds: (lowest, f64::INFINITY),
                // A resample stands for the truth and the value seen for the estimate: the pivot of the two is then the
                // percentile interval, which follows a median's uneven steps.
                within: (Vec::new(), within),
                across,
                problems: BTreeMap::from([(problems.key.clone(), Single { without, unseen })]),
                jumps: false,
            })
            .collect()
    }

    /// Quantiles and mean with one more problem all of whose responses are at `lowest`, and with one of endless ones.
    fn with_an_unseen_problem(&self, points: &[f64], lowest: f64) -> Vec<(f64, f64)> {
        let more = self.of_problem.iter().map(Vec::len).max().unwrap_or(0);
        let total = self.values.len();
        let at_rank = |rank: u64, below: usize| {
            let rank = rank as usize;
            if rank < below {
                return lowest;
            }
            self.values.get(rank - below).copied().unwrap_or(f64::INFINITY)
        };
        let ends = points.iter().map(|point| {
            let (rank, share) = rank((total + more) as u64, *point);
            let mixed = |below: usize| {
                let low = at_rank(rank, below);
                if share > 0.0 {
                    (1.0 - share) * low + share * at_rank(rank + 1, below)
                } else {
                    low
                }
            };
            (mixed(more), mixed(0))
        });
        let sum = crate::special::sum(self.sums.iter().copied());
        let least = (sum + lowest * more as f64) / (total + more) as f64;
        ends.chain([(least, f64::INFINITY)]).collect()
    }

    /// Quantiles at `points` and the mean where problem i counts `times[i]` times; NaN where none has a response.
    fn of_weighted_problems(&self, points: &[f64], times: &[u32], row: &mut [f64]) {
        let weight = |counts: &[u32]| -> u64 {
            times
                .iter()
                .zip(counts)
                .map(|(&times, &count)| u64::from(times) * u64::from(count))
                .sum()
        };
        let rows = self.before.len() / times.len();
        let before = |b: usize| &self.before[b * times.len()..(b + 1) * times.len()];
        let total = weight(before(rows - 1));
        if total == 0 {
            row.fill(f64::NAN);
            return;
        }
        let at_rank = |rank: u64| -> f64 {
            // The last block boundary with at most `rank` responses before it.
            let (mut low, mut high) = (0, rows - 1);
            while high - low > 1 {
                let middle = usize::midpoint(low, high);
                if weight(before(middle)) <= rank {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let mut seen = weight(before(low));
            for place in low * self.block..self.values.len() {
                seen += u64::from(times[self.owners[place] as usize]);
                if seen > rank {
                    return self.values[place];
                }
            }
            f64::NAN
        };
        for (quantile, point) in row.iter_mut().zip(points) {
            let (rank, share) = rank(total, *point);
            let low = at_rank(rank);
            *quantile = if share > 0.0 {
                (1.0 - share) * low + share * at_rank(rank + 1)
            } else {
                low
            };
        }
        let sum: f64 = times
            .iter()
            .zip(&self.sums)
            .map(|(&times, sum)| f64::from(times) * sum)
            .sum();
        row[points.len()] = sum / total as f64;
    }

    /// Quantiles and means with every problem's responses drawn again.
    fn resampled_responses(&self, points: &[f64], names: &[&str], resampling: &Resampling) -> Vec<Vec<f64>> {
        let stream = Stream::new(resampling.seed(), names);
        let total = self.values.len();
        let ranks: Vec<(u64, f64)> = points.iter().map(|point| rank(total as u64, *point)).collect();
        let counted = if points.is_empty() { 0 } else { total };
        resampling.series(
            points.len() + 1,
            || vec![0_u32; counted],
            |resample, times, row| {
                times.fill(0);
                let mut sum = 0.0;
                for (problem, places) in self.of_problem.iter().enumerate() {
                    for quad in 0..places.len().div_ceil(4) {
                        let words = stream.block(resample, problem as u32, quad as u32);
                        for &word in words.iter().take(places.len() - 4 * quad) {
                            let place = places[below(word, places.len() as u32) as usize] as usize;
                            // Only quantiles need to know how often each response was drawn.
                            if let Some(times) = times.get_mut(place) {
                                *times += 1;
                            }
                            sum += self.values[place];
                        }
                    }
                }
                row[points.len()] = sum / total as f64;
                let mut drawn = Drawn {
                    times,
                    values: &self.values,
                    place: 0,
                    seen: 0,
                };
                for (quantile, (rank, share)) in row.iter_mut().zip(&ranks) {
                    let low = drawn.at_rank(*rank);
                    *quantile = if *share > 0.0 {
                        // The next one up leaves the walk where it is: another quantile may ask for the same rank.
                        (1.0 - share) * low + share * drawn.clone().at_rank(rank + 1)
                    } else {
                        low
                    };
                }
            },
        )
    }
}

/// A walk up the ranks of drawn responses.
#[derive(Clone)]
struct Drawn<'a> {
    times: &'a [u32],
    values: &'a [f64],
    place: usize,
    /// Drawn responses before `place`.
    seen: u64,
}

impl Drawn<'_> {
    /// The response of a rank, counted from 0; ranks do not descend.
    fn at_rank(&mut self, rank: u64) -> f64 {
        while let Some(&times) = self.times.get(self.place) {
            if self.seen + u64::from(times) > rank {
                return self.values[self.place];
            }
            self.seen += u64::from(times);
            self.place += 1;
        }
        f64::NAN
    }
}

/// The rank below a quantile of `total` values, and the share of the way to the next one.
fn rank(total: u64, point: f64) -> (u64, f64) {
    let place = point * (total - 1) as f64;
    let low = libm::floor(place);
    (low as u64, place - low)
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
            let mut found = [0.0; 3];
            pooled.of_weighted_problems(&[0.1, 0.5], &times, &mut found);
            let [tenth, found, mean] = found;
            assert_eq!(found, median);
            let place = 0.1 * (list.len() - 1) as f64;
            let (low, share) = (list[place as usize], place.fract());
            let expected = low + share * (list[place as usize + 1] - low);
            assert!((tenth - expected).abs() < 1e-12, "{tenth} for {expected}");
            assert!((mean - list.iter().sum::<f64>() / list.len() as f64).abs() < 1e-12);
        }
        let mut none = [0.0; 2];
        pooled.of_weighted_problems(&[0.5], &[0; 40], &mut none);
        assert!(none[0].is_nan() && none[1].is_nan());
    }

    #[test]
    fn quantiles_lie_between_neighbours_and_their_intervals_around_them() {
        let problems = Problems::named("bench", ["a", "b", "c"].into_iter());
        let measure = |groups: &[Vec<f64>], points: &[f64]| {
            Pooled::new(groups).measure(points, 0.5, &problems, &["test"], &Resampling::new(1))
        };
        let groups = [vec![1.0, 4.0], vec![2.0, 3.0], vec![]];
        let found = measure(&groups, &[0.0, 0.5, 1.0]);
        let values: Vec<f64> = found.iter().map(|measured| measured.value).collect();
        assert_eq!(values, [1.0, 2.5, 4.0, 2.5]);
        // The first problem's two are drawn again: both 1 or both 4 one time in four each.
        let lowest = &found[0].within.1;
        let ones = lowest.iter().filter(|value| **value == 1.0).count() as f64 / lowest.len() as f64;
        assert!((ones - 0.75).abs() < 0.02, "{ones}");
        // With a third problem of two more responses: 0.5 0.5 1 2 3 4, or 1 2 3 4 and two without end.
        let unseen = |measured: &Measured| measured.problems.values().next().unwrap().unseen;
        assert_eq!(unseen(&found[1]), (1.5, 3.5));
        assert_eq!(unseen(&found[3]), (11.0 / 6.0, f64::INFINITY));
        // The mean alone comes from the same draws.
        let [mean] = &measure(&groups, &[])[..] else {
            panic!("one column")
        };
        assert!(mean.within.1 == found[3].within.1, "other draws");
    }
}
