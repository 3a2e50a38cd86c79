//! Any bytes as a picture.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rlx_engine::ImageProcessor;

fuzz_target!(|bytes: &[u8]| {
    let place = Path::new("fuzz");
    if let Ok(processor) = ImageProcessor::from_json("{}", place) {
        let _ = processor.decode(bytes, place);
    }
});
