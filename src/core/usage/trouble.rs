//! Failures grouped by what they said and where it happened: the status, and the first frames of a
//! stack trace, with what differs from time to time folded away.
//!
//! Failures go by, the newest ones first; so many and no more. Does not read any store.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;

use crate::core::event::{Event, Field};
use crate::core::instant::Micros;
use crate::core::json::{FlatJson, Kind, NodeId};
use crate::core::usage::plan::Window;

/// Failures read of a range at most, and of the one before it.
pub const MOST_FAILURES: usize = 20_000;

/// Frames that tell one trace from another.
pub const FRAMES: usize = 3;

/// Characters of a status or a frame.
const LONGEST: usize = 200;

/// Values of one record that are looked at for a trace.
const MOST_NODES: usize = 20_000;

/// Keys that hold a trace, in small letters and without `_` and `-`.
const KEYS: [&str; 9] = [
    "stack",
    "stacktrace",
    "errorstack",
    "errorstacktrace",
    "exceptionstack",
    "exceptionstacktrace",
    "backtrace",
    "traceback",
    "exception",
];

/// A group of failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What they said, folded; `None`: nothing.
    pub status: Option<String>,
    /// Where it happened, the innermost frame first, folded; empty where no record says.
    pub frames: Vec<String>,
    /// Failures.
    pub events: u64,
    /// Different users of them; nobody is none.
    pub users: u64,
    /// The first one.
    pub first: Option<Micros>,
    /// The last one.
    pub last: Option<Micros>,
    /// Failures of the group in the equally long range before.
    pub before: u64,
    /// Whether that range did not have it; `None` where not all of it was read.
    pub is_new: Option<bool>,
}

/// How much of the range before was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Known,
    InPart,
}

#[derive(Debug, Default)]
struct Group {
    events: u64,
    users: HashSet<u64>,
    seen: Option<(Micros, Micros)>,
    before: u64,
}

/// Groups failures.
#[derive(Debug, Default)]
pub struct Troubles {
    hasher: RandomState,
    groups: HashMap<(Option<String>, Vec<String>), Group>,
    read: [usize; 2],
    /// From when on failures were read, where that is not all of a range.
    cut: [Option<Micros>; 2],
}

impl Troubles {
    /// Takes a failure with its whole record; they come newest first. Breaks when there are too many.
    pub fn take(&mut self, event: &Event, window: Window) -> ControlFlow<()> {
        let side = match window {
            Window::Range => 0,
            Window::Before => 1,
        };
        let at = event.at().instant();
        if self.read[side] >= MOST_FAILURES {
            self.cut[side] = at.map(|at| at.plus(1));
            return ControlFlow::Break(());
        }
        self.read[side] += 1;
        let status = event.first(Field::Status).map(|status| {
            let line = status.lines().find(|line| !line.trim().is_empty());
            folded(line.unwrap_or_default())
        });
        let record = FlatJson::parse(&*event.payload.text).ok();
        let frames = record.as_ref().map(frames).unwrap_or_default();
        let group = self.groups.entry((status, frames)).or_default();
        if window == Window::Before {
            group.before += 1;
            return ControlFlow::Continue(());
        }
        group.events += 1;
        if let Some(user) = event.first(Field::Actor) {
            group.users.insert(self.hasher.hash_one(user));
        }
        if let Some(at) = at {
            let (first, last) = group.seen.unwrap_or((at, at));
            group.seen = Some((first.min(at), last.max(at)));
        }
        ControlFlow::Continue(())
    }

    /// The groups of the range, those with most failures first; and from when on its failures were
    /// read, where that was not all of them.
    pub fn answer(&self) -> (Vec<Trouble>, Option<Micros>) {
        let before = match self.cut[1] {
            None => Before::Known,
            Some(_) => Before::InPart,
        };
        (self.rows(before), self.cut[0])
    }

    /// The same while failures are still to come: what is new is not known yet.
    pub fn so_far(&self) -> (Vec<Trouble>, Option<Micros>) {
        (self.rows(Before::InPart), self.cut[0])
    }

    fn rows(&self, before: Before) -> Vec<Trouble> {
        let is_known = before == Before::Known;
        let groups = self.groups.iter().filter(|(_, group)| group.events > 0);
        let mut rows: Vec<Trouble> = groups
            .map(|((status, frames), group)| Trouble {
                status: status.clone(),
                frames: frames.clone(),
                events: group.events,
                users: group.users.len() as u64,
                first: group.seen.map(|(first, _)| first),
                last: group.seen.map(|(_, last)| last),
                before: group.before,
                is_new: is_known.then_some(group.before == 0),
            })
            .collect();
        rows.sort_unstable_by(|a, b| {
            let name = |row: &Trouble| (row.status.clone(), row.frames.clone());
            b.events.cmp(&a.events).then_with(|| name(a).cmp(&name(b)))
        });
        rows
    }
}

