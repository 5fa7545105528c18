//! A segment: per relation a compressed payload that the store's own tools read, and a sidecar with a
//! line for each row.

pub mod draft;
mod line;
pub mod stream;

use std::fmt::Write as _;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::archive::ArchiveError;
use crate::archive::place::Place;
use crate::archive::segment::draft::Draft;
use crate::core::purge::journal::SegmentPart;
use crate::core::purge::plan::Encoding;
use crate::core::purge::row::{RawRows, RowDigest};

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
    let [name, _] = names(number, relation, encoding);
    let drafted = || {
        let mut draft = Draft::new()?;
        draft.push(&rows.marks, &rows.payload)?;
        draft.finish()
    };
    let drafted = drafted().map_err(|error| place.io(&name, error))?;
    drafted.put(place, number, relation, encoding)
}

/// How the content of a payload is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Row by row: with the file's hash and the digests of all rows there is no byte that nobody
    /// has compared.
    ByRows,
    /// Not at all: the rows come without their bytes.
    None,
}

/// Reads a relation's files back, named by segment, relation and encoding; every byte is compared
/// with what was journalled, every row with its digest. `rows` are of no more use, and give their
/// room.
pub fn read(
    place: &Place,
    (number, relation, encoding): (u32, usize, Encoding),
    part: &SegmentPart,
    content: Content,
    mut rows: RawRows,
) -> Result<RawRows, ArchiveError> {
    rows.clear();
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
    if content == Content::ByRows {
        let packed = stored(&payload_name, part.payload_bytes, &part.payload)?;
        let room = part.plain_bytes;
        unpack(
            place,
            &payload_name,
            &packed,
            [room, room],
            &mut rows.payload,
        )?;
        if rows.payload.len() as u64 != part.plain_bytes {
            let why = "its content differs from what was journalled";
            return Err(place.broken(&payload_name, why));
        }
    }
    let packed = stored(&sidecar_name, part.sidecar_bytes, &part.sidecar)?;
    let room = part.rows.saturating_mul(line::LENGTH as u64);
    let mut sidecar = Vec::new();
    unpack(
        place,
        &sidecar_name,
        &packed,
        [room, MOST_BYTES],
        &mut sidecar,
    )?;
    drop(packed);
    // No line is that short; the journal alone is not believed.
    let most = sidecar.len() / (line::LENGTH / 4);
    let room = usize::try_from(part.rows).unwrap_or(most).min(most);
    let marks = &mut rows.marks;
    marks.reserve_exact(room);
    for line in sidecar.split_inclusive(|byte| *byte == b'\n') {
        let mark = line::read(line).map_err(|why| place.broken(&sidecar_name, why))?;
        marks.push(mark);
    }
    let length: u64 = marks.iter().map(|mark| u64::from(mark.length)).sum();
    if marks.len() as u64 != part.rows || length != part.plain_bytes {
        return Err(place.broken(&sidecar_name, "its rows are not the payload's"));
    }
    if content == Content::ByRows
        && rows
            .iter()
            .any(|(mark, bytes)| RowDigest::of(bytes) != mark.digest)
    {
        return Err(place.broken(&payload_name, "a row is not what its digest says"));
    }
    Ok(rows)
}

/// Unpacks at most so many bytes into what is empty, in bounded memory; room for those that are expected saves growing.
fn unpack(
    place: &Place,
    name: &str,
    packed: &[u8],
    [expected, most]: [u64; 2],
    plain: &mut Vec<u8>,
) -> Result<(), ArchiveError> {
    let fail = |error: io::Error| place.broken(name, format!("it does not unpack: {error}"));
    let bomb = UNSUSPICIOUS.max((packed.len() as u64).saturating_mul(MOST_GROWTH));
    let most = most.min(bomb).min(MOST_BYTES);
    let mut reader = zstd::stream::read::Decoder::new(packed).map_err(fail)?;
    reader.window_log_max(MOST_WINDOW).map_err(fail)?;
    // One byte more: reading to the end looks for it.
    let room = usize::try_from(expected.min(most)).unwrap_or_default() + 1;
    plain.reserve_exact(room);
    reader
        .take(most.saturating_add(1))
        .read_to_end(plain)
        .map_err(fail)?;
    if plain.len() as u64 > most {
        return Err(place.broken(
            name,
            "it unpacks to more than was journalled, or than is credible",
        ));
    }
    Ok(())
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
