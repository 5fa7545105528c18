//! A `mongodb://` or `mongodb+srv://` target taken apart: what is ours, what is the driver's, what
//! is secret.
//!
//! Does not connect.

use std::time::Duration;

use mongodb::options::{
    AuthMechanism, ClientOptions, Credential, ReadPreference, SelectionCriteria, Tls,
};

use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::mongo::failure;
use crate::store::secret::Secret;

/// Longer than this nobody waits for a server that may not be there; `serverSelectionTimeoutMS` in
/// the URI waits longer.
const PATIENCE: Duration = Duration::from_secs(8);
/// Connections for operations: four at work, one to stop them.
const CONNECTIONS: u32 = 5;

/// How the answer of a server that cannot be reached is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// The first failure of every host is the answer.
    First,
    /// As long as the URI says.
    Told,
}

/// Where to connect, and what to open there. Has no Debug: the options hold the password.
pub struct Target {
    /// For the driver.
    pub options: ClientOptions,
    /// The database in the path.
    pub database: Option<String>,
    /// `?table=` or `?collection=`.
    pub table: Option<String>,
    /// Hosts and ports, for messages.
    pub place: String,
    /// The user, for messages.
    pub user: Option<String>,
    /// Whether the URI says how long to wait.
    pub haste: Haste,
    /// Texts that no message may contain.
    secrets: Vec<String>,
}

/// Whether a target is MongoDB's, by its spelling.
pub fn is_mongo(text: &str) -> bool {
    text.starts_with("mongodb://") || text.starts_with("mongodb+srv://")
}

impl Target {
    /// Reads a target; resolves `mongodb+srv` names.
    pub async fn resolve(text: &str) -> Result<Self, StoreError> {
        let parse = async |uri: &str| ClientOptions::parse(uri).await;
        Self::resolve_within(text, PATIENCE, parse).await
    }

    /// Name servers that do not answer are asked no longer than this. `parse` asks them.
    async fn resolve_within(
        text: &str,
        patience: Duration,
        parse: impl AsyncFnOnce(&str) -> mongodb::error::Result<ClientOptions>,
    ) -> Result<Self, StoreError> {
        let (uri, table) = without_table(text);
        let secrets = passwords(text);
        let place = hosts(text);
        let parsing = tokio::time::timeout(patience, parse(&uri));
        let mut options = match parsing.await {
            Ok(Ok(options)) => options,
            Ok(Err(error)) => return Err(refused(&error, &place, &secrets)),
            Err(_) => return Err(nameless(&place, "no name server answers in time")),
        };
        let haste = match options.server_selection_timeout {
            None => Haste::First,
            Some(_) => Haste::Told,
        };
        options
            .app_name
            .get_or_insert_with(|| "auditail".to_owned());
        options.server_selection_timeout.get_or_insert(PATIENCE);
        options.connect_timeout.get_or_insert(PATIENCE);
        options.max_pool_size.get_or_insert(CONNECTIONS);
        options
            .selection_criteria
            .get_or_insert(SelectionCriteria::ReadPreference(
                ReadPreference::SecondaryPreferred { options: None },
            ));
        let user = options
            .credential
            .as_ref()
            .and_then(|credential| credential.username.clone());
        Ok(Self {
            database: options.default_database.clone(),
            options,
            table,
            place: safe(&place).into_owned(),
            user: user.map(|user| safe(&user).into_owned()),
            haste,
            secrets,
        })
    }

    /// The same with a password for a user who has none in the URI and needs one.
    pub fn with_password(mut self, typed: Option<&Secret>) -> Result<Self, StoreError> {
        let is_missing = |credential: &&mut Credential| {
            let asks = matches!(
                credential.mechanism,
                None | Some(
                    AuthMechanism::ScramSha1 | AuthMechanism::ScramSha256 | AuthMechanism::Plain
                )
            );
            asks && credential.username.is_some() && credential.password.is_none()
        };
        let Some(credential) = self.options.credential.as_mut().filter(is_missing) else {
            return Ok(self);
        };
        let Some(typed) = typed else {
            let user = self.user.as_deref().unwrap_or_default();
            return Err(StoreError::NoPassword {
                message: format!("{} asks for a password of user {user}", self.place),
                hint: Some(
                    "set AUDITAIL_PASSWORD, or write it into the URI: \
                     mongodb://USER:PASSWORD@HOST/DATABASE"
                        .to_owned(),
                ),
            });
        };
        credential.password = Some(typed.expose().to_owned());
        if !typed.expose().is_empty() {
            self.secrets.push(typed.expose().to_owned());
        }
        Ok(self)
    }

