//! Connection parameters as libpq reads them: a URI or a keyword string, a service file, `PG*`
//! variables, defaults, in this order of precedence.
//!
//! Does not connect and does not look a password up; see `passfile` and `session`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::store::StoreError;
use crate::store::postgres::keyword::{self, KEYWORDS};
use crate::store::postgres::passfile;
use crate::store::postgres::place::{Host, Place};
use crate::store::postgres::surroundings::Surroundings;
use crate::store::postgres::target::{self, Given};
use crate::store::secret::Secret;

/// How much TLS is asked for, in libpq's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// None.
    Disable,
    /// Only if the server insists.
    Allow,
    /// If the server has it.
    Prefer,
    /// Always, whoever the server is.
    Require,
    /// The certificate must be signed by a known authority.
    VerifyCa,
    /// And be issued for this host.
    VerifyFull,
}

impl SslMode {
    const WORDS: [(Self, &'static str); 6] = [
        (Self::Disable, "disable"),
        (Self::Allow, "allow"),
        (Self::Prefer, "prefer"),
        (Self::Require, "require"),
        (Self::VerifyCa, "verify-ca"),
        (Self::VerifyFull, "verify-full"),
    ];
}

/// Files and choices for TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SslFiles {
    /// Authorities; the system's when absent.
    pub root: Option<PathBuf>,
    /// Our certificate.
    pub cert: Option<PathBuf>,
    /// Our key.
    pub key: Option<PathBuf>,
}

/// Everything needed to connect. No `Debug`: it holds a password.
#[derive(Clone)]
pub struct Params {
    /// Where to try, in order.
    pub places: Vec<Place>,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// The password, when one was given; the passfile is asked per place.
    pub password: Option<Secret>,
    /// One for where neither that nor the passfile tells.
    pub typed: Option<Secret>,
    /// The passfile to ask.
    pub passfile: Option<PathBuf>,
    /// `None`: verified for remote hosts, nothing for local ones.
    pub ssl: Option<SslMode>,
    /// Files for TLS.
    pub ssl_files: SslFiles,
    /// How long one attempt may take.
    pub connect_timeout: Option<Duration>,
    /// What the server shows in `pg_stat_activity`.
    pub application: String,
    /// Further `-c name=value` settings of the user's.
    pub options: Option<String>,
    /// `read-write`, `primary` … to choose among several hosts.
    pub session: SessionWish,
    /// Whether SCRAM must be bound to the TLS channel.
    pub binding: Binding,
    /// How a peer that has vanished is noticed.
    pub keepalive: Keepalive,
    /// The table named in the URL.
    pub table: Option<String>,
}

/// Which of several servers is wanted (`target_session_attrs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionWish {
    /// The first that answers.
    Any,
    /// One that accepts writes: a primary.
    Primary,
    /// One that is in recovery.
    Standby,
}

/// How a peer that has vanished is noticed. `None` leaves it to the system, which takes hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Quiet time before the first probe; `None` sends none.
    pub idle: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// Unanswered probes that end the connection.
    pub count: Option<u32>,
    /// How long what was sent may stay unacknowledged.
    pub unacknowledged: Option<Duration>,
}

/// `channel_binding`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Never.
    Disable,
    /// If the server can.
    Prefer,
    /// Always.
    Require,
}

impl Params {
    /// Reads a target and fills in what it leaves open.
    pub fn resolve(text: &str, around: &Surroundings) -> Result<Self, StoreError> {
        let mut given = target::parse(text)?;
        for (place, word) in given.keys().enumerate() {
            keyword::check_word(word, place + 1)?;
        }
        add_service(&mut given, around)?;
        for known in &KEYWORDS {
            if let Some(value) = known.variable.and_then(|name| around.env.get(name)) {
                given
                    .entry(known.word.to_owned())
                    .or_insert_with(|| value.clone());
            }
        }
        // An empty value means "not given", as in libpq.
        given.retain(|_, value| !value.is_empty());
        for (word, value) in &given {
            keyword::check_value(word, value)?;
        }
        Self::from_given(&given, around)
    }

