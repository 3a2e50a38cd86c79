//! The plain pass@k curve of 675 problems with 1,024 samples at every k; prints the seconds of one curve.
//! `benches/beside_numpy.py` runs it beside the usual Python function and prints the ratio.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, time::Instant};

use rlx_analysis::pass_mean_curve;

fn main() {
    let counts: Vec<(u32, u32)> = (0..675_u32)
        .map(|i| {
            let u = f64::from((i * 7919) % 675) / 675.0;
            (1024, (u * u * u * 1024.0) as u32)
        })
        .collect();
    let ks: Vec<u64> = (1..=1024).collect();
    let mut best = f64::INFINITY;
    let mut checksum = 0.0;
    for _ in 0..50 {
        let start = Instant::now();
        let curve = pass_mean_curve(black_box(&counts), black_box(&ks)).unwrap();
        best = best.min(start.elapsed().as_secs_f64());
        checksum = curve.iter().sum::<f64>();
    }
    println!("{best:e} {checksum:.12}");
}
