//! Packs of a small study that a scripted backend ran: made, checked, altered.
#![allow(clippy::unwrap_used)] // a test may panic

#[path = "../../run/tests/common/mod.rs"]
mod common;

use common::{Place, Script, Scripted};
use rlx_language::{Memory, Options};
use rlx_package::{Manifest, Pack, PackError, Packed, Subject, pack, verify};
use rlx_run::survey;
use rlx_store::Store;
use sha2::{Digest, Sha256};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::{self, File},
    io::{Cursor, Read, Write},
    path::{Path, PathBuf},
    rc::Rc,
};
use verify::{Findings, Local, Opened};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

/// A finished study; `licensed` says that its problems may be passed on.
fn finished(licensed: bool) -> Place {
    let mut place = Place::new();
    if licensed {
        place.text = place
            .text
            .replace("benchmark sums {", "benchmark sums {\n    licence = \"MIT\"");
    }
    place.run(&[], &Rc::new(RefCell::new(Script::default()))).unwrap();
    place
}

fn packed(place: &Place, name: &str) -> Result<Packed, PackError> {
    let (study, plan, world) = place.plan(&[]);
    let around = survey(&study, &world, &place.store()).unwrap();
    let sources = Memory(BTreeMap::from([("study.rlx".to_owned(), place.text.clone())]));
    pack(
        &Subject {
            file: Path::new("study.rlx"),
            options: &Options::default(),
            sources: &sources,
            study: &study,
            plan: &plan,
            around: &around,
            world: &world,
            place: &rlx_data::World::new([], true),
            store: &Store::read_only(&place.store()),
            results: &place.results(),
            version: "test",
            date: "2026-01-31",
            weights: false,
        },
        &target(place, name),
    )
}

fn target(place: &Place, name: &str) -> PathBuf {
    place.folder.path().join(name)
}

fn opened(path: &Path) -> Opened {
    let mut pack = Pack::open(path).unwrap();
    assert_eq!(pack.faults().unwrap(), []);
    Opened::new(&mut pack).unwrap()
}

fn told(found: &Findings) -> String {
    found
        .faults
        .iter()
        .map(|fault| format!("{}: {}\n", fault.file, fault.what))
        .collect()
}

/// The files of a pack.
fn entries(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(entry.name().unwrap().into_owned(), bytes);
    }
    files
}

