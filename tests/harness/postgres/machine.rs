//! What a cluster of the tests finds on the machine: programs, a user to run as, a directory and a port
//! of its own.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// The ordinary user that runs the server when the tests run as root.
#[derive(Clone, Copy)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
}

pub fn new_home(user: Option<Ids>) -> PathBuf {
    let home = tempfile::Builder::new()
        .prefix("auditail-pg-")
        .tempdir()
        .expect("a temporary directory")
        .keep();
    if let Some(Ids { uid, gid }) = user {
        std::os::unix::fs::chown(&home, Some(uid), Some(gid)).expect("give the directory away");
    }
    home
}

/// Starts the process that outlives this one just long enough to clean up. Its own group keeps it
/// out of reach of the terminal's Ctrl-C.
pub fn watch(bin: &Path, home: &Path, user: Option<Ids>) -> (Child, ChildStdin) {
    let script = "read -r _; \"$1/pg_ctl\" -D \"$2/data\" -m immediate stop; rm -rf \"$2\"";
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script, "sh"])
        .arg(bin)
        .arg(home)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    as_user(&mut command, user);
    let mut child = command.spawn().expect("start the watchdog");
    let leash = child.stdin.take().expect("stdin is piped");
    (child, leash)
}

pub fn as_user(command: &mut Command, user: Option<Ids>) {
    if let Some(Ids { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
}

/// PostgreSQL refuses to run as root: the packages' own user runs it then, or `nobody`.
pub fn ordinary_user() -> Option<Ids> {
    let number = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        output.status.success().then_some(())?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if number(&["-u"]) != Some(0) {
        return None;
    }
    ["postgres", "nobody"].into_iter().find_map(|name| {
        Some(Ids {
            uid: number(&["-u", name])?,
            gid: number(&["-g", name])?,
        })
    })
}

/// The directory that holds `initdb`, `pg_ctl`, `postgres` and `psql`.
pub fn server_programs() -> PathBuf {
    let complete = |dir: &PathBuf| {
        ["initdb", "pg_ctl", "postgres", "psql"]
            .iter()
            .all(|name| dir.join(name).is_file())
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    on_path
        .into_iter()
        .chain(debian_directories())
        .chain(configured_directory())
        .find(complete)
        .expect(
            "no PostgreSQL server found on PATH, in /usr/lib/postgresql or by pg_config: \
             run `apt-get install postgresql` (tests/run does it), \
             or leave these tests out with AUDITAIL_TEST_STORES=sqlite",
        )
}

/// Newest version first.
fn debian_directories() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, dir)| dir).collect()
}

fn configured_directory() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// A port nobody listens on at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port on loopback")
        .port()
}
