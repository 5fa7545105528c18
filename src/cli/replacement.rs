//! A file that is replaced as a whole: under its name stands the former one or the complete new
//! one, whatever happens in between.
//!
//! Devices, pipes and sockets cannot be replaced and are written to as they are.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Permissions of a new file before the umask takes its part.
const NEW: u32 = 0o666;

/// What is being written under a name.
pub enum Replacement {
    /// A file beside the one it will become.
    Beside {
        /// It.
        file: BufWriter<NamedTempFile>,
        /// The name, with links followed.
        target: PathBuf,
    },
    /// Something that is no file: it gets every byte at once.
    Direct(BufWriter<File>),
}

impl Replacement {
    /// Begins. A link is followed and stays; a file keeps its permissions; one that may not be
    /// written is an error, as it would be for a shell.
    pub fn create(path: &Path) -> io::Result<Self> {
        let (target, permissions) = match std::fs::metadata(path) {
            Ok(found) if found.is_file() => {
                OpenOptions::new().write(true).open(path)?;
                (path.canonicalize()?, Some(found.permissions()))
            }
            Ok(_) => return Self::direct(OpenOptions::new().write(true), path),
            // A link to nothing: what it names is made, the link stays.
            Err(_) if path.is_symlink() => {
                return Self::direct(OpenOptions::new().write(true).create(true), path);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
            Err(error) => return Err(error),
        };
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(NEW))
            .tempfile_in(directory)?;
        if let Some(permissions) = permissions {
            file.as_file().set_permissions(permissions)?;
        }
        let file = BufWriter::new(file);
        Ok(Self::Beside { file, target })
    }

    fn direct(options: &OpenOptions, path: &Path) -> io::Result<Self> {
        Ok(Self::Direct(BufWriter::new(options.open(path)?)))
    }

    /// Whether a person looks at it.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Direct(file) => file.get_ref().is_terminal(),
            Self::Beside { .. } => false,
        }
    }

    /// Makes what was written final: a file gets its name.
    pub fn keep(self) -> io::Result<()> {
        match self {
            Self::Direct(mut file) => file.flush(),
            Self::Beside { file, target } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(target)
                    .map(|_: File| ())
                    .map_err(|error| error.error)
            }
        }
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Beside { file, .. } => file.write(bytes),
            Self::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside { file, .. } => file.flush(),
            Self::Direct(file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{FileTypeExt as _, symlink};
    use std::process::Command;

    use super::*;

    fn write(path: &Path, text: &str) {
        let mut file = Replacement::create(path).expect("can be written");
        file.write_all(text.as_bytes()).expect("room");
        file.keep().expect("a name");
    }

    fn mode(path: &Path) -> u32 {
        let found = std::fs::metadata(path).expect("a file");
        found.permissions().mode() & 0o777
    }

    #[test]
    fn links_and_permissions_stay() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, link) = (directory.path().join("a"), directory.path().join("link"));
        std::fs::write(&file, "former").expect("writable");
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("ours");
        symlink("a", &link).expect("a link");
        write(&link, "new");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), "new");
        assert_eq!(mode(&file), 0o640);

        let dangling = directory.path().join("dangling");
        symlink("made", &dangling).expect("a link");
        write(&dangling, "through");
        let made = directory.path().join("made");
        assert_eq!(std::fs::read_to_string(made).expect("a file"), "through");
    }

    #[test]
    fn a_new_file_is_as_any_new_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let (ours, any) = (directory.path().join("ours"), directory.path().join("any"));
        write(&ours, "");
        std::fs::write(&any, "").expect("writable");
        assert_eq!(mode(&ours), mode(&any));
    }

    #[test]
    fn a_pipe_is_written_to_and_stays_a_pipe() {
        let directory = tempfile::tempdir().expect("a directory");
        let pipe = directory.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()));
        let from = pipe.clone();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            File::open(from).and_then(|mut pipe| pipe.read_to_string(&mut text))?;
            Ok::<_, io::Error>(text)
        });
        write(&pipe, "through");
        let kind = std::fs::symlink_metadata(&pipe)
            .expect("a pipe")
            .file_type();
        assert!(kind.is_fifo());
        let text = reader.join().expect("no panic").expect("a reader");
        assert_eq!(text, "through");
    }
}
