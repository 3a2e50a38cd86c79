use super::*;
use rlx_language::study::{Judge, Prompt};
use std::fs;
use std::io::Write;

#[test]
fn a_filter_keeps_rows_and_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let rows = [
        r#"{"question":"a","answer":"1","level":1,"date":"2024-07-31","tags":[],"meta":{"lang":"en"}}"#,
        r#"{"question":"b","answer":"2","level":"4","date":"2024-08-01","tags":["x"],"meta":{"lang":"de"}}"#,
        r#"{"question":"c","answer":"3","level":5,"date":"2025-01-31","tags":[],"meta":{"lang":"en"}}"#,
    ];
    std::fs::write(
        &path,
        rows.join(
            "
",
        ),
    )
    .unwrap();
    let compare = |column: &str, comparison, with| Filter::Compare {
        column: column.split('.').map(str::to_owned).collect(),
        comparison,
        with,
    };
    let ids = |filter: Filter| {
        let mut set = set(
            "s",
            ProblemSource::Path {
                path: path.display().to_string(),
            },
        );
        set.filter = Some(filter);
        let problems = load(
            "s",
            &[("s".to_owned(), set)].into_iter().collect(),
            None,
            &World::default(),
        );
        problems.map(|problems| {
            problems
                .iter()
                .map(|problem| problem.id.clone())
                .collect::<Vec<_>>()
                .join(" ")
        })
    };
    use rlx_language::{Cell, CellTest, Filter};
    assert_eq!(
        ids(compare("level", CellTest::GreaterEqual, Cell::Number(4.0))).unwrap(),
        "1 2"
    );
    let window = Filter::And(
        Box::new(compare(
            "date",
            CellTest::GreaterEqual,
            Cell::Text("2024-08".into()),
        )),
        Box::new(Filter::Not(Box::new(compare(
            "tags",
            CellTest::Equal,
            Cell::List(Vec::new()),
        )))),
    );
    assert_eq!(ids(window).unwrap(), "1");
    assert_eq!(
        ids(compare("meta.lang", CellTest::NotEqual, Cell::Text("de".into()))).unwrap(),
        "0 2"
    );
    let message = ids(compare("year", CellTest::Equal, Cell::None))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("line 1") && message.contains("`year`") && message.contains("`filter`"),
        "{message}"
    );
    let message = ids(compare("tags", CellTest::Less, Cell::Number(1.0)))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("line 1") && message.contains("`tags` holds a list"),
        "{message}"
    );
    let message = ids(compare("level", CellTest::Greater, Cell::Number(9.0)))
        .unwrap_err()
        .to_string();
    assert!(message.contains("of 3 rows 3 are filtered out"), "{message}");
}

#[test]
fn a_shuffled_set_splits_in_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let row = |number: usize| format!("{{\"question\":\"p{number}\",\"answer\":\"{number}\"}}\n");
    std::fs::write(&path, (0..40).map(row).collect::<String>()).unwrap();
    let ids = |seed, skip, limit| -> Vec<String> {
        let mut set = set(
            "s",
            ProblemSource::Path {
                path: path.display().to_string(),
            },
        );
        (set.shuffle, set.skip, set.limit) = (Some(seed), skip, limit);
        let sets = [("s".to_owned(), set)].into_iter().collect();
        let problems = load("s", &sets, None, &World::default()).unwrap();
        problems.into_iter().map(|problem| problem.id).collect()
    };
    let (first, second) = (ids(3, 0, Some(25)), ids(3, 25, None));
    assert_eq!((first.len(), second.len()), (25, 15));
    let mut all: Vec<String> = first.iter().chain(&second).cloned().collect();
    all.sort_by_key(|id| id.parse::<u64>().unwrap());
    assert_eq!(all, (0..40).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_ne!(first, ids(4, 0, Some(25)));
    // The order is the same for ever.
    assert_eq!(first[..4], ["24", "17", "21", "22"].map(str::to_owned));
}

