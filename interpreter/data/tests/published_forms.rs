//! The library's sets over rows of our own in the columns that the sets' cards publish: Parquet with pictures in it, and the
//! packed private tests of LiveCodeBench.
#![allow(clippy::unwrap_used)] // a test may panic

use ::parquet::{
    column::writer::ColumnWriter,
    data_type::ByteArray,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use rlx_data::{World, load};
use rlx_judge::code::{TestGold, Tests};
use std::{fs, io::Write, path::Path, sync::Arc};

/// What is written into one column: values, definition levels, repetition levels.
enum Column {
    Texts(Vec<Vec<u8>>, Option<Vec<i16>>, Option<Vec<i16>>),
    Numbers(Vec<i64>, Option<Vec<i16>>),
}

fn texts(values: &[&str]) -> Column {
    let levels = vec![1; values.len()];
    let bytes = values.iter().map(|text| text.as_bytes().to_vec()).collect();
    Column::Texts(bytes, Some(levels), None)
}

fn write(path: &Path, schema: &str, columns: Vec<Column>) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for column in columns {
        let mut open = group.next_column().unwrap().unwrap();
        match (open.untyped(), column) {
            (ColumnWriter::ByteArrayColumnWriter(writer), Column::Texts(values, defined, repeated)) => {
                let values: Vec<ByteArray> = values.into_iter().map(ByteArray::from).collect();
                writer
                    .write_batch(&values, defined.as_deref(), repeated.as_deref())
                    .unwrap();
            }
            (ColumnWriter::Int64ColumnWriter(writer), Column::Numbers(values, defined)) => {
                writer.write_batch(&values, defined.as_deref(), None).unwrap();
            }
            _ => panic!("a column of another type"),
        }
        open.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// A benchmark of the library over a file of one's own.
fn problems(benchmark: &str, file: &Path) -> (Vec<rlx_data::Problem>, rlx_language::ProblemSet) {
    let text = format!(
        "model m {{ source = \"./m\", vision = true }}\nbenchmark b = std.benchmarks.{benchmark} {{ source = \"{}\", size = none }}\n\
         evaluate e {{ models = m, benchmark = b, samples = 1, sampling = {{ temperature = 1, max_tokens = 8 }} }}\n",
        file.display()
    );
    let sources = rlx_language::Memory([("study.rlx".to_owned(), text)].into());
    let (study, _) = rlx_language::elaborate(&sources, "study.rlx", &rlx_language::Options::default())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
        .unwrap();
    let problems = load("b", &study.problem_sets, None, &World::default()).unwrap();
    (problems, study.problem_sets["b"].clone())
}

/// `images: list<struct<bytes, path>>`, `problem`, `answer`, as the card of geometry3k has them.
#[test]
fn geometry3k_reads_its_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test-00000-of-00001.parquet");
    write(
        &path,
        "message rows {
            OPTIONAL group images (LIST) { REPEATED group list { OPTIONAL group element {
                OPTIONAL BYTE_ARRAY bytes; OPTIONAL BYTE_ARRAY path (UTF8); } } }
            OPTIONAL BYTE_ARRAY problem (UTF8);
            OPTIONAL BYTE_ARRAY answer (UTF8);
        }",
        vec![
            Column::Texts(
                vec![b"\x89PNG a".to_vec(), b"\x89PNG b".to_vec()],
                Some(vec![4, 4]),
                Some(vec![0, 0]),
            ),
            Column::Texts(Vec::new(), Some(vec![3, 3]), Some(vec![0, 0])),
            texts(&["<image>Find the side x.", "<image>What is the area?"]),
            texts(&["2 \\sqrt { 5 }", "48"]),
        ],
    );
    let (problems, set) = problems("geometry3k", &path);
    assert_eq!(problems.len(), 2);
    assert_eq!(problems[0].answer.as_deref(), Some("2 \\sqrt { 5 }"));
    assert_eq!(problems[0].pictures.len(), 1);
    assert_eq!(&*problems[1].pictures[0].bytes().unwrap(), b"\x89PNG b");
    // The place of the picture is the marker's, and nothing of the marker is left.
    let prompt = rlx_data::render(&set.prompt, &problems[0]).unwrap().said();
    assert!(prompt.contains("Find the side x."), "{prompt}");
    assert!(!prompt.contains("<image>"), "{prompt}");
    assert_eq!(prompt.matches("[picture").count(), 1, "{prompt}");
    let verdict = |answer: &str| {
        let case = rlx_judge::Case {
            problem: "",
            gold: problems[0].answer.as_deref().unwrap(),
            response: &format!("\\boxed{{{answer}}}"),
            truncated: false,
            gold_is_text: false,
        };
        rlx_judge::Judge::judge(&rlx_judge::Math, &case).outcome
    };
    assert_eq!(verdict("\\sqrt{20}"), rlx_judge::Outcome::Correct);
    assert_eq!(verdict("5\\sqrt2"), rlx_judge::Outcome::Wrong);
}

