//! `--groups FILE`: which users belong to which groups.

use std::path::Path;
use std::sync::Arc;

use crate::cli::arguments::Common;
use crate::cli::failure::Failure;
use crate::core::group::Groups;

/// The groups that the command line names.
pub fn load(common: &Common) -> Result<Option<Arc<Groups>>, Failure> {
    let Some(path) = &common.groups else {
        return Ok(None);
    };
    read(path).map(|groups| Some(Arc::new(groups)))
}

fn read(path: &Path) -> Result<Groups, Failure> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot read the groups {file}: {error}")))?;
    Groups::parse(&bytes, &file).map_err(|error| {
        Failure::usage(error.to_string()).hint("a line is USER,GROUP; a user may have many lines")
    })
}
