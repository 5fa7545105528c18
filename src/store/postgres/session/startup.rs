//! What a connection asks for when it begins.

use tokio_postgres::Config;

use crate::store::postgres::params::{Binding, Keepalive, Params};
use crate::store::postgres::place::{Host, Place};
use crate::store::postgres::session::Purpose;
use crate::store::postgres::tls::Security;

/// Has the system notice a peer that vanished without a word.
fn watch_peer(config: &mut Config, keepalive: Keepalive) {
    config.keepalives(keepalive.idle.is_some());
    if let Some(idle) = keepalive.idle {
        config.keepalives_idle(idle);
    }
    if let Some(interval) = keepalive.interval {
        config.keepalives_interval(interval);
    }
    if let Some(count) = keepalive.count {
        config.keepalives_retries(count);
    }
    if let Some(unacknowledged) = keepalive.unacknowledged {
        config.tcp_user_timeout(unacknowledged);
    }
}

/// The configuration of one attempt to connect.
pub fn config(
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
    watch_peer(&mut config, params.keepalive);
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
            "-c statement_timeout={}s -c lock_timeout=15s",
            purpose.limit().map_or(0, |limit| limit.as_secs())
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
