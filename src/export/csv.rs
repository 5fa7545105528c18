//! Events as CSV, safe to open in a spreadsheet.
//!
//! Does not choose a dialect: commas, quotes where needed, a header line, `\n`.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::core::column::{Column, record, texts};
use crate::core::event::Event;
use crate::core::sanitise::safe;
use crate::core::scalar::is_number;
use crate::export::json::write_text;
use crate::export::{Medium, Printer};

/// Prints events as CSV; several values in one field become a JSON array.
///
/// A field that a spreadsheet would run as a formula gets a `'` in front, and [`Printer::finish`]
/// tells how many there were.
pub struct CsvPrinter<W: Write> {
    out: csv::Writer<W>,
    columns: Vec<Column>,
    medium: Medium,
    headed: Headed,
    guarded: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Headed {
    NotYet,
    Done,
}

impl<W: Write> CsvPrinter<W> {
    /// Prints these columns to `out`.
    pub fn new(out: W, medium: Medium, columns: Vec<Column>) -> Self {
        Self {
            out: csv::Writer::from_writer(out),
            columns,
            medium,
            headed: Headed::NotYet,
            guarded: 0,
        }
    }

    fn head(&mut self) -> io::Result<()> {
        if self.headed == Headed::NotYet {
            self.headed = Headed::Done;
            let names = self.columns.iter().map(|column| &column.name);
            self.out.write_record(names).map_err(into_io)?;
        }
        Ok(())
    }
}

impl<W: Write> Printer for CsvPrinter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.head()?;
        let record = record(self.columns.iter().map(|column| &column.shown), event);
        for column in &self.columns {
            let values = texts(&column.shown, event, record.as_ref());
            let mut field = joined(&values);
            if self.medium == Medium::Terminal {
                field = safe(&field).into_owned().into();
            }
            if is_formula(&field) {
                field.to_mut().insert(0, '\'');
                self.guarded += 1;
            }
            self.out.write_field(field.as_bytes()).map_err(into_io)?;
        }
        self.out.write_record(None::<&[u8]>).map_err(into_io)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Option<String>> {
        self.head()?;
        self.out.flush()?;
        Ok((self.guarded > 0).then(|| {
            format!(
                "{} value(s) that a spreadsheet would run as a formula got a ' in front",
                self.guarded
            )
        }))
    }
}

/// A small table as CSV, as safe as the events are.
pub fn table(rows: &[Vec<String>], medium: Medium) -> io::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    for row in rows {
        for field in row {
            let mut field = match medium {
                Medium::Terminal => safe(field).into_owned(),
                Medium::Stream => field.clone(),
            };
            if is_formula(&field) {
                field.insert(0, '\'');
            }
            out.write_field(field).map_err(into_io)?;
        }
        out.write_record(None::<&[u8]>).map_err(into_io)?;
    }
    out.into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

/// Spreadsheets run a cell that begins with one of these; a plain negative number is harmless.
fn is_formula(field: &str) -> bool {
    field.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(field)
}

fn joined<'a>(values: &'a [Cow<'a, str>]) -> Cow<'a, str> {
    match values {
        [] => Cow::Borrowed(""),
        [value] => Cow::Borrowed(value),
        several => {
            let mut array = Vec::new();
            for (place, value) in several.iter().enumerate() {
                array.push(if place == 0 { b'[' } else { b',' });
                write_text(&mut array, value);
            }
            array.push(b']');
            Cow::Owned(String::from_utf8_lossy(&array).into_owned())
        }
    }
}

fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::column::Shown;
    use crate::core::event::{Field, Values};
    use crate::core::scalar::Scalar;
    use crate::export::tests::event;

    #[test]
    fn formulas_are_guarded_and_told() {
        let mut bytes = Vec::new();
        let columns = [Field::Actor, Field::Resource, Field::Duration]
            .map(|field| Column::plain(Shown::Field(field)));
        let mut printer = CsvPrinter::new(&mut bytes, Medium::Stream, columns.to_vec());
        let mut event = event();
        event.values = Values::of(&[
            (Field::Actor, Scalar::Text("=1+1".into())),
            (Field::Resource, Scalar::Text("a".into())),
            (Field::Resource, Scalar::Text("b\"".into())),
            (Field::Duration, Scalar::Number("-5".into())),
        ]);
        printer.event(&event).expect("a vector takes everything");
        let note = printer.finish().expect("a vector takes everything");
        drop(printer);
        assert!(note.is_some_and(|note| note.starts_with("1 value")));
        let expected = "actor,resource,duration_ms\n'=1+1,\"[\"\"a\"\",\"\"b\\\"\"\"\"]\",-5\n";
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }
}
