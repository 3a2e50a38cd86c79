//! Any text is a configuration or refused, and one that is read is written so that it can be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rlx_engine::Config;

fuzz_target!(|text: &str| {
    if let Ok(config) = Config::from_json(text) {
        assert!(config.parameters() > 0 && config.context() > 0);
        assert!(Config::from_json(&config.to_json()).is_ok());
    }
});
