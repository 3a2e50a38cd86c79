//! The innermost loops, one set for each kind of vector unit.
//!
//! Whatever the unit and however rows are grouped, each number is a sum in one fixed order that depends on its own
//! row alone. So a row's result is the same bits in any batch.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;

#[cfg(target_arch = "x86_64")]
use half::bf16;

use crate::kernels::{Element, fma};

/// Output columns of one panel of a packed matrix.
pub(crate) const PANEL: usize = 64;

/// Rows that one call of [`Isa::tile`] multiplies at most.
pub(crate) const TILE_ROWS: usize = 6;

/// Positions of one block of the KV cache.
pub(crate) const BLOCK: usize = 16;

/// Blocks that a step of the online softmax takes together.
pub(crate) const CHUNK_BLOCKS: usize = 4;

/// Which loops run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// AVX-512 with its BF16 extension.
    Wide,
    /// AVX2 with FMA.
    Middle,
    /// Whatever the compiler's baseline is.
    Portable,
}

/// Inner loops over numbers of kind `E`.
///
/// Panels are [K / G][PANEL][G], where G is `E::GROUP`, and K is a multiple of G; keys of a block are
/// [D / G][BLOCK][G], its values [BLOCK / G][width][G].
#[allow(unsafe_code)]
pub(crate) trait Isa<E: Element> {
    /// `out[r] = bias + a_r · panelᵀ` for R rows of `k` numbers that start `stride` apart.
    ///
    /// # Safety
    /// The CPU has the unit; `a` is readable for R rows, `panel` for `k * PANEL` numbers.
    unsafe fn tile<const R: usize>(
        a: *const E,
        stride: usize,
        panel: *const E,
        k: usize,
        bias: &[f32; PANEL],
        out: &mut [[f32; PANEL]; R],
    );

    /// Dot products of Q queries of `dim` numbers, `dim` apart, with the keys of T blocks; `out` has a row of
    /// CHUNK_BLOCKS * BLOCK for each query.
    ///
    /// # Safety
    /// The CPU has the unit; `queries` is readable for Q rows, every key block for `dim * BLOCK` numbers.
    unsafe fn dots<const Q: usize, const T: usize>(
        queries: *const E,
        dim: usize,
        keys: &[*const E; CHUNK_BLOCKS],
        out: &mut [[f32; CHUNK_BLOCKS * BLOCK]],
    );

    /// `out[q] += Σ weights[q][t] · values[t]` over the positions of `blocks` blocks, for Q queries and
    /// columns `from..from + 16 * C`.
    ///
    /// # Safety
    /// The CPU has the unit; the columns lie within `width`, every value block is readable for
    /// `width * BLOCK` numbers, and `out` has Q rows of `width`.
    unsafe fn mix<const Q: usize, const C: usize>(
        weights: &[[E; CHUNK_BLOCKS * BLOCK]],
        values: &[*const E; CHUNK_BLOCKS],
        blocks: usize,
        width: usize,
        from: usize,
        out: *mut f32,
    );
}

/// Loops that the compiler vectorises as it can; `FUSED` where the unit has fused multiply-add.
pub(crate) struct Plain<const FUSED: bool>;

