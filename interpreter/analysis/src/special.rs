//! The few special functions that intervals need, through `libm`, so that every machine gets the same bits.

/// Standard normal distribution function.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / core::f64::consts::SQRT_2)
}

/// The z with `normal_cdf(z) = p`, by bisection: called a few times an interval, so plainness wins.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-38.0, 38.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if normal_cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// Probabilities of 0..=n successes out of n at p, by the ratio of neighbours from the mode outwards.
pub(crate) fn binomial_masses(n: u32, p: f64) -> Vec<f64> {
    let mut masses = vec![0.0; n as usize + 1];
    if p <= 0.0 || p >= 1.0 {
        masses[if p <= 0.0 { 0 } else { n as usize }] = 1.0;
        return masses;
    }
    let odds = p / (1.0 - p);
    let mode = libm::floor((f64::from(n) + 1.0) * p).min(f64::from(n)) as usize;
    masses[mode] = 1.0;
    for c in (0..mode).rev() {
        masses[c] = masses[c + 1] * (c as f64 + 1.0) / (f64::from(n) - c as f64) / odds;
    }
    for c in mode..n as usize {
        masses[c + 1] = masses[c] * (f64::from(n) - c as f64) / (c as f64 + 1.0) * odds;
    }
    let total = sum(masses.iter().copied());
    masses.iter_mut().for_each(|mass| *mass /= total);
    masses
}

/// The p-quantile of Student's t (Abramowitz and Stegun 26.7.5: within 0.1% for five degrees of freedom and more).
pub(crate) fn t_quantile(p: f64, freedom: f64) -> f64 {
    let z = normal_quantile(p);
    let s = z * z;
    let v = freedom.max(1.0);
    let g1 = z * (s + 1.0) / 4.0;
    let g2 = z * ((5.0 * s + 16.0) * s + 3.0) / 96.0;
    let g3 = z * (((3.0 * s + 19.0) * s + 17.0) * s - 15.0) / 384.0;
    let g4 = z * ((((79.0 * s + 776.0) * s + 1482.0) * s - 1920.0) * s - 945.0) / 92_160.0;
    z + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v
}

/// Sum with Neumaier's compensation: right to the last bit or two whatever the order.
pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() {
            (total - next) + value
        } else {
            (value - next) + total
        };
        total = next;
    }
    total + lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-12);
        assert!((t_quantile(0.975, 29.0) - 2.045_229_642).abs() < 1e-6);
        assert!((t_quantile(0.975, 5.0) - 2.570_581_836).abs() < 3e-3);
    }

    #[test]
    fn the_sum_keeps_what_plain_addition_loses() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
    }
}
