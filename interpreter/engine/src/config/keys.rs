//! Typed access to the keys of a JSON object, with errors that name them.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{EngineError, error::FETCH_AGAIN};

/// A dimension above this is not a model's but a damaged file's.
const LARGEST: i64 = 1 << 28;

/// Typed access to a config.json whose errors name the key.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub(super) map: &'a Map<String, Value>,
    pub(super) path: &'a Path,
}

impl Keys<'_> {
    pub(super) fn wrong(&self, key: &str, value: &Value, want: &str) -> EngineError {
        EngineError::corrupt(
            self.path,
            format!("`{key}` is {value}, not {want}"),
            "correct the configuration",
        )
    }

    pub(super) fn optional_dimension(&self, key: &str) -> Result<Option<i64>, EngineError> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64() {
                Some(n) if (1..=LARGEST).contains(&n) => Ok(Some(n)),
                _ => Err(self.wrong(key, value, "a positive whole number of sensible size")),
            },
        }
    }

    pub(super) fn dimension(&self, key: &str) -> Result<i64, EngineError> {
        self.optional_dimension(key)?
            .ok_or_else(|| EngineError::corrupt(self.path, format!("`{key}` is missing"), FETCH_AGAIN))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, EngineError> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(value) => Err(self.wrong(key, value, "true or false")),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, EngineError> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                Some(x) if x > 0.0 => Ok(Some(x)),
                _ => Err(self.wrong(key, value, "a positive number")),
            },
        }
    }

    pub(super) fn object(&self, key: &str) -> Result<Option<&Map<String, Value>>, EngineError> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(value) => Err(self.wrong(key, value, "an object")),
        }
    }

    /// A list of whole numbers, none below zero.
    pub(super) fn numbers(&self, key: &str) -> Result<Option<Vec<i64>>, EngineError> {
        let Some(value) = self.map.get(key).filter(|v| !v.is_null()) else {
            return Ok(None);
        };
        let list = value.as_array().and_then(|list| {
            list.iter()
                .map(|v| v.as_i64().filter(|n| (0..=LARGEST).contains(n)))
                .collect::<Option<Vec<i64>>>()
        });
        list.map(Some)
            .ok_or_else(|| self.wrong(key, value, "a list of whole numbers"))
    }
}