#[test]
fn a_text_is_made_of_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    std::fs::write(
        &path,
        r#"{"task":"Add.","tests":["assert add(1, 2) == 3","assert add(0, 0) == 0"],"answer":"x"}"#,
    )
    .unwrap();
    let made = |template: &str| {
        let mut set = set(
            "s",
            ProblemSource::Path {
                path: path.display().to_string(),
            },
        );
        set.problem = template.to_owned();
        load(
            "s",
            &[("s".to_owned(), set)].into_iter().collect(),
            None,
            &World::default(),
        )
        .map(|problems| problems[0].text.clone())
    };
    assert_eq!(made("{task}\n{tests.0}").unwrap(), "Add.\nassert add(1, 2) == 3");
    assert_eq!(
        made("{tests}").unwrap(),
        "assert add(1, 2) == 3\nassert add(0, 0) == 0"
    );
    let message = made("{task} {hint}").unwrap_err().to_string();
    assert!(
        message.contains("line 1") && message.contains("`hint`"),
        "{message}"
    );
}

fn set(name: &str, source: ProblemSource) -> ProblemSet {
    ProblemSet {
        name: name.to_owned(),
        source,
        problem: "question".to_owned(),
        answer: Some("answer".to_owned()),
        response: None,
        id: None,
        prompt: Prompt {
            template: "{problem}\n".to_owned(),
            chat: false,
            system: None,
            examples: Vec::new(),
            prefill: None,
        },
        judge: Judge::Number,
        limit: None,
        skip: 0,
        size: None,
        exclude: Vec::new(),
        licence: None,
        filter: None,
        shuffle: None,
        among: None,
        image: Vec::new(),
        precision: None,
        code: None,
        command: None,
    }
}

fn file(path: &Path) -> ProblemSource {
    ProblemSource::Path {
        path: path.display().to_string(),
    }
}

fn task(options: &[(&str, f64)], seed: u64) -> ProblemSource {
    let options = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect();
    ProblemSource::Task {
        task: "countdown".to_owned(),
        options,
        seed,
    }
}

fn sets(all: Vec<ProblemSet>) -> IndexMap<String, ProblemSet> {
    all.into_iter().map(|set| (set.name.clone(), set)).collect()
}

fn load_text(name: &str, content: &str, change: impl Fn(&mut ProblemSet)) -> Result<Vec<Problem>, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let mut set = set("s", file(&path));
    change(&mut set);
    load("s", &sets(vec![set]), None, &World::default())
}

const ROWS: &str = "{\"question\": \"a\", \"answer\": 1, \"n\": 7}\n\n{\"question\": \"b\", \"answer\": \"2\", \"n\": 8}\n\
                    {\"question\": \"c\", \"answer\": [\"3\", 4.5], \"n\": 9}\n";

#[test]
fn reads_json_lines_arrays_csv_and_gzip_alike() {
    let from_lines = load_text("s.jsonl", ROWS, |_| {}).unwrap();
    let fields: Vec<_> = from_lines
        .iter()
        .map(|p| (p.id.as_str(), p.text.as_str(), p.answer.as_deref()))
        .collect();
    assert_eq!(
        fields,
        [
            ("0", "a", Some("1")),
            ("1", "b", Some("2")),
            ("2", "c", Some("3, 4.5"))
        ]
    );

    let array = format!("[{}]", ROWS.trim().replace("\n\n", "\n").replace('\n', ","));
    assert_eq!(load_text("s.json", &array, |_| {}).unwrap(), from_lines);
    let csv = "question,answer,n\r\na,1,7\r\n\"b\",2,8\n\"c\",\"3, 4.5\",9";
    assert_eq!(load_text("s.csv", csv, |_| {}).unwrap(), from_lines);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.jsonl.gz");
    let mut out =
        flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
    out.write_all(ROWS.as_bytes()).unwrap();
    out.finish().unwrap();
    assert_eq!(
        load("s", &sets(vec![set("s", file(&path))]), None, &World::default()).unwrap(),
        from_lines
    );
    // A folder with one data file stands for it.
    fs::write(folder.path().join("README.md"), "x").unwrap();
    let by_folder = sets(vec![set("s", file(folder.path()))]);
    assert_eq!(
        load("s", &by_folder, None, &World::default()).unwrap(),
        from_lines
    );
}