/// Writes files as someone would who knows the format: with a right manifest and a right seal.
fn forge(path: &Path, mut files: BTreeMap<String, Vec<u8>>) {
    let mut manifest: Manifest = serde_json::from_slice(&files["manifest.json"]).unwrap();
    for listed in &mut manifest.files {
        listed.bytes = files[&listed.path].len() as u64;
        listed.sha256 = hash(&files[&listed.path]);
    }
    files.insert("manifest.json".into(), serde_json::to_vec(&manifest).unwrap());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .set_comment(format!("rlx-pack-1 sha256:{}", "0".repeat(64)))
        .unwrap();
    for (name, bytes) in &files {
        writer
            .start_file(name.as_str(), SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    let before = bytes.len() - 64;
    let seal = hash(&bytes[..before]);
    bytes[before..].copy_from_slice(seal.as_bytes());
    fs::write(path, bytes).unwrap();
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn the_same_study_gives_the_same_bytes_and_passes_every_level() {
    let place = finished(true);
    let first = packed(&place, "one.rlxpack").unwrap();
    let second = packed(&place, "two.rlxpack").unwrap();
    assert_eq!(first.sha256, second.sha256);
    assert!(first.withheld.is_empty());
    let opened = opened(&first.path);

    let found = verify::recompute(&opened, "test").unwrap();
    assert_eq!(told(&found), "");
    assert_eq!(found.passed.len(), 1);

    let local = Local {
        models: BTreeMap::from([("base".to_owned(), place.folder.path().join("model"))]),
        data: BTreeMap::from([("pool".to_owned(), place.folder.path().join("train.jsonl"))]),
        store: Some(place.store()),
        place: rlx_data::World::new([], true),
    };
    let found = verify::judge(&opened, &local).unwrap();
    assert_eq!(told(&found), "");
    assert_eq!(found.passed.len(), 2, "{found:?}");

    let mut backend = Scripted(Rc::new(RefCell::new(Script::default())));
    let found = verify::sample(&opened, &local, &mut backend).unwrap();
    assert_eq!(told(&found), "");
    // The base is drawn again; the checkpoint of this backend is no Hugging Face folder.
    assert!(found.passed[0].contains("30 responses drawn again"), "{found:?}");
    assert!(found.notes[0].contains("rl@4"), "{found:?}");
}

const SEARCHED: &str = "
search matched {
    model = base, benchmark = sums, sampling = { max_tokens = 40 }, samples = 2
    target = entropy(test, base) + 0.3, between = 0.5..2, within = 0.01
}
evaluate raised = test { models = base, sampling = { temperature = matched, max_tokens = 40 } }
table looked = searched(matched)
";

#[test]
fn a_search_is_packed_with_its_looks_and_made_again_from_them() {
    let mut place = Place::new();
    place.text = place
        .text
        .replace("benchmark sums {", "benchmark sums {\n    licence = \"MIT\"");
    place.text += SEARCHED;
    place.run(&[], &Rc::new(RefCell::new(Script::default()))).unwrap();
    let path = packed(&place, "study.rlxpack").unwrap().path;
    let files = entries(&path);
    let notes = files
        .keys()
        .find(|name| name.contains("store/searches/"))
        .unwrap()
        .clone();
    let looks: serde_json::Value = serde_json::from_slice(&files[&notes]).unwrap();
    assert!(looks["looks"].as_array().unwrap().len() >= 3, "{looks}");
    let metadata = String::from_utf8_lossy(&files["ro-crate-metadata.json"]).into_owned();
    assert!(metadata.contains("#tool-search") && metadata.contains(&notes));

    let found = verify::recompute(&opened(&path), "test").unwrap();
    assert_eq!(told(&found), "");
    let local = Local {
        models: BTreeMap::from([("base".to_owned(), place.folder.path().join("model"))]),
        ..Local::default()
    };
    let mut backend = Scripted(Rc::new(RefCell::new(Script::default())));
    let found = verify::sample(&opened(&path), &local, &mut backend).unwrap();
    assert_eq!(told(&found), "");
    for name in ["search matched at 0.5", "sample raised base"] {
        assert!(
            found.passed.iter().any(|said| said.starts_with(name)),
            "{name}: {found:?}"
        );
    }
    let work = place.folder.path().join("work");
    let local = Local {
        data: BTreeMap::from([("sums".to_owned(), place.folder.path().join("test.jsonl"))]),
        ..Local::default()
    };
    let mut backend = Scripted(Rc::new(RefCell::new(Script::default())));
    let again = verify::again(
        &opened(&path),
        &local,
        &work,
        "test",
        &mut backend,
        &mut rlx_run::Silent,
    )
    .unwrap();
    assert_eq!(told(&again), "");
    assert!(again.notes.is_empty(), "{again:?}");

    // Another temperature than the rows give, with a manifest that fits.
    let mut files = entries(&path);
    let text = String::from_utf8(files[&notes].clone()).unwrap();
    let last = looks["looks"].as_array().unwrap().last().unwrap()["temperature"].to_string();
    assert!(text.contains(&last), "{text}");
    files.insert(notes, text.replace(&last, "1.9").into_bytes());
    let forged = target(&place, "forged.rlxpack");
    forge(&forged, files);
    let refused = verify::recompute(&opened(&forged), "test").unwrap_err();
    assert!(
        refused.to_string().contains("1.9 was noted as found"),
        "{refused}"
    );
}

#[test]
fn everything_again_in_a_store_of_its_own_gives_the_same_rows_and_verdicts() {
    let place = finished(true);
    let opened = opened(&packed(&place, "study.rlxpack").unwrap().path);
    let local = Local {
        data: BTreeMap::from([("sums".to_owned(), place.folder.path().join("test.jsonl"))]),
        place: rlx_data::World::new([], true),
        ..Local::default()
    };
    let work = place.folder.path().join("work");
    let mut backend = Scripted(Rc::new(RefCell::new(Script::default())));
    let found = verify::again(&opened, &local, &work, "test", &mut backend, &mut rlx_run::Silent).unwrap();
    assert_eq!(told(&found), "");
    assert!(found.notes.is_empty(), "{found:?}");
    assert!(
        found.passed.iter().any(|said| said.starts_with("claim better")),
        "{found:?}"
    );
}

#[test]
fn a_flipped_byte_anywhere_is_found_and_named() {
    let place = finished(true);
    let path = packed(&place, "study.rlxpack").unwrap().path;
    let bytes = fs::read(&path).unwrap();
    let altered = target(&place, "altered.rlxpack");
    let mut named = 0;
    // A stride that meets headers, contents, the directory and the seal; and the whole tail.
    let places = (0..bytes.len())
        .step_by(bytes.len() / 300)
        .chain(bytes.len() - 120..bytes.len());
    for at in places {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(&altered, &flipped).unwrap();
        match Pack::open(&altered) {
            // So broken that it is no archive any more, or looks like an attack.
            Err(PackError::NoPack { .. } | PackError::Hostile { .. }) => {}
            Err(error) => panic!("byte {at}: {error}"),
            Ok(mut pack) => {
                let faults = pack.faults().unwrap();
                assert!(
                    !faults.is_empty(),
                    "a flip of byte {at} of {} was not seen",
                    bytes.len()
                );
                named += usize::from(faults.iter().any(|fault| fault.file.contains('/')));
            }
        }
    }
    assert!(named > 100, "only {named} flips were traced to a file");
    // Cut short, and with something behind.
    fs::write(&altered, &bytes[..bytes.len() - 1000]).unwrap();
    assert!(matches!(Pack::open(&altered), Err(PackError::NoPack { .. })));
    let longer: Vec<u8> = bytes.iter().copied().chain(*b"more").collect();
    fs::write(&altered, longer).unwrap();
    assert!(Pack::open(&altered).map_or(true, |mut pack| !pack.faults().unwrap().is_empty()));
}

#[test]
fn a_number_that_the_rows_do_not_give_is_found() {
    let place = finished(true);
    let path = packed(&place, "study.rlxpack").unwrap().path;
    let mut files = entries(&path);
    let name = files
        .keys()
        .find(|name| name.starts_with("results/") && name.ends_with("coverage.csv"));
    let name = name.unwrap().clone();
    let csv = files.get_mut(&name).unwrap();
    let text = String::from_utf8(csv.clone()).unwrap().replacen("0.", "0.9", 1);
    *csv = text.into_bytes();
    let forged = target(&place, "forged.rlxpack");
    forge(&forged, files);
    let found = verify::recompute(&opened(&forged), "test").unwrap();
    assert_eq!(found.faults.len(), 1, "{found:?}");
    assert_eq!(found.faults[0].file, name);
    assert!(found.faults[0].what.starts_with("line "), "{found:?}");
}

#[test]
fn a_verdict_that_the_judge_does_not_give_is_found() {
    let place = finished(true);
    let path = packed(&place, "study.rlxpack").unwrap().path;
    let mut files = entries(&path);
    let name = files
        .keys()
        .find(|name| name.starts_with("store/verdicts/") && name.contains("rows-"))
        .unwrap()
        .clone();
    let text = String::from_utf8(files.remove(&name).unwrap()).unwrap();
    let forged_rows = text.replacen("\"verdict\":\"wrong\"", "\"verdict\":\"correct\"", 1);
    assert_ne!(text, forged_rows);
    // Whoever forges rows knows that a block has its hash in its name; an equal length keeps the manifest's path simple.
    let hash = blake3::hash(forged_rows.as_bytes()).to_hex()[..16].to_owned();
    let (stem, _) = name.rsplit_once('-').unwrap();
    let renamed = format!("{stem}-{hash}.jsonl");
    files.insert(renamed.clone(), forged_rows.into_bytes());
    let mut manifest: Manifest = serde_json::from_slice(&files["manifest.json"]).unwrap();
    manifest
        .files
        .iter_mut()
        .find(|listed| listed.path == name)
        .unwrap()
        .path = renamed;
    files.insert("manifest.json".into(), serde_json::to_vec(&manifest).unwrap());
    let forged = target(&place, "forged.rlxpack");
    forge(&forged, files);
    let found = verify::judge(&opened(&forged), &Local::default()).unwrap();
    assert_eq!(found.faults.len(), 1, "{found:?}");
    assert!(
        found.faults[0].what.contains("packed as `correct`, now `wrong`"),
        "{found:?}"
    );
}

#[test]
fn problems_without_an_open_licence_are_withheld() {
    let place = finished(false);
    let made = packed(&place, "study.rlxpack").unwrap();
    assert_eq!(made.withheld.keys().collect::<Vec<_>>(), ["sums"]);
    for (name, bytes) in entries(&made.path) {
        let text = String::from_utf8_lossy(&bytes);
        // The training's problems are 100 and up; those of the benchmark are `What is 1 + 2?` to `What is 5 + 10?`.
        assert!(!text.contains("What is 3 + 6"), "{name} holds a withheld problem");
    }
    // The numbers can be made again all the same; judging needs the data.
    let opened = opened(&made.path);
    assert_eq!(told(&verify::recompute(&opened, "test").unwrap()), "");
    let found = verify::judge(
        &opened,
        &Local {
            place: rlx_data::World::new([], true),
            ..Local::default()
        },
    )
    .unwrap();
    assert!(found.faults.is_empty());
}

#[test]
fn an_unfinished_study_is_not_packed() {
    let place = Place::new();
    let script = Rc::new(RefCell::new(Script {
        fail_at: Some(3),
        ..Script::default()
    }));
    assert!(place.run(&[], &script).is_err());
    match packed(&place, "study.rlxpack") {
        Err(PackError::Unfinished { missing, total, .. }) => assert!(missing > 0 && missing < total),
        other => panic!("{other:?}"),
    }
    assert!(!target(&place, "study.rlxpack").exists());
}

#[test]
fn hostile_archives_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.rlxpack");
    let plain = SimpleFileOptions::default;
    type Build = fn(&mut ZipWriter<Cursor<Vec<u8>>>);
    let cases: [(&str, Build); 6] = [
        ("outside", |zip| {
            zip.start_file("../../outside", SimpleFileOptions::default())
                .unwrap()
        }),
        ("outside", |zip| {
            zip.start_file("/etc/outside", SimpleFileOptions::default())
                .unwrap()
        }),
        ("outside", |zip| {
            zip.start_file("a\\..\\b", SimpleFileOptions::default()).unwrap()
        }),
        ("link", |zip| {
            zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
                .unwrap()
        }),
        ("case", |zip| {
            zip.start_file("a", SimpleFileOptions::default()).unwrap();
            zip.start_file("A", SimpleFileOptions::default()).unwrap();
        }),
        ("measure", |zip| {
            zip.start_file("bomb", SimpleFileOptions::default()).unwrap();
            zip.write_all(&vec![0; 64 << 20]).unwrap();
        }),
    ];
    for (why, build) in cases {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("manifest.json", plain()).unwrap();
        writer.write_all(b"{}").unwrap();
        build(&mut writer);
        fs::write(&path, writer.finish().unwrap().into_inner()).unwrap();
        match Pack::open(&path) {
            Err(error @ PackError::Hostile { .. }) => {
                assert!(error.to_string().contains(why), "{error} does not say {why}");
                assert_eq!(error.code(), "rlx::pack::hostile");
            }
            Err(other) => panic!("{why}: {other}"),
            Ok(_) => panic!("{why}: it was opened"),
        }
    }
    fs::write(&path, b"not a zip").unwrap();
    assert!(matches!(Pack::open(&path), Err(PackError::NoPack { .. })));
}

#[test]
fn a_signature_holds_for_these_bytes_and_this_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let other = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    fs::write(at("secret"), pair.sk.to_box(None).unwrap().into_string()).unwrap();
    fs::write(at("public"), pair.pk.to_box().unwrap().into_string()).unwrap();
    fs::write(at("other"), other.pk.to_box().unwrap().into_string()).unwrap();
    fs::write(at("study.rlxpack"), b"content").unwrap();
    let signature = rlx_package::sign(&at("study.rlxpack"), &at("secret"), None).unwrap();
    assert_eq!(signature, at("study.rlxpack.minisig"));
    let holds = |key: &str| rlx_package::verify_signature(&at("study.rlxpack"), &at(key)).unwrap();
    assert!(holds("public"));
    assert!(!holds("other"));
    fs::write(at("study.rlxpack"), b"contenT").unwrap();
    assert!(!holds("public"));
    let refused =
        rlx_package::sign(&at("study.rlxpack"), &at("public"), None).expect_err("a public key signs nothing");
    assert!(matches!(refused, PackError::Key { .. }), "{refused}");
    assert_eq!(refused.code(), "rlx::pack::key");
}

/// Problems that an evaluation chose, and a second judge: what is packed gives the same tables and verdicts again.
#[test]
fn chosen_problems_and_two_judges_pass_every_level() {
    let mut place = Place::new();
    place.text = place
        .text
        .replace("benchmark sums {", "benchmark sums {\n    licence = \"MIT\"");
    place.text.push_str(
        "benchmark some = sums { among = accuracy(test, base, most = 100%) - accuracy(test, rl@4, above = 60%) }\n\
         evaluate second { models = base, benchmark = some, samples = 2, seed = 3, sampling = { temperature = 1, max_tokens = 40 } }\n\
         table of_second = summary(second)\n\
         table disputed = disagreements(test, judge = exact)\n",
    );
    place.run(&[], &Rc::new(RefCell::new(Script::default()))).unwrap();
    let opened = opened(&packed(&place, "chosen.rlxpack").unwrap().path);
    let found = verify::recompute(&opened, "test").unwrap();
    assert_eq!(told(&found), "");
    let local = Local {
        models: BTreeMap::from([("base".to_owned(), place.folder.path().join("model"))]),
        place: rlx_data::World::new([], true),
        ..Local::default()
    };
    let found = verify::judge(&opened, &local).unwrap();
    assert_eq!(told(&found), "");
    // Three evaluated models, and two of them by a second judge.
    assert_eq!(found.passed.len(), 5, "{found:?}");
}

/// Every level says what it costs, from what the packed run took and a trial of this machine.
#[test]
fn levels_say_their_cost_and_what_it_rests_on() {
    let place = finished(true);
    let local = Local {
        models: BTreeMap::from([("base".to_owned(), place.folder.path().join("model"))]),
        place: rlx_data::World::new([], true),
        ..Local::default()
    };
    let bare = opened(&packed(&place, "bare.rlxpack").unwrap().path);
    let unknown = verify::Estimator::new(&bare).recompute();
    assert_eq!(unknown.seconds, None);
    assert!(unknown.basis.contains("does not say"), "{unknown:?}");

    rlx_run::keep_report_time(&place.results(), 1_000.0).unwrap();
    let timed = opened(&packed(&place, "timed.rlxpack").unwrap().path);
    assert_eq!(told(&verify::recompute(&timed, "test").unwrap()), "");
    let estimator = verify::Estimator::new(&timed);
    let one = estimator.recompute();
    // However busy this machine is, it is the same machine.
    assert!(one.seconds.unwrap() > 1.0, "{one:?}");
    assert!(one.basis.contains("by a trial of this machine"), "{one:?}");
    let three = estimator.sample(&local).unwrap();
    assert!(three.work.starts_with("30 responses drawn again"), "{three:?}");
    assert!(
        three.seconds.is_some() && three.basis.contains("the packed run"),
        "{three:?}"
    );
    assert!(estimator.judge().seconds.is_some());
    // All of it is more than any part.
    assert!(estimator.again().seconds.unwrap() >= one.seconds.unwrap());
    let zero = verify::Cost::of_hashes(1 << 20);
    let statement = verify::attestation("p", "0", 1, "test", &Findings::default(), &[zero, one]);
    assert_eq!(statement["predicate"]["costs"][1]["level"], 1);
    assert!(statement["predicate"]["costs"][1]["seconds"].as_f64().unwrap() > 1.0);
}

/// What readers said goes into the pack, is an input of its tables and claims, and cannot be changed on the way.
#[test]
fn labels_are_packed_checked_and_kept_by_what_comes_out_again() {
    let mut place = Place::new();
    place.text = place
        .text
        .replace("benchmark sums {", "benchmark sums {\n    licence = \"MIT\"");
    place.text.push_str(
        "table hand = read_by_hand(test, of = base, below = 90%)\n\
         claim valid \"valid\" { valid_chains(test, base, below = 90%) > 1% }\n",
    );
    let script = Rc::new(RefCell::new(Script::default()));
    place.run(&[], &script).unwrap();
    let plan = place.plan(&[]).1;
    let store = Store::read_only(&place.store());
    let folder = |name: &str| plan.step(name).unwrap().key.folder();
    let key = folder("sample test base");
    for row in store.verdicts(&folder("judge test base")).read().unwrap() {
        if row.verdict == "correct" {
            let row = rlx_store::LabelRow {
                reader: "anna".into(),
                problem: row.problem,
                sample: row.sample,
                label: Some("valid".into()),
                note: String::new(),
            };
            store.labels().say(&key, &row).unwrap();
            // Of another study, which is nobody else's to see.
            store.labels().say("0123", &row).unwrap();
        }
    }
    place.run(&[], &script).unwrap();
    let path = packed(&place, "labels.rlxpack").unwrap().path;
    let mut files = entries(&path);
    let name = format!("store/labels/{key}/anna.jsonl");
    assert!(files.contains_key(&name), "{:?}", files.keys());
    assert!(
        !files.keys().any(|name| name.contains("0123")),
        "{:?}",
        files.keys()
    );
    let around = String::from_utf8(files["surroundings.json"].clone()).unwrap();
    assert!(around.contains(&key) && !around.contains("0123"), "{around}");
    let whole = opened(&path);
    assert_eq!(told(&verify::recompute(&whole, "test").unwrap()), "");

    let local = Local {
        data: BTreeMap::from([("sums".to_owned(), place.folder.path().join("test.jsonl"))]),
        place: rlx_data::World::new([], true),
        ..Local::default()
    };
    let work = place.folder.path().join("work");
    let mut backend = Scripted(Rc::new(RefCell::new(Script::default())));
    let found = verify::again(&whole, &local, &work, "test", &mut backend, &mut rlx_run::Silent).unwrap();
    assert_eq!(told(&found), "");
    assert!(
        found.passed.iter().any(|said| said == "claim valid: holds again"),
        "{found:?}"
    );

    let changed = String::from_utf8(files[&name].clone())
        .unwrap()
        .replace("valid", "guess");
    files.insert(name.clone(), changed.into_bytes());
    forge(&path, files);
    let said = told(&verify::recompute(&opened(&path), "test").unwrap());
    assert!(
        said.contains(&format!("store/labels/{key}: the labels are not those")),
        "{said}"
    );
    assert!(said.contains("results/tables/hand.csv"), "{said}");
}

/// Metadata of data sets before the public validator, where `RLX_MLCROISSANT` names its program (`pip install mlcroissant`).
#[test]
fn the_public_validator_takes_the_metadata_of_the_data_sets() {
    let Some(validator) = std::env::var_os("RLX_MLCROISSANT") else {
        eprintln!("skipped: RLX_MLCROISSANT names no mlcroissant");
        return;
    };
    let place = finished(true);
    packed(&place, "a.rlxpack").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut described = Vec::new();
    for (name, bytes) in entries(&target(&place, "a.rlxpack")) {
        let path = folder.path().join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        if name.starts_with("croissant/") {
            described.push(path);
        }
    }
    assert!(!described.is_empty());
    for path in described {
        let said = std::process::Command::new(&validator)
            .args(["validate", "--jsonld"])
            .arg(&path)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{words}");
        assert!(!words.contains("not standard"), "{words}");
    }
}
