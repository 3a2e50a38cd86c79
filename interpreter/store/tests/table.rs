//! Rows survive what happens to files.
#![allow(clippy::unwrap_used)] // a test may panic

use rlx_store::{Finish, Response, Store, StoreError, problems_hash};
use std::fs;

fn row(problem: &str, sample: u64, text: &str) -> Response {
    Response {
        problem: problem.into(),
        sample,
        seed: sample,
        prompt: "p".into(),
        tokens: vec![1, 2],
        text: text.into(),
        finish: Finish::Stop,
        length: None,
        logprob: Some(-0.5),
        engine: "test".into(),
    }
}

#[test]
fn rows_come_back_in_order_and_the_first_of_two_counts() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let table = store.samples("k");
    table.append(&[row("b", 0, "x"), row("a", 1, "y")]).unwrap();
    table.append(&[row("a", 0, "z"), row("b", 0, "later")]).unwrap();
    let rows = table.read().unwrap();
    let ids: Vec<_> = rows
        .iter()
        .map(|row| (row.problem.as_str(), row.sample, row.text.as_str()))
        .collect();
    assert_eq!(ids, [("a", 0, "z"), ("a", 1, "y"), ("b", 0, "x")]);
}

#[test]
fn what_a_kill_left_half_written_is_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let table = store.samples("k");
    table.append(&[row("a", 0, "x")]).unwrap();
    fs::write(
        table.folder().join("rows-000001-0123.jsonl.tmp"),
        b"{\"problem\":",
    )
    .unwrap();
    assert_eq!(table.read().unwrap().len(), 1);
    table.append(&[row("a", 1, "y")]).unwrap();
    assert_eq!(table.read().unwrap().len(), 2);
}

#[test]
fn a_flipped_byte_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let table = store.samples("k");
    table.append(&[row("a", 0, "hello")]).unwrap();
    let block = fs::read_dir(table.folder())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&block).unwrap().replace("hello", "jello");
    fs::write(&block, text).unwrap();
    match table.read() {
        Err(StoreError::Damaged { path, .. }) => assert_eq!(path, block),
        other => panic!("{other:?}"),
    }
}

#[test]
fn completeness_is_by_problems_and_samples() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let table = store.samples("k");
    let problems = problems_hash(["a", "b"]);
    assert!(!table.complete_for(&problems, 1).unwrap());
    table.mark_complete(&problems, 4).unwrap();
    assert!(table.complete_for(&problems, 4).unwrap());
    assert!(table.complete_for(&problems, 2).unwrap());
    assert!(!table.complete_for(&problems, 5).unwrap());
    assert!(!table.complete_for(&problems_hash(["ab"]), 4).unwrap());
}

#[test]
fn one_writer_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = Store::open(folder.path()).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Busy { .. })));
    drop(first);
    assert!(Store::open(folder.path()).is_ok());
}

#[test]
fn a_journal_gives_back_what_was_whole_when_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let table = store.samples("k");
    let (mut journal, left) = table.journal().unwrap();
    assert!(left.is_empty() && !table.folder().exists());
    let rows = [row("a", 0, "x"), row("a", 1, "two\nlines"), row("b", 0, "z")];
    for row in &rows {
        journal.push(row).unwrap();
    }
    drop(journal);
    // They are no rows of the table yet.
    assert!(table.read().unwrap().is_empty());
    let path = table.folder().join("drawn.jsonl");
    let whole = fs::read(&path).unwrap();
    // Every write is synced, which costs time: not every place is tried.
    for cut in (0..=whole.len())
        .step_by(11)
        .chain([whole.len() - 1, whole.len()])
    {
        fs::write(&path, &whole[..cut]).unwrap();
        let (mut journal, left) = table.journal().unwrap();
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(left, rows[..lines], "cut at {cut}");
        // What is added now can be read again.
        journal.push(&rows[2]).unwrap();
        drop(journal);
        let (_, left) = table.journal().unwrap();
        assert_eq!(left.len(), lines + 1);
    }
    let flipped: Vec<u8> = whole.iter().map(|b| if *b == b'x' { b'y' } else { *b }).collect();
    fs::write(&path, flipped).unwrap();
    let (mut journal, left) = table.journal().unwrap();
    assert!(left.is_empty());
    journal.push(&rows[0]).unwrap();
    journal.push(&rows[1]).unwrap();
    journal.keep(rows[1..2].iter()).unwrap();
    assert_eq!(table.journal().unwrap().1, rows[1..2]);
    journal.keep([].iter()).unwrap();
    assert!(!path.exists());
}