#[test]
fn skip_limit_and_id_columns() {
    let some = load_text("s.jsonl", ROWS, |set| {
        (set.skip, set.limit, set.id) = (1, Some(1), Some("n".to_owned()));
        set.response = Some("answer".to_owned());
    })
    .unwrap();
    assert_eq!(some.len(), 1);
    assert_eq!(
        (
            some[0].id.as_str(),
            some[0].text.as_str(),
            some[0].response.as_deref()
        ),
        ("8", "b", Some("2"))
    );
    let quoted = load_text("s.csv", "question,answer\n\"a \"\"b\"\"\nc, d\",1\n", |_| {}).unwrap();
    assert_eq!(quoted[0].text, "a \"b\"\nc, d");
}

#[test]
fn bad_input_names_file_place_column_and_mend() {
    type Change = fn(&mut ProblemSet);
    let rows: [(&str, &str, Change, &[&str]); 11] = [
        (
            "s.jsonl",
            "{\"question\": \"a\", \"answer\": 1}\n{\"question\": ",
            |_| {},
            &["s.jsonl, line 2", "too early"],
        ),
        ("s.jsonl", "[1]\n", |_| {}, &["line 1", "a list where an object"]),
        (
            "s.jsonl",
            "{\"prompt\": \"a\", \"gold\": 1}\n",
            |_| {},
            &["line 1", "`question`", "`prompt`, `gold`"],
        ),
        (
            "s.jsonl",
            "{\"question\": null, \"answer\": 1}\n",
            |_| {},
            &["line 1", "`question` holds null"],
        ),
        (
            "s.jsonl",
            "{\"question\": \" \", \"answer\": 1}\n",
            |_| {},
            &["line 1", "empty problem"],
        ),
        (
            "s.jsonl",
            "{\"question\": \"a\", \"answer\": []}\n",
            |_| {},
            &["`answer` holds a list"],
        ),
        ("s.jsonl", "\n", |_| {}, &["`s` is empty", "holds no rows"]),
        (
            "s.jsonl",
            ROWS,
            |set| set.skip = 5,
            &["`s` is empty", "3 skipped"],
        ),
        (
            "s.parquet",
            "PAR1",
            |_| {},
            &["the file's header", "not readable as Parquet"],
        ),
        (
            "s.json",
            "{\"rows\": []}",
            |_| {},
            &["must be an array", "an object"],
        ),
        (
            "s.csv",
            "question,answer\na,1,2\n",
            |_| {},
            &["line 2", "3 fields where the header has 2"],
        ),
    ];
    for (name, content, change, parts) in rows {
        let message = load_text(name, content, change).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "{content:?}: {message}");
        }
    }
    let twice = load_text("s.jsonl", ROWS.replace("\"n\": 9", "\"n\": 7").as_str(), |set| {
        set.id = Some("n".into())
    });
    let message = twice.unwrap_err().to_string();
    assert!(
        message.contains("line 4") && message.contains("line 1") && message.contains("`7`"),
        "{message}"
    );
    let absent = load(
        "s",
        &sets(vec![set("s", file(Path::new("/nowhere/x.jsonl")))]),
        None,
        &World::default(),
    );
    assert!(absent.unwrap_err().to_string().contains("/nowhere/x.jsonl"));
}

#[test]
fn a_task_is_drawn_and_keeps_clear_of_what_it_excludes() {
    let mut held_out = set("held_out", task(&[("numbers", 3.0), ("distinct", 1.0)], 7));
    held_out.size = Some(500);
    let mut train = set("train", task(&[("numbers", 3.0)], 1));
    train.exclude = vec!["held_out".to_owned()];
    let all = sets(vec![train, held_out]);
    let world = World::default();
    let test = load("held_out", &all, None, &world).unwrap();
    let trained = load("train", &all, Some(3_000), &world).unwrap();
    assert_eq!((test.len(), trained.len()), (500, 3_000));
    let keys: BTreeSet<String> = test.iter().map(Problem::key).collect();
    assert_eq!(keys.len(), 500, "distinct");
    assert!(trained.iter().all(|problem| !keys.contains(&problem.key())));
    // Without the exclusion they do meet, so the check above can fail.
    let mut free = all.clone();
    free.get_mut("train").unwrap().exclude.clear();
    let free = load("train", &free, Some(3_000), &world).unwrap();
    assert!(free.iter().any(|problem| keys.contains(&problem.key())));
    // What is left out moves nothing: the others keep id and content.
    let by_id: BTreeMap<&str, &Problem> = free
        .iter()
        .map(|problem| (problem.id.as_str(), problem))
        .collect();
    assert!(
        trained
            .iter()
            .filter_map(|p| Some((p, by_id.get(p.id.as_str())?)))
            .all(|(a, b)| a == *b)
    );
    assert_eq!(trained[0].answer.as_deref(), trained[0].text.rsplit(' ').next());
    // More of the set begins with the same problems.
    assert_eq!(load("train", &all, Some(100), &world).unwrap(), trained[..100]);
}

