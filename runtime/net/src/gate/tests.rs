use super::*;
use crate::{preface, socket_options};
use std::io::ErrorKind::ConnectionReset;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A gate on this machine whose limits are small enough for a test.
fn gate(limits: Limits) -> Gate {
    let mut gate = Gate::listen(LOCALHOST, None).unwrap();
    gate.strangers = Strangers::new(limits);
    gate
}

fn preface(secret: &RunSecret, target: &str) -> Vec<u8> {
    preface::write(secret, &target.parse().unwrap()).unwrap()
}

async fn stranger(port: u16, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect((LOCALHOST, port)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Waits until the gate closes a connection.
///
/// # Panics
///
/// The gate answers a byte first.
async fn is_closed_without_an_answer(stream: &mut TcpStream, name: &str) {
    let mut answer = [0; 1];
    match stream.read(&mut answer).await {
        Ok(0) => {}
        // The system says so where bytes of the stranger were left unread.
        Err(error) if error.kind() == ConnectionReset => {}
        answer => panic!("{name}: {answer:?}"),
    }
}

#[tokio::test]
async fn strangers_get_no_byte_and_hold_up_nobody() {
    let secret = RunSecret::generate().unwrap();
    let mut gate = gate(Limits {
        preface: Duration::from_millis(300),
        strangers: 512,
    });
    let port = gate.local_port();
    let right = preface(&secret, "node");
    let mut strangers = Vec::new();
    for (name, bytes) in preface::tests::wrong_prefaces(&secret) {
        strangers.push((name.to_owned(), stranger(port, &bytes).await));
    }
    for length in [0, 1, 7, 8, 12, right.len() - 1] {
        let name = format!("a stranger that is silent after {length} bytes");
        strangers.push((name, stranger(port, &right[..length]).await));
    }
    let mut friend = stranger(port, &right).await;
    let (admitted, target) = gate.accept(&secret).await.unwrap();
    assert_eq!(target.as_str(), "node");
    assert_eq!(admitted.peer_addr().unwrap(), friend.local_addr().unwrap());
    let goes_on = tokio::spawn(async move { gate.accept(&secret).await });
    for (name, stream) in &mut strangers {
        is_closed_without_an_answer(stream, name).await;
    }
    // The friend's connection stands, and nothing after the preface was read.
    let mut admitted = TcpStream::from_std(admitted).unwrap();
    friend.write_all(b"TLS").await.unwrap();
    let mut first = [0; 3];
    admitted.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"TLS");
    goes_on.abort();
}

#[tokio::test]
async fn a_new_stranger_replaces_the_oldest_silent_one() {
    let secret = RunSecret::generate().unwrap();
    let mut gate = gate(Limits {
        preface: Duration::from_secs(600),
        strangers: 3,
    });
    let port = gate.local_port();
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(stranger(port, b"MOS").await);
    }
    let _friend = stranger(port, &preface(&secret, "worker-1-3.sock")).await;
    let (_, target) = gate.accept(&secret).await.unwrap();
    assert_eq!(target.as_str(), "worker-1-3.sock");
    for stream in &mut silent[..3] {
        is_closed_without_an_answer(stream, "one of the oldest").await;
    }
    // The newest ones may still send their preface.
    let rest = preface(&secret, "node").split_off(3);
    silent[4].write_all(&rest).await.unwrap();
    let (admitted, _) = gate.accept(&secret).await.unwrap();
    assert_eq!(admitted.peer_addr().unwrap(), silent[4].local_addr().unwrap());
    // The strangers that still wait are closed with the gate.
    drop(gate);
    is_closed_without_an_answer(&mut silent[3], "left when the gate ends").await;
}

#[tokio::test]
async fn dropping_the_future_loses_no_connection() {
    let secret = RunSecret::generate().unwrap();
    let mut gate = gate(Limits::DEFAULT);
    let mut slow = stranger(gate.local_port(), b"MOSAIC").await;
    // Long enough that the gate has taken the connection, or not: both are right.
    let dropped = tokio::time::timeout(Duration::from_millis(50), gate.accept(&secret)).await;
    assert!(dropped.is_err());
    slow.write_all(&preface(&secret, "node")[6..]).await.unwrap();
    gate.accept(&secret).await.unwrap();
}

#[tokio::test]
async fn the_first_free_port_of_a_range_is_taken() {
    let one = Gate::listen(LOCALHOST, None).unwrap();
    let port = one.local_port();
    let error = Gate::listen(LOCALHOST, Some(port..=port)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("MOSAIC_PORTS"), "{error}");
    let other = Gate::listen(LOCALHOST, Some(port..=port.saturating_add(50))).unwrap();
    assert!((port + 1..=port.saturating_add(50)).contains(&other.local_port()));
    // A port is free again as soon as its gate is gone, also with connections that have just ended.
    let stream = stranger(port, b"").await;
    let (accepted, _) = one.listener.accept().await.unwrap();
    drop((accepted, stream, one));
    assert_eq!(Gate::listen(LOCALHOST, Some(port..=port)).unwrap().local_port(), port);
}

#[tokio::test]
async fn a_gate_on_all_addresses_takes_ipv4_as_well() {
    let secret = RunSecret::generate().unwrap();
    let mut gate = crate::Settings::default().listen().unwrap();
    let _friend = stranger(gate.local_port(), &preface(&secret, "node")).await;
    let (admitted, _) = gate.accept(&secret).await.unwrap();
    socket_options::set(&admitted).unwrap();
}

#[tokio::test]
async fn an_address_of_another_machine_is_named_in_the_error() {
    let error = Gate::listen("192.0.2.1".parse().unwrap(), Some(47000..=47010)).unwrap_err();
    assert!(
        error.to_string().contains("could not listen on 192.0.2.1:47000"),
        "{error}"
    );
}