#[allow(unsafe_code)]
impl<E: Element, const FUSED: bool> Isa<E> for Plain<FUSED> {
    #[inline(always)]
    unsafe fn tile<const R: usize>(
        a: *const E,
        stride: usize,
        panel: *const E,
        k: usize,
        bias: &[f32; PANEL],
        out: &mut [[f32; PANEL]; R],
    ) {
        // Sixteen columns at a time, whose sums stay in registers of 256 bits.
        for part in 0..PANEL / 16 {
            let mut sums = [[0f32; 16]; R];
            for sums in &mut sums {
                for (s, b) in sums.iter_mut().zip(&bias[part * 16..]) {
                    *s = *b;
                }
            }
            for step in 0..k / E::GROUP {
                for g in 0..E::GROUP {
                    let mut b = [0f32; 16];
                    for (j, b) in b.iter_mut().enumerate() {
                        let place = (step * PANEL + part * 16 + j) * E::GROUP + g;
                        // SAFETY: step < k / GROUP, so the place is within the panel's k * PANEL numbers.
                        *b = unsafe { *panel.add(place) }.wide();
                    }
                    for (r, sums) in sums.iter_mut().enumerate() {
                        // SAFETY: r < R rows, and the column is below k.
                        let x = unsafe { *a.add(r * stride + step * E::GROUP + g) }.wide();
                        for (s, b) in sums.iter_mut().zip(&b) {
                            *s = fma::<FUSED>(x, *b, *s);
                        }
                    }
                }
            }
            for (out, sums) in out.iter_mut().zip(&sums) {
                out[part * 16..part * 16 + 16].copy_from_slice(sums);
            }
        }
    }

    #[inline(always)]
    unsafe fn dots<const Q: usize, const T: usize>(
        queries: *const E,
        dim: usize,
        keys: &[*const E; CHUNK_BLOCKS],
        out: &mut [[f32; CHUNK_BLOCKS * BLOCK]],
    ) {
        for (t, keys) in keys.iter().take(T).enumerate() {
            let mut sums = [[0f32; BLOCK]; Q];
            for step in 0..dim / E::GROUP {
                for g in 0..E::GROUP {
                    for (q, sums) in sums.iter_mut().enumerate() {
                        // SAFETY: q < Q rows of dim numbers.
                        let x = unsafe { *queries.add(q * dim + step * E::GROUP + g) }.wide();
                        for (i, s) in sums.iter_mut().enumerate() {
                            // SAFETY: within the block's dim * BLOCK numbers.
                            let key = unsafe { *keys.add((step * BLOCK + i) * E::GROUP + g) };
                            *s = fma::<FUSED>(x, key.wide(), *s);
                        }
                    }
                }
            }
            for (out, sums) in out.iter_mut().zip(&sums) {
                out[t * BLOCK..(t + 1) * BLOCK].copy_from_slice(sums);
            }
        }
    }

    #[inline(always)]
    unsafe fn mix<const Q: usize, const C: usize>(
        weights: &[[E; CHUNK_BLOCKS * BLOCK]],
        values: &[*const E; CHUNK_BLOCKS],
        blocks: usize,
        width: usize,
        from: usize,
        out: *mut f32,
    ) {
        for c in 0..C {
            let mut sums = [[0f32; 16]; Q];
            for (q, sums) in sums.iter_mut().enumerate() {
                for (j, s) in sums.iter_mut().enumerate() {
                    // SAFETY: column from + 16 C <= width of row q < Q.
                    *s = unsafe { *out.add(q * width + from + c * 16 + j) };
                }
            }
            for (block, values) in values.iter().take(blocks).enumerate() {
                for step in 0..BLOCK / E::GROUP {
                    for g in 0..E::GROUP {
                        let position = step * E::GROUP + g;
                        for (weights, sums) in weights.iter().zip(&mut sums) {
                            let w = weights[block * BLOCK + position].wide();
                            for (j, s) in sums.iter_mut().enumerate() {
                                let place = (step * width + from + c * 16 + j) * E::GROUP + g;
                                // SAFETY: within the block's width * BLOCK numbers.
                                *s = fma::<FUSED>(w, unsafe { *values.add(place) }.wide(), *s);
                            }
                        }
                    }
                }
            }
            for (q, sums) in sums.iter().enumerate() {
                for (j, s) in sums.iter().enumerate() {
                    // SAFETY: as above.
                    unsafe { *out.add(q * width + from + c * 16 + j) = *s };
                }
            }
        }
    }
}

