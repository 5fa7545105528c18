//! Events as JSON, one a line or as one array.
//!
//! Millions of rows pass here, so text is copied between two buffers and nothing is allocated per
//! event. Does not re-encode payloads: they are JSON already.

use std::io::{self, Write};

use crate::core::column::{Column, Shown, record};
use crate::core::event::{Event, Field};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::profile::evaluate;
use crate::core::record::quote_bytes;
use crate::core::sanitise::safe;
use crate::core::scalar::{Scalar, is_number};
use crate::export::{Medium, Printer};
use crate::store::Change;

/// How events are set out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One object a line.
    Lines,
    /// One array.
    Array,
}

/// Prints events as JSON objects with the columns as keys.
///
/// Text fields are strings, `duration_ms` is a number, `resource` is always an array, any other
/// field is one when it has several values; what is absent is `null`.
pub struct JsonPrinter<W> {
    out: W,
    layout: Layout,
    medium: Medium,
    columns: Vec<Column>,
    /// Each key as it stands in the output: `,"actor":`.
    keys: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    clock: Clock,
    printed: u64,
}

/// The buffer is handed on when it holds this much.
const ENOUGH: usize = 128 * 1024;

impl<W: Write> JsonPrinter<W> {
    /// Prints these columns to `out`.
    pub fn new(out: W, layout: Layout, medium: Medium, columns: Vec<Column>) -> Self {
        let keys = columns
            .iter()
            .map(|column| {
                let mut key = vec![b','];
                write_text(&mut key, &column.name);
                key.push(b':');
                key
            })
            .collect();
        Self {
            out,
            layout,
            medium,
            columns,
            keys,
            buffer: Vec::with_capacity(2 * ENOUGH),
            clock: Clock::default(),
            printed: 0,
        }
    }

    /// Prints an event of a tail, with `change` as its first key.
    ///
    /// An event that matches no more is an `update` too: it was printed before, and this is what it
    /// has become.
    pub fn changed(&mut self, event: &Event, change: Change) -> io::Result<()> {
        let word: &[u8] = match change {
            Change::New => b"\"change\":\"new\",",
            Change::Update | Change::Unmatched => b"\"change\":\"update\",",
        };
        self.object(word, event)
    }

    /// Prints a line that is not an event; `json` is a whole JSON object.
    pub fn line(&mut self, json: &str) -> io::Result<()> {
        self.buffer.extend_from_slice(json.as_bytes());
        self.buffer.push(b'\n');
        self.hand_on_if_enough()
    }

    fn object(&mut self, first: &[u8], event: &Event) -> io::Result<()> {
        if self.layout == Layout::Array {
            self.buffer
                .extend_from_slice(if self.printed == 0 { b"[\n" } else { b",\n" });
        }
        let start = self.buffer.len();
        self.buffer.push(b'{');
        self.buffer.extend_from_slice(first);
        let record = record(self.columns.iter().map(|column| &column.shown), event);
        for (place, (column, key)) in self.columns.iter().zip(&self.keys).enumerate() {
            let comma = usize::from(place == 0);
            self.buffer.extend_from_slice(&key[comma..]);
            write_column(
                &mut self.buffer,
                &mut self.clock,
                &column.shown,
                event,
                record.as_ref(),
            );
        }
        self.buffer.push(b'}');
        if self.medium == Medium::Terminal {
            escape_hidden(&mut self.buffer, start);
        }
        if self.layout == Layout::Lines {
            self.buffer.push(b'\n');
        }
        self.printed += 1;
        self.hand_on_if_enough()
    }

    fn hand_on_if_enough(&mut self) -> io::Result<()> {
        if self.buffer.len() >= ENOUGH {
            self.hand_on()?;
        }
        Ok(())
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        // One enormous record must not be paid for until the end.
        self.buffer.shrink_to(4 * ENOUGH);
        Ok(())
    }
}

impl<W: Write> Printer for JsonPrinter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.object(b"", event)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Option<String>> {
        if self.layout == Layout::Array {
            self.buffer
                .extend_from_slice(if self.printed == 0 { b"[]\n" } else { b"\n]\n" });
        }
        self.flush()?;
        Ok(None)
    }
}