/// The columns of MATH-Vision's card: rows with options are filtered out, the picture stands in `decoded_image`.
#[test]
fn mathvision_reads_the_parquet_of_its_test_split() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test-00000-of-00001.parquet");
    write(
        &path,
        "message rows {
            OPTIONAL BYTE_ARRAY id (UTF8);
            OPTIONAL BYTE_ARRAY question (UTF8);
            OPTIONAL group options (LIST) { REPEATED group list { OPTIONAL BYTE_ARRAY element (UTF8); } }
            OPTIONAL BYTE_ARRAY image (UTF8);
            OPTIONAL group decoded_image { OPTIONAL BYTE_ARRAY bytes; OPTIONAL BYTE_ARRAY path (UTF8); }
            OPTIONAL BYTE_ARRAY answer (UTF8);
            OPTIONAL BYTE_ARRAY solution (UTF8);
            OPTIONAL INT64 level;
            OPTIONAL BYTE_ARRAY subject (UTF8);
        }",
        vec![
            texts(&["7", "8", "9"]),
            texts(&["How many? <image1>", "Which one? <image1>", "How long? <image1>"]),
            // None, two, none.
            Column::Texts(
                vec![b"A".to_vec(), b"B".to_vec()],
                Some(vec![1, 3, 3, 1]),
                Some(vec![0, 0, 1, 0]),
            ),
            texts(&["images/7.jpg", "images/8.jpg", "images/9.jpg"]),
            Column::Texts(
                vec![
                    b"\xff\xd8 seven".to_vec(),
                    b"\xff\xd8 eight".to_vec(),
                    b"\xff\xd8 nine".to_vec(),
                ],
                Some(vec![2, 2, 2]),
                None,
            ),
            Column::Texts(
                vec![b"7.jpg".to_vec(), b"8.jpg".to_vec(), b"9.jpg".to_vec()],
                Some(vec![2, 2, 2]),
                None,
            ),
            texts(&["13", "B", "2.5"]),
            Column::Texts(Vec::new(), Some(vec![0, 0, 0]), None),
            Column::Numbers(vec![1, 2, 3], Some(vec![1, 1, 1])),
            texts(&["counting", "counting", "metric geometry - length"]),
        ],
    );
    for benchmark in ["mathvision", "mathvision_test"] {
        let (problems, set) = problems(benchmark, &path);
        let ids: Vec<&str> = problems.iter().map(|problem| problem.id.as_str()).collect();
        assert_eq!(ids, ["7", "9"], "{benchmark}");
        assert_eq!(&*problems[1].pictures[0].bytes().unwrap(), b"\xff\xd8 nine");
        let prompt = rlx_data::render(&set.prompt, &problems[0]).unwrap().said();
        assert_eq!(prompt.matches("[picture").count(), 1, "{prompt}");
        assert!(!prompt.contains("<image1>"), "{prompt}");
    }
}

