//! Two hosts on one machine, with real sockets.

mod impostors;

use mosaic_net::{
    Credentials, Fingerprint, Gate, HostKey, RunSecret, TlsStream, accept, connect, connect_to_member,
    move_to_this_runtime,
};
use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    join,
    net::TcpStream,
};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A host: its credentials, and a gate on this machine.
struct Host {
    directory: TempDir,
    credentials: Credentials,
    gate: Gate,
    address: SocketAddr,
}

/// Makes as many hosts of one run as there are lists, each with a list of the hosts that it knows as members.
fn hosts<const N: usize>(known: [&[usize]; N]) -> [Host; N] {
    let secret = RunSecret::generate().unwrap();
    let keys: [HostKey; N] = std::array::from_fn(|_| HostKey::generate().unwrap());
    std::array::from_fn(|number| {
        let directory = tempfile::tempdir().unwrap();
        let members = known[number].iter().map(|it| keys[*it].fingerprint());
        let credentials = Credentials::create(&directory.path().join("net"), &keys[number], &secret, members).unwrap();
        let gate = Gate::listen(LOCALHOST, None).unwrap();
        let address = SocketAddr::new(LOCALHOST, gate.local_port());
        Host {
            directory,
            credentials,
            gate,
            address,
        }
    })
}

impl Host {
    async fn accept(&mut self) -> io::Result<TlsStream> {
        let (stream, target) = self.gate.accept(self.credentials.secret()).await?;
        assert_eq!(target.as_str(), "node");
        // As it reaches another process.
        accept(&self.credentials, OwnedFd::from(stream)).await
    }
}

/// Lets one host connect to the other, and returns both ends.
async fn both_ends(from: &Host, to: &mut Host) -> (io::Result<TlsStream>, io::Result<TlsStream>) {
    let address = to.address;
    join!(connect(&from.credentials, address, "node"), to.accept())
}

fn is_denied(end: io::Result<TlsStream>, text: &str) {
    let error = end.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn a_moved_connection_outlives_the_runtime_in_which_it_was_made() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let (mut client, mut server) = first.block_on(async {
        let [a, mut b] = hosts([&[1], &[0]]);
        let (client, server) = both_ends(&a, &mut b).await;
        (client.unwrap(), server.unwrap())
    });
    second.block_on(async {
        move_to_this_runtime(&mut client).unwrap();
        move_to_this_runtime(&mut server).unwrap();
    });
    drop(first);
    second.block_on(async {
        let (data, mut received) = (vec![7; 1 << 20], vec![0; 1 << 20]);
        let send = async {
            client.write_all(&data).await?;
            client.flush().await
        };
        let (sent, read) = join!(send, server.read_exact(&mut received));
        sent.unwrap();
        read.unwrap();
        assert!(received == data);
    });
}

