//! One connection, read-only and proven so, whose statements can be stopped on the server.
//!
//! Does not know tables or events. Nothing here can write; `demo` has its own connection.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::AbortHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client, Config, RowStream, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::postgres::answer::{Rows, text};
use crate::store::postgres::failure;
use crate::store::postgres::params::{Binding, Params, SessionWish};
use crate::store::postgres::passfile::Found;
use crate::store::postgres::place::{Host, Place};
use crate::store::postgres::secret::Secret;
use crate::store::postgres::tls::{self, Security};

/// What a connection is for; decides how long the server may work on one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Pages and single events: short.
    Browse,
    /// Counts, aggregates, exports: long.
    Heavy,
    /// The tail's polls: short.
    Tail,
    /// Loading demo data: the only one that may write.
    Load,
}

impl Purpose {
    fn statement_timeout(self) -> &'static str {
        match self {
            Self::Browse | Self::Tail => "60s",
            Self::Heavy => "15min",
            Self::Load => "0",
        }
    }

    fn settings(self) -> Vec<(&'static str, &'static str)> {
        let mut settings = vec![
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO"),
            ("IntervalStyle", "postgres"),
            ("extra_float_digits", "1"),
            ("standard_conforming_strings", "on"),
            // Compiling a plan costs more than any page of ours takes.
            ("jit", "off"),
            // Room for the bitmap of an index scan over some hundred thousand rows, or a hash of
            // as many groups.
            ("work_mem", "32MB"),
        ];
        if self != Self::Load {
            settings.push(("default_transaction_read_only", "on"));
        }
        settings
    }
}

/// What the server said about itself.
#[derive(Clone, Debug)]
pub struct Server {
    /// `15.18`
    pub version: String,
    /// `UTF8`, `SQL_ASCII` …
    pub encoding: String,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// `TLS verified` …
    pub transport: &'static str,
    /// Where it is.
    pub place: Place,
    /// The role that logged in.
    pub role: String,
}

/// An open connection.
pub struct Session {
    client: Client,
    cancel: Canceller,
    /// What is at the other end.
    pub server: Arc<Server>,
    /// A statement was begun and its answer not read to the end.
    busy: AtomicBool,
    driver: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.busy.load(Ordering::Relaxed) {
            self.driver.abort();
        }
    }
}

/// Asks the server to stop what a connection is doing.
#[derive(Clone)]
struct Canceller {
    token: CancelToken,
    tls: MakeRustlsConnect,
}

impl Canceller {
    async fn cancel(self) {
        // A request that does not get through changes nothing: the statement timeout remains.
        let asked = tokio::time::timeout(Duration::from_secs(5), self.token.cancel_query(self.tls));
        if let Ok(Err(error)) | Err(error) = asked.await.map_err(|_| None).map(|r| r.map_err(Some))
        {
            tracing::warn!(?error, "a cancel request did not get through");
        }
    }
}

impl Session {
    /// Connects to the first place that answers and suits.
    pub async fn open(params: &Params, purpose: Purpose) -> Result<Self, StoreError> {
        let mut first_error = None;
        for place in &params.places {
            match Self::open_at(params, place, purpose).await {
                Ok(session) => return Ok(session),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| StoreError::Connect {
            message: "no host was given".to_owned(),
            hint: None,
        }))
    }

