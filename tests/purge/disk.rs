//! A disk for tests: it does what the system's does until something goes wrong, and it knows what
//! would be left of its files after a loss of power.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use auditail::archive::disk::{Disk, DiskFile, System};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// From this operation on nothing happens any more: the process is killed, or power is lost.
    Dies(usize),
    /// This operation has no space: half of its bytes are written.
    Full(usize),
    /// This operation fails, as failing hardware says it.
    Fails(usize),
    /// Half of this write's bytes vanish, and nobody says so.
    Loses(usize),
    /// So many bytes are free, as far as the disk says.
    Small(u64),
}

/// Which promise the disk breaks without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// None.
    Honest,
    /// Synced directories are not durable.
    Names,
    /// Synced files are not durable.
    Bytes,
}

/// What a loss of power leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// Neither names nor bytes.
    Nothing,
    /// Names of files whose bytes are lost.
    Names,
    /// Bytes of files whose names are lost.
    Bytes,
    /// Names, and half of the bytes.
    Half,
}

/// All kinds of loss.
pub const LOSSES: [Leaves; 4] = [Leaves::Nothing, Leaves::Names, Leaves::Bytes, Leaves::Half];

#[derive(Debug, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// A sync of it failed. The system believes the bytes written since, and no later sync writes
    /// them.
    is_lost: bool,
}

/// Files as they are and as they would be.
#[derive(Debug, Default)]
struct Files {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    directories: BTreeSet<PathBuf>,
    durable_directories: BTreeSet<PathBuf>,
}

impl Files {
    fn find(&mut self, directory: &Path) {
        self.directories.insert(directory.to_owned());
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.find(&path);
                continue;
            }
            let bytes = fs::read(&path).expect("readable");
            self.names.insert(path, self.inodes.len());
            self.inodes.push(Inode {
                now: bytes.clone(),
                durable: bytes,
                is_lost: false,
            });
        }
    }

    fn sync_names(&mut self, directory: &Path) {
        let is_in = |path: &Path| path.parent() == Some(directory);
        self.durable.retain(|path, _| !is_in(path));
        let now = self.names.iter().filter(|(path, _)| is_in(path));
        self.durable
            .extend(now.map(|(path, inode)| (path.clone(), *inode)));
        let now = self.directories.iter().filter(|path| is_in(path));
        self.durable_directories.extend(now.cloned());
    }

    fn after(&self, leaves: Leaves) -> BTreeMap<PathBuf, Vec<u8>> {
        let names = match leaves {
            Leaves::Nothing | Leaves::Bytes => &self.durable,
            Leaves::Names | Leaves::Half => &self.names,
        };
        let bytes = |inode: &Inode| match leaves {
            Leaves::Nothing | Leaves::Names => inode.durable.clone(),
            Leaves::Bytes => inode.now.clone(),
            Leaves::Half => {
                let more = inode.now.len().saturating_sub(inode.durable.len());
                inode.now[..inode.durable.len() + more / 2].to_vec()
            }
        };
        names
            .iter()
            .map(|(path, inode)| (path.clone(), bytes(&self.inodes[*inode])))
            .collect()
    }
}

#[derive(Debug)]
struct State {
    trouble: Trouble,
    lie: Lie,
    operations: usize,
    files: Files,
}

/// What becomes of an operation.
enum Turn {
    Well,
    Half,
    Vanishes,
}

impl State {
    fn turn(&mut self) -> io::Result<Turn> {
        self.operations += 1;
        let now = self.operations;
        match self.trouble {
            Trouble::Dies(at) if now >= at => Err(io::Error::other("the process is dead")),
            Trouble::Full(at) if now == at => Ok(Turn::Half),
            Trouble::Loses(at) if now == at => Ok(Turn::Vanishes),
            Trouble::Fails(at) if now == at => Err(failure()),
            _ => Ok(Turn::Well),
        }
    }

    /// An operation that needs no bytes.
    fn plain_turn(&mut self) -> io::Result<()> {
        match self.turn()? {
            Turn::Half => Err(full()),
            Turn::Well | Turn::Vanishes => Ok(()),
        }
    }
}

/// ENOSPC.
fn full() -> io::Error {
    io::Error::from_raw_os_error(28)
}

/// EIO.
fn failure() -> io::Error {
    io::Error::from_raw_os_error(5)
}

