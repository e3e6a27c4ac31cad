//! The key pair of a host.

use crate::{Fingerprint, tls};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use std::{fmt, io};
use tokio_rustls::rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};

/// A host's private key (ECDSA, P-256) and the certificate that it has signed itself.
///
/// Nothing in the certificate matters but its public key: hosts recognise a certificate by its [`Fingerprint`].
///
/// ```
/// use mosaic_net::HostKey;
///
/// let key = HostKey::generate()?;
/// let copy = HostKey::from_der(key.certificate_der(), key.private_key_der())?;
/// assert_eq!(copy.fingerprint(), key.fingerprint());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HostKey {
    certificate: CertificateDer<'static>,
    private_key: PrivatePkcs8KeyDer<'static>,
}

impl HostKey {
    /// Makes a new key.
    ///
    /// ```
    /// use mosaic_net::HostKey;
    ///
    /// assert_ne!(HostKey::generate()?.fingerprint(), HostKey::generate()?.fingerprint());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The system has no random bytes.
    pub fn generate() -> io::Result<HostKey> {
        let failed = |error| io::Error::other(format!("could not make the key of this host: {error}"));
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "mosaic host");
        let certificate = parameters.self_signed(&key).map_err(failed)?;
        Ok(HostKey {
            certificate: certificate.der().clone(),
            private_key: key.serialize_der().into(),
        })
    }

    /// Makes a key of what [`certificate_der`](Self::certificate_der) and [`private_key_der`](Self::private_key_der) have
    /// returned.
    ///
    /// ```
    /// use mosaic_net::HostKey;
    ///
    /// let [one, other] = [HostKey::generate()?, HostKey::generate()?];
    /// assert!(HostKey::from_der(one.certificate_der(), other.private_key_der()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// One of the two is damaged, or they do not belong together.
    pub fn from_der(certificate: &[u8], private_key: &[u8]) -> io::Result<HostKey> {
        let key = HostKey {
            certificate: certificate.to_vec().into(),
            private_key: private_key.to_vec().into(),
        };
        CertifiedKey::from_der(
            vec![key.certificate_for_tls()],
            key.private_key_for_tls(),
            &tls::provider(),
        )
        .map_err(|error| {
            let text = format!("the certificate and the private key of this host are of no use: {error}");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        Ok(key)
    }

    /// Returns the fingerprint by which other hosts recognise this key.
    ///
    /// ```
    /// use mosaic_net::HostKey;
    ///
    /// println!("{}", HostKey::generate()?.fingerprint());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_certificate(&self.certificate)
    }

    /// Returns the certificate, which is public, in DER.
    ///
    /// ```
    /// use mosaic_net::HostKey;
    ///
    /// assert!(!HostKey::generate()?.certificate_der().is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// Returns the private key as PKCS #8 in DER, which only this host may have.
    ///
    /// ```
    /// use mosaic_net::HostKey;
    ///
    /// assert!(!HostKey::generate()?.private_key_der().is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn private_key_der(&self) -> &[u8] {
        self.private_key.secret_pkcs8_der()
    }

    /// Returns the certificate as rustls wants it.
    pub(crate) fn certificate_for_tls(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// Returns the private key as rustls wants it.
    pub(crate) fn private_key_for_tls(&self) -> PrivateKeyDer<'static> {
        self.private_key.clone_key().into()
    }
}

impl Clone for HostKey {
    fn clone(&self) -> HostKey {
        HostKey {
            certificate: self.certificate.clone(),
            private_key: self.private_key.clone_key(),
        }
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostKey").field(&self.fingerprint()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_bytes_make_no_key_and_the_private_key_is_never_shown() {
        let key = HostKey::generate().unwrap();
        let (certificate, private_key) = (key.certificate_der(), key.private_key_der());
        for (certificate, private_key) in [
            (&b""[..], private_key),
            (&certificate[1..], private_key),
            (certificate, &b""[..]),
            (certificate, &private_key[..private_key.len() - 1]),
        ] {
            assert!(HostKey::from_der(certificate, private_key).is_err());
        }
        assert_eq!(
            format!("{key:?}"),
            format!("HostKey(Fingerprint({}))", key.fingerprint())
        );
    }
}