    async fn open_at(params: &Params, place: &Place, purpose: Purpose) -> Result<Self, StoreError> {
        let (password, note) = match params.password_for(place) {
            Found::Password(secret) => (Some(secret), None),
            Found::Nothing => (None, None),
            Found::Refused(why) => (None, Some(why)),
        };
        let mut with_options = true;
        let mut attempts = Security::attempts(params.ssl, place, &params.ssl_files).into_iter();
        let mut security = attempts.next().unwrap_or(Security::Full);
        loop {
            let tls = tls::connector(security, &params.ssl_files)?;
            let config = config(
                params,
                place,
                security,
                purpose,
                password.as_ref().map(Secret::expose),
                with_options,
            );
            let error = match config.connect(tls.clone()).await {
                Ok((client, connection)) => {
                    let reported = Facts::reported(|name| connection.parameter(name));
                    let driver = tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection ended");
                        }
                    })
                    .abort_handle();
                    let cancel = Canceller {
                        token: client.cancel_token(),
                        tls,
                    };
                    let session = Fresh {
                        client,
                        cancel,
                        driver,
                        place,
                        security,
                    };
                    return session.settle(reported, params, purpose).await;
                }
                Err(error) => error,
            };
            if with_options && failure::is_about_options(&error) {
                with_options = false;
                continue;
            }
            match attempts.next() {
                Some(next) if failure::is_about_encryption(&error) => security = next,
                _ => return Err(failure::connecting(&error, params, place, note.as_deref())),
            }
        }
    }

    /// Whether the connection can be used for another statement.
    pub fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.busy.load(Ordering::Relaxed)
    }

    /// The answer to the last statement was read to its end.
    pub fn mark_answered(&self) {
        self.busy.store(false, Ordering::Relaxed);
    }

    /// Asks the server to stop what it is doing for this connection.
    pub async fn cancel(&self) {
        self.cancel.clone().cancel().await;
    }

    /// Ends a connection whose answer nobody waits for, also on the server.
    pub fn abandon(self) {
        let cancel = self.cancel.clone();
        if self.busy.load(Ordering::Relaxed)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                cancel.cancel().await;
                drop(self);
            });
        }
    }

    /// Runs a statement and hands out its rows as they come. `name` is what errors speak of.
    pub async fn rows<'s>(
        &'s self,
        sql: &str,
        name: &'s str,
        stop: &'s CancellationToken,
    ) -> Result<Rows<'s>, StoreError> {
        if stop.is_cancelled() {
            return Err(StoreError::Cancelled);
        }
        tracing::debug!(sql, "statement");
        self.busy.store(true, Ordering::Relaxed);
        let started = self
            .client
            .query_typed_raw(sql, std::iter::empty::<(&str, Type)>());
        let mut started = std::pin::pin!(started);
        let stream = tokio::select! {
            biased;
            answer = &mut started => answer,
            () = stop.cancelled() => {
                self.cancel.clone().cancel().await;
                match started.await {
                    Ok(stream) => drain(stream).await,
                    Err(error) if error.is_closed() => return Err(StoreError::Cancelled),
                    Err(_) => {}
                }
                self.busy.store(false, Ordering::Relaxed);
                return Err(StoreError::Cancelled);
            }
        };
        match stream {
            Ok(stream) => Ok(Rows::new(self, stream, name, stop)),
            Err(error) => {
                self.busy.store(false, Ordering::Relaxed);
                Err(failure::answering(&error, name))
            }
        }
    }

    /// All rows of a small answer, each a list of texts.
    pub async fn texts(
        &self,
        sql: &str,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        let mut rows = self.rows(sql, name, stop).await?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().await? {
            all.push(
                (0..row.len())
                    .map(|at| text(&row, at).map(Cow::into_owned))
                    .collect(),
            );
        }
        Ok(all)
    }

    /// Runs statements that answer nothing.
    pub async fn run(&self, sql: &str, name: &str) -> Result<(), StoreError> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|error| failure::answering(&error, name))
    }

    /// The protocol's client, for loading demo data.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

async fn drain(stream: RowStream) {
    let mut stream = std::pin::pin!(stream);
    while let Some(Ok(_)) = stream.next().await {}
}

/// A connection of which nothing is known yet.
struct Fresh<'f> {
    client: Client,
    cancel: Canceller,
    driver: AbortHandle,
    place: &'f Place,
    security: Security,
}

