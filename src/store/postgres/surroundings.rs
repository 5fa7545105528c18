//! What a process knows besides its arguments: variables, home, login name.
//!
//! Does not know what any of it means for a connection.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a process knows besides its arguments. Passed in, so that tests own it.
pub struct Surroundings {
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// The login name of the operating system.
    pub login: Option<String>,
    /// The directory in which a local server puts its socket.
    pub socket_dir: PathBuf,
}

impl Surroundings {
    /// Reads the process's own.
    pub fn of_process() -> Self {
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let login = login_name().or_else(|| env.get("USER").cloned());
        let debian = PathBuf::from("/var/run/postgresql");
        let socket_dir = if debian.is_dir() {
            debian
        } else {
            PathBuf::from("/tmp")
        };
        Self {
            env,
            login,
            socket_dir,
        }
    }

    /// A path below the home directory, where there is one.
    pub fn home(&self, below: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.env.get("HOME")?).join(below))
    }
}

/// The owner of this process by the password database, as libpq asks for it.
fn login_name() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)? == uid).then(|| name.to_owned())
    })
}
