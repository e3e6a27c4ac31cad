//! Ends that know the run's secret and have read the wire, but have no key of a member.

use super::{Host, hosts, is_denied};
use mosaic_net::{HostKey, accept, connect};
use std::{io, sync::Arc};
use tokio::{join, net::TcpListener, net::TcpStream};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
        client::{
            ResolvesClientCert,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
        version::TLS13,
    },
};

/// Shows a certificate, and signs with whatever key there is. Without a certificate, it shows none.
#[derive(Debug)]
struct Shows(Option<Arc<CertifiedKey>>);

impl Shows {
    /// Shows the certificate of a member, of which only the public part is known.
    fn stolen(member: &Host) -> Shows {
        let certificate = std::fs::read(member.directory.path().join("net/host-certificate.der")).unwrap();
        let own = HostKey::generate().unwrap();
        let private_key = PrivateKeyDer::Pkcs8(own.private_key_der().to_vec().into());
        let private_key = ring::sign::any_ecdsa_type(&private_key).unwrap();
        Shows(Some(Arc::new(CertifiedKey::new(vec![certificate.into()], private_key))))
    }
}

impl ResolvesClientCert for Shows {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
}

/// Accepts every server.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

fn client(shows: Shows) -> TlsConnector {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_client_cert_resolver(Arc::new(shows));
    TlsConnector::from(Arc::new(config))
}

fn server(shows: Shows) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shows));
    TlsAcceptor::from(Arc::new(config))
}

/// Lets a client that the gate has let in shake hands with a host. Returns what the host says.
async fn accepted(host: &Host, client: TlsConnector) -> io::Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connecting = async {
        let stream = TcpStream::connect(address).await.unwrap();
        client.connect(address.ip().into(), stream).await
    };
    let accepting = async {
        let (stream, _) = listener.accept().await.unwrap();
        accept(&host.credentials, stream.into_std().unwrap()).await
    };
    let (_client, server) = join!(connecting, accepting);
    server.unwrap_err()
}

#[tokio::test]
async fn a_client_needs_the_private_key_of_a_member() {
    let [a, b] = hosts([&[0, 1], &[0, 1]]);
    let without = accepted(&b, client(Shows(None))).await;
    is_denied(Err(without), "is not that of a member");
    let stolen = accepted(&b, client(Shows::stolen(&a))).await;
    is_denied(Err(stolen), "is not that of a member");
}

#[tokio::test]
async fn a_server_needs_the_private_key_of_a_member() {
    let [a, mut b] = hosts([&[0, 1], &[0, 1]]);
    let server = server(Shows::stolen(&b));
    let address = b.address;
    let (client, server) = join!(connect(&a.credentials, address, "node"), async {
        let (stream, _) = b.gate.accept(a.credentials.secret()).await.unwrap();
        server.accept(TcpStream::from_std(stream).unwrap()).await
    });
    is_denied(client, "is not that of a member");
    assert!(server.is_err());
}
