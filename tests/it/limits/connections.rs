//! Connections that do nothing but be there: more of them than the server can hold leave everybody else and the database what they need.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use broadsheet::actors::workers;
use tokio::net::TcpSocket;

use crate::support::{Client, Process, TestApp, broadsheet, under_limits, until};

/// So many files may the server have open, at first and when it has raised the limit.
const SOFT: usize = 256;
const HARD: usize = 512;

/// Somebody who opens so many connections from an address of their own and says nothing, or the half of a head; answers those that are
/// still open when all are.
async fn idlers(server: SocketAddr, from: Ipv4Addr, count: usize) -> Vec<TcpStream> {
    let mut opened = Vec::new();
    for number in 0..count {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let Ok(stream) = socket.connect(server).await else { continue };
        if number % 2 == 0 {
            let _ = stream.try_write(b"GET /v1/posts HTTP/1.1\r\nHost: x\r\nX-A");
        }
        opened.push(stream.into_std().unwrap());
    }
    opened
}

/// Those that the server has not hung up on.
fn still_open(connections: &[TcpStream]) -> usize {
    let is_open = |mut stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        stream.read(&mut [0; 64]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    connections.iter().filter(|stream| is_open(stream)).count()
}

fn open_files(process: &Process) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count()
}

async fn limited(variables: &[(&str, &str)]) -> (tempfile::TempDir, Process) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = broadsheet(folder.path());
    // Those who say nothing are cut off after this time; here they are to stay.
    command.env("BROADSHEET__HTTP__REQUEST_TIMEOUT", "2m");
    command.envs(variables.iter().map(|(key, value)| (format!("BROADSHEET__{key}"), value)));
    let limits = format!("ulimit -S -n {SOFT} && ulimit -H -n {HARD}");
    let process = Process::start_command(folder.path(), under_limits(&command, &limits, &["serve"])).await;
    (folder, process)
}

/// A client that has been here before none of this publishes, and all consequences come.
async fn everybody_else_goes_on(process: &Process, author: &str) {
    let client = Client::new(process.address);
    client.get("/healthz").await.expect(200);
    let ada = process.person(author).await;
    for number in 0..20 {
        let post = ada.publish(&format!("Post {number}")).await;
        until("it is done", async || ada.receipt(&post).await.iter().all(|line| line.ends_with(": done"))).await;
    }
    assert_eq!(process.client.get("/readyz").await.status, 200);
}

#[actix_web::test]
async fn idle_connections_of_one_address_shut_out_nobody_else() {
    let (_folder, process) = limited(&[]).await;
    let expected =
        "up to 224 connections at a time: 512 files may be open (the soft limit was 256), and 256 of them are kept";
    assert!(process.log().contains(expected), "{}", process.log());
    assert!(open_files(&process) < 128, "{} files are open, and nobody is here", open_files(&process));
    let idle = idlers(process.address, Ipv4Addr::new(127, 0, 0, 2), HARD + 100).await;
    until("most of them are hung up on", async || still_open(&idle) < 40).await;
    assert!(still_open(&idle) >= 8, "an address may have some");
    everybody_else_goes_on(&process, "ada").await;
    let log = process.log();
    assert!(log.contains("connections are closed at once: one address has as many as it may"), "{log}");
    assert!(!log.contains("Too many open files"), "{log}");
    drop(idle);
    until("what was given back can be had again", async || {
        still_open(&idlers(process.address, Ipv4Addr::new(127, 0, 0, 2), 8).await) == 8
    })
    .await;
    assert!(process.terminate().await.0.success());
}

#[actix_web::test]
async fn idle_connections_of_many_addresses_leave_something_for_those_that_come_later() {
    let (_folder, process) = limited(&[]).await;
    let mut idle = Vec::new();
    for last in 2..14 {
        idle.extend(idlers(process.address, Ipv4Addr::new(127, 0, 0, last), 60).await);
    }
    until("not more than there are places for are left", async || still_open(&idle) <= 224).await;
    assert!(open_files(&process) < HARD - 100, "{} files are open", open_files(&process));
    everybody_else_goes_on(&process, "ada").await;
    assert!(process.terminate().await.0.success());
}

#[actix_web::test]
async fn a_proxy_that_is_trusted_may_have_all_connections_and_the_database_still_has_its_files() {
    let trusted = [("HTTP__TRUSTED_PROXIES", "127.0.0.9"), ("HTTP__MAX_CONNECTIONS", "100000")];
    let (_folder, process) = limited(&trusted).await;
    let ada = process.person("ada").await;
    let log = process.log();
    assert!(log.contains("http.max_connections is 100000, and the limit on open files leaves room for 224"), "{log}");
    let idle = idlers(process.address, Ipv4Addr::new(127, 0, 0, 9), 2 * HARD).await;
    until("it has all that there are", async || (200..=224).contains(&still_open(&idle))).await;
    assert!(process.log().contains("connections are closed at once: all are taken"));
    // Who is connected goes on; whatever comes, there are files for the database.
    for number in 0..10 {
        let post = ada.publish(&format!("Post {number}")).await;
        until("it is done", async || ada.receipt(&post).await.iter().all(|line| line.ends_with(": done"))).await;
    }
    drop(idle);
    until("there is room again", async || {
        Client::new(process.address).request(reqwest::Method::GET, "/healthz").send().await.is_ok()
    })
    .await;
    assert!(process.terminate().await.0.success());
}

#[actix_web::test]
async fn a_later_head_that_never_ends_is_cut_off_like_the_first() {
    let brief = |config: &mut broadsheet::config::Config| {
        config.http.request_timeout = "1s".parse().unwrap();
        config.http.idle_timeout = "1s".parse().unwrap();
    };
    let app = TestApp::spawn_with(brief, workers::standard()).await;
    let address = app.app.address;
    let talk = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 4_096];
        let length = stream.read(&mut answer).unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
        // Byte by byte, so that it is never idle.
        for byte in b"GET /healthz HTTP/1.1\r\nX-A: ".iter().chain(std::iter::repeat(&b'a')) {
            let is_gone = stream.write_all(&[*byte]).is_err();
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            match stream.read(&mut answer) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) && !is_gone => {}
                Ok(0) | Err(_) => return,
                Ok(length) => panic!("{}", String::from_utf8_lossy(&answer[..length])),
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), tokio::task::spawn_blocking(talk)).await;
    ended.expect("the server hangs up").unwrap();
    app.client.get("/healthz").await.expect(200);
}