#[test]
fn exclusion_works_for_files_and_rings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = (
        folder.path().join("train.jsonl"),
        folder.path().join("test.jsonl"),
    );
    fs::write(&train, ROWS).unwrap();
    fs::write(&test, "{\"question\": \" b \", \"answer\": 9}\n").unwrap();
    let mut first = set("train", file(&train));
    first.exclude = vec!["test".to_owned()];
    let mut all = sets(vec![first, set("test", file(&test))]);
    let problems = load("train", &all, None, &World::default()).unwrap();
    assert_eq!(
        problems.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(),
        ["0", "2"]
    );

    all.get_mut("test").unwrap().exclude = vec!["train".to_owned()];
    let ring = load("train", &all, None, &World::default())
        .unwrap_err()
        .to_string();
    assert!(ring.contains("train → test → train"), "{ring}");
    all.get_mut("test").unwrap().exclude = vec!["other".to_owned()];
    assert!(
        load("train", &all, None, &World::default())
            .unwrap_err()
            .to_string()
            .contains("`other`")
    );
}

#[test]
fn endless_empty_and_unknown_tasks_are_refused() {
    let refusal = |change: &dyn Fn(&mut ProblemSet)| {
        let mut set = set("s", task(&[], 1));
        change(&mut set);
        load("s", &sets(vec![set]), None, &World::default())
            .unwrap_err()
            .to_string()
    };
    assert!(refusal(&|_| {}).contains("size = 64 problems"));
    assert!(refusal(&|set| set.limit = Some(0)).contains("0 problems"));
    assert!(refusal(&|set| set.source = task(&[("colour", 1.0)], 1)).contains("requires_division"));
    let unknown = |set: &mut ProblemSet| {
        set.source = ProblemSource::Task {
            task: "sudoku".to_owned(),
            options: IndexMap::new(),
            seed: 0,
        };
    };
    assert!(refusal(&unknown).contains("countdown"));
}

