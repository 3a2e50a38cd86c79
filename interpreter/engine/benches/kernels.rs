//! The inner loops of the CPU path, one by one, at the sizes of a 135M model (SmolLM2) and of a 7B one (Qwen2.5).

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rlx_engine::bench::{self, Heads};
use rlx_engine::{Precision, SamplingParams};

const PRECISIONS: [(Precision, &str); 2] = [(Precision::Bf16, "bf16"), (Precision::Fp32, "fp32")];

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Operations a second show as elements a second.
fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("product");
    group.sample_size(20);
    for (precision, name) in PRECISIONS {
        for (what, rows, inputs, outputs) in [
            ("135M gate and up", 256, 576, 3072),
            ("135M head", 256, 576, 49_152),
            ("7B gate and up", 64, 3584, 37_888),
            ("7B down, one row", 1, 18_944, 3584),
        ] {
            group.throughput(Throughput::Elements(2 * (rows * inputs * outputs) as u64));
            let mut work = bench::product(precision, rows, inputs, outputs, threads());
            group.bench_function(BenchmarkId::new(name, what), |b| b.iter(&mut work));
        }
    }
    group.finish();
}

/// Bytes a second are those of the cache that is read.
fn attentions(c: &mut Criterion) {
    let mut group = c.benchmark_group("attention");
    group.sample_size(20);
    let small = Heads {
        queries: 9,
        kv: 3,
        width: 64,
    };
    let large = Heads {
        queries: 28,
        kv: 4,
        width: 128,
    };
    for (precision, name) in PRECISIONS {
        let size = if name == "bf16" { 2 } else { 4 };
        for (what, rows, context, heads) in [
            ("135M, 256 rows x 256", 256, 256, small),
            ("135M, 64 rows x 2048", 64, 2048, small),
            ("7B, 16 rows x 2048", 16, 2048, large),
        ] {
            let bytes = rows * context * heads.kv * heads.width * 2 * size;
            group.throughput(Throughput::Bytes(bytes as u64));
            let mut work = bench::attention(precision, rows, context, heads, threads());
            group.bench_function(BenchmarkId::new(name, what), |b| b.iter(&mut work));
        }
    }
    group.finish();
}

/// Loops over one row or head at a time, on one thread.
fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("rows");
    for (precision, name) in PRECISIONS {
        group.throughput(Throughput::Elements(256 * 576));
        let mut work = bench::norm(precision, 256, 576);
        group.bench_function(BenchmarkId::new("norm 256 x 576", name), |b| b.iter(&mut work));
    }
    group.throughput(Throughput::Elements(256 * 12 * 64));
    let mut work = bench::rotation(256 * 12, 64);
    group.bench_function("rotation 3072 x 64", |b| b.iter(&mut work));
    for vocab in [49_152, 151_936] {
        group.throughput(Throughput::Elements(vocab as u64));
        let mut work = bench::exponentials(vocab);
        group.bench_function(BenchmarkId::new("exponentials", vocab), |b| b.iter(&mut work));
        for (what, temperature, top_p) in [
            ("greedy", 0.0, 1.0),
            ("T 1", 1.0, 1.0),
            ("T 0.6, top-p 0.95", 0.6, 0.95),
        ] {
            let params = SamplingParams {
                temperature,
                top_p,
                ..SamplingParams::default()
            };
            let mut work = bench::drawing(vocab, params);
            group.bench_function(BenchmarkId::new(format!("draw, {what}"), vocab), |b| {
                b.iter(&mut work);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, products, attentions, rows);
criterion_main!(benches);
