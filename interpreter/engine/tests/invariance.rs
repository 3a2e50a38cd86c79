//! A row is the same bits whatever company, order, number of threads and memory it is drawn with, and however often
//! the drawing is interrupted; and scoring gives the log-probs that drawing gave.
#![allow(clippy::unwrap_used)]

use rlx_engine::{
    Completion, Config, DeviceChoice, Finish, Init, LanguageModel, Precision, Runtime, SampleOptions,
    SampleRequest, SamplingParams, ScoreRequest, sample_each, score,
};

fn model(precision: Precision, shape: &str) -> LanguageModel {
    let text = format!(
        r#"{{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 53, "rope_theta": 10000, {shape},
            "max_position_embeddings": 512, "tie_word_embeddings": true}}"#
    );
    let config = Config::from_json(&text).unwrap();
    let init = Init {
        std: 0.25,
        embedding_std: 1.0,
        scale_residual: false,
    };
    let runtime = Runtime::detect(DeviceChoice::Cpu, Some(precision)).unwrap();
    LanguageModel::init(config, &init, 7, &runtime).unwrap()
}

const SMALL: &str = r#""hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 2,
    "intermediate_size": 72, "head_dim": 16"#;

/// 50 prompts of 3 to 90 tokens, half of which begin alike, with 20 rows each.
fn requests() -> Vec<SampleRequest> {
    (0..50u64)
        .map(|i| {
            let length = 3 + (i * 37 % 88);
            let common = i % 2 == 0;
            SampleRequest {
                prompt: (0..length)
                    .map(|t| ((t * t + if common && t < 40 { 5 } else { i * 11 }) % 53) as u32)
                    .collect(),
                streams: (i * 20..i * 20 + 20).collect(),
            }
        })
        .collect()
}

fn params() -> SamplingParams {
    SamplingParams {
        temperature: 0.8,
        top_p: 0.95,
        max_tokens: 40,
        // Drawn now and then, so that rows end at many different lengths.
        stop_ids: vec![1, 2],
        ..SamplingParams::default()
    }
}

/// Draws `requests` in the given order; the result is in theirs.
fn draw(
    model: &LanguageModel,
    requests: &[SampleRequest],
    order: &[usize],
    options: &SampleOptions<'_>,
) -> Vec<Vec<Option<Completion>>> {
    let shuffled: Vec<SampleRequest> = order.iter().map(|&i| requests[i].clone()).collect();
    let mut all: Vec<Vec<Option<Completion>>> =
        requests.iter().map(|r| vec![None; r.streams.len()]).collect();
    let mut row = |request: usize, sample: usize, completion| {
        let place = &mut all[order[request]][sample];
        assert!(place.is_none(), "a row came twice");
        *place = Some(completion);
    };
    sample_each(model, &shuffled, &params(), options, &mut row, &mut |_| true).unwrap();
    all
}

fn options(rows: usize, threads: usize, cache_bytes: usize) -> SampleOptions<'static> {
    SampleOptions {
        rows: Some(rows),
        threads: Some(threads),
        cache_bytes: Some(cache_bytes),
        stop: None,
    }
}

