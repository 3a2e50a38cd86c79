//! Reading and laying out a study of 10,000 lines.

mod generated;

use criterion::{Criterion, criterion_group, criterion_main};
use generated::study;

fn benchmark(criterion: &mut Criterion) {
    let text = study(10_000);
    let mut group = criterion.benchmark_group("10,000 lines");
    group.sample_size(10);
    group.throughput(criterion::Throughput::Bytes(text.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| rlx_grammar::parse(std::hint::black_box(&text)))
    });
    group.bench_function("format", |bencher| {
        bencher.iter(|| rlx_grammar::format(std::hint::black_box(&text)))
    });
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
