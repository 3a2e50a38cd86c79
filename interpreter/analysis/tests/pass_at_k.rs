//! pass@k against reference vectors and its own laws.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rlx_analysis::{PassAtKError, pass_at_k, pass_curve};
use serde_json::Value;

/// Values are right to a few units in the last place; a mean of at most some thousand of them loses no more.
const TOLERANCE: f64 = 4.0 * f64::EPSILON;

fn metrics() -> PathBuf {
    match std::env::var_os("RLX_REFERENCE") {
        Some(folder) => Path::new(&folder).join("metrics"),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/metrics"),
    }
}

/// Every pass@k fixture in the folder, whatever its name.
fn fixtures() -> Vec<(PathBuf, Value)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(metrics())
        .unwrap_or_else(|error| panic!("{}: {error}", metrics().display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let fixture: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        (path, fixture)
    };
    let of_pass = |(_, fixture): &(PathBuf, Value)| fixture["cases"][0]["one_minus"].is_number();
    paths.into_iter().map(read).filter(of_pass).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not a count"))
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= TOLERANCE * expected.abs()
}

#[test]
fn reference_pass_at_k_values() {
    let fixtures = fixtures();
    assert!(!fixtures.is_empty(), "no fixture in {}", metrics().display());
    for (path, fixture) in fixtures {
        for case in list(&fixture["cases"]) {
            let (n, c, k) = (count(&case["n"]), count(&case["c"]), count(&case["k"]));
            let (value, one_minus) = (
                case["value"].as_f64().unwrap(),
                case["one_minus"].as_f64().unwrap(),
            );
            for found in [pass_at_k(n, c, k).unwrap(), pass_curve(n, c, &[k]).unwrap()[0]] {
                let context = format!("{}: {case}: {found:?}", path.display());
                assert!(close(found.value, value), "{context}");
                assert!(close(found.one_minus, one_minus), "{context}");
            }
        }
    }
}

#[test]
fn reference_pass_at_k_datasets() {
    for (path, fixture) in fixtures() {
        for dataset in list(&fixture["datasets"]) {
            let ks: Vec<u64> = list(&dataset["k"]).iter().map(count).collect();
            let problems: Vec<(u64, u64)> = list(&dataset["problems"])
                .iter()
                .map(|pair| (count(&pair[0]), count(&pair[1])))
                .collect();
            let mut means = vec![0.0; ks.len()];
            for &(n, c) in &problems {
                let curve = pass_curve(n, c, &ks).unwrap();
                means
                    .iter_mut()
                    .zip(curve)
                    .for_each(|(mean, point)| *mean += point.value / problems.len() as f64);
            }
            for ((k, mean), expected) in ks.iter().zip(means).zip(list(&dataset["value"])) {
                let expected = expected.as_f64().unwrap();
                // Plain addition of `problems` terms.
                let floor = problems.len() as f64 * f64::EPSILON;
                assert!(
                    (mean - expected).abs() <= floor,
                    "{}: k = {k}: {mean} for {expected}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn reference_pass_at_k_invalid() {
    for (path, fixture) in fixtures() {
        for case in list(&fixture["invalid"]) {
            let counts =
                ["n", "c", "k"].map(|name| case[name].as_i64().and_then(|count| u64::try_from(count).ok()));
            // A negative count has no place in the types; everything else is refused by the function.
            if let [Some(n), Some(c), Some(k)] = counts {
                assert!(pass_at_k(n, c, k).is_err(), "{}: {case}", path.display());
                assert!(pass_curve(n, c, &[k]).is_err(), "{}: {case}", path.display());
            }
        }
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    assert_eq!(pass_at_k(0, 0, 1), Err(PassAtKError::NoSamples));
    assert_eq!(
        pass_at_k(4, 5, 1),
        Err(PassAtKError::MoreRightThanDrawn { n: 4, c: 5 })
    );
    assert_eq!(pass_at_k(4, 2, 0), Err(PassAtKError::ZeroK));
    assert!(
        pass_at_k(4, 2, 5)
            .unwrap_err()
            .to_string()
            .contains("draw at least 5")
    );
}

#[test]
fn a_curve_of_ten_thousand_samples_takes_milliseconds() {
    let ks: Vec<u64> = (1..=10_000).collect();
    let curve = pass_curve(10_000, 1, &ks).unwrap();
    // One right sample of n: pass@k is k / n exactly.
    for (k, point) in ks.iter().zip(&curve) {
        assert!(
            close(point.value, *k as f64 / 10_000.0)
                && close(point.one_minus, (10_000 - k) as f64 / 10_000.0)
        );
    }
    let half = pass_at_k(10_000, 5_000, 20).unwrap();
    assert!(half.one_minus > 0.0 && half.one_minus < 1e-6 && half.value < 1.0);
}

fn triple() -> impl Strategy<Value = (u64, u64, u64)> {
    (1_u64..2_000).prop_flat_map(|n| (Just(n), 0..=n, 1..=n))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn is_a_probability_and_its_complement((n, c, k) in triple()) {
        let found = pass_at_k(n, c, k).unwrap();
        prop_assert!((0.0..=1.0).contains(&found.value) && (0.0..=1.0).contains(&found.one_minus));
        prop_assert!((found.value + found.one_minus - 1.0).abs() <= f64::EPSILON);
        prop_assert_eq!(found.value == 0.0, c == 0);
        if n - c < k { prop_assert_eq!(found.one_minus, 0.0); }
    }

    #[test]
    fn grows_with_k_and_with_c((n, c, k) in triple()) {
        let here = pass_at_k(n, c, k).unwrap();
        if k < n { prop_assert!(pass_at_k(n, c, k + 1).unwrap().value >= here.value); }
        if c < n { prop_assert!(pass_at_k(n, c + 1, k).unwrap().value >= here.value); }
    }

    #[test]
    fn is_symmetric_in_c_and_k((n, c, k) in triple()) {
        prop_assume!(c > 0);
        prop_assert_eq!(pass_at_k(n, c, k).unwrap(), pass_at_k(n, k, c).unwrap());
    }

    #[test]
    fn a_sweep_gives_what_single_points_give((n, c, k) in triple()) {
        let ks = [k, 1, n, k.div_ceil(2)];
        for (k, point) in ks.iter().zip(pass_curve(n, c, &ks).unwrap()) {
            let single = pass_at_k(n, c, *k).unwrap();
            prop_assert!(close(point.value, single.value));
            // Below the smallest normal number a double has fewer digits.
            prop_assert!(close(point.one_minus, single.one_minus) || single.one_minus < 1e-290);
        }
    }
}
