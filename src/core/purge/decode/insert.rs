//! An archived row of SQLite as the record its reading driver makes of the row itself.

use crate::core::profile::ColumnKind;
use crate::core::purge::insert::{BadInsert, InsertForm};
use crate::core::purge::plan::Relation;
use crate::core::record::RecordWriter;

/// The record's JSON text.
pub fn record(relation: &Relation, row: &[u8]) -> Result<String, BadInsert> {
    part(&form(relation), relation, row, &|_| true)
}

/// The JSON text of a record that has the wanted columns only, by their places; `form` is the
/// relation's.
pub fn part(
    form: &InsertForm,
    relation: &Relation,
    row: &[u8],
    is_wanted: &dyn Fn(usize) -> bool,
) -> Result<String, BadInsert> {
    let values = form.read(row)?;
    let mut record = RecordWriter::default();
    record.begin();
    for (place, (column, value)) in relation.columns.iter().zip(&values).enumerate() {
        if !is_wanted(place) {
            continue;
        }
        let kind = ColumnKind::from_word(&column.kind).unwrap_or(ColumnKind::Other);
        value.show(&column.name, kind, &mut record);
    }
    Ok(record.finish().to_owned())
}

/// What the rows of a relation begin with.
pub fn form(relation: &Relation) -> InsertForm {
    let columns = relation.columns.iter().map(|column| column.name.as_str());
    InsertForm::new(&relation.name, columns)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use rusqlite::types::ValueRef;

    use super::*;
    use crate::core::purge::insert::SqlValue;
    use crate::core::purge::plan::PlanColumn;

    fn relation(kinds: &[ColumnKind]) -> Relation {
        Relation {
            schema: None,
            name: "odd \"table\"".to_owned(),
            columns: kinds
                .iter()
                .enumerate()
                .map(|(place, kind)| PlanColumn {
                    name: format!("c'{place}\n\"),"),
                    type_name: String::new(),
                    kind: kind.word().to_owned(),
                    fields: Vec::new(),
                })
                .collect(),
            key: Vec::new(),
            parent: None,
            ddl: Vec::new(),
        }
    }

    fn reals() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>()
                .prop_map(f64::from_bits)
                .prop_filter("no NaN", |real| !real.is_nan()),
            (any::<i32>(), 0..4_u32)
                .prop_map(|(n, scale)| f64::from(n) / f64::from(10_u32.pow(scale))),
            (1_600_000_000_u32..1_900_000_000, 0..1_000_000_u32)
                .prop_map(|(seconds, micros)| f64::from(seconds) + f64::from(micros) / 1e6),
            prop::sample::select(vec![
                0.0,
                -0.0,
                0.1,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::MIN_POSITIVE,
                f64::from_bits(1),
                f64::MAX,
                f64::MIN,
                9_007_199_254_740_993.0,
                1e22,
                1e23,
            ]),
        ]
    }

    fn values() -> impl Strategy<Value = SqlValue<'static>> {
        let odd = "['\\x00-\\x1f\"\\\\;,)(a-z\u{e9}\u{1f600}\u{202e}\u{9b}]{0,12}";
        prop_oneof![
            Just(SqlValue::Null),
            any::<i64>().prop_map(SqlValue::Int),
            prop::sample::select(vec![i64::MIN, i64::MAX, 0, 1]).prop_map(SqlValue::Int),
            reals().prop_map(SqlValue::Real),
            odd.prop_map(|text| SqlValue::Text(Cow::Owned(text.into_bytes()))),
            Just(SqlValue::Text(Cow::Borrowed(b"{\"a\": [1, 2.50]}"))),
            prop::collection::vec(any::<u8>(), 0..12)
                .prop_map(|bytes| SqlValue::Text(Cow::Owned(bytes))),
            prop::collection::vec(any::<u8>(), 0..12)
                .prop_map(|bytes| SqlValue::Blob(Cow::Owned(bytes))),
        ]
    }

    fn rows() -> impl Strategy<Value = Vec<(ColumnKind, SqlValue<'static>)>> {
        let kinds = ColumnKind::WORDS.map(|(kind, _)| kind).to_vec();
        prop::collection::vec((prop::sample::select(kinds), values()), 1..6)
    }

    /// Equality that tells the zeros apart.
    fn same(a: &SqlValue<'_>, b: &SqlValue<'_>) -> bool {
        match (a, b) {
            (SqlValue::Real(a), SqlValue::Real(b)) => a.to_bits() == b.to_bits(),
            _ => a == b,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(row in rows()) {
            let (kinds, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
            let relation = relation(&kinds);
            let mut bytes = Vec::new();
            form(&relation).write(&mut bytes, values.iter().cloned());
            let read = form(&relation).read(&bytes).expect("a row");
            prop_assert!(read.len() == values.len());
            for (read, value) in read.iter().zip(&values) {
                prop_assert!(same(read, value), "{read:?} {value:?}");
            }
            let text = record(&relation, &bytes).expect("a row");
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            prop_assert_eq!(json.as_object().map(serde_json::Map::len), Some(values.len()));
        }

        /// SQLite itself reads what we read.
        #[test]
        fn sqlite_reads_the_same(values in prop::collection::vec(values(), 1..6)) {
            let relation = relation(&vec![ColumnKind::Other; values.len()]);
            let mut bytes = Vec::new();
            form(&relation).write(&mut bytes, values.iter().cloned());
            let file = rusqlite::Connection::open_in_memory().expect("SQLite");
            let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let columns: Vec<_> = relation.columns.iter().map(|column| quoted(&column.name)).collect();
            let table = quoted(&relation.name);
            file.execute_batch(&format!("CREATE TABLE {table}({})", columns.join(","))).expect("a table");
            file.execute_batch(std::str::from_utf8(&bytes).expect("statements are UTF-8")).expect("a row");
            let read = |row: &rusqlite::Row<'_>| {
                (0..values.len()).map(|place| Ok(match row.get_ref(place)? {
                    ValueRef::Null => SqlValue::Null,
                    ValueRef::Integer(int) => SqlValue::Int(int),
                    ValueRef::Real(real) => SqlValue::Real(real),
                    ValueRef::Text(bytes) => SqlValue::Text(bytes.to_vec().into()),
                    ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec().into()),
                })).collect::<rusqlite::Result<Vec<_>>>()
            };
            let read = file.query_row(&format!("SELECT * FROM {table}"), [], read).expect("the row");
            for (read, value) in read.iter().zip(&values) {
                prop_assert!(same(read, value), "{read:?} {value:?}");
            }
        }

        #[test]
        fn nothing_makes_it_panic(row in rows(), at in any::<prop::sample::Index>(), byte: u8) {
            let (kinds, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
            let relation = relation(&kinds);
            let mut bytes = Vec::new();
            form(&relation).write(&mut bytes, values.iter().cloned());
            let cut = at.index(bytes.len());
            prop_assert!(record(&relation, &bytes[..cut]).is_err());
            bytes[cut] = byte;
            let _ = record(&relation, &bytes);
        }
    }

    #[test]
    fn a_row_looks_like_this() {
        let mut row = Vec::new();
        let values = [
            SqlValue::Int(i64::MIN),
            SqlValue::Real(12.5),
            SqlValue::Real(0.1),
            SqlValue::Real(-1e300),
            SqlValue::Text(b"it's".as_slice().into()),
            SqlValue::Text(b"a\0\xff".as_slice().into()),
            SqlValue::Blob(b"\0\xff".as_slice().into()),
            SqlValue::Null,
        ];
        InsertForm::new("t", ["a"; 8]).write(&mut row, values);
        insta::assert_snapshot!(String::from_utf8(row).expect("UTF-8"));
    }

    #[test]
    fn another_tables_row_is_refused() {
        let mut row = Vec::new();
        InsertForm::new("t", ["a", "b"]).write(&mut row, [SqlValue::Null, SqlValue::Null]);
        assert_eq!(
            InsertForm::new("u", ["a", "b"]).read(&row),
            Err(BadInsert::Head)
        );
        assert_eq!(InsertForm::new("t", ["a"]).read(&row), Err(BadInsert::Head));
        row.extend_from_slice(b"DROP TABLE t;\n");
        assert!(matches!(
            InsertForm::new("t", ["a", "b"]).read(&row),
            Err(BadInsert::End(_))
        ));
    }
}
