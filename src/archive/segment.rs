//! A segment: per relation a compressed payload that the store's own tools read, and a sidecar with a
//! line for each row.

pub mod stream;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::archive::ArchiveError;
use crate::archive::place::Place;
use crate::core::instant::{At, Micros};
use crate::core::purge::journal::SegmentPart;
use crate::core::purge::key;
use crate::core::purge::plan::Encoding;
use crate::core::purge::row::{RawRows, RowDigest, RowMark, RowVersion};

/// Fast, and close to what slower levels save.
const LEVEL: i32 = 1;
/// More memory than this nobody's archive needs.
const MOST_WINDOW: u32 = 27;
/// Segments are smaller, but for a very large record.
const MOST_BYTES: u64 = 2 << 30;
/// Up to here a file may unpack to anything; above it is a bomb when it grows too much.
const UNSUSPICIOUS: u64 = 128 << 20;
/// Too much: real records of that size are text or pictures.
const MOST_GROWTH: u64 = 200;

/// Bytes of a sidecar's line, about.
const LINE: usize = 128;

/// A row as the sidecar tells it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    key: Vec<Value>,
    version: Cow<'l, str>,
    digest: Cow<'l, str>,
    at: Option<i64>,
    length: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Vec<Value>>,
}

/// The names of a relation's files.
pub fn names(number: u32, relation: usize, encoding: Encoding) -> [String; 2] {
    let stem = match relation {
        0 => format!("seg-{number:06}"),
        more => format!("seg-{number:06}.r{more}"),
    };
    [
        format!("{stem}.{}.zst", encoding.extension()),
        format!("{stem}.idx.zst"),
    ]
}

/// Writes a relation's files; both are durable afterwards.
pub fn write(
    place: &Place,
    number: u32,
    relation: usize,
    encoding: Encoding,
    rows: &RawRows,
) -> Result<SegmentPart, ArchiveError> {
    let [payload_name, sidecar_name] = names(number, relation, encoding);
    let mut sidecar = Vec::with_capacity(rows.marks.len() * LINE);
    for mark in &rows.marks {
        let line = Line {
            key: key::spell(&mark.key),
            version: Cow::Borrowed(&mark.version.0),
            digest: Cow::Owned(mark.digest.to_string()),
            at: mark.at.instant().map(|at| at.0),
            length: mark.length,
            parent: mark.parent.as_ref().map(key::spell),
        };
        serde_json::to_writer(&mut sidecar, &line)
            .map_err(|error| place.broken(&sidecar_name, error.to_string()))?;
        sidecar.push(b'\n');
    }
    let packed = |name: &str, plain: &[u8]| {
        zstd::bulk::compress(plain, LEVEL).map_err(|error| place.io(name, error))
    };
    let payload = packed(&payload_name, &rows.payload)?;
    let sidecar = packed(&sidecar_name, &sidecar)?;
    for (name, bytes) in [(&payload_name, &payload), (&sidecar_name, &sidecar)] {
        if place.has(name) {
            place.set_aside(name)?;
        }
        place.put(name, bytes)?;
    }
    let instants = || rows.marks.iter().filter_map(|mark| mark.at.instant());
    Ok(SegmentPart {
        rows: rows.marks.len() as u64,
        plain_bytes: rows.payload.len() as u64,
        plain: hex(&rows.payload),
        payload_bytes: payload.len() as u64,
        payload: hex(&payload),
        sidecar_bytes: sidecar.len() as u64,
        sidecar: hex(&sidecar),
        oldest: instants().min(),
        newest: instants().max(),
    })
}

/// How the content of a payload is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Hashed as a whole, and row by row.
    Hashed,
    /// Row by row: with the file's hash and the digests of all rows there is no byte that nobody
    /// has compared.
    ByRows,
    /// Not at all: the rows come without their bytes.
    None,
}

