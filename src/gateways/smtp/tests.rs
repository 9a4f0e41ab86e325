//! Tests of the mailer against a minimal mail server on the loopback interface.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use super::*;
use crate::domain::Email;

/// Starts a server that answers every `RCPT` with `reply`, and returns its port.
fn server(reply: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream, reply));
        }
    });
    port
}

fn serve(mut stream: TcpStream, reply: &str) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    stream.write_all(b"220 ready\r\n").unwrap();
    let mut is_text = false;
    for line in lines.map_while(Result::ok) {
        let answer = match line.get(..4) {
            _ if is_text && line != "." => continue,
            Some("DATA") => "354 go on",
            Some("RCPT") => reply,
            _ => "250 fine",
        };
        is_text = answer.starts_with("354");
        if stream.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
            return;
        }
    }
}

/// A port where nothing is listening.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn mailer(port: u16) -> SmtpMailer {
    let settings = SmtpSettings::new(format!("smtp://127.0.0.1:{port}"));
    SmtpMailer::new(&settings, Composer::new("post@broadsheet.example".parse().unwrap())).unwrap()
}

fn mail() -> Mail {
    Mail {
        message_id: "01A@broadsheet.example".to_owned(),
        to: Email::parse("ana@example.org").unwrap(),
        to_name: None,
        subject: "Hello".to_owned(),
        text: "the text".to_owned(),
        html: None,
        headers: Vec::new(),
    }
}

#[tokio::test]
async fn a_mail_that_the_server_takes_is_sent() {
    let mailer = mailer(server("250 fine"));
    assert_eq!(mailer.send(&mail()).await, Ok(()));
    assert_eq!(mailer.send(&mail()).await, Ok(()), "the connection is used again, or made anew");
}

#[tokio::test]
async fn what_the_server_answers_decides_what_becomes_of_the_mail() {
    let answer = async |reply| mailer(server(reply)).send(&mail()).await.unwrap_err();
    let refused = answer("550 5.1.1 <ana@example.org> no such user").await;
    assert_eq!(refused, Error::Undeliverable("the mail server knows no such recipient (550 5.1.1)".to_owned()));
    assert!(matches!(answer("554 5.7.1 not from you").await, Error::Permanent(_)));
    assert!(matches!(answer("451 greylisted").await, Error::Deferred(_)));
    assert!(matches!(answer("421 closing").await, Error::Transient(_)));
    assert!(matches!(answer("354 nonsense").await, Error::Transient(_)));
    assert!(matches!(answer("530 5.7.0 authentication required").await, Error::Transient(_)));
    assert!(matches!(answer("450 4.7.28 rate limit exceeded").await, Error::RateLimited { .. }));
}

#[test]
fn a_mailer_may_outlive_the_runtime_that_sent_with_it() {
    let mailer = mailer(closed_port());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert!(runtime.block_on(mailer.send(&mail())).unwrap_err().is_transient());
    drop(runtime);
    drop(mailer);
}