/// Sixteen numbers of AVX-512, the unit of the two implementations below.
#[cfg(target_arch = "x86_64")]
macro_rules! avx512 {
    ($name:ident, $element:ty, $doc:literal, $vector:ty, $load:ident, $broadcast:ident, $madd:ident) => {
        #[doc = $doc]
        pub(crate) struct $name;

        #[allow(unsafe_code)]
        impl Isa<$element> for $name {
            #[inline(always)]
            unsafe fn tile<const R: usize>(
                a: *const $element,
                stride: usize,
                panel: *const $element,
                k: usize,
                bias: &[f32; PANEL],
                out: &mut [[f32; PANEL]; R],
            ) {
                const G: usize = <$element as Element>::GROUP;
                // SAFETY: all reads are within what the caller promises, and the CPU has AVX-512.
                unsafe {
                    let mut sums = [[x86::_mm512_setzero_ps(); 4]; R];
                    for sums in &mut sums {
                        for (c, s) in sums.iter_mut().enumerate() {
                            *s = x86::_mm512_loadu_ps(bias.as_ptr().add(c * 16));
                        }
                    }
                    let mut rows = [a; R];
                    for (r, row) in rows.iter_mut().enumerate() {
                        *row = a.add(r * stride);
                    }
                    let mut panel = panel;
                    for step in 0..k / G {
                        let b: [$vector; 4] = [
                            $load!(panel),
                            $load!(panel.add(16 * G)),
                            $load!(panel.add(32 * G)),
                            $load!(panel.add(48 * G)),
                        ];
                        panel = panel.add(PANEL * G);
                        for r in 0..R {
                            let x: $vector = $broadcast!(rows[r].add(step * G));
                            for c in 0..4 {
                                sums[r][c] = $madd!(sums[r][c], x, b[c]);
                            }
                        }
                    }
                    for (out, sums) in out.iter_mut().zip(&sums) {
                        for (c, s) in sums.iter().enumerate() {
                            x86::_mm512_storeu_ps(out.as_mut_ptr().add(c * 16), *s);
                        }
                    }
                }
            }

            #[inline(always)]
            unsafe fn dots<const Q: usize, const T: usize>(
                queries: *const $element,
                dim: usize,
                keys: &[*const $element; CHUNK_BLOCKS],
                out: &mut [[f32; CHUNK_BLOCKS * BLOCK]],
            ) {
                const G: usize = <$element as Element>::GROUP;
                // SAFETY: as above.
                unsafe {
                    let mut sums = [[x86::_mm512_setzero_ps(); T]; Q];
                    for step in 0..dim / G {
                        let mut k: [$vector; T] = std::mem::zeroed();
                        for t in 0..T {
                            k[t] = $load!(keys[t].add(step * BLOCK * G));
                        }
                        for q in 0..Q {
                            let x: $vector = $broadcast!(queries.add(q * dim + step * G));
                            for t in 0..T {
                                sums[q][t] = $madd!(sums[q][t], x, k[t]);
                            }
                        }
                    }
                    for (out, sums) in out.iter_mut().zip(&sums) {
                        for (t, s) in sums.iter().enumerate() {
                            x86::_mm512_storeu_ps(out.as_mut_ptr().add(t * BLOCK), *s);
                        }
                    }
                }
            }

            #[inline(always)]
            unsafe fn mix<const Q: usize, const C: usize>(
                weights: &[[$element; CHUNK_BLOCKS * BLOCK]],
                values: &[*const $element; CHUNK_BLOCKS],
                blocks: usize,
                width: usize,
                from: usize,
                out: *mut f32,
            ) {
                const G: usize = <$element as Element>::GROUP;
                // SAFETY: as above; `weights` has Q rows.
                unsafe {
                    let mut sums = [[x86::_mm512_setzero_ps(); C]; Q];
                    for q in 0..Q {
                        for c in 0..C {
                            sums[q][c] = x86::_mm512_loadu_ps(out.add(q * width + from + c * 16));
                        }
                    }
                    for block in 0..blocks {
                        for step in 0..BLOCK / G {
                            let mut v: [$vector; C] = std::mem::zeroed();
                            for c in 0..C {
                                v[c] = $load!(values[block].add((step * width + from + c * 16) * G));
                            }
                            for q in 0..Q {
                                let w: $vector =
                                    $broadcast!(weights[q].as_ptr().add(block * BLOCK + step * G));
                                for c in 0..C {
                                    sums[q][c] = $madd!(sums[q][c], w, v[c]);
                                }
                            }
                        }
                    }
                    for q in 0..Q {
                        for c in 0..C {
                            x86::_mm512_storeu_ps(out.add(q * width + from + c * 16), sums[q][c]);
                        }
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod lanes {
    macro_rules! load_f32 {
        ($p:expr) => {
            x86::_mm512_loadu_ps($p)
        };
    }
    macro_rules! broadcast_f32 {
        ($p:expr) => {
            x86::_mm512_set1_ps(*$p)
        };
    }
    macro_rules! madd_f32 {
        ($sum:expr, $x:expr, $y:expr) => {
            x86::_mm512_fmadd_ps($x, $y, $sum)
        };
    }
    macro_rules! load_bf16 {
        ($p:expr) => {
            std::mem::transmute::<x86::__m512i, x86::__m512bh>(x86::_mm512_loadu_si512($p.cast()))
        };
    }
    macro_rules! broadcast_bf16 {
        ($p:expr) => {
            std::mem::transmute::<x86::__m512i, x86::__m512bh>(x86::_mm512_set1_epi32(
                $p.cast::<i32>().read_unaligned(),
            ))
        };
    }
    macro_rules! madd_bf16 {
        ($sum:expr, $x:expr, $y:expr) => {
            x86::_mm512_dpbf16_ps($sum, $x, $y)
        };
    }
    pub(super) use {broadcast_bf16, broadcast_f32, load_bf16, load_f32, madd_bf16, madd_f32};
}
#[cfg(target_arch = "x86_64")]
use lanes::{broadcast_bf16, broadcast_f32, load_bf16, load_f32, madd_bf16, madd_f32};

#[cfg(target_arch = "x86_64")]
avx512!(
    Avx512,
    f32,
    "fp32 on AVX-512.",
    x86::__m512,
    load_f32,
    broadcast_f32,
    madd_f32
);

#[cfg(target_arch = "x86_64")]
avx512!(
    Avx512Bf16,
    bf16,
    "bf16 on AVX-512 BF16: products of pairs, summed in fp32.",
    x86::__m512bh,
    load_bf16,
    broadcast_bf16,
    madd_bf16
);

/// Compiles `$body::<E, I>` for every unit and calls the one that `path` names. On other CPUs than x86 the
/// portable loops are all there is.
macro_rules! for_each_unit {
    ($(#[$doc:meta])* $name:ident, $body:ident, ($($arg:ident: $ty:ty),* $(,)?)) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        pub(crate) fn $name<E: $crate::kernels::Element>(path: $crate::cpu::isa::Path, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
                fn wide<E: $crate::kernels::Element>($($arg: $ty),*) { $body::<E, E::Wide, true>($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn middle<E: $crate::kernels::Element>($($arg: $ty),*) {
                    $body::<E, $crate::cpu::isa::Plain<true>, true>($($arg),*)
                }
                // SAFETY: `Path::detect` names a unit only where the CPU has it.
                #[allow(unsafe_code)]
                match path {
                    $crate::cpu::isa::Path::Wide => return unsafe { wide::<E>($($arg),*) },
                    $crate::cpu::isa::Path::Middle => return unsafe { middle::<E>($($arg),*) },
                    $crate::cpu::isa::Path::Portable => {}
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            let _ = path;
            $body::<E, $crate::cpu::isa::Plain<false>, false>($($arg),*)
        }
    };
}

pub(crate) use for_each_unit;

impl Path {
    /// The best unit that this CPU has.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bf16")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma");
            if wide {
                return Self::Wide;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Middle;
            }
        }
        Self::Portable
    }

    /// Its name in a fingerprint.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wide => "avx512",
            Self::Middle => "avx2",
            Self::Portable => "portable",
        }
    }
}