fn write_column(
    out: &mut Vec<u8>,
    clock: &mut Clock,
    shown: &Shown,
    event: &Event,
    record: Option<&FlatJson<'_>>,
) {
    match (shown, record) {
        (Shown::Id, _) => write_text(out, event.id.as_str()),
        (Shown::At, _) => write_at(out, clock, event.at()),
        (Shown::Outcome, _) => match event.outcome {
            Some(outcome) => write_text(out, outcome.word()),
            None => out.extend_from_slice(b"null"),
        },
        (Shown::Payload, _) => write_payload(out, &event.payload.text),
        (Shown::Field(Field::Resource), _) => write_array(out, event.all(Field::Resource)),
        (Shown::Field(Field::Duration), _) => match event.first(Field::Duration) {
            Some(text) if is_number(text) => out.extend_from_slice(text.as_bytes()),
            Some(text) => write_text(out, text),
            None => out.extend_from_slice(b"null"),
        },
        (Shown::Field(field), _) => write_values(out, event.all(*field)),
        (Shown::Own(own), Some(record)) => {
            write_values(out, evaluate::values(&own.expr, record).into_iter());
        }
        (Shown::Path(path), Some(record)) => {
            let nodes = path.nodes(record);
            if let [node] = nodes[..] {
                return write_payload(out, record.raw(node));
            }
            if nodes.is_empty() {
                return out.extend_from_slice(b"null");
            }
            for (place, node) in nodes.into_iter().enumerate() {
                out.push(if place == 0 { b'[' } else { b',' });
                write_payload(out, record.raw(node));
            }
            out.push(b']');
        }
        (Shown::Own(_) | Shown::Path(_), None) => out.extend_from_slice(b"null"),
    }
}

fn write_values<'e>(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = Scalar<'e>>) {
    match values.len() {
        0 => out.extend_from_slice(b"null"),
        1 => values.for_each(|value| write_text(out, value.text())),
        _ => write_array(out, values),
    }
}

fn write_array<'e>(out: &mut Vec<u8>, values: impl Iterator<Item = Scalar<'e>>) {
    out.push(b'[');
    for (place, value) in values.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_text(out, value.text());
    }
    out.push(b']');
}

/// A payload as it stands. A line break in it can only be white space between tokens, and would end
/// the line.
fn write_payload(out: &mut Vec<u8>, json: &str) {
    let start = out.len();
    out.extend_from_slice(json.as_bytes());
    if memchr::memchr2(b'\n', b'\r', json.as_bytes()).is_none() {
        return;
    }
    for byte in &mut out[start..] {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// A JSON string.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    let _ = quote_bytes(out, text.as_bytes());
}

fn write_escape(out: &mut Vec<u8>, unit: u16) {
    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
}

/// Writes characters that a terminal might obey or hide as JSON escapes: still the same JSON.
fn escape_hidden(buffer: &mut Vec<u8>, start: usize) {
    if buffer[start..]
        .iter()
        .all(|byte| (0x20..0x7f).contains(byte))
    {
        return;
    }
    let text = String::from_utf8_lossy(&buffer[start..]).into_owned();
    buffer.truncate(start);
    let mut utf8 = [0; 4];
    for character in text.chars() {
        let bytes = character.encode_utf8(&mut utf8);
        if safe(bytes) == *bytes {
            buffer.extend_from_slice(bytes.as_bytes());
        } else if character == '\t' {
            buffer.push(b' ');
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write_escape(buffer, *unit);
            }
        }
    }
}

fn write_at(out: &mut Vec<u8>, clock: &mut Clock, at: At) {
    match at {
        At::Instant(at) => {
            out.push(b'"');
            clock.write(out, at);
            out.push(b'"');
        }
        At::NegInfinity => out.extend_from_slice(b"\"-infinity\""),
        At::PosInfinity => out.extend_from_slice(b"\"infinity\""),
        At::Absent => out.extend_from_slice(b"null"),
    }
}

/// Writes instants as RFC 3339; neighbours share their day, so the calendar is asked once a day.
#[derive(Debug, Default)]
struct Clock {
    day: Option<i64>,
    date: String,
}

impl Clock {
    const DAY: i64 = 86_400 * Micros::SECOND;

