//! Whether a server's certificates are to be trusted. Its name is not looked at here but in JavaScript, by Node's rules.

use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use tokio_rustls::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{self, CertificateError, DigitallySignedStruct, RootCertStore};

use super::failure::Failure;
use super::tls_errors::failed;

/// A chain up to one of the roots.
#[derive(Debug)]
pub struct Chain {
    algorithms: WebPkiSupportedAlgorithms,
    roots: RootCertStore,
    /// The roots as they were given.
    trusted: Vec<CertificateDer<'static>>,
    /// Gets the reason when there is no such chain: OpenSSL tells more cases apart than rustls' error does.
    verdict: Arc<OnceLock<&'static str>>,
    /// Looks into revocation lists.
    revocation: Option<Arc<WebPkiServerVerifier>>,
}

impl Chain {
    pub fn new(
        provider: &CryptoProvider,
        roots: RootCertStore,
        trusted: Vec<CertificateDer<'static>>,
        verdict: Arc<OnceLock<&'static str>>,
    ) -> Self {
        Chain {
            algorithms: provider.signature_verification_algorithms,
            roots,
            trusted,
            verdict,
            revocation: None,
        }
    }

    /// From now on every certificate of a chain has to stand on a list of its issuer's, as not revoked.
    pub fn check_revocation(
        &mut self,
        provider: &Arc<CryptoProvider>,
        lists: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<(), Failure> {
        let roots = Arc::new(self.roots.clone());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
            .with_crls(lists)
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| failed(format!("ERR_CRYPTO_OPERATION_FAILED crl: {error}")))?;
        self.revocation = Some(verifier);
        Ok(())
    }

    fn check_lists(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let Some(verifier) = &self.revocation else {
            return Ok(());
        };
        match verifier.verify_server_cert(end_entity, intermediates, name, &[], now) {
            // The chain is looked at first: a wrong name says that it is good, and is JavaScript's to judge.
            Ok(_)
            | Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let result = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        );
        let Err(error) = result else {
            self.check_lists(end_entity, intermediates, name, now)?;
            return Ok(ServerCertVerified::assertion());
        };
        // A self-signed certificate that is its own authority, as openssl makes them by default, is good where it is
        // itself a root; webpki looks at the time before it looks at this.
        let is_authority = is_used_as_end_entity(&error);
        if is_authority && self.trusted.contains(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        if is_authority
            || matches!(
                error,
                rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)
            )
        {
            let _ = self.verdict.set(unknown_issuer(end_entity, intermediates));
        }
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_used_as_end_entity(error: &rustls::Error) -> bool {
    // webpki's own error, boxed; its type is not ours to name.
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(inner))
        if format!("{inner:?}").contains("CaUsedAsEndEntity"))
}

/// OpenSSL's reason when the issuer of the last certificate that could be found is not among the roots.
fn unknown_issuer(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> &'static str {
    if is_self_signed(end_entity) {
        "DEPTH_ZERO_SELF_SIGNED_CERT self-signed certificate"
    } else if intermediates
        .iter()
        .any(|certificate| is_self_signed(certificate))
    {
        "SELF_SIGNED_CERT_IN_CHAIN self-signed certificate in certificate chain"
    } else if intermediates.is_empty() {
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE unable to verify the first certificate"
    } else {
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY unable to get local issuer certificate"
    }
}

/// Issuer and subject are the same name (RFC 5280, 4.1).
fn is_self_signed(certificate: &[u8]) -> bool {
    fn names(certificate: &[u8]) -> Option<bool> {
        let (_, outer, _) = element(certificate)?;
        let (_, mut rest, _) = element(outer)?;
        let (tag, _, behind) = element(rest)?;
        if tag == 0xa0 {
            rest = behind; // version
        }
        let (_, _, rest) = element(rest)?; // serial number
        let (_, _, rest) = element(rest)?; // signature
        let (_, issuer, rest) = element(rest)?;
        let (_, _, rest) = element(rest)?; // validity
        let (_, subject, _) = element(rest)?;
        Some(issuer == subject)
    }
    names(certificate).unwrap_or(false)
}

/// DER: tag, content and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let (octets, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if octets.len() > 4 {
            return None;
        }
        length = octets.iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet));
        rest = behind;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `rejectUnauthorized: false`: any certificate will do, the signatures of the handshake are still checked.
#[derive(Debug)]
pub struct Unverified {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Unverified {
    pub fn new(provider: &CryptoProvider) -> Self {
        Unverified {
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
