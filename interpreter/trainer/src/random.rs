//! Random numbers that are pure functions of a seed and a place, so that a resumed run sees the same ones.

use rlx_engine::uniform;

/// A stream number for a place (step, prompt, rollout …) of a run: SplitMix64's finaliser (Steele, Lea & Flood 2014)
/// over the parts in order.
pub(crate) fn stream(seed: u64, place: &[u64]) -> u64 {
    place
        .iter()
        .fold(mix(seed), |state, &part| mix(state ^ mix(part)))
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A permutation of `0..count` (Fisher-Yates) that depends on the stream only.
pub(crate) fn permutation(stream: u64, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // 53 random bits: the bias towards any place is below count / 2^53.
        let other = (uniform(stream, last as u64) * (last + 1) as f64) as usize;
        order.swap(last, other.min(last));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_hold_every_index_once_and_follow_the_stream() {
        let first = permutation(stream(7, &[1]), 100);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(first, permutation(stream(7, &[1]), 100));
        assert_ne!(first, permutation(stream(7, &[2]), 100));
        assert_ne!(first, permutation(stream(8, &[1]), 100));
        assert!(permutation(1, 0).is_empty());
    }

    #[test]
    fn streams_tell_places_apart() {
        let mut seen = std::collections::BTreeSet::new();
        for a in 0..40 {
            for b in 0..40 {
                assert!(seen.insert(stream(3, &[a, b])));
            }
        }
    }
}
