//! The words libpq knows for a connection, and which of them mean something here.
//!
//! Does not read values beyond refusing those that would be promised and not kept.

use crate::core::suggest::nearest;
use crate::store::StoreError;

/// A connection parameter.
#[derive(Debug)]
pub struct Keyword {
    /// libpq's word.
    pub word: &'static str,
    /// The variable that stands for it.
    pub variable: Option<&'static str>,
    heed: Heed,
}

/// What is done about a parameter.
#[derive(Debug)]
enum Heed {
    /// It is followed.
    Followed,
    /// It is about something that never happens here.
    Idle,
    /// Only these values, which ask for what is done anyway; and what to do about the others.
    Only(&'static [&'static str], &'static str),
}

use Heed::{Followed, Idle, Only};

const fn word(word: &'static str, variable: Option<&'static str>, heed: Heed) -> Keyword {
    Keyword {
        word,
        variable,
        heed,
    }
}

/// Every parameter of libpq, and `table`, which is ours.
pub const KEYWORDS: [Keyword; 37] = [
    word("host", Some("PGHOST"), Followed),
    word("hostaddr", Some("PGHOSTADDR"), Followed),
    word("port", Some("PGPORT"), Followed),
    word("dbname", Some("PGDATABASE"), Followed),
    word("user", Some("PGUSER"), Followed),
    word("password", Some("PGPASSWORD"), Followed),
    word("passfile", Some("PGPASSFILE"), Followed),
    word("service", Some("PGSERVICE"), Followed),
    word("servicefile", Some("PGSERVICEFILE"), Followed),
    word("options", Some("PGOPTIONS"), Followed),
    word("application_name", Some("PGAPPNAME"), Followed),
    word("fallback_application_name", None, Followed),
    word("sslmode", Some("PGSSLMODE"), Followed),
    word("sslrootcert", Some("PGSSLROOTCERT"), Followed),
    word("sslcert", Some("PGSSLCERT"), Followed),
    word("sslkey", Some("PGSSLKEY"), Followed),
    word("connect_timeout", Some("PGCONNECT_TIMEOUT"), Followed),
    word(
        "target_session_attrs",
        Some("PGTARGETSESSIONATTRS"),
        Followed,
    ),
    word("channel_binding", Some("PGCHANNELBINDING"), Followed),
    // Texts are always read as UTF-8, whatever the terminal would have liked.
    word("client_encoding", Some("PGCLIENTENCODING"), Idle),
    word("keepalives", None, Followed),
    word("keepalives_idle", None, Followed),
    word("keepalives_interval", None, Followed),
    word("keepalives_count", None, Followed),
    word("tcp_user_timeout", None, Followed),
    word(
        "load_balance_hosts",
        Some("PGLOADBALANCEHOSTS"),
        Only(&["disable"], "hosts are tried in the order they are named"),
    ),
    word(
        "gssencmode",
        Some("PGGSSENCMODE"),
        Only(
            &["disable", "prefer"],
            "GSSAPI is not supported; sslmode=verify-full encrypts with TLS",
        ),
    ),
    word("krbsrvname", Some("PGKRBSRVNAME"), Idle),
    word("gsslib", Some("PGGSSLIB"), Idle),
    word(
        "gssdelegation",
        Some("PGGSSDELEGATION"),
        Only(&["0"], "GSSAPI is not supported"),
    ),
    word("sslcompression", Some("PGSSLCOMPRESSION"), Idle),
    word(
        "sslsni",
        Some("PGSSLSNI"),
        Only(&["1"], "the host's name is always sent; leave it out"),
    ),
    word(
        "ssl_min_protocol_version",
        Some("PGSSLMINPROTOCOLVERSION"),
        Only(
            &["TLSv1", "TLSv1.1", "TLSv1.2"],
            "TLS 1.2 and 1.3 are spoken; set a higher minimum on the server",
        ),
    ),
    word(
        "ssl_max_protocol_version",
        Some("PGSSLMAXPROTOCOLVERSION"),
        Only(&["TLSv1.3"], "TLS 1.2 and 1.3 are spoken; leave it out"),
    ),
    word(
        "sslnegotiation",
        Some("PGSSLNEGOTIATION"),
        Only(&["postgres"], "TLS is asked for in PostgreSQL's own way"),
    ),
    word(
        "replication",
        None,
        Only(
            &["false", "off", "no", "0"],
            "tables are read by statements; leave it out",
        ),
    ),
    word("table", None, Followed),
];

/// The parameter with this word.
pub fn find(word: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|known| known.word == word)
}

/// Refuses a word that is none of libpq's. What is nowhere near one is not repeated: after a
/// password that was not quoted, it is the rest of it.
pub fn check_word(word: &str, place: usize) -> Result<(), StoreError> {
    if find(word).is_some() {
        return Ok(());
    }
    if word == "sslpassword" {
        return Err(StoreError::Target {
            message: "sslpassword is not supported: the key file must be readable without a \
                      passphrase"
                .to_owned(),
            hint: Some("protect the key by its file permissions (0600) instead".to_owned()),
        });
    }
    Err(
        match nearest(word, KEYWORDS.iter().map(|known| known.word)) {
            Some(known) => StoreError::Target {
                message: format!(
                    "{} is not a connection parameter",
                    crate::core::sanitise::safe(word)
                ),
                hint: Some(format!("did you mean {known}?")),
            },
            None => StoreError::Target {
                message: format!("the name of parameter {place} is not a connection parameter"),
                hint: Some(
                    "quote values with spaces ('…'); in a URL write %26 for & and %3F for ?"
                        .to_owned(),
                ),
            },
        },
    )
}

/// Refuses a value that would be promised and not kept.
pub fn check_value(word: &str, value: &str) -> Result<(), StoreError> {
    match find(word).map(|known| &known.heed) {
        Some(Only(values, advice)) if !values.contains(&value) => Err(StoreError::Target {
            message: format!("{word} can only be {} here", values.join(" or ")),
            hint: Some((*advice).to_owned()),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_be_kept_is_refused() {
        for (word, value) in [
            ("gssencmode", "require"),
            ("ssl_min_protocol_version", "TLSv1.3"),
            ("sslnegotiation", "direct"),
            ("load_balance_hosts", "random"),
            ("sslsni", "0"),
        ] {
            let Err(error) = check_value(word, value) else {
                panic!("{word}={value} was accepted");
            };
            assert!(error.to_string().contains(word), "{error}");
            assert!(error.hint().is_some());
        }
        for (word, value) in [("gssencmode", "prefer"), ("host", "x"), ("krbsrvname", "p")] {
            assert!(check_value(word, value).is_ok(), "{word}={value}");
        }
    }

    #[test]
    fn only_words_near_a_known_one_are_repeated() {
        let told = |word: &str| check_word(word, 3).expect_err("unknown").to_string();
        assert!(told("sslmod").contains("sslmod"));
        assert!(!told("hunter2").contains("hunter2"));
        assert!(told("hunter2").contains('3'));
    }
}
