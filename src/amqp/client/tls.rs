//! TLS by rustls, from the PEM texts that `tls.connect` takes.

use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName,
};
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

fn revocation_lists(pem: &[u8]) -> impl Iterator<Item = CertificateRevocationListDer<'static>> {
    CertificateRevocationListDer::pem_slice_iter(pem).filter_map(Result::ok)
}

/// What was asked for, in that order, as far as ring has it.
fn provider(options: &TlsOptions) -> Result<CryptoProvider, Failure> {
    let all = ring::default_provider();
    let pick = |id: &u16| {
        all.cipher_suites
            .iter()
            .find(|suite| u16::from(suite.suite()) == *id)
            .copied()
    };
    let cipher_suites: Vec<_> = options.suites.iter().filter_map(pick).collect();
    let find = |id: &u16| {
        all.kx_groups
            .iter()
            .find(|group| u16::from(group.name()) == *id)
            .copied()
    };
    let kx_groups: Vec<_> = options.groups.iter().filter_map(find).collect();
    if cipher_suites.is_empty() || kx_groups.is_empty() {
        let what = if kx_groups.is_empty() { "curves" } else { "ciphers" };
        return Err(failed(format!(
            "ERR_SSL_NO_CIPHER_MATCH none of these {what} is supported"
        )));
    }
    Ok(CryptoProvider {
        cipher_suites,
        kx_groups,
        ..all
    })
}

fn config(options: &TlsOptions, verdict: &Verdict) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(provider(options)?);
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
        let mut chain = Chain::new(&provider, roots, trusted, verdict.clone());
        if !options.crls.is_empty() {
            let crls = options
                .crls
                .iter()
                .flat_map(|pem| revocation_lists(pem))
                .collect();
            chain.check_revocation(&provider, crls)?;
        }
        builder.with_custom_certificate_verifier(Arc::new(chain))
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