#[test]
fn a_thousand_rows_are_the_same_bits_under_every_setting() {
    for precision in [Precision::Fp32, Precision::Bf16] {
        let model = model(precision, SMALL);
        let requests = requests();
        let forward: Vec<usize> = (0..requests.len()).collect();
        let backward: Vec<usize> = (0..requests.len()).rev().collect();
        let plenty = 64 << 20;
        let first = draw(&model, &requests, &forward, &options(64, 1, plenty));
        assert_eq!(first.iter().flatten().flatten().count(), 1000);
        let ends: Vec<Finish> = first.iter().flatten().flatten().map(|c| c.finish).collect();
        assert!(ends.contains(&Finish::Stop) && ends.contains(&Finish::Length));
        let same = |other: &[Vec<Option<Completion>>], what: &str| {
            let differ = first
                .iter()
                .flatten()
                .zip(other.iter().flatten())
                .filter(|(a, b)| a != b)
                .count();
            assert_eq!(
                differ, 0,
                "{differ} of 1000 rows differ with {what} in {precision}"
            );
        };
        same(
            &draw(&model, &requests, &forward, &options(7, 1, plenty)),
            "7 rows at once",
        );
        same(
            &draw(&model, &requests, &forward, &options(400, 1, plenty)),
            "400 rows at once",
        );
        same(
            &draw(&model, &requests, &backward, &options(64, 1, plenty)),
            "the order turned round",
        );
        same(
            &draw(&model, &requests, &forward, &options(64, 3, plenty)),
            "three threads",
        );
        // Ten pages or so: rows have to leave and to come back all the time.
        let page = 16 * 2 * 2 * 2 * 16 * 4;
        same(
            &draw(&model, &requests, &forward, &options(64, 2, 12 * page)),
            "hardly any cache",
        );
        // Interrupted: some rows in one call, the others of the same prompts in another.
        let part = |from: usize, to: usize| -> Vec<SampleRequest> {
            requests
                .iter()
                .map(|r| SampleRequest {
                    prompt: r.prompt.clone(),
                    streams: r.streams[from..to].to_vec(),
                })
                .collect()
        };
        let mut parts = draw(&model, &part(0, 9), &forward, &options(64, 1, plenty));
        for (all, rest) in parts
            .iter_mut()
            .zip(draw(&model, &part(9, 20), &forward, &options(64, 2, plenty)))
        {
            all.extend(rest);
        }
        same(&parts, "an interruption");

        // Scoring reads the rows in one piece and finds the bits that drawing found.
        let pairs: Vec<ScoreRequest> = requests
            .iter()
            .zip(&first)
            .flat_map(|(request, rows)| {
                rows.iter().flatten().take(4).map(|row| ScoreRequest {
                    prompt: request.prompt.clone(),
                    response: row.tokens.clone(),
                })
            })
            .collect();
        let scores = score(&model, &pairs, 0.8).unwrap();
        let drawn = first.iter().flat_map(|rows| rows.iter().flatten().take(4));
        for (scores, row) in scores.iter().zip(drawn) {
            assert_eq!(scores, &row.logprobs);
        }

        // Weights that are packed once and given away draw and score the same, call after call.
        let mut sampler = model.into_sampler().unwrap();
        for threads in [1, 2] {
            let mut all: Vec<Vec<Option<Completion>>> =
                requests.iter().map(|r| vec![None; r.streams.len()]).collect();
            let mut row = |request: usize, sample: usize, completion| all[request][sample] = Some(completion);
            let options = options(100, threads, plenty);
            sampler
                .sample_each(&requests, &params(), &options, &mut row, &mut |_| true)
                .unwrap();
            same(&all, "weights packed once");
        }
        for (score, before) in sampler
            .score_each(&pairs, 0.8, true, None)
            .unwrap()
            .iter()
            .zip(&scores)
        {
            assert_eq!(&score.logprobs, before);
        }
    }
}

#[test]
fn a_cache_too_small_for_one_row_is_an_error() {
    let model = model(Precision::Fp32, SMALL);
    let mut row = |_, _, _| {};
    let error = sample_each(
        &model,
        &requests(),
        &params(),
        &options(8, 1, 1),
        &mut row,
        &mut |_| true,
    )
    .unwrap_err();
    assert!(error.to_string().contains("KV cache"), "{error}");
}

/// Resident memory in KiB, where the system tells.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn memory_stays_flat_over_a_hundred_thousand_responses() {
    let shape = r#""hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
        "intermediate_size": 8, "head_dim": 4"#;
    let model = model(Precision::Fp32, shape);
    let requests: Vec<SampleRequest> = (0..1000u64)
        .map(|i| SampleRequest {
            prompt: (0..4).map(|t| ((i >> (4 * t)) % 16) as u32).collect(),
            streams: (i * 100..i * 100 + 100).collect(),
        })
        .collect();
    let params = SamplingParams {
        max_tokens: 3,
        ..params()
    };
    let mut count = 0;
    let mut early = None;
    let mut row = |_, _, _| {
        count += 1;
        if count == 20_000 {
            early = resident();
        }
    };
    sample_each(
        &model,
        &requests,
        &params,
        &options(128, 1, 1 << 20),
        &mut row,
        &mut |_| true,
    )
    .unwrap();
    assert_eq!(count, 100_000);
    if let (Some(early), Some(late)) = (early, resident()) {
        // Rows that were handed over and still lay somewhere would be 80,000 times two vectors of at least 48 bytes
        // with their headers: over 10 MiB.
        assert!(late < early + 6 * 1024, "from {early} to {late} KiB");
    }
}
