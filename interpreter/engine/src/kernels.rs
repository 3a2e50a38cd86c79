//! Loops over plain slices, compiled for the vector units that the CPU has.
//!
//! Each kernel is written once; `kernel!` compiles it three times (AVX-512, AVX2 with FMA, portable) and
//! picks at run time. Sums are taken in a fixed order, so results do not depend on timing or threads.

use half::bf16;

/// A number format in which activations and caches are stored.
pub(crate) trait Element: Copy + Default + PartialEq + Send + Sync + 'static {
    /// Numbers whose products one instruction sums, and which therefore lie side by side.
    const GROUP: usize;
    /// The loops for the widest vector unit.
    #[cfg(target_arch = "x86_64")]
    type Wide: crate::cpu::isa::Isa<Self>;
    fn wide(self) -> f32;
    fn narrow(x: f32) -> Self;
}

impl Element for f32 {
    const GROUP: usize = 1;
    #[cfg(target_arch = "x86_64")]
    type Wide = crate::cpu::isa::Avx512;
    #[inline(always)]
    fn wide(self) -> f32 {
        self
    }
    #[inline(always)]
    fn narrow(x: f32) -> Self {
        x
    }
}

impl Element for bf16 {
    const GROUP: usize = 2;
    #[cfg(target_arch = "x86_64")]
    type Wide = crate::cpu::isa::Avx512Bf16;
    #[inline(always)]
    fn wide(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
    /// Round to nearest even. NaN stays NaN: its quiet bit is among those kept.
    #[inline(always)]
    fn narrow(x: f32) -> Self {
        let bits = x.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1)) >> 16;
        let quiet = (bits >> 16) | 0x40;
        Self::from_bits(if x.is_nan() { quiet } else { rounded } as u16)
    }
}

/// `a * b + c`, fused where the instruction exists (without it the library call would be slow).
#[inline(always)]
pub(crate) fn fma<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