    fn from_given(given: &Given, around: &Surroundings) -> Result<Self, StoreError> {
        let get = |word: &str| given.get(word).cloned();
        let user = get("user")
            .or_else(|| around.login.clone())
            .ok_or_else(|| {
                bad(
                    "no role to log in as was given",
                    "name one: postgres://USER@HOST/DATABASE",
                )
            })?;
        let ssl = get("sslmode").map(|word| ssl_mode(&word)).transpose()?;
        let root = get("sslrootcert").map(PathBuf::from);
        let system_roots = root
            .as_ref()
            .is_some_and(|path| path.as_os_str() == "system");
        Ok(Self {
            places: places(given, around)?,
            database: get("dbname").unwrap_or_else(|| user.clone()),
            user,
            password: get("password").map(Secret::new),
            typed: None,
            passfile: get("passfile")
                .map(PathBuf::from)
                .or_else(|| around.home(".pgpass")),
            ssl: if system_roots {
                Some(SslMode::VerifyFull)
            } else {
                ssl
            },
            ssl_files: SslFiles {
                root: if system_roots {
                    None
                } else {
                    root.or_else(|| existing(around, ".postgresql/root.crt"))
                },
                cert: get("sslcert")
                    .map(PathBuf::from)
                    .or_else(|| existing(around, ".postgresql/postgresql.crt")),
                key: get("sslkey")
                    .map(PathBuf::from)
                    .or_else(|| existing(around, ".postgresql/postgresql.key")),
            },
            connect_timeout: connect_timeout(given)?,
            application: get("application_name")
                .or_else(|| get("fallback_application_name"))
                .unwrap_or_else(|| "auditail".to_owned()),
            options: get("options"),
            session: session_wish(given)?,
            binding: binding(given)?,
            keepalive: keepalive(given)?,
            table: get("table"),
        })
    }

    /// The password for one place: as given, else from the passfile, else as typed.
    pub fn password_for(&self, place: &Place) -> passfile::Found {
        let found = match (&self.password, &self.passfile) {
            (Some(secret), _) => passfile::Found::Password(secret.clone()),
            (None, Some(file)) => passfile::look_up(file, place, &self.database, &self.user),
            (None, None) => passfile::Found::Nothing,
        };
        match (&self.typed, found) {
            (Some(secret), passfile::Found::Nothing | passfile::Found::Refused(_)) => {
                passfile::Found::Password(secret.clone())
            }
            (_, found) => found,
        }
    }
}

fn existing(around: &Surroundings, below: &str) -> Option<PathBuf> {
    around.home(below).filter(|path| path.exists())
}

fn add_service(given: &mut Given, around: &Surroundings) -> Result<(), StoreError> {
    let Some(service) = given
        .get("service")
        .or_else(|| around.env.get("PGSERVICE"))
        .filter(|name| !name.is_empty())
        .cloned()
    else {
        return Ok(());
    };
    let user_file = given
        .get("servicefile")
        .or_else(|| around.env.get("PGSERVICEFILE"))
        .map(PathBuf::from)
        .or_else(|| around.home(".pg_service.conf"));
    let system_file = around
        .env
        .get("PGSYSCONFDIR")
        .map_or_else(|| PathBuf::from("/etc/postgresql-common"), PathBuf::from)
        .join("pg_service.conf");
    for file in user_file.iter().chain([&system_file]) {
        let Ok(text) = std::fs::read_to_string(file) else {
            continue;
        };
        if let Some(found) = target::service(&text, &service) {
            for (place, (word, value)) in found.into_iter().enumerate() {
                keyword::check_word(&word, place + 1)?;
                given.entry(word).or_insert(value);
            }
            return Ok(());
        }
    }
    Err(StoreError::Target {
        message: format!(
            "there is no service {} in a service file",
            crate::core::sanitise::safe(&service)
        ),
        hint: Some(
            "services stand in ~/.pg_service.conf, or in the file PGSERVICEFILE names".into(),
        ),
    })
}

fn places(given: &Given, around: &Surroundings) -> Result<Vec<Place>, StoreError> {
    let list = |word: &str| -> Vec<String> {
        given
            .get(word)
            .map(|text| text.split(',').map(|part| part.trim().to_owned()).collect())
            .unwrap_or_default()
    };
    let (hosts, addrs, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addrs.len()).max(1);
    if (!hosts.is_empty() && !addrs.is_empty() && hosts.len() != addrs.len())
        || (ports.len() > 1 && ports.len() != count)
    {
        return Err(bad(
            "the lists of hosts, addresses and ports have different lengths",
            "give one port for all hosts, or one for each",
        ));
    }
    (0..count)
        .map(|place| {
            let addr = addrs
                .get(place)
                .filter(|text| !text.is_empty())
                .map(|text| {
                    text.parse::<IpAddr>().map_err(|_| {
                        bad(
                            &format!("hostaddr {} is not an address", place + 1),
                            "use host= for names",
                        )
                    })
                })
                .transpose()?;
            let host = match hosts.get(place).filter(|text| !text.is_empty()) {
                Some(text) if text.starts_with('@') => {
                    return Err(bad(
                        &format!(
                            "host {} is an abstract socket, which is not supported",
                            place + 1
                        ),
                        "name the socket's directory: host=/var/run/postgresql",
                    ));
                }
                Some(text) if text.starts_with('/') => Host::Unix(PathBuf::from(text)),
                Some(text) => Host::Tcp(text.clone()),
                None => match addr {
                    Some(addr) => Host::Tcp(addr.to_string()),
                    None => Host::Unix(around.socket_dir.clone()),
                },
            };
            let port = match ports
                .get(place)
                .or_else(|| ports.first())
                .map(String::as_str)
            {
                None | Some("") => 5432,
                Some(text) => text.parse().map_err(|_| no_port(place + 1))?,
            };
            Ok(Place { host, addr, port })
        })
        .collect()
}