#[tokio::test]
async fn members_exchange_data_in_both_directions() {
    let [a, mut b] = hosts([&[1], &[0]]);
    let (client, server) = both_ends(&a, &mut b).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    assert_eq!(Fingerprint::of_peer(&client), Some(b.credentials.fingerprint()));
    assert_eq!(Fingerprint::of_peer(&server), Some(a.credentials.fingerprint()));
    let data: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let expected = data.clone();
    let echo = tokio::spawn(async move {
        let mut received = vec![0; expected.len()];
        server.read_exact(&mut received).await.unwrap();
        assert!(received == expected);
        server.write_all(&received).await.unwrap();
        server.shutdown().await.unwrap();
    });
    client.write_all(&data).await.unwrap();
    client.flush().await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert!(received == data);
    echo.await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_cut_off_does_not_look_ended() {
    let [a, mut b] = hosts([&[1], &[0]]);
    let (client, server) = both_ends(&a, &mut b).await;
    drop(server.unwrap());
    let error = client.unwrap().read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(error.to_string().contains("close_notify"), "{error}");
}

#[tokio::test]
async fn a_host_that_is_no_member_is_refused_at_both_ends() {
    // Host 1 does not know host 0.
    let [a, mut b] = hosts([&[1], &[]]);
    let (client, server) = both_ends(&a, &mut b).await;
    is_denied(client, "has refused the key of this host");
    is_denied(server, "is not that of a member");
    // Host 0 does not know host 1.
    let [a, mut b] = hosts([&[], &[0]]);
    let (client, server) = both_ends(&a, &mut b).await;
    is_denied(client, "is not that of a member");
    is_denied(server, "has refused the key of this host");
}

#[tokio::test]
async fn a_change_of_members_holds_for_the_next_connection_of_every_process_of_the_host() {
    let [mut a, mut b] = hosts([&[], &[]]);
    let other_process = |host: &Host| Credentials::load(&host.directory.path().join("net")).unwrap();
    let (changes_a, changes_b) = (other_process(&a), other_process(&b));
    changes_a.add_member(b.credentials.fingerprint()).unwrap();
    let (client, server) = both_ends(&a, &mut b).await;
    assert!(client.is_err() && server.is_err());
    changes_b.add_member(a.credentials.fingerprint()).unwrap();
    let (client, server) = both_ends(&a, &mut b).await;
    assert!(client.is_ok() && server.is_ok());
    let (client, server) = both_ends(&b, &mut a).await;
    assert!(client.is_ok() && server.is_ok());
    changes_b.remove_member(a.credentials.fingerprint()).unwrap();
    let (client, server) = both_ends(&a, &mut b).await;
    is_denied(client, "has refused the key of this host");
    is_denied(server, "is not that of a member");
}

#[tokio::test]
async fn a_host_of_another_run_is_not_answered() {
    let [mut b] = hosts([&[]]);
    let [a] = hosts([&[]]);
    b.credentials.add_member(a.credentials.fingerprint()).unwrap();
    a.credentials.add_member(b.credentials.fingerprint()).unwrap();
    let address = b.address;
    tokio::select! {
        client = connect(&a.credentials, address, "node") => {
            let error = client.unwrap_err();
            assert!([ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind()), "{error}");
            assert!(error.to_string().contains("has another secret"), "{error}");
        }
        server = b.accept() => panic!("{server:?}"),
    }
}

#[tokio::test]
async fn one_member_is_not_taken_for_another() {
    let [a, mut b, c] = hosts([&[1, 2], &[0], &[]]);
    let (b_key, c_key) = (b.credentials.fingerprint(), c.credentials.fingerprint());
    let address = b.address;
    let (client, server) = join!(connect_to_member(&a.credentials, address, "node", c_key), b.accept());
    is_denied(client, "leads to another host");
    drop(server);
    let (client, server) = join!(connect_to_member(&a.credentials, address, "node", b_key), b.accept());
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test]
async fn a_host_that_does_not_list_itself_refuses_an_address_that_leads_back() {
    let [mut a] = hosts([&[]]);
    let (address, credentials) = (a.address, a.credentials.clone());
    let (client, server) = join!(connect(&credentials, address, "node"), a.accept());
    is_denied(client, "is not that of a member");
    is_denied(server, "has refused the key of this host");
}

#[tokio::test]
async fn what_cannot_be_reached_is_named() {
    let [a] = hosts([&[]]);
    let address = a.address;
    let error = connect(&a.credentials, address, "../node").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    drop(a.gate);
    let error = connect(&a.credentials, address, "node").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains(&format!("{address} (node)")), "{error}");
}

#[tokio::test]
async fn a_silent_end_does_not_hold_up_a_handshake_for_ever() {
    let [a, mut b] = hosts([&[1], &[0]]);
    let address = b.address;
    // Takes the connection, and sends nothing.
    let connecting = async {
        let (client, held) = join!(
            connect(&a.credentials, address, "node"),
            b.gate.accept(b.credentials.secret())
        );
        drop(held);
        client
    };
    let listener = std::net::TcpListener::bind((LOCALHOST, 0)).unwrap();
    let silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let (client, server) = join!(connecting, accept(&a.credentials, accepted));
    drop(silent);
    for end in [client, server] {
        assert_eq!(end.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