/// As Python's `pickle.dumps` writes one text: up to 255 bytes, in a frame, and from 64 KiB without one.
fn pickled(text: &str) -> Vec<u8> {
    let length = text.len() as u32;
    let mut out = vec![0x80, 4];
    let mut body = match u8::try_from(length) {
        Ok(short) => vec![0x8c, short],
        Err(_) => [&b"X"[..], &length.to_le_bytes()].concat(),
    };
    body.extend_from_slice(text.as_bytes());
    if length < 64 << 10 {
        out.push(0x95);
        out.extend_from_slice(&(body.len() as u64 + 2).to_le_bytes());
    }
    out.extend_from_slice(&body);
    out.extend_from_slice(b"\x94.");
    out
}

/// base64(zlib(pickle(JSON))), as the column `private_test_cases` has it.
fn packed(text: &str) -> String {
    use base64::Engine;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&pickled(text)).unwrap();
    base64::engine::general_purpose::STANDARD.encode(encoder.finish().unwrap())
}

#[test]
fn livecodebench_reads_its_packed_private_tests() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test5.jsonl");
    let case = |input: &str, output: &str, kind: &str| serde_json::json!({ "input": input, "output": output, "testtype": kind });
    let long = "9 ".repeat(80_000);
    let few: Vec<_> = (0..3)
        .map(|n| case(&format!("{n}\n"), &format!("{}\n", 2 * n), "stdin"))
        .collect();
    let functional = [
        case("[1, 2]\n3", "6", "functional"),
        case("[]\n\"é\"", "0", "functional"),
    ];
    let row = |id: &str, public: &serde_json::Value, private: String, starter: &str| {
        serde_json::json!({
            "question_title": id, "question_content": format!("The text of {id}."), "platform": "codeforces",
            "question_id": id, "contest_id": "1", "contest_date": "2024-09-07T00:00:00", "starter_code": starter,
            "difficulty": "easy", "public_test_cases": public.to_string(), "private_test_cases": private,
            "metadata": "{\"func_name\": \"total\"}",
        })
        .to_string()
    };
    let text = |value: serde_json::Value| value.to_string();
    let rows = [
        row(
            "short",
            &serde_json::json!([few[0]]),
            packed(&text(serde_json::json!(&few[1..]))),
            "",
        ),
        row(
            "long",
            &serde_json::json!([few[0]]),
            packed(&text(serde_json::json!([case(&long, "1\n", "stdin")]))),
            "",
        ),
        row(
            "called",
            &serde_json::json!([functional[0]]),
            packed(&text(serde_json::json!([functional[1]]))),
            "class Solution:\n    def total(self, all: List[int], more: int) -> int:\n        ",
        ),
        // Some early problems have their private tests as plain JSON.
        row(
            "plain",
            &serde_json::json!([few[0]]),
            text(serde_json::json!(&few[1..])),
            "",
        ),
        row("none", &serde_json::json!([few[0]]), "[]".to_owned(), ""),
        row(
            "spoilt",
            &serde_json::json!([few[0]]),
            "eJwDAAAAAAE=".to_owned(),
            "",
        ),
    ];
    fs::write(&path, rows.join("\n")).unwrap();
    for benchmark in ["livecodebench_v5", "livecodebench_v5_2024_08"] {
        let (problems, _) = problems(benchmark, &path);
        assert_eq!(problems.len(), rows.len(), "{benchmark}");
        let tests = |id: &str| {
            let problem = problems.iter().find(|problem| problem.id == id).unwrap();
            let gold: TestGold = serde_json::from_str(problem.answer.as_deref().unwrap()).unwrap();
            gold.read_all()
        };
        let count = |id: &str| match tests(id).unwrap() {
            Tests::Stdin(all) => ("stdin", all.len()),
            Tests::Functional(all) => ("functional", all.len()),
            _ => ("other", 0),
        };
        assert_eq!(count("short"), ("stdin", 3));
        assert_eq!(count("long"), ("stdin", 2));
        assert_eq!(count("called"), ("functional", 2));
        assert_eq!(count("plain"), ("stdin", 3));
        assert_eq!(count("none"), ("stdin", 1));
        let error = tests("spoilt").unwrap_err().to_string();
        assert!(error.contains("zlib") || error.contains("pickle"), "{error}");
        let Tests::Stdin(all) = tests("long").unwrap() else {
            panic!("read from standard input")
        };
        assert_eq!(all[1].input, long);
    }
}
