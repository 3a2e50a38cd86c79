//! The countdown tokenizer of the quickstart: loads with the `tokenizers` crate and keeps every example exactly.

use rlx_data::{Countdown, CountdownOptions};
use std::path::Path;
use tokenizers::Tokenizer;

fn tokenizer() -> Tokenizer {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/quickstart/tokenizer/tokenizer.json");
    Tokenizer::from_file(path).expect("tokenizer.json loads")
}

#[test]
fn has_24_tokens_and_words_are_one_token_each() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.get_vocab_size(true), 24);
    assert_eq!(tokenizer.token_to_id("<pad>"), Some(0));
    assert_eq!(tokenizer.token_to_id("<eos>"), Some(1));
    let tokens = |text: &str| {
        tokenizer
            .encode(text, true)
            .expect("encodes")
            .get_tokens()
            .to_vec()
    };
    assert_eq!(
        tokens("Use 5 20 15 to make 12\n"),
        [
            "Use ",
            "5",
            " ",
            "2",
            "0",
            " ",
            "1",
            "5",
            " to make ",
            "1",
            "2",
            "\n"
        ]
    );
    assert_eq!(
        tokens("20/5=4 left 15 4\n15-4=11 no<eos>"),
        [
            "2", "0", "/", "5", "=", "4", " left ", "1", "5", " ", "4", "\n", "1", "5", "-", "4", "=", "1",
            "1", " no", "<eos>"
        ]
    );
}

#[test]
fn every_example_survives_the_round_trip() {
    let tokenizer = tokenizer();
    let task = Countdown::new(CountdownOptions::default(), 1);
    let (mut longest_prompt, mut longest_response) = (0, 0);
    for index in 0..500 {
        let example = task.example(index);
        let prompt = format!("{}\n", example.puzzle);
        longest_prompt = longest_prompt.max(tokenizer.encode(prompt.as_str(), true).expect("encodes").len());
        longest_response = longest_response.max(
            tokenizer
                .encode(example.response.as_str(), true)
                .expect("encodes")
                .len(),
        );
        let text = format!("{prompt}{}", example.response);
        let ids = tokenizer
            .encode(text.as_str(), true)
            .expect("encodes")
            .get_ids()
            .to_vec();
        assert_eq!(tokenizer.decode(&ids, false).expect("decodes"), text);
        // Prompt and response meet between two tokens, so encoding them apart changes nothing.
        let apart: Vec<u32> = [prompt.as_str(), example.response.as_str()]
            .iter()
            .flat_map(|part| tokenizer.encode(*part, true).expect("encodes").get_ids().to_vec())
            .collect();
        assert_eq!(apart, ids);
    }
    assert!(
        longest_prompt <= 17 && longest_response < 48,
        "{longest_prompt} {longest_response}"
    );
}

#[test]
fn text_outside_the_vocabulary_is_refused() {
    assert!(tokenizer().encode("Use x to make 3", true).is_err());
}
