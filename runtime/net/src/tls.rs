//! How this crate uses rustls: TLS 1.3 only, both ends show a certificate, and only members of the run are accepted.

use crate::{Fingerprint, HostKey, credentials::MemberList};
use std::{
    io,
    sync::{Arc, LazyLock},
};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    version::TLS13,
};

/// Returns the algorithms that hosts use.
///
/// AES-128 comes first because processors of servers have instructions for it. ChaCha20 is for the others.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        Arc::new(CryptoProvider {
            cipher_suites: vec![
                ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
                ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            ],
            kx_groups: vec![ring::kx_group::X25519],
            ..ring::default_provider()
        })
    });
    Arc::clone(&PROVIDER)
}

/// Makes the configuration of the end that connects.
///
/// Sessions are never resumed: a resumed session would not check the certificate again.
pub(crate) fn client(key: &HostKey, members: MemberList) -> io::Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(MembersOnly(members)))
        .with_client_auth_cert(vec![key.certificate_for_tls()], key.private_key_for_tls())
        .map_err(io::Error::other)?;
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// Makes the configuration of the end that accepts. It offers no session for resumption.
pub(crate) fn server(key: &HostKey, members: MemberList) -> io::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .with_client_cert_verifier(Arc::new(MembersOnly(members)))
        .with_single_cert(vec![key.certificate_for_tls()], key.private_key_for_tls())
        .map_err(io::Error::other)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Reports whether a handshake failed because the other end's certificate is not that of a member.
pub(crate) fn is_stranger(error: &io::Error) -> bool {
    matches!(
        rustls_error(error),
        Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented)
    )
}

/// Reports whether a handshake failed because the other end has refused this end's certificate.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    matches!(
        rustls_error(error),
        Some(Error::AlertReceived(AlertDescription::AccessDenied))
    )
}

fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Accepts exactly the certificates whose fingerprints are on the list of members.
///
/// Names, dates and issuers of certificates do not matter. The signature of the handshake does: it proves that the other
/// end has the certificate's private key.
#[derive(Debug)]
struct MembersOnly(MemberList);

impl MembersOnly {
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let fingerprint = Fingerprint::of_certificate(certificate);
        match self.0.contains(fingerprint) {
            Ok(true) => Ok(()),
            Ok(false) => {
                tracing::warn!(%fingerprint, "refused a host that is no member of this run");
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            Err(error) => {
                tracing::error!(%error, "refused a host, because the list of members could not be read");
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
        }
    }

    fn check_signature(
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &algorithms)
    }
}

impl ServerCertVerifier for MembersOnly {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(certificate).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        MembersOnly::check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

impl ClientCertVerifier for MembersOnly {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(certificate).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        MembersOnly::check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