macro_rules! kernel {
    ($(#[$doc:meta])* $name:ident, $body:ident $(<$e:ident>)?, ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?) => {
        $(#[$doc])*
        pub(crate) fn $name $(<$e: Element>)? ($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn wide $(<$e: Element>)? ($($arg: $ty),*) $(-> $ret)? { $body::<$($e,)? true>($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn middle $(<$e: Element>)? ($($arg: $ty),*) $(-> $ret)? { $body::<$($e,)? true>($($arg),*) }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    // SAFETY: the CPU has the features that the function was compiled for (every CPU with
                    // AVX-512 has AVX2 and FMA).
                    #[allow(unsafe_code)]
                    return unsafe { wide($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the CPU has the features that the function was compiled for.
                    #[allow(unsafe_code)]
                    return unsafe { middle($($arg),*) };
                }
            }
            $body::<$($e,)? false>($($arg),*)
        }
    };
}

/// Sum of sixteen numbers, halves upon halves: an order that vector units can follow.
#[inline(always)]
pub(crate) fn sum_lanes(lanes: [f32; 16]) -> f32 {
    let mut half = [0f32; 8];
    for (i, h) in half.iter_mut().enumerate() {
        *h = lanes[i] + lanes[i + 8];
    }
    let quarter = [
        half[0] + half[4],
        half[1] + half[5],
        half[2] + half[6],
        half[3] + half[7],
    ];
    (quarter[0] + quarter[2]) + (quarter[1] + quarter[3])
}

/// Largest of sixteen numbers; NaN is no larger than anything.
#[inline(always)]
pub(crate) fn max_lanes(mut lanes: [f32; 16]) -> f32 {
    for width in [8, 4, 2, 1] {
        for i in 0..width {
            let (a, b) = (lanes[i], lanes[i + width]);
            lanes[i] = if b > a { b } else { a };
        }
    }
    lanes[0]
}

/// e^x to about 1e-7 relative for x <= 0 (0 below -87), by powers of two and a polynomial (Cephes' expf).
#[inline(always)]
pub(crate) fn exp_scalar<const FUSED: bool>(x: f32) -> f32 {
    let dead = x < -87.0;
    let x = if dead { -87.0 } else { x };
    // Adding 1.5 * 2^23 rounds to the nearest whole number, which is then in the lowest bits: a conversion by `as`,
    // which saturates, would take the loop out of the vector units.
    let rounded = fma::<FUSED>(x, std::f32::consts::LOG2_E, 12_582_912.0);
    let n = rounded - 12_582_912.0;
    let r = fma::<FUSED>(n, -0.693_359_4, x);
    let r = fma::<FUSED>(n, 2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = fma::<FUSED>(p, r, c);
    }
    let y = fma::<FUSED>(p * r, r, r) + 1.0;
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    if dead { 0.0 } else { y * power }
}

kernel! {
    /// Replaces each x by e^((x - max) * scale).
    fast_exp, fast_exp_body, (row: &mut [f32], max: f32, scale: f32)
}

#[inline(always)]
fn fast_exp_body<const FUSED: bool>(row: &mut [f32], max: f32, scale: f32) {
    for x in row {
        *x = exp_scalar::<FUSED>((*x - max) * scale);
    }
}

/// Elements whose weights [`exp_sums`] adds up to one number.
pub(crate) const EXP_CHUNK: usize = 1024;

kernel! {
    /// Sum of e^((x - max) * scale) over a row; those of every EXP_CHUNK elements replace `sums`.
    exp_sums, exp_sums_body, (row: &[f32], max: f32, scale: f32, sums: &mut Vec<f64>) -> f64
}

#[inline(always)]
fn exp_sums_body<const FUSED: bool>(row: &[f32], max: f32, scale: f32, sums: &mut Vec<f64>) -> f64 {
    sums.clear();
    let mut total = 0.0;
    for chunk in row.chunks(EXP_CHUNK) {
        let mut lanes = [0f32; 16];
        let (body, tail) = chunk.as_chunks::<16>();
        for part in body {
            for (lane, x) in lanes.iter_mut().zip(part) {
                *lane += exp_scalar::<FUSED>((*x - max) * scale);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(tail) {
            *lane += exp_scalar::<FUSED>((*x - max) * scale);
        }
        let sum = f64::from(sum_lanes(lanes));
        sums.push(sum);
        total += sum;
    }
    total
}

kernel! {
    /// Sum of e^y * y over a row, y being (x - max) * scale.
    entropy_sum, entropy_sum_body, (row: &[f32], max: f32, scale: f32) -> f64
}

#[inline(always)]
fn entropy_sum_body<const FUSED: bool>(row: &[f32], max: f32, scale: f32) -> f64 {
    let mut total = 0.0;
    for chunk in row.chunks(EXP_CHUNK) {
        let mut lanes = [0f32; 16];
        let (body, tail) = chunk.as_chunks::<16>();
        let add = |lane: &mut f32, x: f32| {
            // e^y is zero long before y leaves the numbers; -inf must not meet it.
            let y = ((x - max) * scale).max(-1e4);
            *lane += exp_scalar::<FUSED>(y) * y;
        };
        for part in body {
            for (lane, x) in lanes.iter_mut().zip(part) {
                add(lane, *x);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(tail) {
            add(lane, *x);
        }
        total += f64::from(sum_lanes(lanes));
    }
    total
}

kernel! {
    /// Replaces logits x by the gradient `-(e / sum) * (a + h * (x - max) * scale) * scale`, where `weights` hold e =
    /// e^((x - max) * scale) and `sum` is theirs.
    softmax_gradient, softmax_gradient_body<E>, (
        row: &mut [E], weights: &[f32], max: f32, scale: f32, sum: f32, a: f32, h: f32
    )
}

#[inline(always)]
fn softmax_gradient_body<E: Element, const FUSED: bool>(
    row: &mut [E],
    weights: &[f32],
    max: f32,
    scale: f32,
    sum: f32,
    a: f32,
    h: f32,
) {
    let outer = -scale / sum;
    for (x, e) in row.iter_mut().zip(weights) {
        // e is zero long before y leaves the numbers; -inf must not meet it.
        let y = ((x.wide() - max) * scale).max(-1e4);
        *x = E::narrow(*e * outer * fma::<FUSED>(h, y, a));
    }
}

kernel! {
    /// Copies a row to fp32.
    widen_row, widen_row_body<E>, (row: &[E], out: &mut [f32])
}

#[inline(always)]
fn widen_row_body<E: Element, const FUSED: bool>(row: &[E], out: &mut [f32]) {
    for (o, x) in out.iter_mut().zip(row) {
        *o = x.wide();
    }
}

kernel! {
    /// Appends the places and values of all elements that are no less than `least`.
    gather, gather_body, (row: &[f32], least: f32, out: &mut Vec<(u32, f32)>)
}

#[inline(always)]
fn gather_body<const FUSED: bool>(row: &[f32], least: f32, out: &mut Vec<(u32, f32)>) {
    for (number, part) in row.chunks(64).enumerate() {
        // Most parts hold nothing, which one pass without branches finds out.
        let mut any = false;
        for x in part {
            any |= *x >= least;
        }
        if any {
            for (i, x) in part.iter().enumerate() {
                if *x >= least {
                    out.push(((number * 64 + i) as u32, *x));
                }
            }
        }
    }
}

kernel! {
    /// Place and value of the largest element (the first of equals); `None` where any element is NaN, where
    /// one is +inf or all are -inf.
    row_max, row_max_body, (row: &[f32]) -> Option<(usize, f32)>
}

#[inline(always)]
fn row_max_body<const FUSED: bool>(row: &[f32]) -> Option<(usize, f32)> {
    let mut best = [f32::NEG_INFINITY; 16];
    let mut nan = [false; 16];
    let (body, tail) = row.as_chunks::<16>();
    for part in body {
        for ((b, n), &x) in best.iter_mut().zip(&mut nan).zip(part) {
            *b = if x > *b { x } else { *b };
            *n |= x.is_nan();
        }
    }
    for ((b, n), &x) in best.iter_mut().zip(&mut nan).zip(tail) {
        *b = if x > *b { x } else { *b };
        *n |= x.is_nan();
    }
    let max = max_lanes(best);
    if nan.iter().any(|&n| n) || !max.is_finite() {
        return None;
    }
    row.iter().position(|&x| x == max).map(|i| (i, max))
}

kernel! {
    /// Writes the RMS norm of a row times `weight`.
    norm_row, norm_row_body<E>, (x: &[f32], weight: &[f32], eps: f32, out: &mut [E])
}

#[inline(always)]
fn norm_row_body<E: Element, const FUSED: bool>(x: &[f32], weight: &[f32], eps: f32, out: &mut [E]) {
    let scale = inverse_rms::<FUSED>(x, eps);
    for ((o, x), w) in out.iter_mut().zip(x).zip(weight) {
        *o = E::narrow(x * scale * w);
    }
}

#[inline(always)]
fn inverse_rms<const FUSED: bool>(x: &[f32], eps: f32) -> f32 {
    let mut lanes = [0f32; 16];
    let (body, tail) = x.as_chunks::<16>();
    for part in body {
        for (lane, x) in lanes.iter_mut().zip(part) {
            *lane = fma::<FUSED>(*x, *x, *lane);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(tail) {
        *lane = fma::<FUSED>(*x, *x, *lane);
    }
    let sum = sum_lanes(lanes);
    1.0 / (sum / x.len() as f32 + eps).sqrt()
}

kernel! {
    /// Rotates one head (rotate-half) by the angles' cosines and sines, each of half its width, after an RMS
    /// norm where there is a weight.
    turn_head, turn_head_body<E>, (head: &[E], norm: Option<&[f32]>, eps: f32, cos: &[f32], sin: &[f32], out: &mut [f32])
}

#[inline(always)]
pub(crate) fn turn_head_body<E: Element, const FUSED: bool>(
    head: &[E],
    norm: Option<&[f32]>,
    eps: f32,
    cos: &[f32],
    sin: &[f32],
    out: &mut [f32],
) {
    for (o, x) in out.iter_mut().zip(head) {
        *o = x.wide();
    }
    if let Some(weight) = norm {
        let scale = inverse_rms::<FUSED>(out, eps);
        for (o, w) in out.iter_mut().zip(weight) {
            *o *= scale * w;
        }
    }
    let (low, high) = out.split_at_mut(cos.len());
    for (((l, h), c), s) in low.iter_mut().zip(high).zip(cos).zip(sin) {
        let (a, b) = (*l, *h);
        *l = a * c - b * s;
        *h = b * c + a * s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential() {
        for i in 0..=8700 {
            let x = -(i as f32) / 100.0;
            let want = f64::from(x).exp();
            for ours in [exp_scalar::<true>(x), exp_scalar::<false>(x)] {
                let off = (f64::from(ours) - want).abs() / want;
                assert!(off < 3e-7, "{x}: off by {off}");
            }
        }
        assert_eq!(exp_scalar::<true>(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn bf16_rounds_as_the_half_crate_does() {
        for i in 0..100_000u32 {
            let x = f32::from_bits(i.wrapping_mul(2_654_435_761));
            if !x.is_nan() {
                assert_eq!(
                    <bf16 as Element>::narrow(x).to_bits(),
                    bf16::from_f32(x).to_bits()
                );
            }
        }
        assert!(<bf16 as Element>::narrow(f32::NAN).wide().is_nan());
    }
}