    /// The database in which the server looks for the user.
    pub fn user_database(&self) -> &str {
        let source = self.options.credential.as_ref();
        source
            .and_then(|credential| credential.source.as_deref())
            .or(self.database.as_deref())
            .unwrap_or("admin")
    }

    /// A text of the driver's or the server's, fit to be shown.
    pub fn clean(&self, text: &str) -> String {
        clean(text, &self.secrets)
    }

    /// How the bytes travel.
    pub fn transport(&self) -> String {
        match &self.options.tls {
            Some(Tls::Enabled(tls)) if tls.allow_invalid_certificates == Some(true) => {
                "TLS, certificate not verified".to_owned()
            }
            Some(Tls::Enabled(_)) => "TLS verified".to_owned(),
            _ if is_loopback(&self.place) => "no TLS (loopback)".to_owned(),
            _ => "no TLS".to_owned(),
        }
    }
}

fn is_loopback(place: &str) -> bool {
    place.split(',').all(|host| {
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        host == "localhost" || host.starts_with("127.") || host == "[::1]"
    })
}

/// A URI the driver does not take, as exit code 2; a name that does not resolve, as 3.
fn refused(error: &mongodb::error::Error, place: &str, secrets: &[String]) -> StoreError {
    use mongodb::error::ErrorKind;
    let place = safe(place);
    match &*error.kind {
        ErrorKind::DnsResolve { message, .. } if message.contains("no records found") => nameless(
            &place,
            &format!("there is no DNS record _mongodb._tcp.{place}"),
        ),
        ErrorKind::DnsResolve { message, .. } => nameless(&place, &clean(message, secrets)),
        ErrorKind::InvalidTlsConfig { message, .. } => failure::bad_tls(&clean(message, secrets)),
        _ => {
            let said = clean(&error.to_string(), secrets);
            let said = said
                .strip_prefix("An invalid argument was provided: ")
                .unwrap_or(&said);
            StoreError::Target {
                message: format!("the MongoDB URI cannot be used: {said}"),
                hint: Some(
                    "mongodb://USER:PASSWORD@HOST:PORT/DATABASE?authSource=admin; \
                     odd characters are written as %XX"
                        .to_owned(),
                ),
            }
        }
    }
}

/// A `mongodb+srv` name without an answer.
fn nameless(place: &str, why: &str) -> StoreError {
    StoreError::Connect {
        message: format!("the hosts of {} cannot be found: {why}", safe(place)),
        hint: Some(
            "mongodb+srv:// needs a DNS name with SRV records; mongodb://HOST:PORT does not"
                .to_owned(),
        ),
    }
}

fn clean(text: &str, secrets: &[String]) -> String {
    let masked = secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
    safe(&masked).into_owned()
}

/// The passwords of a URI, as typed and decoded.
fn passwords(text: &str) -> Vec<String> {
    let password = userinfo(text)
        .and_then(|info| info.split_once(':'))
        .map(|(_, word)| word);
    let mut secrets: Vec<String> = password.map(str::to_owned).into_iter().collect();
    secrets.extend(password.map(decode));
    let in_query = [
        "tlsCertificateKeyFilePassword=",
        "tlscertificatekeyfilepassword=",
    ];
    for name in in_query {
        if let Some((_, rest)) = text.split_once(name) {
            secrets.push(rest.split('&').next().unwrap_or_default().to_owned());
        }
    }
    secrets.retain(|secret| !secret.is_empty());
    // The longest first: one may be part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = code
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    // A password may hold an unescaped slash; then the driver refuses it, and nothing of it may be
    // taken for a host.
    let end = rest.rfind('@').map_or(0, |at| at + 1);
    let after = rest[end..]
        .find(['/', '?'])
        .map_or(rest.len(), |slash| end + slash);
    &rest[..after]
}

fn userinfo(text: &str) -> Option<&str> {
    authority(text).rsplit_once('@').map(|(info, _)| info)
}

fn hosts(text: &str) -> String {
    let authority = authority(text);
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, hosts)| hosts)
        .to_owned()
}