/// The hub's own form: a record of bytes and path in Parquet, alone and in a list, as `datasets` writes pictures.
#[test]
fn pictures_come_out_of_parquet() {
    use ::parquet::{
        column::writer::ColumnWriter,
        data_type::ByteArray,
        file::{properties::WriterProperties, writer::SerializedFileWriter},
        schema::parser::parse_message_type,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test-00000-of-00001.parquet");
    let schema = "message rows {
        REQUIRED BYTE_ARRAY problem (UTF8);
        OPTIONAL group picture { OPTIONAL BYTE_ARRAY bytes; OPTIONAL BYTE_ARRAY path (UTF8); }
        OPTIONAL group images (LIST) { REPEATED group list { OPTIONAL group element {
            OPTIONAL BYTE_ARRAY bytes; OPTIONAL BYTE_ARRAY path (UTF8); } } }
    }";
    let schema = std::sync::Arc::new(parse_message_type(schema).unwrap());
    let properties = std::sync::Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(fs::File::create(&path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    // Two rows: the first picture has a path, and the second row two pictures in its list.
    type Levels = Option<&'static [i16]>;
    let columns: [(&[&[u8]], Levels, Levels); 5] = [
        (&[b"<image> one", b"two"], None, None),
        (&[b"\x89PNG first", b"\x89PNG second"], Some(&[2, 2]), None),
        (&[b"images/1.png"], Some(&[2, 1]), None),
        (
            &[b"\x89PNG a", b"\x89PNG b", b"\x89PNG c"],
            Some(&[4, 4, 4]),
            Some(&[0, 0, 1]),
        ),
        (&[], Some(&[3, 3, 3]), Some(&[0, 0, 1])),
    ];
    for (values, definitions, repetitions) in columns {
        let mut column = group.next_column().unwrap().unwrap();
        let ColumnWriter::ByteArrayColumnWriter(writer) = column.untyped() else {
            panic!("byte arrays only")
        };
        let values: Vec<ByteArray> = values
            .iter()
            .map(|value| ByteArray::from(value.to_vec()))
            .collect();
        writer.write_batch(&values, definitions, repetitions).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    let shown = |column: &str| {
        let mut set = set(
            "s",
            ProblemSource::Path {
                path: path.display().to_string(),
            },
        );
        (set.problem, set.answer) = ("problem".to_owned(), None);
        set.image = vec![column.to_owned()];
        let problems = load(
            "s",
            &[("s".to_owned(), set)].into_iter().collect(),
            None,
            &World::default(),
        )
        .unwrap();
        let told = |picture: &crate::Picture| (picture.name.clone(), picture.bytes().unwrap().into_owned());
        problems
            .iter()
            .map(|problem| problem.pictures.iter().map(told).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let one = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
    assert_eq!(
        shown("picture"),
        [
            vec![one("images/1.png", b"\x89PNG first")],
            vec![one("1", b"\x89PNG second")]
        ]
    );
    assert_eq!(
        shown("images"),
        [
            vec![one("0", b"\x89PNG a")],
            vec![one("1#1", b"\x89PNG b"), one("1#2", b"\x89PNG c")]
        ]
    );
}

/// Pins follow the pictures that rows name, and not those that stand in the rows.
#[test]
fn pictures_in_files_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    fs::write(
        &path,
        "{\"problem\":\"a\",\"image\":\"a.png\"}\n{\"problem\":\"b\",\"image\":\"b.png\"}\n",
    )
    .unwrap();
    fs::write(folder.path().join("a.png"), "one").unwrap();
    let mut set = set(
        "s",
        ProblemSource::Path {
            path: path.display().to_string(),
        },
    );
    let mut cache = crate::PinCache::none();
    let mut pin = |set: &ProblemSet| crate::pin_pictures(set, &World::default(), &mut cache).unwrap();
    assert_eq!(pin(&set), None);
    set.image = vec!["image".to_owned()];
    let first = pin(&set).unwrap();
    // One that was not there, and one with other bytes.
    fs::write(folder.path().join("b.png"), "two").unwrap();
    let second = pin(&set).unwrap();
    fs::write(folder.path().join("a.png"), "three").unwrap();
    let third = pin(&set).unwrap();
    assert!(first != second && second != third && first != third);
    assert_eq!(pin(&set).unwrap(), third);
}

#[test]
fn tasks_of_numbers_give_each_problem_once() {
    let wanted = |task: &str, size: u64| {
        let mut set = set(
            "s",
            ProblemSource::Task {
                task: task.to_owned(),
                options: [("digits".to_owned(), 1.0), ("terms".to_owned(), 2.0)]
                    .into_iter()
                    .collect(),
                seed: 3,
            },
        );
        set.size = Some(size);
        load("s", &sets(vec![set]), None, &World::default())
    };
    for task in crate::tasks::NAMES {
        let problems = wanted(task, 12).unwrap_or_else(|error| panic!("{task}: {error}"));
        let texts: std::collections::BTreeSet<&str> =
            problems.iter().map(|problem| problem.text.as_str()).collect();
        assert_eq!(texts.len(), problems.len(), "{task}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.answer.is_some() && problem.response.is_some())
        );
    }
    // Ten numbers, ten numbers, three signs: there are no more.
    assert!(matches!(
        wanted("arithmetic", 301),
        Err(DataError::Exhausted { found: 300, .. })
    ));
    assert!(matches!(wanted("riddle", 1), Err(DataError::UnknownTask { .. })));
}
