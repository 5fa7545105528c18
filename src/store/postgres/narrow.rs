//! Rows of which only a few parts are wanted: the server sends those and no more.
//!
//! Pages of whole records are read by `rows` alone.

use tokio_postgres::Row;

use crate::core::aggregate::Subject;
use crate::core::event::Field;
use crate::core::path::Path;
use crate::store::Parts;
use crate::store::postgres::answer::text;
use crate::store::postgres::layout::{KeyColumn, Layout, TimeForm};
use crate::store::postgres::project::{Projection, Selection};

/// What is sent of each row.
pub struct Narrow {
    /// What of the events is wanted.
    pub parts: Parts,
    selection: Selection,
    /// What stands around the parts in a record, where that does not depend on them.
    around: Option<Vec<String>>,
    /// Which part is an instant as the server prints it.
    stamp: Option<usize>,
}

impl Narrow {
    /// For some parts of events. `None`: whole rows have to be read.
    pub fn new(layout: &Layout, parts: Parts) -> Option<Self> {
        // Documents in text columns are taken apart here.
        if !layout.folded.is_empty() {
            return None;
        }
        let mut projection = Projection::default();
        let fields = Field::ALL.into_iter().filter(|field| parts.has(*field));
        for field in fields {
            projection.need(&Subject::Field(field), &layout.profile);
        }
        if parts.has_outcome() {
            projection.need(&Subject::Outcome, &layout.profile);
        }
        let key = layout.key.iter().filter_map(KeyColumn::name);
        for column in key.chain([layout.time.name.as_str()]) {
            projection.need(&Subject::Path(Path::new([column])), &layout.profile);
        }
        let mut selection = projection.select(&layout.table);
        let stamp = match layout.time.form {
            // Half the work of `to_json`; what that would have written is made of it here.
            TimeForm::Instant => selection.resend(&layout.time.name, layout.time.sql.clone()),
            _ => None,
        };
        Some(Self {
            parts,
            around: selection.around(),
            selection,
            stamp,
        })
    }

    /// The select list: the parts as text, then the row's place where that is the key.
    pub fn selected(&self, layout: &Layout) -> String {
        let mut columns: Vec<String> = (self.selection.columns.iter())
            .map(|column| format!("({column})::text"))
            .collect();
        if layout.is_keyed_by_place() {
            columns.push(layout.place().to_owned());
        }
        columns.join(", ")
    }

    /// A record with nothing but the parts; and which column the row's place is.
    pub fn write(&self, row: &Row, out: &mut String) -> usize {
        let count = self.selection.columns.len();
        out.clear();
        if let Some([before @ .., last]) = self.around.as_deref() {
            for (place, before) in before.iter().enumerate() {
                out.push_str(before);
                match text(row, place) {
                    None => out.push_str("null"),
                    Some(text) if self.stamp == Some(place) => stamp(&text, out),
                    Some(text) => out.push_str(&text),
                }
            }
            out.push_str(last);
        } else {
            let values: Vec<Option<String>> = (0..count)
                .map(|place| {
                    let text = text(row, place)?;
                    Some(if self.stamp == Some(place) {
                        let mut json = String::new();
                        stamp(&text, &mut json);
                        json
                    } else {
                        text.into_owned()
                    })
                })
                .collect();
            out.push_str(&self.selection.record(&values));
        }
        count
    }
}

/// `2026-01-02 03:04:05.6+00` as `to_json` writes it in a session in UTC:
/// `"2026-01-02T03:04:05.6+00:00"`.
fn stamp(text: &str, out: &mut String) {
    let (text, era) = match text.strip_suffix(" BC") {
        Some(text) => (text, " BC"),
        None => (text, ""),
    };
    out.push('"');
    match text.split_once(' ') {
        Some((day, time)) => {
            out.push_str(day);
            out.push('T');
            out.push_str(time);
            if time.ends_with("+00") {
                out.push_str(":00");
            }
        }
        // An infinity.
        None => out.push_str(text),
    }
    out.push_str(era);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_spelled_as_json_has_them() {
        for (printed, json) in [
            (
                "2026-01-02 03:04:05.6+00",
                r#""2026-01-02T03:04:05.6+00:00""#,
            ),
            ("2026-01-02 03:04:05+00", r#""2026-01-02T03:04:05+00:00""#),
            (
                "0044-03-15 00:00:00+00 BC",
                r#""0044-03-15T00:00:00+00:00 BC""#,
            ),
            ("infinity", r#""infinity""#),
            ("-infinity", r#""-infinity""#),
        ] {
            let mut out = String::new();
            stamp(printed, &mut out);
            assert_eq!(out, json);
        }
    }
}
