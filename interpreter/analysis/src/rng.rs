//! Counter-based random numbers: every draw is a pure function of (seed, names, counter), so that a resample has the
//! same bits whatever the thread count, and quantities that share a stream share their draws.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// One stream of random numbers, addressed by counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
}

impl Stream {
    /// The stream of a study's seed and a path of names, such as `["samples", "aime", "rl@150"]`.
    pub fn new(seed: u64, names: &[&str]) -> Self {
        // FNV-1a over length-prefixed names, so that ["ab", "c"] and ["a", "bc"] are different streams.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ mix(seed);
        let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        for name in names {
            for byte in (name.len() as u64).to_le_bytes() {
                eat(byte);
            }
            for byte in name.bytes() {
                eat(byte);
            }
        }
        let key = mix(hash);
        Stream {
            key: [key as u32, (key >> 32) as u32],
        }
    }

    /// Four independent uniform words at the counter (`resample`, `index`, `lane`).
    #[inline]
    pub fn block(&self, resample: u32, index: u32, lane: u32) -> [u32; 4] {
        philox([resample, index, lane, 0], self.key)
    }
}

/// A uniform number in (0, 1), never either end, of one word.
#[inline]
pub(crate) fn open_unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) * (1.0 / 4_294_967_296.0)
}

/// A whole number in `0..bound` of one word, by multiply and shift: off uniform by less than bound / 2^32.
#[inline]
pub(crate) fn below(word: u32, bound: u32) -> u32 {
    ((u64::from(word) * u64::from(bound)) >> 32) as u32
}

#[inline]
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key[0] = key[0].wrapping_add(WEYL[0]);
            key[1] = key[1].wrapping_add(WEYL[1]);
        }
        let a = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
    }
    counter
}

/// The finaliser of SplitMix64: spreads every bit of a seed over the whole word.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the authors' library (Random123, `kat_vectors`).
    #[test]
    fn philox_gives_the_published_words() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn streams_differ_by_seed_and_by_name() {
        let one = Stream::new(1, &["ab", "c"]);
        assert_eq!(one, Stream::new(1, &["ab", "c"]));
        assert_ne!(one, Stream::new(2, &["ab", "c"]));
        assert_ne!(one, Stream::new(1, &["a", "bc"]));
        assert_ne!(one.block(0, 0, 0), one.block(1, 0, 0));
    }
}
