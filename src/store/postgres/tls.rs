//! TLS for connections: which checks a mode asks for, as a rustls configuration.
//!
//! Reads certificates only when TLS is really used.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::StoreError;
use crate::store::postgres::params::{SslFiles, SslMode};
use crate::store::postgres::place::Place;

/// What protects one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing.
    Plain,
    /// Encrypted, whoever the server is.
    Unverified,
    /// Encrypted, signed by a known authority, whatever the name.
    Authority,
    /// Encrypted, and the certificate is the host's.
    Full,
}

impl Security {
    /// What to try at a place, in order; the second only when the first is refused for lack or
    /// excess of TLS.
    ///
    /// Without a word from the user, remote servers are verified in full: libpq's default, `prefer`,
    /// would hand the password to anybody who answers.
    pub fn attempts(mode: Option<SslMode>, place: &Place, files: &SslFiles) -> Vec<Self> {
        if matches!(place.host, super::place::Host::Unix(_)) {
            return vec![Self::Plain];
        }
        match mode {
            None if place.is_local() => vec![Self::Plain, Self::Unverified],
            None | Some(SslMode::VerifyFull) => vec![Self::Full],
            Some(SslMode::Disable) => vec![Self::Plain],
            Some(SslMode::Allow) => vec![Self::Plain, Self::Unverified],
            Some(SslMode::Prefer) => vec![Self::Unverified, Self::Plain],
            Some(SslMode::VerifyCa) => vec![Self::Authority],
            // As libpq: a root certificate that is there is used.
            Some(SslMode::Require) if files.root.is_some() => vec![Self::Authority],
            Some(SslMode::Require) => vec![Self::Unverified],
        }
    }

    /// The words of the status line.
    pub fn words(self, place: &Place) -> &'static str {
        match self {
            Self::Plain if matches!(place.host, super::place::Host::Unix(_)) => "unix socket",
            Self::Plain if place.is_local() => "no TLS (loopback)",
            Self::Plain => "no TLS",
            Self::Unverified => "TLS unverified",
            Self::Authority => "TLS verified (authority only)",
            Self::Full => "TLS verified",
        }
    }
}

/// A connector with the checks of `security`.
pub fn connector(security: Security, files: &SslFiles) -> Result<MakeRustlsConnect, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match security {
        Security::Plain | Security::Unverified => Arc::new(Anyone(provider.clone())),
        Security::Authority => Arc::new(AnyName(authorities(files, &provider)?)),
        Security::Full => authorities(files, &provider)?,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match (&files.cert, &files.key) {
        (Some(cert), Some(key)) if security != Security::Plain => {
            let chain = certificates(cert)?;
            let key_text = std::fs::read(key).map_err(|error| {
                failed(&format!(
                    "the key {} cannot be read: {error}",
                    key.display()
                ))
            })?;
            let parsed = PrivateKeyDer::from_pem_slice(&key_text).map_err(|_| {
                failed(&format!(
                    "{} holds no private key in PEM form",
                    key.display()
                ))
            })?;
            builder
                .with_client_auth_cert(chain, parsed)
                .map_err(|error| {
                    failed(&format!(
                        "the client certificate {} is not usable: {error}",
                        cert.display()
                    ))
                })?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn authorities(
    files: &SslFiles,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, StoreError> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &files.root {
        for certificate in certificates(file)? {
            roots.add(certificate).map_err(|error| {
                failed(&format!(
                    "a certificate in {} is not usable: {error}",
                    file.display()
                ))
            })?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|_| failed("no certificate authorities were found to verify the server with"))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let text = std::fs::read(file)
        .map_err(|error| failed(&format!("{} cannot be read: {error}", file.display())))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .filter_map(Result::ok)
        .collect();
    if found.is_empty() {
        return Err(failed(&format!(
            "{} holds no certificate in PEM form",
            file.display()
        )));
    }
    Ok(found)
}

fn failed(message: &str) -> StoreError {
    StoreError::Connect {
        message: message.to_owned(),
        hint: Some("name the authority's certificate with sslrootcert=FILE".to_owned()),
    }
}

/// Accepts every certificate; the status line says `TLS unverified`.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Checks everything but the name (`verify-ca`).
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .0
            .verify_server_cert(end_entity, intermediates, name, ocsp, now)
        {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
