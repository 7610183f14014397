//! TLS to a given server, with libpq's `sslmode` and its meaning.
//!
//! `require` checks no certificate unless a root certificate is at hand, `verify-ca` checks the
//! chain, `verify-full` the host name as well: <https://www.postgresql.org/docs/15/libpq-ssl.html>.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use postgres::config::SslMode as Attempt;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// libpq's `sslmode`, from the weakest demand to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Mode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// How a connection is secured, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    mode: Mode,
    root_cert: Option<Utf8PathBuf>,
    cert: Option<Utf8PathBuf>,
    key: Option<Utf8PathBuf>,
}

impl Tls {
    /// No TLS: a Unix socket.
    pub fn disabled() -> Tls {
        Tls { mode: Mode::Disable, root_cert: None, cert: None, key: None }
    }

    /// Takes libpq's `ssl…` parameters out of those of a URL. Files that libpq looks for by default
    /// are named outright, since the processes that will connect have another home folder.
    pub fn take_from(params: &mut Vec<(String, String)>) -> Result<Tls> {
        let mut tls = Tls { mode: Mode::Prefer, root_cert: None, cert: None, key: None };
        for (key, value) in params.extract_if(.., |(key, _)| key.starts_with("ssl")) {
            match key.as_str() {
                "sslmode" => tls.mode = Mode::from_name(&value)?,
                "sslrootcert" => tls.root_cert = Some(value.into()),
                "sslcert" => tls.cert = Some(value.into()),
                "sslkey" => tls.key = Some(value.into()),
                _ => bail!("cannot use --postgres-url: `{key}` is not supported"),
            }
        }
        if let Ok(home) = std::env::var("HOME") {
            let default = |name: &str| {
                Some(Utf8Path::new(&home).join(".postgresql").join(name)).filter(|p| p.is_file())
            };
            tls.root_cert = tls.root_cert.or_else(|| default("root.crt"));
            tls.cert = tls.cert.or_else(|| default("postgresql.crt"));
            tls.key = tls.key.or_else(|| default("postgresql.key"));
        }
        if tls.mode >= Mode::VerifyCa && tls.root_cert.is_none() {
            bail!(
                "cannot use --postgres-url: sslmode={} needs sslrootcert=FILE, and there is no \
                 ~/.postgresql/root.crt",
                tls.mode.name()
            );
        }
        Ok(tls)
    }

    /// The attempts to make, in order; libpq uses no TLS on a Unix socket in any mode.
    pub fn attempts(&self, unix: bool) -> &'static [Attempt] {
        match self.mode {
            _ if unix => &[Attempt::Disable],
            Mode::Disable => &[Attempt::Disable],
            Mode::Allow => &[Attempt::Disable, Attempt::Require],
            Mode::Prefer => &[Attempt::Prefer],
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => &[Attempt::Require],
        }
    }

    /// The parameters of a URL for libpq.
    pub fn libpq_params(&self) -> Vec<(String, String)> {
        let files =
            [("sslrootcert", &self.root_cert), ("sslcert", &self.cert), ("sslkey", &self.key)];
        let files =
            files.into_iter().filter_map(|(key, file)| Some((key, file.as_ref()?.to_string())));
        let mode = (self.mode != Mode::Disable).then(|| ("sslmode", self.mode.name().to_owned()));
        mode.into_iter().chain(files).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The mode's name in libpq.
    pub fn mode_name(&self) -> &'static str {
        self.mode.name()
    }

    /// Makes the TLS half of a connection. Fails where a certificate file cannot be read.
    pub fn connector(&self) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .context("cannot set up TLS")?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.verifier(provider)?));
        let config = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let key = PrivateKeyDer::from_pem_file(key)
                    .with_context(|| format!("cannot read the key `{key}`"))?;
                builder
                    .with_client_auth_cert(certificates(cert)?, key)
                    .context("cannot set up TLS")?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Verifier> {
        let chain = match &self.root_cert {
            Some(file) if self.mode >= Mode::Require => {
                let mut roots = RootCertStore::empty();
                for cert in certificates(file)? {
                    roots
                        .add(cert)
                        .with_context(|| format!("cannot use a certificate in `{file}`"))?;
                }
                let verifier = WebPkiServerVerifier::builder_with_provider(
                    Arc::new(roots),
                    Arc::clone(&provider),
                );
                Some(verifier.build().with_context(|| format!("cannot use `{file}`"))?)
            }
            _ => None,
        };
        Ok(Verifier { chain, host_name: self.mode == Mode::VerifyFull, provider })
    }
}

impl Mode {
    const ALL: [Mode; 6] =
        [Mode::Disable, Mode::Allow, Mode::Prefer, Mode::Require, Mode::VerifyCa, Mode::VerifyFull];

    fn name(self) -> &'static str {
        match self {
            Mode::Disable => "disable",
            Mode::Allow => "allow",
            Mode::Prefer => "prefer",
            Mode::Require => "require",
            Mode::VerifyCa => "verify-ca",
            Mode::VerifyFull => "verify-full",
        }
    }

    fn from_name(name: &str) -> Result<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.name() == name).with_context(|| {
            let known = Mode::ALL.map(Mode::name).join(", ");
            format!("cannot use --postgres-url: sslmode `{name}` is none of {known}")
        })
    }
}

fn certificates(file: &Utf8Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read the certificates in `{file}`"))
}

/// Checks as much of a server's certificate as the mode demands.
#[derive(Debug)]
struct Verifier {
    /// Checks the chain; `None`: nothing is checked.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Whether the host name must fit too.
    host_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        let said =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match said {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.host_name => Ok(ServerCertVerified::assertion()),
            said => said,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
