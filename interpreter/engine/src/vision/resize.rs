//! Pillow's resampling of 8-bit pictures, step by step: separable filters with an antialiasing support, and
//! coefficients in fixed point, so that the result is Pillow's to the bit (src/libImaging/Resample.c).

/// Bits after the point of a coefficient: 8 of 32 are the pixel's, 2 a reserve.
const BITS: u32 = 32 - 8 - 2;

/// The filters that preprocessor configurations ask for, by Pillow's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Lanczos,
    Bilinear,
    Bicubic,
}

impl Filter {
    /// Of `resample` in preprocessor_config.json.
    pub(super) fn of_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Lanczos),
            2 => Some(Self::Bilinear),
            3 => Some(Self::Bicubic),
            _ => None,
        }
    }

    fn support(self) -> f64 {
        match self {
            Self::Lanczos => 3.0,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let far = x.abs();
        match self {
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Bilinear if far < 1.0 => 1.0 - far,
            // Keys' cubic with a = -0.5.
            Self::Bicubic if far < 1.0 => (1.5 * far - 2.5) * far * far + 1.0,
            Self::Bicubic if far < 2.0 => (((far - 5.0) * far + 8.0) * far - 4.0) * -0.5,
            _ => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// First source pixel and the fixed-point weights of every target pixel.
fn coefficients(from: usize, to: usize, filter: Filter) -> Vec<(usize, Vec<i32>)> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    (0..to)
        .map(|target| {
            let centre = (target as f64 + 0.5) * scale;
            // Casts cut off as C's do; what is below zero becomes zero.
            let first = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weights: Vec<f64> = (first..end)
                .map(|x| filter.weight((x as f64 - centre + 0.5) / stretch))
                .collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |w: &f64| {
                let w = if sum == 0.0 { *w } else { w / sum } * f64::from(1u32 << BITS);
                (if w < 0.0 { w - 0.5 } else { w + 0.5 }) as i32
            };
            (first, weights.iter().map(fixed).collect())
        })
        .collect()
}

fn clip(sum: i64) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// Resizes interleaved RGB of `from` = (width, height) to `to`. `rgb` holds 3 · width · height bytes.
pub(super) fn resize(rgb: &[u8], from: (usize, usize), to: (usize, usize), filter: Filter) -> Vec<u8> {
    let half = 1i64 << (BITS - 1);
    let wide = if from.0 == to.0 {
        rgb.to_vec()
    } else {
        let table = coefficients(from.0, to.0, filter);
        let mut out = Vec::with_capacity(3 * to.0 * from.1);
        for row in rgb.chunks_exact(3 * from.0) {
            for (first, weights) in &table {
                let mut sums = [half; 3];
                let pixels = row.get(3 * first..).unwrap_or_default().chunks_exact(3);
                for (pixel, &w) in pixels.zip(weights) {
                    for (sum, &value) in sums.iter_mut().zip(pixel) {
                        *sum += i64::from(value) * i64::from(w);
                    }
                }
                out.extend(sums.map(clip));
            }
        }
        out
    };
    if from.1 == to.1 {
        return wide;
    }
    let table = coefficients(from.1, to.1, filter);
    let stride = 3 * to.0;
    let mut out = Vec::with_capacity(stride * to.1);
    let mut sums = vec![half; stride];
    for (first, weights) in &table {
        sums.fill(half);
        let rows = wide
            .get(stride * first..)
            .unwrap_or_default()
            .chunks_exact(stride);
        for (row, &w) in rows.zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i64::from(value) * i64::from(w);
            }
        }
        out.extend(sums.iter().map(|&sum| clip(sum)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_stays_flat_whatever_the_size() {
        let rgb: Vec<u8> = std::iter::repeat_n([200, 3, 77], 35).flatten().collect();
        for filter in [Filter::Lanczos, Filter::Bilinear, Filter::Bicubic] {
            for to in [(5, 7), (1, 1), (12, 3), (3, 20)] {
                let out = resize(&rgb, (5, 7), to, filter);
                assert_eq!(out.len(), 3 * to.0 * to.1);
                assert!(out.chunks(3).all(|p| p == [200, 3, 77]), "{filter:?} {to:?}");
            }
        }
    }

    #[test]
    fn the_weights_of_a_doubling_are_those_of_the_cubic() {
        // Between pixels 1 and 2 of a ramp, at 1.75: the cubic reproduces straight lines.
        let rgb: Vec<u8> = (0..6u8).flat_map(|i| [i * 40; 3]).collect();
        let out = resize(&rgb, (6, 1), (12, 1), Filter::Bicubic);
        assert_eq!(out[3 * 4], 70);
        assert_eq!(out[3 * 5], 90);
    }
}
