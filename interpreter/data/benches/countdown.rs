//! Countdown generation: one example, demonstration included.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rlx_data::{Countdown, CountdownOptions};
use std::hint::black_box;

fn generation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("countdown");
    group.throughput(Throughput::Elements(1));
    let cases: [(&str, &[(&str, f64)]); 3] = [
        ("mixture", &[]),
        ("three", &[("numbers", 3.0)]),
        ("four", &[("numbers", 4.0)]),
    ];
    for (name, options) in cases {
        let Ok(options) = CountdownOptions::parse(options.iter().copied()) else {
            continue;
        };
        let task = Countdown::new(options, 0);
        let mut index = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                index += 1;
                black_box(task.example(index))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, generation);
criterion_main!(benches);
