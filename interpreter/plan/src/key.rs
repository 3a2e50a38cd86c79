//! `Key`: the content hash of a step's meaning.
//!
//! Encoding, version 1: BLAKE3 over the bytes `rlx-key-1`, 0, the kind, 0 and the meaning as canonical JSON: object
//! members sorted by name, no white space, numbers in their shortest form that reads back to the same double
//! (a whole number without a point), text in UTF-8 with the escapes JSON demands. How a step is run (device,
//! batch, threads, precision) never enters.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Version of the encoding; part of every key.
pub const ENCODING: &str = "rlx-key-1";

/// 256-bit content hash, shown as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a step of `kind` with `meaning`.
    pub fn of(kind: &str, meaning: &Value) -> Key {
        let mut hasher = blake3::Hasher::new();
        hasher.update(ENCODING.as_bytes());
        hasher.update(&[0]);
        hasher.update(kind.as_bytes());
        hasher.update(&[0]);
        let mut text = String::new();
        canonical(meaning, &mut text);
        hasher.update(text.as_bytes());
        Key(*hasher.finalize().as_bytes())
    }

    /// 32 hexadecimal digits: the name of the step's folder in the store.
    pub fn folder(&self) -> String {
        self.to_string()[..32].to_owned()
    }

    /// 10 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..10].to_owned()
    }

    /// A 64-bit number derived from the key and the given parts, for random streams.
    pub fn stream(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut word = [0; 8];
        word.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_le_bytes(word)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.short())
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = blake3::Hash::from_hex(&text).map_err(serde::de::Error::custom)?;
        Ok(Key(*hash.as_bytes()))
    }
}

/// Appends `value` as canonical JSON.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            out.push('{');
            for (at, name) in names.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                canonical(&members[name], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        // 1.0 and 1 mean the same in rlx: the unit decides, not the way the number was written.
        Value::Number(number) => match number.as_f64() {
            Some(real) if number.is_f64() && real.fract() == 0.0 && real.abs() < 9e15 => {
                out.push_str(&(real as i64).to_string());
            }
            _ => out.push_str(&number.to_string()),
        },
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_of_members_and_form_of_numbers_do_not_matter() {
        let a = Key::of("sample", &json!({"temperature": 1.0, "top_p": 0.95}));
        let b = Key::of("sample", &json!({"top_p": 0.95, "temperature": 1}));
        assert_eq!(a, b);
    }

    #[test]
    fn kind_and_value_matter() {
        let meaning = json!({"a": 1});
        assert_ne!(Key::of("sample", &meaning), Key::of("score", &meaning));
        assert_ne!(Key::of("sample", &meaning), Key::of("sample", &json!({"a": 2})));
        assert_ne!(Key::of("sample", &json!("1")), Key::of("sample", &json!(1)));
    }

    #[test]
    fn the_encoding_is_fixed() {
        // Changing this value re-runs every study ever made: raise ENCODING's version instead.
        let key = Key::of("train", &json!({"b": [1, 0.5, null, true], "a": "x\n"}));
        assert_eq!(key.to_string().len(), 64);
        let mut text = String::new();
        canonical(&json!({"b": [1, 0.5, null, true], "a": "x\n"}), &mut text);
        assert_eq!(text, r#"{"a":"x\n","b":[1,0.5,null,true]}"#);
    }

    #[test]
    fn streams_differ_by_their_parts() {
        let key = Key::of("sample", &json!(1));
        assert_ne!(key.stream(&[b"ab", b"c"]), key.stream(&[b"a", b"bc"]));
        assert_eq!(key.stream(&[b"ab"]), key.stream(&[b"ab"]));
    }
}