/// Without the text: in `postgres://user:password/db` it is a password.
fn no_port(place: usize) -> StoreError {
    bad(
        &format!("port {place} is not a number from 1 to 65535"),
        "the usual one is 5432; a password stands before an @: \
         postgres://USER:PASSWORD@HOST/DATABASE",
    )
}

fn ssl_mode(word: &str) -> Result<SslMode, StoreError> {
    SslMode::WORDS
        .into_iter()
        .find_map(|(mode, known)| (known == word).then_some(mode))
        .ok_or_else(|| {
            bad(
                &format!("sslmode {} is unknown", crate::core::sanitise::safe(word)),
                "one of disable, allow, prefer, require, verify-ca, verify-full",
            )
        })
}

fn connect_timeout(given: &Given) -> Result<Option<Duration>, StoreError> {
    let Some(text) = given.get("connect_timeout") else {
        return Ok(Some(Duration::from_secs(10)));
    };
    let seconds: i64 = text.trim().parse().map_err(|_| {
        bad(
            "connect_timeout is not a whole number of seconds",
            "0 waits for ever",
        )
    })?;
    Ok(u64::try_from(seconds)
        .ok()
        .filter(|s| *s > 0)
        .map(Duration::from_secs))
}

/// libpq's four words for probes and its one for unacknowledged data; 0 means the system's own.
fn keepalive(given: &Given) -> Result<Keepalive, StoreError> {
    let number = |word: &str, otherwise: u32| -> Result<Option<u32>, StoreError> {
        let number = match given.get(word) {
            None => otherwise,
            Some(text) => text.trim().parse().map_err(|_| {
                bad(
                    &format!("{word} is not a whole number"),
                    "0 leaves it to the system",
                )
            })?,
        };
        Ok((number > 0).then_some(number))
    };
    let seconds = |number: u32| Duration::from_secs(number.into());
    let is_on = number("keepalives", 1)?.is_some();
    let idle = number("keepalives_idle", 30)?.map_or(Duration::from_hours(2), seconds);
    Ok(Keepalive {
        idle: is_on.then_some(idle),
        interval: number("keepalives_interval", 10)?.map(seconds),
        count: number("keepalives_count", 3)?,
        unacknowledged: number("tcp_user_timeout", 60_000)?
            .map(|millis| Duration::from_millis(millis.into())),
    })
}

fn session_wish(given: &Given) -> Result<SessionWish, StoreError> {
    match given.get("target_session_attrs").map(String::as_str) {
        None | Some("any") => Ok(SessionWish::Any),
        Some("read-write" | "primary") => Ok(SessionWish::Primary),
        Some("standby") => Ok(SessionWish::Standby),
        // Every session of ours is read-only: the server's own wish cannot be told from it.
        Some("read-only") => Err(bad(
            "target_session_attrs=read-only is not supported",
            "standby asks for a server in recovery",
        )),
        Some("prefer-standby") => Err(bad(
            "target_session_attrs=prefer-standby is not supported",
            "name the standby first: hosts are tried in their order",
        )),
        Some(_) => Err(bad(
            "target_session_attrs is unknown",
            "one of any, read-write, primary, standby",
        )),
    }
}

fn binding(given: &Given) -> Result<Binding, StoreError> {
    match given.get("channel_binding").map(String::as_str) {
        None | Some("prefer") => Ok(Binding::Prefer),
        Some("disable") => Ok(Binding::Disable),
        Some("require") => Ok(Binding::Require),
        Some(_) => Err(bad(
            "channel_binding is unknown",
            "one of disable, prefer, require",
        )),
    }
}

