//! TLS by rustls, from the PEM texts that `tls.connect` takes.

use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::failure::Failure;
use super::options::TlsOptions;
use super::tls_errors::{failed, failure, reason_text};
use super::tls_verify::{Chain, Unverified};
use super::transport::Transport;

/// Why OpenSSL would refuse the server's certificates.
type Verdict = Arc<OnceLock<&'static str>>;

pub async fn connect(stream: TcpStream, options: &TlsOptions) -> Result<Transport, Failure> {
    let verdict = Verdict::default();
    let config = config(options, &verdict)?;
    let name = ServerName::try_from(options.servername.clone()).map_err(|_| {
        failed(format!(
            "ERR_INVALID_ARG_VALUE invalid servername {}",
            options.servername
        ))
    })?;
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => Ok(Transport::Tls {
            stream: Box::new(stream),
            verify: options.reject_unauthorized,
        }),
        Err(error) => Err(match verdict.get() {
            Some(reason) => failed(*reason),
            None => failure(&error).unwrap_or_else(|| Failure::socket(&error)),
        }),
    }
}

fn certificates(pem: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    // What cannot be read tls.createSecureContext has refused, or lets pass as we do.
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok)
}

fn config(options: &TlsOptions, verdict: &Verdict) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(ring::default_provider());
    let mut versions = Vec::new();
    versions.extend(options.tls13.then_some(&TLS13));
    versions.extend(options.tls12.then_some(&TLS12));
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|error| failed(reason_text(&error)))?
        .dangerous();
    let builder = if options.reject_unauthorized {
        let trusted: Vec<_> = options.ca.iter().flat_map(|pem| certificates(pem)).collect();
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            // A root that rustls cannot use (an old one of a system's list) is left out, not an error.
            let _ = roots.add(certificate.clone());
        }
        builder.with_custom_certificate_verifier(Arc::new(Chain::new(
            &provider,
            roots,
            trusted,
            verdict.clone(),
        )))
    } else {
        builder.with_custom_certificate_verifier(Arc::new(Unverified::new(&provider)))
    };
    let mut config = match (&options.cert, &options.key) {
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|error| failed(format!("ERR_OSSL_UNSUPPORTED key: {error}")))?;
            builder
                .with_client_auth_cert(certificates(cert).collect(), key)
                .map_err(|error| failed(reason_text(&error)))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = options.alpn.clone();
    Ok(config)
}
