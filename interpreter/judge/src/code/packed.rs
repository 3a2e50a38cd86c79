//! Tests as LiveCodeBench packs its private ones: JSON, pickled as one text, compressed by zlib, in base64.

use super::task::TestsError;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use std::io::Read;

/// More than any problem of LiveCodeBench has; a packed text may claim anything.
const MOST_BYTES: u64 = 1 << 30;

/// The list of tests in a packed text.
///
/// Of pickle only what one text needs is read: protocol, frame, text, memo, stop. Nothing of it is ever executed.
///
/// # Errors
/// [`TestsError::Packed`] where a layer is not what it should be.
pub fn unpack(packed: &str) -> Result<serde_json::Value, TestsError> {
    let fault = |why: String| TestsError::Packed { why };
    let bytes = STANDARD
        .decode(packed.trim())
        .map_err(|error| fault(format!("base64: {error}")))?;
    let mut pickle = Vec::new();
    ZlibDecoder::new(bytes.as_slice())
        .take(MOST_BYTES)
        .read_to_end(&mut pickle)
        .map_err(|error| fault(format!("zlib: {error}")))?;
    let text = text(&pickle).ok_or_else(|| fault("the pickle is not one text".to_owned()))?;
    serde_json::from_str(text).map_err(|error| fault(format!("JSON: {error}")))
}

/// The text that a pickle of one text holds: <https://github.com/python/cpython/blob/3.12/Lib/pickletools.py>.
fn text(pickle: &[u8]) -> Option<&str> {
    let mut rest = pickle;
    let mut found = None;
    loop {
        let (code, after) = rest.split_first()?;
        let (length, after) = match code {
            // PROTO, with its number.
            0x80 => (None, after.get(1..)?),
            // FRAME, with its length.
            0x95 => (None, after.get(8..)?),
            // MEMOIZE, BINPUT, LONG_BINPUT.
            0x94 => (None, after),
            b'q' => (None, after.get(1..)?),
            b'r' => (None, after.get(4..)?),
            // STOP
            b'.' => return found,
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8: little-endian length, UTF-8.
            0x8c => (Some(u64::from(*after.first()?)), after.get(1..)?),
            b'X' => (
                Some(u64::from(u32::from_le_bytes(after.get(..4)?.try_into().ok()?))),
                after.get(4..)?,
            ),
            0x8d => (
                Some(u64::from_le_bytes(after.get(..8)?.try_into().ok()?)),
                after.get(8..)?,
            ),
            _ => return None,
        };
        rest = after;
        if let Some(length) = length {
            let length = usize::try_from(length).ok()?;
            found = Some(std::str::from_utf8(rest.get(..length)?).ok()?);
            rest = rest.get(length..)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_packs_and_this_unpacks() {
        // base64.b64encode(zlib.compress(pickle.dumps(json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}]))))
        let packed = "eJxrYJlqwwABPRbR1UqZeQWlJUpWCkqGMXlKOgpK+aUlUAEjiEBJanFJSWVBKkiouCQlM0+pNnaKHgCVCRRG";
        let tests = unpack(packed).unwrap();
        assert_eq!(tests[0]["output"], "2\n");
        assert_eq!(tests.as_array().unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_pickle_of_a_text_is_refused() {
        for wrong in ["", "!", "AAAA", "eJwDAAAAAAE="] {
            assert!(matches!(unpack(wrong), Err(TestsError::Packed { .. })), "{wrong}");
        }
        // os.system by REDUCE: an opcode that is not read.
        assert_eq!(text(b"\x80\x04cposix\nsystem\n."), None);
        assert_eq!(text(b"\x80\x04X\xff\xff\xff\xffab."), None);
        assert_eq!(text(b"\x80\x02X\x02\x00\x00\x00abq\x00."), Some("ab"));
    }
}
