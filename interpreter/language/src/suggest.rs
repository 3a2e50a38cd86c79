//! "Did you mean …?"

/// The candidate that is most like `name`, if one is like it at all. Ties go to the earlier one.
pub(crate) fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let likeness = likeness(name, candidate);
        if likeness >= 0.75 && best.is_none_or(|(so_far, _)| likeness > so_far) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn likeness(a: &str, b: &str) -> f64 {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    let (a, b) = (plain(a), plain(b));
    if a.replace('_', "") == b.replace('_', "") {
        return 1.0;
    }
    let edits = strsim::normalized_damerau_levenshtein(&a, &b);
    // A name and its beginning (`temp` for `temperature`) are few letters apart in meaning, many in edits.
    let prefix = if a.len() >= 3 && (b.starts_with(&a) || a.starts_with(&b)) {
        0.8
    } else {
        0.0
    };
    strsim::jaro_winkler(&a, &b)
        .min(edits + 0.3)
        .max(edits)
        .max(prefix)
}

/// `did you mean \`top_p\`?`
pub(crate) fn did_you_mean<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    closest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// `a, b and c`, each in backquotes.
pub(crate) fn list<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near_or_absent() {
        let fields = ["temperature", "top_p", "top_k", "max_tokens"];
        assert_eq!(closest("topp", fields), Some("top_p"));
        assert_eq!(closest("top-p", fields), Some("top_p"));
        assert_eq!(closest("temp", fields), Some("temperature"));
        assert_eq!(closest("max_token", fields), Some("max_tokens"));
        assert_eq!(closest("temprature", fields), Some("temperature"));
        assert_eq!(closest("seed", fields), None);
        assert_eq!(closest("roll_outs", ["rollouts", "batch"]), Some("rollouts"));
    }
}