/// Reads a relation's files back, named by segment, relation and encoding; every byte is compared
/// with what was journalled, every row with its digest.
pub fn read(
    place: &Place,
    (number, relation, encoding): (u32, usize, Encoding),
    part: &SegmentPart,
    content: Content,
) -> Result<RawRows, ArchiveError> {
    let [payload_name, sidecar_name] = names(number, relation, encoding);
    let stored = |name: &str, bytes: u64, hash: &str| {
        if bytes > MOST_BYTES {
            return Err(place.broken(name, "no segment is as long as the journal says"));
        }
        let found = place.get(name, bytes)?;
        if found.len() as u64 != bytes || hex(&found) != hash {
            return Err(place.broken(name, "its bytes differ from what was journalled"));
        }
        Ok(found)
    };
    let payload = match content {
        Content::None => None,
        Content::ByRows | Content::Hashed => {
            let packed = stored(&payload_name, part.payload_bytes, &part.payload)?;
            Some(unpack(place, &payload_name, &packed, part.plain_bytes)?)
        }
    };
    if let Some(payload) = &payload
        && (payload.len() as u64 != part.plain_bytes
            || (content == Content::Hashed && hex(payload) != part.plain))
    {
        let why = "its content differs from what was journalled";
        return Err(place.broken(&payload_name, why));
    }
    let sidecar = stored(&sidecar_name, part.sidecar_bytes, &part.sidecar)?;
    let sidecar = unpack(place, &sidecar_name, &sidecar, MOST_BYTES)?;
    let mut marks = Vec::with_capacity(sidecar.len() / LINE);
    for line in sidecar.split_inclusive(|byte| *byte == b'\n') {
        let line: Line = serde_json::from_slice(line)
            .map_err(|error| place.broken(&sidecar_name, error.to_string()))?;
        let mark = mark(line).ok_or_else(|| place.broken(&sidecar_name, "a line has no key"))?;
        marks.push(mark);
    }
    let length: u64 = marks.iter().map(|mark| u64::from(mark.length)).sum();
    if marks.len() as u64 != part.rows || length != part.plain_bytes {
        return Err(place.broken(&sidecar_name, "its rows are not the payload's"));
    }
    let Some(payload) = payload else {
        let payload = Vec::new();
        return Ok(RawRows { payload, marks });
    };
    let rows = RawRows { payload, marks };
    if rows
        .iter()
        .any(|(mark, bytes)| RowDigest::of(bytes) != mark.digest)
    {
        return Err(place.broken(&payload_name, "a row is not what its digest says"));
    }
    Ok(rows)
}

fn mark(line: Line<'_>) -> Option<RowMark> {
    Some(RowMark {
        key: key::read(&line.key)?,
        version: RowVersion(line.version.into_owned()),
        digest: RowDigest::read(&line.digest)?,
        at: line.at.map_or(At::Absent, |at| At::Instant(Micros(at))),
        length: line.length,
        parent: match line.parent {
            Some(parent) => Some(key::read(&parent)?),
            None => None,
        },
    })
}

/// Unpacks at most so many bytes, in bounded memory.
fn unpack(place: &Place, name: &str, packed: &[u8], most: u64) -> Result<Vec<u8>, ArchiveError> {
    let fail = |error: io::Error| place.broken(name, format!("it does not unpack: {error}"));
    let bomb = UNSUSPICIOUS.max((packed.len() as u64).saturating_mul(MOST_GROWTH));
    let most = most.min(bomb).min(MOST_BYTES);
    let mut reader = zstd::stream::read::Decoder::new(packed).map_err(fail)?;
    reader.window_log_max(MOST_WINDOW).map_err(fail)?;
    // What the file says of its length saves growing; it is not relied upon.
    let said = zstd::zstd_safe::get_frame_content_size(packed);
    let said = said.ok().flatten().unwrap_or_default().min(most);
    let mut plain = Vec::with_capacity(usize::try_from(said).unwrap_or_default());
    reader
        .take(most.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(fail)?;
    if plain.len() as u64 > most {
        return Err(place.broken(
            name,
            "it unpacks to more than was journalled, or than is credible",
        ));
    }
    Ok(plain)
}

/// SHA-256, hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes, two digits each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
