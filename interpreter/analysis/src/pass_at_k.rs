//! The unbiased estimator of pass@k (Chen et al. 2021, "Evaluating large language models trained on code"):
//! `1 - C(n-c, k) / C(n, k)` for c right samples of n.
//!
//! The ratio is built factor by factor in twice the working precision (a double and its error term), so both pass@k
//! and its complement are right to the last bit or two even where one of them is within 1e-300 of zero.

use thiserror::Error;

/// pass@k with its complement, which keeps its precision where pass@k is near 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PassAtKValue {
    /// pass@k, in 0..=1.
    pub value: f64,
    /// 1 - pass@k, in 0..=1.
    pub one_minus: f64,
}

/// Counts for which pass@k has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PassAtKError {
    #[error("pass@k needs at least one sample; draw samples first (n is 0)")]
    NoSamples,
    #[error("{c} right samples of {n} drawn cannot be; count both from the same rows")]
    MoreRightThanDrawn { n: u64, c: u64 },
    #[error("pass@0 has no meaning; ask for a k of at least 1")]
    ZeroK,
    #[error(
        "pass@{k} cannot be estimated from {n} samples a problem; draw at least {k}, or ask for a smaller k"
    )]
    KAboveSamples { n: u64, k: u64 },
}

/// pass@k of one problem with `c` right samples of `n`.
///
/// # Errors
/// When `n` or `k` is 0, or `c` or `k` is above `n`.
pub fn pass_at_k(n: u64, c: u64, k: u64) -> Result<PassAtKValue, PassAtKError> {
    check(n, c, k)?;
    // C(n-c, k) / C(n, k) is symmetric in c and k: the shorter of the two products is taken.
    let (steps, other) = (c.min(k), c.max(k));
    let mut missed = Double::ONE;
    for j in 0..steps {
        missed = missed.times(n.saturating_sub(other + j), n - j);
    }
    Ok(missed.split())
}

/// pass@k of one problem at several k, in one sweep over k whatever their number; the values stand in the order of `ks`.
///
/// # Errors
/// As [`pass_at_k`], for any of `ks`.
pub fn pass_curve(n: u64, c: u64, ks: &[u64]) -> Result<Vec<PassAtKValue>, PassAtKError> {
    for &k in ks {
        check(n, c, k)?;
    }
    let mut order: Vec<usize> = (0..ks.len()).collect();
    order.sort_by_key(|&i| ks[i]);
    let mut curve = vec![
        PassAtKValue {
            value: 0.0,
            one_minus: 1.0
        };
        ks.len()
    ];
    let (mut missed, mut done) = (Double::ONE, 0);
    for i in order {
        while done < ks[i] {
            missed = missed.times((n - c).saturating_sub(done), n - done);
            done += 1;
        }
        curve[i] = missed.split();
    }
    Ok(curve)
}

/// pass@k for every count 0..=n of right samples at several k: row c, column k.
#[derive(Debug, Clone)]
pub(crate) struct PassTable {
    columns: usize,
    values: Vec<f64>,
}

impl PassTable {
    /// # Errors
    /// When `n` or a k is 0, or a k is above `n`.
    pub(crate) fn new(n: u64, ks: &[u64]) -> Result<Self, PassAtKError> {
        let columns = ks.len();
        let mut values = vec![0.0; (n as usize + 1) * columns];
        for (column, &k) in ks.iter().enumerate() {
            check(n, 0, k)?;
            let mut missed = Double::ONE;
            for c in 0..=n {
                values[c as usize * columns + column] = missed.split().value;
                if c < n {
                    missed = missed.times((n - c).saturating_sub(k), n - c);
                }
            }
        }
        Ok(PassTable { columns, values })
    }

    #[inline]
    pub(crate) fn row(&self, c: usize) -> &[f64] {
        &self.values[c * self.columns..(c + 1) * self.columns]
    }
}

pub(crate) fn check(n: u64, c: u64, k: u64) -> Result<(), PassAtKError> {
    match () {
        () if n == 0 => Err(PassAtKError::NoSamples),
        () if c > n => Err(PassAtKError::MoreRightThanDrawn { n, c }),
        () if k == 0 => Err(PassAtKError::ZeroK),
        () if k > n => Err(PassAtKError::KAboveSamples { n, k }),
        () => Ok(()),
    }
}

/// An unevaluated sum of a double and a far smaller one (T. J. Dekker 1971).
#[derive(Clone, Copy)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    const ONE: Double = Double { high: 1.0, low: 0.0 };

    /// Times `numerator / denominator`, both below 2^53.
    fn times(self, numerator: u64, denominator: u64) -> Double {
        let (a, b) = (numerator as f64, denominator as f64);
        let product = self.high * a;
        let error = libm::fma(self.high, a, -product) + self.low * a;
        let quotient = product / b;
        let rest = (libm::fma(-quotient, b, product) + error) / b;
        let high = quotient + rest;
        Double {
            high,
            low: rest - (high - quotient),
        }
    }

    fn split(self) -> PassAtKValue {
        // 1 - high is exact for high >= 0.5 (Sterbenz) and needs no more than one rounding below.
        let whole = 1.0 - self.high;
        let error = (1.0 - whole) - self.high;
        PassAtKValue {
            value: whole + (error - self.low),
            one_minus: self.high + self.low,
        }
    }
}
