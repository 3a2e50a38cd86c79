//! Where the paper's grader looks for an answer.

/// The raw answer and the rule that found it.
pub(super) fn answer(text: &str) -> (String, &'static str) {
    let text = text.replace("ки", "");
    let (found, rule) = raw(&text);
    let mut joined = String::with_capacity(found.len());
    for (at, line) in found.split('\n').enumerate() {
        joined.push_str(if at == 0 { line } else { line.trim_start() });
    }
    let mut answer = joined.as_str();
    answer = answer.strip_prefix(':').unwrap_or(answer);
    answer = answer.strip_suffix('.').unwrap_or(answer);
    answer = answer.strip_suffix('/').unwrap_or(answer);
    (answer.to_owned(), rule)
}

fn raw(text: &str) -> (String, &'static str) {
    if let Some((_, after)) = text.split_once("final answer is $")
        && text.contains("$. I hope")
    {
        let body = after.split("$. I hope").next().unwrap_or_default();
        return (body.trim().to_owned(), "final_answer");
    }
    if let Some((_, after)) = text.rsplit_once("boxed") {
        return (boxed(after), "boxed");
    }
    for phrase in ["he answer is", "final answer is"] {
        if let Some((_, after)) = text.rsplit_once(phrase) {
            return (after.trim().to_owned(), "answer_phrase");
        }
    }
    if let Some((_, after)) = text.split_once("答案是") {
        let after = after.split("答案是").next().unwrap_or_default().trim();
        let first = after.split("\n\n").next().unwrap_or_default();
        return (first.trim().to_owned(), "answer_phrase");
    }
    (last_number(&text.replace(',', "")), "last_number")
}

/// To the brace that closes, or to the end; without a brace up to a dollar sign.
fn boxed(after: &str) -> String {
    let Some(body) = after.strip_prefix('{') else {
        return after.split('$').next().unwrap_or_default().trim().to_owned();
    };
    let mut depth = 1usize;
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return body.get(..at).unwrap_or_default().to_owned();
                }
            }
            _ => {}
        }
    }
    body.to_owned()
}

/// The last match of an optional minus, digits, an optional point, digits.
fn last_number(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut last = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut end = at + usize::from(bytes.get(at) == Some(&b'-'));
        while digit(end) {
            end += 1;
        }
        if bytes.get(end) == Some(&b'.') && digit(end + 1) {
            end += 1;
            while digit(end) {
                end += 1;
            }
        }
        if end > at && digit(end - 1) {
            last = text.get(at..end).unwrap_or_default().to_owned();
            at = end;
        } else {
            at += 1;
        }
    }
    last
}
