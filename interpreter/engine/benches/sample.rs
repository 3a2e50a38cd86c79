//! How fast rows are drawn: the embedded model's size, 256 rows, and the sampling filter on a real vocabulary.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rlx_engine::{
    Config, DeviceChoice, Init, LanguageModel, Precision, Runtime, SampleRequest, SamplingParams,
    filtered_distribution, sample,
};

const TINY: &str = r#"{
    "architectures": ["Qwen2ForCausalLM"], "vocab_size": 24, "hidden_size": 128, "num_hidden_layers": 5,
    "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 384, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "tie_word_embeddings": true, "max_position_embeddings": 128
}"#;

fn drawing(c: &mut Criterion) {
    let runtime = Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32)).expect("a CPU");
    let config = Config::from_json(TINY).expect("a valid configuration");
    let model = LanguageModel::init(config, &Init::default(), 1, &runtime).expect("fresh weights");
    let mut group = c.benchmark_group("sample");
    group.sample_size(10);
    for rows in [256u64, 1024] {
        let tokens = 40;
        let requests: Vec<SampleRequest> = (0..rows / 8)
            .map(|i| SampleRequest {
                prompt: (0..13).map(|t| ((t * 7 + i) % 24) as u32).collect(),
                streams: (8 * i..8 * i + 8).collect(),
            })
            .collect();
        let params = SamplingParams {
            temperature: 1.0,
            top_p: 0.95,
            top_k: None,
            max_tokens: tokens,
            stop_ids: vec![],
            ..SamplingParams::default()
        };
        group.throughput(Throughput::Elements(rows * tokens as u64));
        group.bench_function(format!("1M parameters, {rows} rows x {tokens}"), |b| {
            b.iter(|| sample(&model, &requests, &params, &mut |_| true).expect("rows"));
        });
    }
    group.finish();
}

fn filter(c: &mut Criterion) {
    let logits: Vec<f32> = (0..49_152)
        .map(|i| 6.0 * (i as f32 * 0.37).sin() + 4.0 * (i as f32 * 0.011).cos())
        .collect();
    for (temperature, top_p) in [(0.6, 0.95), (1.0, 1.0)] {
        let params = SamplingParams {
            temperature,
            top_p,
            top_k: None,
            max_tokens: 1,
            stop_ids: vec![],
            ..SamplingParams::default()
        };
        c.bench_function(
            &format!("filter 49152 tokens, T {temperature}, top_p {top_p}"),
            |b| {
                b.iter(|| filtered_distribution(black_box(&logits), &params).expect("a distribution"));
            },
        );
    }
}

criterion_group!(benches, drawing, filter);
criterion_main!(benches);