fn bad(message: &str, hint: &str) -> StoreError {
    StoreError::Target {
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(env: &[(&str, &str)]) -> Surroundings {
        Surroundings {
            env: env
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            login: Some("me".to_owned()),
            socket_dir: PathBuf::from("/run/pg"),
        }
    }

    fn resolve(text: &str, env: &[(&str, &str)]) -> Params {
        Params::resolve(text, &around(env)).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_uri_wins_over_variables_and_variables_over_defaults() {
        let env = [
            ("PGUSER", "env"),
            ("PGDATABASE", "envdb"),
            ("PGPORT", "6000"),
            ("PGHOST", "h"),
        ];
        let params = resolve("postgres://u:p%40ss@db.example/audit?table=t", &env);
        assert_eq!(params.user, "u");
        assert_eq!(params.database, "audit");
        assert_eq!(params.places[0].to_string(), "db.example:6000");
        assert_eq!(params.password.as_ref().map(Secret::expose), Some("p@ss"));
        assert_eq!(params.table.as_deref(), Some("t"));
        assert!(!params.places[0].is_local());
        let params = resolve("postgres://", &env);
        assert_eq!(
            (params.user.as_str(), params.database.as_str()),
            ("env", "envdb")
        );
        assert_eq!(params.places[0].to_string(), "h:6000");
        let params = resolve("postgresql://", &[]);
        assert_eq!(
            (params.user.as_str(), params.database.as_str()),
            ("me", "me")
        );
        assert_eq!(params.places[0].host, Host::Unix("/run/pg".into()));
    }

    #[test]
    fn sockets_and_lists_of_hosts() {
        for text in [
            "postgres://%2Fvar%2Frun/db",
            "postgres:///db?host=/var/run",
            "host=/var/run dbname=db",
        ] {
            let params = resolve(text, &[]);
            assert_eq!(
                params.places[0].host,
                Host::Unix("/var/run".into()),
                "{text}"
            );
            assert_eq!(params.database, "db");
            assert!(params.places[0].is_local());
        }
        let params = resolve("postgres://a:1,[::1]:2,c/db", &[]);
        let shown: Vec<_> = params.places.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a:1", "[::1]:2", "c:5432"]);
        assert!(params.places[1].is_local());
        let params = resolve("host='a,b' port=7 user='o''x' password='a b\\'c'", &[]);
        assert_eq!(params.places[1].to_string(), "b:7");
        assert_eq!(params.password.as_ref().map(Secret::expose), Some("a b'c"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            (
                "postgres://h/db?sslmod=require",
                "sslmod is not a connection parameter",
            ),
            ("postgres://h/db?sslmode=maybe", "sslmode maybe"),
            ("postgres://h:99999/db", "port 1 is not"),
            ("postgres://h/db?gssencmode=require", "gssencmode"),
            (
                "postgres://h/db?target_session_attrs=read-only",
                "read-only",
            ),
            ("postgres://h/db?keepalives_idle=soon", "keepalives_idle"),
            ("host=@x dbname=db", "abstract socket"),
            ("postgres://a,b,c:1,2/db?port=1,2", "different lengths"),
            ("host=a port", "after word 2"),
            ("postgres://h/db?service=nowhere", "service nowhere"),
        ] {
            let Err(error) = Params::resolve(text, &around(&[])) else {
                panic!("{text} was accepted");
            };
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn mistakes_never_repeat_a_password() {
        for text in [
            "password=my hunter2 dbname=x",
            "password=my hunter2=1 dbname=x",
            "postgres://u:hunter2/db",
            "postgres://u@h/db?password=a&hunter2=b",
            "postgres://u@h/db?password=a&hunter2",
            "postgres://u:hun?x@hunter2@h/db",
        ] {
            let Err(error) = Params::resolve(text, &around(&[])) else {
                panic!("{text} was accepted");
            };
            let told = format!("{error:?}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_vanished_peer_is_noticed_as_asked() {
        let quick = resolve("host=h keepalives_idle=5 tcp_user_timeout=7000", &[]).keepalive;
        assert_eq!(quick.idle, Some(Duration::from_secs(5)));
        assert_eq!(quick.unacknowledged, Some(Duration::from_secs(7)));
        assert_eq!(resolve("host=h keepalives=0", &[]).keepalive.idle, None);
        assert!(resolve("host=h", &[]).keepalive.idle.is_some());
    }

    #[test]
    fn system_roots_mean_full_verification() {
        let params = resolve("postgres://h/db?sslrootcert=system", &[]);
        assert_eq!(params.ssl, Some(SslMode::VerifyFull));
        assert_eq!(params.ssl_files.root, None);
    }
}
