//! What went wrong in TLS, as "CODE reason" with the codes that Node has from OpenSSL.

use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use super::failure::{Failure, Scope};

pub fn failed(text: impl Into<String>) -> Failure {
    Failure {
        text: text.into(),
        ..Failure::new(Scope::Tls)
    }
}

/// The failure that an I/O error of a TLS stream carries, none when it is the socket's own.
pub fn failure(error: &io::Error) -> Option<Failure> {
    let reason = error.get_ref()?.downcast_ref::<Error>()?;
    Some(failed(reason_text(reason)))
}

pub fn reason_text(reason: &Error) -> String {
    match reason {
        Error::InvalidCertificate(error) => certificate_text(error).into(),
        Error::InvalidMessage(_) => library_text("wrong version number"),
        Error::AlertReceived(alert) => library_text(alert_reason(*alert)),
        other => format!("ERR_SSL_HANDSHAKE_FAILURE {other}"),
    }
}

/// OpenSSL's X509_V_ERR texts.
fn certificate_text(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "CERT_HAS_EXPIRED certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "CERT_NOT_YET_VALID certificate is not yet valid"
        }
        CertificateError::Revoked => "CERT_REVOKED certificate revoked",
        CertificateError::UnknownRevocationStatus => "UNABLE_TO_GET_CRL unable to get certificate CRL",
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            "CRL_HAS_EXPIRED CRL has expired"
        }
        CertificateError::BadSignature => "CERT_SIGNATURE_FAILURE certificate signature failure",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "INVALID_PURPOSE unsuitable certificate purpose"
        }
        CertificateError::UnknownIssuer => {
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE unable to verify the first certificate"
        }
        _ => "CERT_UNTRUSTED certificate not trusted",
    }
}

/// Node makes the code of an error of OpenSSL's out of the reason.
fn library_text(reason: &str) -> String {
    let code = reason.to_uppercase().replace(' ', "_");
    format!("ERR_SSL_{code} {reason}")
}

fn alert_reason(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UnexpectedMessage => "sslv3 alert unexpected message",
        AlertDescription::BadRecordMac => "sslv3 alert bad record mac",
        AlertDescription::HandshakeFailure => "sslv3 alert handshake failure",
        AlertDescription::BadCertificate => "sslv3 alert bad certificate",
        AlertDescription::UnsupportedCertificate => "sslv3 alert unsupported certificate",
        AlertDescription::CertificateRevoked => "sslv3 alert certificate revoked",
        AlertDescription::CertificateExpired => "sslv3 alert certificate expired",
        AlertDescription::CertificateUnknown => "sslv3 alert certificate unknown",
        AlertDescription::IllegalParameter => "sslv3 alert illegal parameter",
        AlertDescription::UnknownCA => "tlsv1 alert unknown ca",
        AlertDescription::AccessDenied => "tlsv1 alert access denied",
        AlertDescription::DecodeError => "tlsv1 alert decode error",
        AlertDescription::DecryptError => "tlsv1 alert decrypt error",
        AlertDescription::ProtocolVersion => "tlsv1 alert protocol version",
        AlertDescription::InsufficientSecurity => "tlsv1 alert insufficient security",
        AlertDescription::InternalError => "tlsv1 alert internal error",
        AlertDescription::UnrecognisedName => "tlsv1 unrecognized name",
        AlertDescription::NoApplicationProtocol => "tlsv1 alert no application protocol",
        AlertDescription::CertificateRequired => "tlsv13 alert certificate required",
        _ => "handshake failure",
    }
}
