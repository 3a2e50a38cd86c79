//! Chat templates: Jinja as transformers sets it up.

use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::EngineError;

/// Instructions that a template may take: far above any conversation's, and over within seconds.
const FUEL: u64 = 20_000_000;

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, …
    pub role: String,
    /// The text.
    pub content: String,
}

impl Message {
    /// A message of the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self {
            role: "user".to_owned(),
            content: content.into(),
        }
    }
}

/// A template's source and the special tokens that it may name.
pub(crate) struct ChatTemplate {
    source: String,
    tokens: Vec<(String, String)>,
}

impl ChatTemplate {
    pub(crate) fn new(source: String, tokens: Vec<(String, String)>) -> Self {
        Self {
            source: open_generation_tags(&source),
            tokens,
        }
    }

    pub(crate) fn render(
        &self,
        messages: &Value,
        add_generation_prompt: bool,
        kwargs: &Map<String, Value>,
    ) -> Result<String, EngineError> {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |what: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, what))
        });
        environment.add_function("strftime_now", |format: String| strftime(&format, now()));
        environment.add_filter("tojson", to_json);
        let mut variables = Map::new();
        variables.insert("messages".to_owned(), messages.clone());
        variables.insert(
            "add_generation_prompt".to_owned(),
            Value::Bool(add_generation_prompt),
        );
        variables.insert("tools".to_owned(), Value::Null);
        variables.insert("documents".to_owned(), Value::Null);
        for (key, token) in &self.tokens {
            variables.insert(key.clone(), Value::String(token.clone()));
        }
        for (key, value) in kwargs {
            variables.insert(key.clone(), value.clone());
        }
        environment
            .render_str(&self.source, Value::Object(variables))
            .map_err(|e| refused(&format!("{e:#}")))
    }
}

fn refused(what: &str) -> EngineError {
    EngineError::ChatTemplate {
        what: what.to_owned(),
        mend: "check the roles and order of the messages, or use a plain prompt".to_owned(),
    }
}

/// `{% generation %}` marks the assistant's tokens for training masks in transformers; for rendering it is
/// a block that is always there.
fn open_generation_tags(source: &str) -> String {
    let mut text = source.to_owned();
    for (open, close) in [("{%", "%}"), ("{%-", "-%}"), ("{%-", "%}"), ("{%", "-%}")] {
        text = text.replace(
            &format!("{open} generation {close}"),
            &format!("{open} if true {close}"),
        );
        text = text.replace(
            &format!("{open} endgeneration {close}"),
            &format!("{open} endif {close}"),
        );
    }
    text
}

/// Python's `json.dumps(value, ensure_ascii=False, indent=…)`, which is what transformers' `tojson` is.
fn to_json(value: minijinja::Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    // Accepted as transformers does; this writer never escapes and keeps the order of keys.
    let _: Option<bool> = kwargs.get("ensure_ascii")?;
    kwargs.assert_all_used()?;
    let value = serde_json::to_value(value)
        .map_err(|e| Error::new(ErrorKind::InvalidOperation, format!("tojson: {e}")))?;
    let mut text = String::new();
    write_json(&value, indent, 0, &mut text);
    Ok(text)
}

fn write_json(value: &Value, indent: Option<usize>, depth: usize, out: &mut String) {
    let separate = |out: &mut String, first: bool, depth: usize| {
        match (first, indent) {
            (true, None) => {}
            (false, None) => out.push_str(", "),
            (true, Some(width)) => {
                out.extend(std::iter::once('\n').chain(std::iter::repeat_n(' ', width * depth)))
            }
            (false, Some(width)) => out.extend(",\n".chars().chain(std::iter::repeat_n(' ', width * depth))),
        };
    };
    let finish = |out: &mut String| {
        if let Some(width) = indent {
            out.extend(std::iter::once('\n').chain(std::iter::repeat_n(' ', width * depth)));
        }
    };
    match value {
        Value::Array(list) if !list.is_empty() => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                separate(out, i == 0, depth + 1);
                write_json(item, indent, depth + 1, out);
            }
            finish(out);
            out.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            out.push('{');
            for (i, (key, item)) in map.iter().enumerate() {
                separate(out, i == 0, depth + 1);
                out.push_str(&Value::String(key.clone()).to_string());
                out.push_str(": ");
                write_json(item, indent, depth + 1, out);
            }
            finish(out);
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// Seconds since 1970, UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "templates may ask for the date by `strftime_now`"
)]
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0))
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

/// The directives of C's strftime that chat templates use, in UTC.
fn strftime(format: &str, seconds: i64) -> Result<String, Error> {
    let days = seconds.div_euclid(86_400);
    let (year, month, day) = civil(days);
    let within = seconds.rem_euclid(86_400);
    let weekday = DAYS.get(days.rem_euclid(7) as usize).copied().unwrap_or_default();
    let month_name = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
    let short = |name: &str| name.chars().take(3).collect::<String>();
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('Y') => out.push_str(&year.to_string()),
            Some('y') => out.push_str(&format!("{:02}", year.rem_euclid(100))),
            Some('m') => out.push_str(&format!("{month:02}")),
            Some('d') => out.push_str(&format!("{day:02}")),
            Some('B') => out.push_str(month_name),
            Some('b') => out.push_str(&short(month_name)),
            Some('A') => out.push_str(weekday),
            Some('a') => out.push_str(&short(weekday)),
            Some('H') => out.push_str(&format!("{:02}", within / 3600)),
            Some('M') => out.push_str(&format!("{:02}", within / 60 % 60)),
            Some('S') => out.push_str(&format!("{:02}", within % 60)),
            Some('%') => out.push('%'),
            other => {
                let other = other.map(String::from).unwrap_or_default();
                let what = format!("strftime_now: the directive %{other} is not known");
                return Err(Error::new(ErrorKind::InvalidOperation, what));
            }
        }
    }
    Ok(out)
}

/// Year, month and day of a day since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // 2024-02-29 was a Thursday; 1709210096 s is 12:34:56 UTC of that day.
        let text = strftime("%A %d %b %Y %H:%M:%S %y %B %a %m %%", 1_709_210_096).unwrap();
        assert_eq!(text, "Thursday 29 Feb 2024 12:34:56 24 February Thu 02 %");
        assert!(strftime("%Q", 0).is_err());
    }

    #[test]
    fn json_is_written_as_python_writes_it() {
        let template = ChatTemplate::new(
            "{{ x | tojson }}|{{ x | tojson(indent=2) }}".to_owned(),
            Vec::new(),
        );
        let kwargs = json!({"x": {"b": [1, "é<"], "a": {}}});
        let text = template
            .render(&json!([]), false, kwargs.as_object().unwrap())
            .unwrap();
        assert_eq!(
            text,
            "{\"b\": [1, \"é<\"], \"a\": {}}|{\n  \"b\": [\n    1,\n    \"é<\"\n  ],\n  \"a\": {}\n}"
        );
    }

    #[test]
    fn a_template_that_raises_is_an_error_with_its_words() {
        let template = ChatTemplate::new(
            "{{ raise_exception('roles must alternate') }}".to_owned(),
            Vec::new(),
        );
        let error = template.render(&json!([]), false, &Map::new()).unwrap_err();
        assert!(error.to_string().contains("roles must alternate"), "{error}");
    }

    #[test]
    fn generation_blocks_render_their_content() {
        let source = "{%- generation -%} hi {%- endgeneration %}!";
        let template = ChatTemplate::new(source.to_owned(), Vec::new());
        assert_eq!(template.render(&json!([]), false, &Map::new()).unwrap(), "hi!");
    }
}
