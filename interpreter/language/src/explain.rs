//! What `rlx explain FILE path` shows.

use crate::study::{Leaf, Study};

/// The value at a dotted path (`rl.batch`), or all values below it (`rl`), in the order of reading. Of a family
/// `rl.batch` stands for all members, `rl[grpo].batch` and `rl[*, 150].batch` for some.
pub fn explain<'s>(study: &'s Study, path: &str) -> Vec<(&'s str, &'s Leaf)> {
    let (wanted, chosen) = plain(path);
    let below = format!("{wanted}.");
    study
        .origins
        .iter()
        .filter(|(name, _)| {
            let (name, labels) = plain(name);
            (name == wanted || name.starts_with(&below)) && fits(&labels, &chosen)
        })
        .map(|(name, leaf)| (name.as_str(), leaf))
        .collect()
}

/// A path without the brackets of members, and what stands in them.
fn plain(path: &str) -> (String, Vec<&str>) {
    let Some((head, rest)) = path.split_once('[') else {
        return (path.to_owned(), Vec::new());
    };
    let (labels, tail) = rest.split_once(']').unwrap_or((rest, ""));
    (
        format!("{head}{tail}"),
        labels.split(',').map(str::trim).collect(),
    )
}

fn fits(labels: &[&str], chosen: &[&str]) -> bool {
    chosen.len() <= labels.len().max(1)
        && chosen
            .iter()
            .enumerate()
            .all(|(at, chosen)| *chosen == "*" || labels.get(at) == Some(chosen))
}