impl Fresh<'_> {
    /// Learns about the server and proves that the session is read-only.
    async fn settle(
        self,
        reported: Option<Facts>,
        params: &Params,
        purpose: Purpose,
    ) -> Result<Session, StoreError> {
        let place = self.place;
        let lost = |error| failure::connecting(&error, params, place, None);
        let mut facts = match reported {
            Some(facts) => facts,
            None => Facts::asked(&self.client).await.map_err(lost)?,
        };
        if purpose != Purpose::Load && !facts.is_as_asked() {
            // A pooler has swallowed the startup options; the same by statement.
            for (name, value) in purpose.settings() {
                let statement = format!("SET {name} = '{value}'");
                self.client.batch_execute(&statement).await.map_err(lost)?;
            }
            facts = Facts::asked(&self.client).await.map_err(lost)?;
        }
        if purpose != Purpose::Load && !facts.read_only {
            return Err(StoreError::Refused {
                message: format!(
                    "{place} does not keep the session read-only, so nothing is read from it"
                ),
                hint: Some(
                    "connect to the server itself, or to a pooler in session mode".to_owned(),
                ),
            });
        }
        let unsuitable = match params.session {
            SessionWish::Any => false,
            SessionWish::Primary => facts.in_recovery,
            SessionWish::Standby => !facts.in_recovery,
        };
        if unsuitable {
            return Err(StoreError::Connect {
                message: format!("{place} is not the kind of server target_session_attrs asks for"),
                hint: Some("name another host".to_owned()),
            });
        }
        if facts.encoding == "SQL_ASCII" {
            // The server knows no encoding and would refuse bytes that are not UTF-8; taken as they
            // are, they can be shown with a mark.
            let statement = "SET client_encoding = 'SQL_ASCII'";
            self.client.batch_execute(statement).await.map_err(lost)?;
        }
        let server = Server {
            version: facts
                .version
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
            encoding: facts.encoding,
            in_recovery: facts.in_recovery,
            transport: self.security.words(place),
            place: place.clone(),
            role: params.user.clone(),
        };
        Ok(Session {
            client: self.client,
            cancel: self.cancel,
            server: Arc::new(server),
            busy: AtomicBool::new(false),
            driver: self.driver,
        })
    }
}

/// What has to be known of a session before it is used.
struct Facts {
    read_only: bool,
    version: String,
    encoding: String,
    in_recovery: bool,
    zone: String,
}

impl Facts {
    /// As the server reports them without being asked, which servers from 14 on do; it saves a
    /// round trip. `None`: it has to be asked.
    fn reported<'p>(parameter: impl Fn(&str) -> Option<&'p str>) -> Option<Self> {
        Some(Self {
            read_only: parameter("default_transaction_read_only")? == "on",
            version: parameter("server_version")?.to_owned(),
            encoding: parameter("server_encoding")?.to_owned(),
            in_recovery: parameter("in_hot_standby")? == "on",
            zone: parameter("TimeZone")?.to_owned(),
        })
    }

    async fn asked(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let answer = client
            .simple_query(
                "SELECT current_setting('transaction_read_only'), current_setting('server_version'), \
                 current_setting('server_encoding'), pg_is_in_recovery(), current_setting('TimeZone')",
            )
            .await?;
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let value = |at: usize| {
            let found = row.and_then(|row| row.try_get(at).ok().flatten());
            found.unwrap_or_default().to_owned()
        };
        Ok(Self {
            read_only: value(0) == "on",
            version: value(1),
            encoding: value(2),
            in_recovery: value(3) == "t",
            zone: value(4),
        })
    }

    /// Whether the settings of the startup packet have arrived.
    fn is_as_asked(&self) -> bool {
        self.read_only && self.zone == "UTC"
    }
}

fn config(
    params: &Params,
    place: &Place,
    security: Security,
    purpose: Purpose,
    password: Option<&str>,
    with_options: bool,
) -> Config {
    let mut config = Config::new();
    match &place.host {
        Host::Tcp(name) => config.host(name),
        Host::Unix(dir) => config.host_path(dir),
    };
    if let Some(addr) = place.addr {
        config.hostaddr(addr);
    }
    config
        .port(place.port)
        .user(&params.user)
        .dbname(&params.database);
    config.application_name(&params.application);
    if let Some(password) = password {
        config.password(password);
    }
    if let Some(timeout) = params.connect_timeout {
        config.connect_timeout(timeout);
    }
    config.ssl_mode(if security == Security::Plain {
        tokio_postgres::config::SslMode::Disable
    } else {
        tokio_postgres::config::SslMode::Require
    });
    config.channel_binding(match params.binding {
        Binding::Disable => tokio_postgres::config::ChannelBinding::Disable,
        Binding::Prefer => tokio_postgres::config::ChannelBinding::Prefer,
        Binding::Require => tokio_postgres::config::ChannelBinding::Require,
    });
    if with_options {
        // The user's settings may change the timeout, but nothing that reading relies on.
        let mut options = format!(
            "-c statement_timeout={} -c lock_timeout=15s",
            purpose.statement_timeout()
        );
        if let Some(own) = &params.options {
            options = format!("{options} {own}");
        }
        for (name, value) in purpose.settings() {
            options = format!("{options} -c {name}={value}");
        }
        config.options(options);
    }
    config
}
