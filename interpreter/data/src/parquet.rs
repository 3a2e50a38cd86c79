//! Rows of Parquet files, as the hub keeps data sets.

use crate::error::DataError;
use crate::table::{Each, Row};
use parquet::file::reader::SerializedFileReader;
use parquet::record::reader::RowIter;
use serde_json::Value;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Calls `each` for every row, in order; the place of a row is its number from 1.
pub(crate) fn rows(path: &Path, file: File, each: Each<'_>) -> Result<(), DataError> {
    let bad = |place: String, what: String| DataError::Row {
        path: path.to_owned(),
        place,
        what,
        mend: "fetch the file again, or convert it to JSON lines".to_owned(),
    };
    let header = || "the file's header".to_owned();
    let mut rows = guarded(|| {
        let reader = SerializedFileReader::new(file).map_err(|error| error.to_string())?;
        Ok(RowIter::from_file_into(Box::new(reader)))
    })
    .map_err(|error| bad(header(), format!("not readable as Parquet: {error}")))?;
    let mut number = 0u64;
    loop {
        number += 1;
        let place = format!("row {number}");
        let next = guarded(|| match rows.next() {
            None => Ok(None),
            Some(row) => row
                .map(|row| Some(row.to_json_value()))
                .map_err(|error| error.to_string()),
        });
        match next.map_err(|error| bad(place.clone(), error))? {
            None => return Ok(()),
            Some(Value::Object(cells)) => {
                if !each(Row { place, cells })? {
                    return Ok(());
                }
            }
            Some(_) => return Err(bad(place, "no columns".to_owned())),
        }
    }
}

/// The library trusts some lengths of a file and panics when they lie: here that is an error like any other.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("the file is damaged".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::{
        basic::Compression,
        column::writer::ColumnWriter,
        data_type::ByteArray,
        file::{properties::WriterProperties, writer::SerializedFileWriter},
        schema::parser::parse_message_type,
    };
    use std::{fs, sync::Arc};

    fn write(path: &Path, compression: Compression) {
        let schema = "message rows { REQUIRED BYTE_ARRAY question (UTF8); OPTIONAL INT64 answer; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let file = File::create(path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        while let Some(mut column) = group.next_column().unwrap() {
            match column.untyped() {
                ColumnWriter::ByteArrayColumnWriter(texts) => {
                    let texts_of = ["eins", "zwei", "drei"].map(ByteArray::from);
                    texts.write_batch(&texts_of, None, None).unwrap();
                }
                ColumnWriter::Int64ColumnWriter(numbers) => {
                    numbers.write_batch(&[1, 3], Some(&[1, 0, 1]), None).unwrap();
                }
                _ => unreachable!("two columns"),
            }
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
    }

    fn read(path: &Path) -> Result<Vec<Row>, DataError> {
        let mut all = Vec::new();
        rows(path, File::open(path).unwrap(), &mut |row| {
            all.push(row);
            Ok(true)
        })?;
        Ok(all)
    }

    #[test]
    fn rows_come_in_order_with_their_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::ZSTD(Default::default()),
        ] {
            write(&path, compression);
            let all = read(&path).unwrap();
            assert_eq!(all.len(), 3);
            assert_eq!(all[0].cells["question"], "eins");
            assert_eq!(all[0].cells["answer"], 1);
            assert!(all[1].cells["answer"].is_null());
            assert_eq!(all[2].place, "row 3");
        }
    }

    #[test]
    fn damaged_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        write(&path, Compression::SNAPPY);
        let whole = fs::read(&path).unwrap();
        // Every byte turned over, and every length: an answer or an error, never a panic that leaves.
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            fs::write(&path, &damaged).unwrap();
            let _ = read(&path);
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = read(&path).err().unwrap().to_string();
            assert!(error.contains("x.parquet"), "{error}");
        }
    }
}