/// The disk.
#[derive(Clone, Debug)]
pub struct TestDisk(Arc<Mutex<State>>);

impl TestDisk {
    /// Below this directory everything that is there is durable.
    pub fn new(root: &Path, trouble: Trouble, lie: Lie) -> Self {
        let mut files = Files::default();
        if root.is_dir() {
            files.find(root);
        }
        files.durable.clone_from(&files.names);
        files.durable_directories.clone_from(&files.directories);
        Self(Arc::new(Mutex::new(State {
            trouble,
            lie,
            operations: 0,
            files,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics with it")
    }

    /// From now on nothing goes wrong; what it could not sync is lost all the same.
    pub fn mend(&self) {
        self.state().trouble = Trouble::None;
    }

    /// How much was asked of it.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// The power fails; what was not synced is gone as far as `leaves` says.
    pub fn lose_power(&self, root: &Path, leaves: Leaves) {
        let state = self.state();
        if root.is_dir() {
            fs::remove_dir_all(root).expect("ours");
        }
        let directories = match leaves {
            Leaves::Nothing | Leaves::Bytes => &state.files.durable_directories,
            Leaves::Names | Leaves::Half => &state.files.directories,
        };
        for directory in directories {
            System.make_directory(directory).expect("made again");
        }
        for (path, bytes) in state.files.after(leaves) {
            if path.parent().is_some_and(Path::is_dir) {
                let mut file = System.create(&path).expect("made again");
                file.write_all(&bytes).expect("written again");
            }
        }
    }
}

impl Disk for TestDisk {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.plain_turn()?;
        System.make_directory(path)?;
        state.files.directories.insert(path.to_owned());
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.plain_turn()?;
        let file = System.create(path)?;
        let inode = state.files.inodes.len();
        state.files.inodes.push(Inode::default());
        state.files.names.insert(path.to_owned(), inode);
        drop(state);
        let disk = self.clone();
        Ok(Box::new(TestFile {
            disk,
            file,
            inode,
            writes: 0,
        }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.plain_turn()?;
        let file = System.append(path)?;
        let inode = state.files.names[path];
        drop(state);
        let disk = self.clone();
        Ok(Box::new(TestFile {
            disk,
            file,
            inode,
            writes: 0,
        }))
    }

    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        self.state().plain_turn()?;
        System.read(path, most)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.plain_turn()?;
        System.rename(from, to)?;
        let inode = state.files.names.remove(from).expect("it was there");
        state.files.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.plain_turn()?;
        System.remove(path)?;
        state.files.names.remove(path);
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.plain_turn()?;
        System.sync_directory(path)?;
        if state.lie != Lie::Names {
            state.files.sync_names(path);
        }
        Ok(())
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        match self.state().trouble {
            Trouble::Small(free) => Ok(free),
            _ => System.free(path),
        }
    }
}

/// A file on it.
#[derive(Debug)]
struct TestFile {
    disk: TestDisk,
    file: Box<dyn DiskFile>,
    inode: usize,
    writes: usize,
}

impl TestFile {
    fn take(&mut self, state: &mut State, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        state.files.inodes[self.inode].now.extend_from_slice(bytes);
        Ok(())
    }
}

impl Write for TestFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let disk = self.disk.clone();
        let mut state = disk.state();
        match state.turn()? {
            // A write may take less than it is given; whoever writes has to go on.
            Turn::Well => {
                self.writes += 1;
                let taken = bytes.len().div_ceil(1 + self.writes % 2);
                self.take(&mut state, &bytes[..taken])?;
                Ok(taken)
            }
            Turn::Half => {
                self.take(&mut state, &bytes[..bytes.len() / 2])?;
                Err(full())
            }
            Turn::Vanishes => {
                self.take(&mut state, &bytes[..bytes.len() / 2])?;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for TestFile {
    fn sync(&mut self) -> io::Result<()> {
        let disk = self.disk.clone();
        let mut state = disk.state();
        if let Err(error) = state.plain_turn() {
            state.files.inodes[self.inode].is_lost = true;
            return Err(error);
        }
        self.file.sync()?;
        if state.lie != Lie::Bytes && !state.files.inodes[self.inode].is_lost {
            let inode = &mut state.files.inodes[self.inode];
            inode.durable.clone_from(&inode.now);
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}