    fn write(&mut self, out: &mut Vec<u8>, at: Micros) {
        let day = at.0.div_euclid(Self::DAY);
        if self.day != Some(day) {
            let whole = at.to_string();
            let Some((date, _)) = whole.split_once('T') else {
                // Outside the calendar's years.
                return out.extend_from_slice(whole.as_bytes());
            };
            date.clone_into(&mut self.date);
            self.day = Some(day);
        }
        out.extend_from_slice(self.date.as_bytes());
        let within = at.0.rem_euclid(Self::DAY);
        let (seconds, micros) = (within / Micros::SECOND, within % Micros::SECOND);
        let mut time = *b"T00:00:00.000000Z";
        for (at, number, digits) in [
            (1, seconds / 3600, 2),
            (4, seconds / 60 % 60, 2),
            (7, seconds % 60, 2),
            (10, micros, 6),
        ] {
            let mut rest = number;
            for place in (at..at + digits).rev() {
                time[place] += u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
        }
        out.extend_from_slice(&time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::Values;
    use crate::export::tests::event;

    fn printed(layout: Layout, medium: Medium, events: &[Event]) -> String {
        let mut bytes = Vec::new();
        let mut printer = JsonPrinter::new(&mut bytes, layout, medium, Column::all());
        for event in events {
            printer.event(event).expect("a vector takes everything");
        }
        printer.finish().expect("a vector takes everything");
        drop(printer);
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    #[test]
    fn keys_come_in_the_order_scripts_rely_on() {
        insta::assert_snapshot!(printed(Layout::Lines, Medium::Stream, &[event()]), @r#"{"id":"42","at":"2026-01-02T03:04:05.678901Z","actor":"maya@example.com","action":"DeletePod","service":null,"kind":null,"resource":["prod/api/api-0"],"outcome":"denied","status":["PERMISSION_DENIED","permission denied"],"session":null,"origin":null,"duration_ms":12.5,"payload":{"id":42}}"#);
    }

    #[test]
    fn lines_and_arrays_are_well_formed() {
        let mut odd = event();
        odd.payload =
            crate::core::event::Payload::whole("{\"a\":\n1,\r\n\t\"b\":\"\\n\u{9b}\u{202e}\"}");
        let actor = Scalar::Text("a\"\\\u{1b}[31m\n".into());
        odd.values = Values::of(&[(Field::Actor, actor)]);
        for medium in [Medium::Stream, Medium::Terminal] {
            let events = [odd.clone(), event()];
            let lines = printed(Layout::Lines, medium, &events);
            assert_eq!(lines.lines().count(), 2);
            let from_lines: Vec<serde_json::Value> = lines
                .lines()
                .map(|line| serde_json::from_str(line).expect(line))
                .collect();
            let array = printed(Layout::Array, medium, &events);
            let from_array: Vec<serde_json::Value> = serde_json::from_str(&array).expect("array");
            assert_eq!(from_lines, from_array);
            assert_eq!(from_lines[0]["actor"], "a\"\\\u{1b}[31m\n");
            assert_eq!(from_lines[0]["payload"]["b"], "\n\u{9b}\u{202e}");
            let hidden = lines.contains('\u{202e}') || lines.contains('\u{9b}');
            assert_eq!(hidden, medium == Medium::Stream);
            assert!(!lines.contains('\u{1b}'));
        }
        assert_eq!(printed(Layout::Array, Medium::Stream, &[]), "[]\n");
        assert_eq!(printed(Layout::Lines, Medium::Stream, &[]), "");
    }

    #[test]
    fn instants_are_what_their_display_says() {
        let mut clock = Clock::default();
        for at in [
            0,
            -1,
            1_767_323_045_678_901,
            1_767_323_045_000_000,
            -62_135_596_800_000_000,
            253_402_300_799_999_999,
            253_402_300_800_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            let mut out = Vec::new();
            clock.write(&mut out, Micros(at));
            assert_eq!(String::from_utf8_lossy(&out), Micros(at).to_string());
        }
    }

    #[test]
    fn times_that_are_not_instants_are_words() {
        let mut event = event();
        for (at, word) in [
            (At::Absent, "\"at\":null"),
            (At::PosInfinity, "\"at\":\"infinity\""),
            (At::NegInfinity, "\"at\":\"-infinity\""),
        ] {
            event.cursor.at = at;
            assert!(printed(Layout::Lines, Medium::Stream, &[event.clone()]).contains(word));
        }
    }
}
