//! SIGKILL at any moment: the same command finishes the run with the same bytes.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::Place;
use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

#[test]
fn a_killed_run_ends_with_the_same_bytes() {
    // Twice: the first run also pays for reading libtorch from the disk, and both must end with the same bytes.
    let timed = || {
        let place = Place::new();
        let clock = Instant::now();
        place.run();
        (clock.elapsed(), place.traces())
    };
    let (cold, first) = timed();
    let (warm, wanted) = timed();
    let differ: Vec<&String> = wanted
        .keys()
        .filter(|name| first.get(*name) != wanted.get(*name))
        .collect();
    assert!(first == wanted, "two whole runs differ in {differ:?}");
    let took = cold.min(warm);
    assert!(
        wanted.keys().any(|name| name.contains("checkpoints/")),
        "nothing was trained"
    );
    assert!(
        wanted.keys().any(|name| name.contains("rows-")),
        "nothing was drawn"
    );
    // Killed again and again at growing distances, so that every part of the run is hit.
    let mut all_kills = 0;
    for share in [0.15, 0.35, 0.6] {
        let place = Place::new();
        let mut kills = 0;
        loop {
            let mut child = place
                .command(&["run", "study.rlx"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let patience = took.mul_f64(share) + Duration::from_millis(150 * kills);
            let deadline = Instant::now() + patience;
            let mut ended = None;
            while Instant::now() < deadline && ended.is_none() {
                thread::sleep(Duration::from_millis(5));
                ended = child.try_wait().unwrap();
            }
            if let Some(status) = ended {
                assert!(status.success());
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            assert!(kills < 60, "the run does not get on");
        }
        all_kills += kills;
        let got = place.traces();
        assert_eq!(
            got.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>(),
            "other files after {kills} kills"
        );
        for (name, bytes) in &wanted {
            assert!(got[name] == *bytes, "{name} differs after {kills} kills");
        }
    }
    assert!(all_kills > 0, "no run was hit");
}

#[test]
fn a_second_run_does_nothing_and_changes_nothing() {
    let place = Place::new();
    place.run();
    let before = place.traces();
    // The best of three: a machine under load may let any one of them wait.
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let clock = Instant::now();
        let output = place.rlx(&["run", "study.rlx"]);
        best = best.min(clock.elapsed());
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("nothing to do"));
    }
    assert!(best < Duration::from_secs(1), "{best:?}");
    assert!(place.traces() == before);
}
