//! Whether the disk has room for the archive to come.

use super::Dossier;
use crate::core::number::size;
use crate::purge::fault::Fault;

/// An archive takes a quarter of what its rows take as plain text, hardly ever more than a third.
const PACKED: u64 = 3;

impl Dossier {
    /// Refuses to begin where the disk would be full before the archive is whole: that hurts others
    /// on the same disk, too. A backup that has begun goes on as far as it comes.
    pub fn check_room(&self) -> Result<(), Fault> {
        if self.next_segment() > 1 {
            return Ok(());
        }
        let plain = self.plan().survey.bytes;
        // The estimate is no promise.
        let needed = (plain / PACKED).saturating_mul(13) / 10;
        match self.place.free() {
            Some(free) if free < needed => Err(Fault::refused(
                format!(
                    "{} has {} free; an archive of {} of rows may need {}",
                    self.place.directory().display(),
                    size(free),
                    size(plain),
                    size(needed)
                ),
                "make room there, or plan into a directory on another disk",
            )),
            _ => Ok(()),
        }
    }
}
