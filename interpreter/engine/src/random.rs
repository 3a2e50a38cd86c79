//! Random numbers that are a function of (stream, index) and nothing else: Philox4x32-10 of Salmon, Moraes,
//! Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).

/// Four random words for a 128-bit counter and a 64-bit key.
pub(crate) fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
    }
    counter
}

fn words(stream: u64, index: u64) -> [u32; 4] {
    philox(
        [index as u32, (index >> 32) as u32, 0, 0],
        [stream as u32, (stream >> 32) as u32],
    )
}

/// A number in [0, 1) from 53 of 64 bits.
fn unit(high: u32, low: u32) -> f64 {
    ((u64::from(high) << 32 | u64::from(low)) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The uniform number in [0, 1) at place `index` of stream `stream`. Counter based: any place of any stream
/// costs the same and depends on nothing else.
pub fn uniform(stream: u64, index: u64) -> f64 {
    let w = words(stream, index);
    unit(w[0], w[1])
}

/// Two standard normal numbers (Box and Muller) at place `index` of stream `stream`.
pub(crate) fn normal_pair(stream: u64, index: u64) -> (f64, f64) {
    let w = words(stream, index);
    // 1 - u lies in (0, 1], where the logarithm is finite.
    let radius = (-2.0 * (1.0 - unit(w[0], w[1])).ln()).sqrt();
    let angle = std::f64::consts::TAU * unit(w[2], w[3]);
    (radius * angle.cos(), radius * angle.sin())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the authors' Random123 library.
    #[test]
    fn philox_gives_the_published_answers() {
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
    fn uniform_fills_the_unit_interval_evenly() {
        let n = 100_000;
        let mut cells = [0usize; 10];
        for i in 0..n {
            let u = uniform(7, i);
            assert!((0.0..1.0).contains(&u));
            cells[(u * 10.0) as usize] += 1;
        }
        // Five standard deviations of a binomial count with p = 0.1.
        let slack = 5.0 * (n as f64 * 0.1 * 0.9).sqrt();
        assert!(
            cells.iter().all(|&c| (c as f64 - n as f64 / 10.0).abs() < slack),
            "{cells:?}"
        );
    }

    #[test]
    fn normals_have_mean_zero_and_variance_one() {
        let n = 50_000;
        let all: Vec<f64> = (0..n).flat_map(|i| <[f64; 2]>::from(normal_pair(3, i))).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let variance = all.iter().map(|x| x * x).sum::<f64>() / all.len() as f64;
        assert!(mean.abs() < 5.0 / (all.len() as f64).sqrt());
        assert!((variance - 1.0).abs() < 5.0 * (2.0 / all.len() as f64).sqrt());
    }
}
