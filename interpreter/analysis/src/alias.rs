//! Draws from a finite distribution in constant time (A. J. Walker 1977; M. D. Vose 1991).

/// A distribution over `offset .. offset + len`.
#[derive(Debug, Clone)]
pub(crate) struct Alias {
    offset: u32,
    /// Per cell: the share of the cell that is its own, as a fraction of 2^32, and the outcome of the rest.
    cells: Vec<(u32, u32)>,
}

impl Alias {
    /// From weights of any positive sum; the first weight belongs to the outcome `offset`.
    pub(crate) fn new(offset: u32, weights: &[f64]) -> Self {
        let count = weights.len();
        let total: f64 = weights.iter().sum();
        let mut scaled: Vec<f64> = weights.iter().map(|w| w * count as f64 / total).collect();
        let mut cells: Vec<(u32, u32)> = (0..count as u32).map(|own| (u32::MAX, own)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..count).partition(|&i| scaled[i] < 1.0);
        while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
            small.pop();
            cells[poor] = ((scaled[poor] * 4_294_967_296.0) as u32, rich as u32);
            scaled[rich] -= 1.0 - scaled[poor];
            if scaled[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Alias { offset, cells }
    }

    /// Bin(n, p), without the tails that no 32-bit word could reach.
    pub(crate) fn binomial(n: u32, p: f64) -> Self {
        if p <= 0.0 {
            return Alias::new(0, &[1.0]);
        }
        if p >= 1.0 {
            return Alias::new(n, &[1.0]);
        }
        // Outwards from the mode by the ratio of neighbours: no logarithm, no underflow.
        let odds = p / (1.0 - p);
        let mode = ((f64::from(n) + 1.0) * p).floor().min(f64::from(n)) as u32;
        let mut below = Vec::new();
        let (mut mass, mut c) = (1.0, mode);
        while c > 0 && mass > 1e-14 {
            mass *= f64::from(c) / (f64::from(n - c + 1) * odds);
            below.push(mass);
            c -= 1;
        }
        let first = c;
        let mut weights: Vec<f64> = below.into_iter().rev().collect();
        weights.push(1.0);
        let (mut mass, mut c) = (1.0, mode);
        while c < n && mass > 1e-14 {
            mass *= f64::from(n - c) * odds / f64::from(c + 1);
            weights.push(mass);
            c += 1;
        }
        Alias::new(first, &weights)
    }

    /// The outcome of one uniform word.
    #[inline]
    pub(crate) fn draw(&self, word: u32) -> u32 {
        let product = u64::from(word) * self.cells.len() as u64;
        let cell = (product >> 32) as u32;
        let (own, other) = self.cells[cell as usize];
        self.offset + if (product as u32) <= own { cell } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    #[test]
    fn a_binomial_has_its_mean_and_variance() {
        let stream = Stream::new(5, &["alias"]);
        for (n, p) in [(1, 0.5), (64, 0.01), (1024, 0.3), (1024, 0.999), (10_000, 0.5)] {
            let alias = Alias::binomial(n, p);
            let draws: Vec<f64> = (0..50_000)
                .map(|r| f64::from(alias.draw(stream.block(r, n, 0)[0])))
                .collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / draws.len() as f64;
            let (expected, spread) = (f64::from(n) * p, f64::from(n) * p * (1.0 - p));
            // Five standard errors of the mean; the variance's relative error is about sqrt(2 / draws), more for small means.
            assert!(
                (mean - expected).abs() < 5.0 * (spread / 50_000.0).sqrt(),
                "mean {mean} of Bin({n}, {p})"
            );
            assert!(
                (variance / spread - 1.0).abs() < 0.06,
                "variance {variance} of Bin({n}, {p})"
            );
        }
        assert_eq!(Alias::binomial(9, 0.0).draw(u32::MAX), 0);
        assert_eq!(Alias::binomial(9, 1.0).draw(0), 9);
    }
}
