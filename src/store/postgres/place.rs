//! Where a server may be: a host and a port, or a socket.

use std::net::IpAddr;
use std::path::PathBuf;

/// One place where the server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A name or address, or the directory of a unix socket.
    pub host: Host,
    /// Where to connect instead of asking the resolver for `host`.
    pub addr: Option<IpAddr>,
    /// The port, also part of a socket's file name.
    pub port: u16,
}

/// A host as libpq tells them apart: what begins with `/` is a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name or an address.
    Tcp(String),
    /// The directory of a unix socket.
    Unix(PathBuf),
}

impl Place {
    /// Whether the bytes stay on this machine.
    pub fn is_local(&self) -> bool {
        match (&self.host, self.addr) {
            (Host::Unix(_), _) => true,
            (Host::Tcp(_), Some(addr)) => addr.is_loopback(),
            (Host::Tcp(name), None) => {
                name.eq_ignore_ascii_case("localhost")
                    || name.parse().is_ok_and(|addr: IpAddr| addr.is_loopback())
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Host::Tcp(name) if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Host::Tcp(name) => write!(f, "{name}:{}", self.port),
            Host::Unix(dir) => write!(f, "socket {}/.s.PGSQL.{}", dir.display(), self.port),
        }
    }
}