/// The URI without the options that are ours.
fn without_table(text: &str) -> (String, Option<String>) {
    let Some((main, query)) = text.split_once('?') else {
        return (text.to_owned(), None);
    };
    let mut table = None;
    let mut rest = Vec::new();
    for option in query.split('&') {
        match option.split_once('=') {
            Some(("table" | "collection", name)) => table = Some(decode(name)),
            _ => rest.push(option),
        }
    }
    let uri = if rest.is_empty() {
        main.to_owned()
    } else {
        format!("{main}?{}", rest.join("&"))
    };
    (uri, table.filter(|table| !table.is_empty()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("mongodb://h/db", "mongodb://h/db", None)]
    #[case("mongodb://h/db?table=a%20b", "mongodb://h/db", Some("a b"))]
    #[case(
        "mongodb://h/db?tls=true&collection=c&w=1",
        "mongodb://h/db?tls=true&w=1",
        Some("c")
    )]
    fn the_table_is_ours(#[case] text: &str, #[case] uri: &str, #[case] table: Option<&str>) {
        assert_eq!(
            without_table(text),
            (uri.to_owned(), table.map(str::to_owned))
        );
    }

    #[rstest]
    #[case("mongodb://a:se%40cret@h1:1,h2/db", "h1:1,h2", &["se%40cret", "se@cret"])]
    #[case("mongodb://a:se/cret@h/db", "h", &["se/cret", "se/cret"])]
    #[case("mongodb+srv://h.example", "h.example", &[])]
    fn hosts_and_secrets(#[case] text: &str, #[case] place: &str, #[case] secret: &[&str]) {
        assert_eq!(hosts(text), place);
        assert_eq!(passwords(text), secret);
    }

    #[tokio::test]
    async fn name_servers_that_do_not_answer_are_not_waited_for() {
        let text = "mongodb+srv://ana:hunter2@cluster.example.net/db";
        let silence = async |_: &str| std::future::pending().await;
        let Err(error) = Target::resolve_within(text, Duration::ZERO, silence).await else {
            panic!("nothing can have answered");
        };
        assert!(matches!(error, StoreError::Connect { .. }), "{error:?}");
        let said = error.to_string();
        assert!(
            said.contains("cluster.example.net cannot be found: no name server"),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[rstest]
    #[case("mongodb://ana@h/db", Some("h asks for a password of user ana"))]
    #[case(
        "mongodb://ana@h/db?authMechanism=SCRAM-SHA-1",
        Some("h asks for a password of user ana")
    )]
    #[case("mongodb://ana:x@h/db", None)]
    #[case("mongodb://h/db", None)]
    #[case("mongodb://CN=ana@h/db?authMechanism=MONGODB-X509&tls=true", None)]
    #[tokio::test]
    async fn a_user_without_a_password_needs_one(
        #[case] text: &str,
        #[case] question: Option<&str>,
    ) {
        let resolve = || async {
            Target::resolve(text)
                .await
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let asked = resolve().await.with_password(None).err();
        assert_eq!(asked.map(|error| error.to_string()).as_deref(), question);
        let typed = Secret::new("hunter2".to_owned());
        let target = resolve()
            .await
            .with_password(Some(&typed))
            .unwrap_or_else(|error| panic!("{error}"));
        let password = target
            .options
            .credential
            .as_ref()
            .and_then(|known| known.password.as_deref());
        let taken = question.is_some();
        assert_eq!(password == Some("hunter2"), taken);
        assert_eq!(target.clean("it is hunter2") == "it is ***", taken);
    }

    #[tokio::test]
    async fn no_message_shows_a_password() {
        for text in [
            "mongodb://ana:hunter2@h:99999/db",
            "mongodb://ana:hunter2@/db",
            "mongodb://ana:hun/ter2@h/db",
            "mongodb://ana:hunter2@h/db?nonsense=1",
            "mongodb://ana:hunter2@h/db?tls=maybe",
            "mongodb://ana:hun%ter2@h/db",
            "mongodb://ana:hunter2@h/db?authMechanism=hunter2",
        ] {
            match Target::resolve(text).await {
                Ok(target) => assert!(!target.place.contains("hunter2")),
                Err(error) => {
                    let said = format!("{error} {:?} {error:?}", error.hint());
                    assert!(
                        !said.contains("hunter2") && !said.contains("ter2"),
                        "{said}"
                    );
                    assert!(matches!(error, StoreError::Target { .. }), "{said}");
                }
            }
        }
    }
}