/// The first frames of the first trace of a record.
fn frames(record: &FlatJson<'_>) -> Vec<String> {
    let most = record.len().min(MOST_NODES);
    for node in (0..u32::try_from(most).unwrap_or(u32::MAX)).map(NodeId) {
        let is_trace = record.key(node).is_some_and(|key| {
            let plain: String = key.chars().filter(|c| !matches!(c, '_' | '-')).collect();
            KEYS.contains(&&*plain.to_ascii_lowercase())
        });
        if is_trace {
            let found = frames_of(record, node);
            if !found.is_empty() {
                return found;
            }
        }
    }
    Vec::new()
}

fn frames_of(record: &FlatJson<'_>, node: NodeId) -> Vec<String> {
    let texts: Vec<String> = match record.kind(node) {
        Kind::Text => vec![node],
        Kind::Array => record.children(node).take(100).collect(),
        _ => return Vec::new(),
    }
    .into_iter()
    .filter_map(|text| Some(record.scalar(text)?.into_text().into_owned()))
    .collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let lines: Vec<&str> = lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let framed: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| is_frame(line))
        .collect();
    // A text without any line that looks like a frame is no trace, unless it has several lines.
    let chosen = match (framed.is_empty(), lines.len()) {
        (false, _) => framed,
        (true, 0 | 1) => Vec::new(),
        (true, _) => lines,
    };
    chosen.into_iter().take(FRAMES).map(folded).collect()
}

/// Whether a line looks like a frame of JavaScript, Java, Python, Dart, Go, Rust or .NET.
fn is_frame(line: &str) -> bool {
    let numbered = line.trim_start_matches('#').split([' ', ':']).next();
    let is_numbered = numbered.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    line.starts_with("at ")
        || line.starts_with("File \"")
        || line.starts_with("in ")
        || (is_numbered && line.len() > 3)
        || line.contains(".go:")
        || line.contains(".js:")
        || line.contains(".dart:")
}

/// A text in which numbers, ids and addresses are `#`, so that only what matters differs.
fn folded(text: &str) -> String {
    let mut out = String::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '-';
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        if out.len() >= LONGEST {
            out.truncate(out.floor_char_boundary(LONGEST));
            out.push('…');
            break;
        }
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if end == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let word = &rest[..end];
        if is_id(word) {
            out.push('#');
        } else {
            fold_digits(word, &mut out);
        }
        rest = &rest[end..];
    }
    out
}

/// What is left of a text between what was folded away, as it was.
pub fn words(folded: &str) -> impl Iterator<Item = &str> {
    let parts = folded.split(['#', '…']).map(str::trim);
    parts.filter(|part| part.chars().any(char::is_alphanumeric))
}

/// Whether a word is hexadecimal and long, as ids, hashes and addresses are: `0x7f3a`, a uuid.
fn is_id(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let is_hex = digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let has_digit = digits.bytes().any(|byte| byte.is_ascii_digit());
    let has_prefix = digits.len() < word.len() && !digits.is_empty();
    is_hex && (has_prefix || (has_digit && digits.len() >= 8))
}

