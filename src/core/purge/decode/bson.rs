//! An archived document as the record its reading driver makes of it.

use crate::core::bson::render::{render, scalar};
use crate::core::bson::{Malformed, Raw, Value};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::evaluate::{self, decode_time};
use crate::core::profile::{Profile, TimeEncoding};

/// Dates that RFC 3339 can spell: the years 0 to 9999.
const SPELLED: std::ops::Range<i64> = -62_167_219_200_000..253_402_300_800_000;

/// The record's JSON text.
pub fn record(row: &[u8]) -> Result<String, Malformed> {
    let mut text = String::with_capacity(row.len() + row.len() / 4);
    render(Raw::new(row)?, &mut text)?;
    Ok(text)
}

/// When the record happened, as the profile reads it; a document with nothing unusual on the way to
/// its time is not turned into a record for it.
pub fn time(profile: &Profile, row: &[u8]) -> Result<At, Malformed> {
    let document = Raw::new(row)?;
    let encoding = profile.time.encoding;
    match plain(document, &profile.time.path)? {
        Some(Value::Date(millis))
            if encoding == TimeEncoding::Instant && SPELLED.contains(&millis) =>
        {
            Ok(At::Instant(Micros(millis.saturating_mul(1000))))
        }
        Some(
            value @ (Value::Date(_)
            | Value::Int32(_)
            | Value::Int64(_)
            | Value::Double(_)
            | Value::Decimal(_)
            | Value::Text(_)),
        ) => {
            let mut text = String::new();
            scalar(&mut text, value);
            let Ok(json) = FlatJson::parse(text) else {
                return Err(Malformed);
            };
            let value = json.scalar(json.root());
            Ok(value.map_or(At::Absent, |value| decode_time(encoding, &value)))
        }
        _ => {
            let Ok(json) = FlatJson::parse(record(row)?) else {
                return Err(Malformed);
            };
            Ok(evaluate::time(profile, &json))
        }
    }
}

/// What a path of keys leads to through documents, each of which has the key as it is spelled; the
/// last of several equal keys counts, as in a record.
fn plain<'a>(document: Raw<'a>, path: &Path) -> Result<Option<Value<'a>>, Malformed> {
    let mut value = Value::Document(document);
    for step in path.steps() {
        let Value::Document(document) = value else {
            return Ok(None);
        };
        let mut found = None;
        for element in document.elements() {
            let element = element?;
            if element.key == step.as_bytes() {
                found = Some(element.value);
            }
        }
        match found {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, DateTime, Document, doc};
    use rstest::rstest;

    use super::*;
    use crate::core::profile::TimeRule;
    use crate::core::profile::load;

    fn profile(encoding: TimeEncoding) -> Profile {
        let mut profile = (*load::named("dronahq").expect("a profile")).clone();
        profile.time = TimeRule {
            path: Path::parse("a.t").expect("a path"),
            encoding,
        };
        profile
    }

    #[rstest]
    fn the_short_way_says_the_same(
        #[values(
            TimeEncoding::Instant,
            TimeEncoding::EpochSeconds,
            TimeEncoding::EpochMillis
        )]
        encoding: TimeEncoding,
        #[values(
            doc! {"a": {"t": DateTime::from_millis(1_767_225_600_130)}},
            doc! {"a": {"t": DateTime::from_millis(i64::MAX)}},
            doc! {"a": {"t": DateTime::from_millis(i64::MIN)}},
            doc! {"a": {"t": DateTime::from_millis(-62_167_219_200_000)}},
            doc! {"a": {"t": DateTime::from_millis(253_402_300_799_999)}},
            doc! {"a": {"t": 1_767_225_600}},
            doc! {"a": {"t": 1_767_225_600_130.5}},
            doc! {"a": {"t": f64::INFINITY}},
            doc! {"a": {"t": f64::NAN}},
            doc! {"a": {"t": "2026-01-01T00:00:00Z"}},
            doc! {"a": {"t": "1767225600"}},
            doc! {"a": {"t": [DateTime::from_millis(5), DateTime::from_millis(6)]}},
            doc! {"a": [{"t": DateTime::from_millis(5)}]},
            doc! {"a": {"t": Bson::Null}},
            doc! {"a": {"t": Bson::MaxKey}},
            doc! {"a": {}},
            doc! {"b": 1},
            doc! {}
        )]
        document: Document,
    ) {
        let row = document.to_vec().expect("bson");
        let profile = profile(encoding);
        let json = FlatJson::parse(record(&row).expect("a record")).expect("JSON");
        assert_eq!(time(&profile, &row), Ok(evaluate::time(&profile, &json)));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for row in [&b""[..], b"\x05\0\0\0", b"\x06\0\0\0\x01\0"] {
            assert_eq!(record(row), Err(Malformed));
        }
    }
}
