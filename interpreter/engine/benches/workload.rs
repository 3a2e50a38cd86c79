//! Workload W for one model: prompts x samples of exactly N new tokens, from texts to texts, or the scoring of
//! texts; prints one line of JSON. `benches/peers.py` runs it beside other programs.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Instant;

use rlx_engine::{
    DeviceChoice, LanguageModel, Message, Runtime, SampleOptions, SampleRequest, Sampler, SamplingParams,
    ScoreRequest, Tokenizer,
};

const USAGE: &str = "workload --model PATH --workload FILE.json [--precision bf16|fp32] [--runs 3] [--threads N] \
                     [--rows N] [--samples N] [--new N] [--context N] [--prompts N] [--top-p P] [--score]";

struct Options(Vec<String>);

impl Options {
    fn text(&self, name: &str) -> Option<&str> {
        let place = self.0.iter().position(|a| a == name)?;
        self.0.get(place + 1).map(String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)
            .map(|t| t.parse().unwrap_or_else(|_| panic!("{name} {t}: {USAGE}")))
    }
}

fn main() {
    let options = Options(std::env::args().collect());
    let (Some(path), Some(workload)) = (options.text("--model"), options.text("--workload")) else {
        // `cargo bench` runs this without arguments.
        eprintln!("{USAGE}");
        return;
    };
    let path = PathBuf::from(path);
    let precision = options.text("--precision").map(|p| p.parse().unwrap());
    let runtime = Runtime::detect(DeviceChoice::Cpu, precision).unwrap();
    let mut model = LanguageModel::open(&path, &runtime)
        .unwrap()
        .into_sampler()
        .unwrap();
    let tokenizer = Tokenizer::open(&path).unwrap();
    let workload: serde_json::Value = serde_json::from_slice(&std::fs::read(workload).unwrap()).unwrap();
    let runs = options.number("--runs").unwrap_or(3);
    let mut seconds = Vec::new();
    let mut processor = Vec::new();
    let mut tokens = 0;
    for _ in 0..runs {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        tokens = if options.0.iter().any(|a| a == "--score") {
            score_texts(&mut model)
        } else {
            draw(&mut model, &tokenizer, &workload, &options)
        };
        seconds.push(start.elapsed().as_secs_f64());
        processor.push(cpu_seconds() - cpu);
    }
    seconds.sort_by(f64::total_cmp);
    processor.sort_by(f64::total_cmp);
    let (wall, cpu) = (seconds[seconds.len() / 2], processor[processor.len() / 2]);
    println!(
        "RESULT {}",
        serde_json::json!({
            "program": "rlx",
            "precision": model.precision().to_string(),
            "tokens": tokens,
            "seconds": seconds,
            "tokens_per_second": tokens as f64 / wall,
            "cpu_seconds": cpu,
            "tokens_per_cpu_second": tokens as f64 / cpu,
            "peak_mib": peak_mib(),
        })
    );
}

/// Draws every sample of every prompt, from text to text; returns the number of new tokens.
fn draw(
    model: &mut Sampler,
    tokenizer: &Tokenizer,
    workload: &serde_json::Value,
    options: &Options,
) -> usize {
    let number = |name: &str, key: &str| options.number(name).unwrap_or(workload[key].as_u64().unwrap());
    let samples = number("--samples", "samples");
    let params = SamplingParams {
        temperature: workload["temperature"].as_f64().unwrap(),
        top_p: options
            .number("--top-p")
            .unwrap_or(workload["top_p"].as_f64().unwrap()),
        max_tokens: number("--new", "new_tokens") as usize,
        ..SamplingParams::default()
    };
    let texts = workload["prompts"].as_array().unwrap();
    let count = options.number("--prompts").unwrap_or(texts.len());
    let requests: Vec<SampleRequest> = (0..count)
        .map(|i| {
            let prompt = &texts[i % texts.len()];
            let message = Message {
                role: "user".to_owned(),
                content: prompt["question"].as_str().unwrap().to_owned(),
            };
            let text = tokenizer
                .render_chat(&[message], true, &serde_json::Map::new())
                .unwrap();
            let mut prompt = tokenizer.encode(&text, false).unwrap();
            if let Some(context) = options.number::<usize>("--context") {
                // Prompts are repeated to the length; the first token keeps those apart that were made of one text.
                prompt = prompt.iter().copied().cycle().take(context).collect();
                prompt[0] = i as u32;
            }
            SampleRequest {
                prompt,
                streams: (0..samples).map(|s| i as u64 * samples + s).collect(),
            }
        })
        .collect();
    let limits = SampleOptions {
        rows: options.number("--rows"),
        threads: options.number("--threads"),
        ..SampleOptions::default()
    };
    let (mut tokens, mut characters) = (0, 0);
    let mut row = |_, _, completion: rlx_engine::Completion| {
        tokens += completion.tokens.len();
        characters += tokenizer.decode(&completion.tokens, true).unwrap().len();
    };
    model
        .sample_each(&requests, &params, &limits, &mut row, &mut |_| true)
        .unwrap();
    assert!(characters > 0);
    tokens
}

/// Scores 256 texts of 256 tokens; returns the number of tokens read.
fn score_texts(model: &mut Sampler) -> usize {
    let vocab = model.config().vocab as u64;
    let pairs: Vec<ScoreRequest> = (0..256u64)
        .map(|i| ScoreRequest {
            prompt: vec![(i % vocab) as u32],
            response: (0..255u64)
                .map(|t| ((i * 7919 + t * 104_729) % vocab) as u32)
                .collect(),
        })
        .collect();
    model.score_each(&pairs, 1.0, false, None).unwrap().len() * 256
}

/// Seconds of processor time that this process has used, all threads together.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<f64>().ok())
        .sum();
    // Linux counts in hundredths of a second.
    ticks / 100.0
}

fn peak_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}
