//! Loops over plain slices, compiled for the vector units that the CPU has.
//!
//! Each kernel is written once; `kernel!` compiles it three times (AVX-512, AVX2 with FMA, portable) and
//! picks at run time. Sums are taken in a fixed order, so results do not depend on timing or threads.

use half::bf16;
use tch::Kind;

/// A number format in which activations and caches are stored.
pub(crate) trait Element: Copy + Default + Send + Sync + 'static {
    /// The same format in libtorch.
    const KIND: Kind;
    fn wide(self) -> f32;
    fn narrow(x: f32) -> Self;
}

impl Element for f32 {
    const KIND: Kind = Kind::Float;
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
    const KIND: Kind = Kind::BFloat16;
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

pub(crate) use kernel;

/// e^x to about 1e-7 relative for x <= 0 (0 below -87), by powers of two and a polynomial (Cephes' expf).
#[inline(always)]
fn exp_scalar<const FUSED: bool>(x: f32) -> f32 {
    let dead = x < -87.0;
    let x = if dead { -87.0 } else { x };
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number.
    let n = fma::<FUSED>(x, std::f32::consts::LOG2_E, 12_582_912.0) - 12_582_912.0;
    let r = fma::<FUSED>(n, -0.693_359_4, x);
    let r = fma::<FUSED>(n, 2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = fma::<FUSED>(p, r, c);
    }
    let y = fma::<FUSED>(p * r, r, r) + 1.0;
    let power = f32::from_bits(((n as i32 + 127) << 23) as u32);
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

kernel! {
    /// Sum of e^((x - max) * scale) over a row.
    exp_sum, exp_sum_body, (row: &[f32], max: f32, scale: f32) -> f64
}

#[inline(always)]
fn exp_sum_body<const FUSED: bool>(row: &[f32], max: f32, scale: f32) -> f64 {
    let mut total = 0.0;
    for chunk in row.chunks(1024) {
        let mut lanes = [0f32; 16];
        for part in chunk.chunks(16) {
            for (lane, x) in lanes.iter_mut().zip(part) {
                *lane += exp_scalar::<FUSED>((*x - max) * scale);
            }
        }
        total += f64::from(lanes.iter().sum::<f32>());
    }
    total
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
    for part in row.chunks(16) {
        for ((b, n), &x) in best.iter_mut().zip(&mut nan).zip(part) {
            *b = if x > *b { x } else { *b };
            *n |= x.is_nan();
        }
    }
    let max = best.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if nan.iter().any(|&n| n) || !max.is_finite() {
        return None;
    }
    row.iter().position(|&x| x == max).map(|i| (i, max))
}

kernel! {
    /// Adds `delta` to the residual rows `x` (when there is one) and writes their RMS norm times `weight`.
    add_norm, add_norm_body<E>, (x: &mut [f32], delta: Option<&[E]>, weight: &[f32], eps: f32, out: &mut [E])
}

#[inline(always)]
fn add_norm_body<E: Element, const FUSED: bool>(
    x: &mut [f32],
    delta: Option<&[E]>,
    weight: &[f32],
    eps: f32,
    out: &mut [E],
) {
    let width = weight.len().max(1);
    if let Some(delta) = delta {
        for (x, d) in x.iter_mut().zip(delta) {
            *x += d.wide();
        }
    }
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        let scale = inverse_rms::<FUSED>(x, eps);
        for ((o, x), w) in out.iter_mut().zip(x).zip(weight) {
            *o = E::narrow(x * scale * w);
        }
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
    let sum: f32 = lanes.iter().sum();
    1.0 / (sum / x.len() as f32 + eps).sqrt()
}

kernel! {
    /// silu(gate) * up for rows [gate | up] of width 2 * ff.
    silu_mul, silu_mul_body<E>, (gate_up: &[E], ff: usize, out: &mut [E])
}

#[inline(always)]
fn silu_mul_body<E: Element, const FUSED: bool>(gate_up: &[E], ff: usize, out: &mut [E]) {
    for (row, out) in gate_up
        .chunks_exact(2 * ff.max(1))
        .zip(out.chunks_exact_mut(ff.max(1)))
    {
        let (gate, up) = row.split_at(ff);
        for ((o, g), u) in out.iter_mut().zip(gate).zip(up) {
            let g = g.wide();
            // e^-|g| never overflows; both signs of g follow from it.
            let e = exp_scalar::<FUSED>(-g.abs());
            let sigmoid = if g >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
            *o = E::narrow(g * sigmoid * u.wide());
        }
    }
}

kernel! {
    /// Rotates one head (rotate-half) by the angles' cosines and sines, each of half its width, after an RMS
    /// norm where there is a weight.
    turn_head, turn_head_body<E>, (head: &[E], norm: Option<&[f32]>, eps: f32, cos: &[f32], sin: &[f32], out: &mut [f32])
}

#[inline(always)]
fn turn_head_body<E: Element, const FUSED: bool>(
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

/// Positions of one tile of keys: keys lie transposed within a tile, [D][TILE], so that one vector holds one
/// dimension of 16 positions.
pub(crate) const TILE: usize = 16;

kernel! {
    /// Dot products of a query (already scaled) with the keys of whole tiles; `out` gets TILE per tile.
    dot_tiles, dot_tiles_body<E>, (q: &[f32], tiles: &[E], out: &mut [f32])
}

#[inline(always)]
fn dot_tiles_body<E: Element, const FUSED: bool>(q: &[f32], tiles: &[E], out: &mut [f32]) {
    for (tile, out) in tiles
        .chunks_exact(TILE * q.len())
        .zip(out.as_chunks_mut::<TILE>().0)
    {
        // Two accumulators hide the latency of the additions.
        let (mut a, mut b) = ([0f32; TILE], [0f32; TILE]);
        let (keys, _) = tile.as_chunks::<TILE>();
        for (q, keys) in q.as_chunks::<2>().0.iter().zip(keys.as_chunks::<2>().0) {
            for i in 0..TILE {
                a[i] = fma::<FUSED>(q[0], keys[0][i].wide(), a[i]);
                b[i] = fma::<FUSED>(q[1], keys[1][i].wide(), b[i]);
            }
        }
        for i in 0..TILE {
            out[i] = a[i] + b[i];
        }
    }
}

kernel! {
    /// Adds the values [T][D], each times its weight, to `out` [D].
    weighted_sum, weighted_sum_body<E>, (weights: &[f32], values: &[E], out: &mut [f32])
}

#[inline(always)]
fn weighted_sum_body<E: Element, const FUSED: bool>(weights: &[f32], values: &[E], out: &mut [f32]) {
    let width = out.len().max(1);
    for (start, out) in out.chunks_mut(32).enumerate().map(|(i, o)| (32 * i, o)) {
        let mut sum = [0f32; 32];
        if out.len() == 32 {
            for (w, row) in weights.iter().zip(values.chunks_exact(width)) {
                if let Some(part) = row.get(start..start + 32) {
                    for i in 0..32 {
                        sum[i] = fma::<FUSED>(*w, part[i].wide(), sum[i]);
                    }
                }
            }
        } else {
            for (w, row) in weights.iter().zip(values.chunks_exact(width)) {
                for (s, v) in sum.iter_mut().zip(row.iter().skip(start)).take(out.len()) {
                    *s = fma::<FUSED>(*w, v.wide(), *s);
                }
            }
        }
        for (o, s) in out.iter_mut().zip(sum) {
            *o += s;
        }
    }
}

kernel! {
    /// Widens a row.
    widen, widen_body<E>, (row: &[E], out: &mut [f32])
}

#[inline(always)]
fn widen_body<E: Element, const FUSED: bool>(row: &[E], out: &mut [f32]) {
    for (o, x) in out.iter_mut().zip(row) {
        *o = x.wide();
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

    #[test]
    fn kernels_agree_with_their_definitions() {
        let q: Vec<f32> = (0..24).map(|i| (i as f32).sin()).collect();
        let tiles: Vec<f32> = (0..2 * TILE * 24).map(|i| (i as f32 * 0.7).cos()).collect();
        let mut out = [0f32; 2 * TILE];
        dot_tiles(&q, &tiles, &mut out);
        for (t, &dot) in out.iter().enumerate() {
            let tile = t / TILE * TILE * 24;
            let want: f32 = (0..24).map(|d| q[d] * tiles[tile + d * TILE + t % TILE]).sum();
            assert!((dot - want).abs() < 1e-5);
        }
        for width in [24, 32, 40, 64] {
            let values: Vec<f32> = (0..5 * width).map(|i| (i as f32 * 0.3).sin()).collect();
            let weights = [0.1, 0.2, 0.3, 0.15, 0.25];
            let mut sum = vec![1f32; width];
            weighted_sum(&weights, &values, &mut sum);
            for (d, &s) in sum.iter().enumerate() {
                let want: f32 = 1.0 + (0..5).map(|t| weights[t] * values[t * width + d]).sum::<f32>();
                assert!((s - want).abs() < 1e-5);
            }
        }
    }
}