fn fold_digits(word: &str, out: &mut String) {
    let mut in_number = false;
    for c in word.chars() {
        let is_digit = c.is_ascii_digit();
        if !is_digit {
            out.push(c);
        } else if !in_number {
            out.push('#');
        }
        in_number = is_digit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::sample;
    use crate::core::instant::At;

    fn event(at: i64, who: &str, status: &str, record: &str) -> Event {
        let texts = [(Field::Actor, who), (Field::Status, status)];
        sample(At::Instant(Micros(at)), &texts, record)
    }

    #[test]
    fn what_differs_from_time_to_time_is_folded() {
        for (text, expected) in [
            ("timeout after 3012 ms", "timeout after # ms"),
            ("no row 9f1c2d3e4b5a6978 in t2", "no row # in t#"),
            ("id 123e4567-e89b-12d3-a456-426614174000 gone", "id # gone"),
            ("at 0x7f3a90 in deadbeef", "at # in deadbeef"),
            (
                "10.0.0.7:5432: connection refused",
                "#.#.#.#:#: connection refused",
            ),
            ("not-found: café", "not-found: café"),
            ("", ""),
        ] {
            assert_eq!(folded(text), expected);
        }
        let long = folded(&"word ".repeat(1_000));
        assert!(long.len() <= LONGEST + 3 && long.ends_with('…'));
    }

    #[test]
    fn what_is_left_of_a_status_is_found_in_it() {
        for (status, expected) in [
            ("timeout after 3012 ms", &["timeout after", "ms"][..]),
            ("10.0.0.7:5432: refused", &[": refused"]),
            ("7", &[]),
        ] {
            let folded = folded(status);
            let found: Vec<&str> = words(&folded).collect();
            assert_eq!(found, expected);
            assert!(found.iter().all(|words| status.contains(words)));
        }
    }

    #[test]
    fn frames_are_found_where_stores_keep_them() {
        for (record, expected) in [
            (
                r#"{"meta":{"error":{"message":"x","stack":"Error: x 5\n    at f (/a/b.js:10:3)\n    at g (/a/c.js:7:1)"}}}"#,
                &["at f (/a/b.js:#:#)", "at g (/a/c.js:#:#)"][..],
            ),
            (
                r##"{"error_stack_trace":"#0      main (package:x/y.dart:5)\n#1      run (package:z.dart:1)\n"}"##,
                &["## main (package:x/y.dart:#)", "## run (package:z.dart:#)"],
            ),
            (
                r#"{"stack":["at a (x:1)","at b (x:2)","at c (x:3)","at d (x:4)"]}"#,
                &["at a (x:#)", "at b (x:#)", "at c (x:#)"],
            ),
            (
                r#"{"Traceback":"Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nValueError: 7"}"#,
                &["File \"a.py\", line #, in f"],
            ),
            // One line is a message; numbers and objects are no traces.
            (
                r#"{"exception":"it broke","stack":7,"stacktrace":{"a":1}}"#,
                &[],
            ),
            (r#"{"stack":null}"#, &[]),
            ("[]", &[]),
        ] {
            let json = FlatJson::parse(record).expect(record);
            let found: Vec<String> = frames(&json)
                .iter()
                .map(|frame| frame.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            assert_eq!(found, expected, "{record}");
        }
    }

    #[test]
    fn groups_are_ranked_and_new_ones_told_from_known_ones() {
        let stack = |line: u32| format!(r#"{{"stack":"E\n at f (x.js:{line})"}}"#);
        let mut troubles = Troubles::default();
        for (at, who, status, record) in [
            (9, "ann", "timeout after 5 ms", stack(1)),
            (8, "ben", "timeout after 77 ms", stack(2)),
            (7, "ben", "timeout after 9 ms", stack(3)),
            (6, "ann", "timeout after 9 ms", "{}".to_owned()),
            (5, "", "", "not JSON".to_owned()),
        ] {
            let event = event(at, who, status, &record);
            assert!(troubles.take(&event, Window::Range).is_continue());
        }
        for at in [3, 2] {
            let old = event(at, "zoe", "timeout after 1 ms", &stack(4));
            assert!(troubles.take(&old, Window::Before).is_continue());
        }
        let gone = event(1, "zoe", "gone", "{}");
        assert!(troubles.take(&gone, Window::Before).is_continue());
        let (rows, cut) = troubles.answer();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                let status = row.status.as_deref();
                (
                    status,
                    row.frames.len(),
                    row.events,
                    row.users,
                    row.before,
                    row.is_new,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (Some("timeout after # ms"), 1, 3, 2, 2, Some(false)),
                (None, 0, 1, 0, 0, Some(true)),
                (Some("timeout after # ms"), 0, 1, 1, 0, Some(true)),
            ]
        );
        assert_eq!(
            (rows[0].first, rows[0].last),
            (Some(Micros(7)), Some(Micros(9)))
        );
        assert_eq!(cut, None);
    }

    #[test]
    fn so_many_and_no_more() {
        let mut troubles = Troubles::default();
        let count = i64::try_from(MOST_FAILURES).expect("small");
        let one = |at| event(at, "ann", "x", "{}");
        for n in 0..count {
            assert!(
                troubles
                    .take(&one(10 * count - n), Window::Range)
                    .is_continue()
            );
            assert!(troubles.take(&one(count - n), Window::Before).is_continue());
        }
        assert!(troubles.take(&one(7), Window::Range).is_break());
        assert!(troubles.take(&one(0), Window::Before).is_break());
        let (rows, cut) = troubles.answer();
        assert_eq!(
            (rows[0].events, rows[0].is_new),
            (MOST_FAILURES as u64, None)
        );
        assert_eq!(cut, Some(Micros(8)));
    }
}
