//! Checking and planning: the quickstart, and a study of 10,000 lines.

#[path = "../../../grammar/benches/generated/mod.rs"]
mod generated;

use criterion::{Criterion, criterion_group, criterion_main};
use rlx_language::{Memory, Options, elaborate};
use rlx_plan::{Surroundings, build};
use std::hint::black_box;

/// What the generated declarations speak of.
const GROUND: &str = "
param n = 64 samples
model base { source = \"./base\" }
data puzzles { source = countdown { seed = 1 }, prompt = \"{problem}\", judge = countdown }
benchmark held_out { source = countdown { seed = 2 }, size = 64 problems, prompt = \"{problem}\", judge = countdown }
";

fn benchmark(criterion: &mut Criterion) {
    let quickstart = include_str!("../../../experiments/quickstart.rlx").to_owned();
    let large = generated::study(10_000) + GROUND;
    for (name, text) in [("quickstart", quickstart), ("10,000 lines", large)] {
        let sources = Memory([("study.rlx".to_owned(), text)].into());
        let check = || elaborate(black_box(&sources), "study.rlx", &Options::default());
        let study = match check() {
            Ok((study, _)) => study,
            Err(errors) => panic!("{name}: {errors:?}"),
        };
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        group.bench_function("check", |bencher| bencher.iter(check));
        group.bench_function("plan", |bencher| {
            bencher.iter(|| build(black_box(&study), &Surroundings::default()))
        });
        group.finish();
    }
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
