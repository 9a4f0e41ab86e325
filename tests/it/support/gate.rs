//! A gate in front of somebody else's server: connections pass, or they meet the trouble that networks have.

use std::net::Ipv4Addr;

use tokio::{
    io::{AsyncReadExt, copy, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    Free,
    /// They are taken and dropped at once.
    Shut,
    /// They are taken, and nothing ever comes back.
    Silent,
    /// They are dropped after so many bytes of what the client says.
    Cut(u64),
}

/// The gate. It stands open at first, and ends with this value.
pub(crate) struct Gate {
    pub(crate) port: u16,
    passage: watch::Sender<Passage>,
}

impl Gate {
    /// A gate in front of a local port.
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (passage, seen) = watch::channel(Passage::Free);
        actix_web::rt::spawn(async move {
            let mut end = seen.clone();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((client, _)) = accepted {
                            actix_web::rt::spawn(pass(client, port, seen.clone()));
                        }
                    }
                    changed = end.changed() => if changed.is_err() { return },
                }
            }
        });
        Self { port: own, passage }
    }

    /// Changes what happens from now on; connections that are there are dropped.
    pub(crate) fn set(&self, passage: Passage) {
        self.passage.send_if_modified(|present| std::mem::replace(present, passage) != passage);
    }
}

async fn pass(mut client: TcpStream, port: u16, mut gate: watch::Receiver<Passage>) {
    let passage = *gate.borrow_and_update();
    let passing = async {
        if passage == Passage::Silent {
            std::future::pending::<()>().await;
        }
        if passage == Passage::Shut {
            return;
        }
        let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
        if let Passage::Cut(bytes) = passage {
            let ((hears, mut says), (answers, mut asked)) = (client.split(), server.split());
            let (mut hears, mut answers) = (hears.take(bytes), answers);
            tokio::select! {
                _ = copy(&mut hears, &mut asked) => {}
                _ = copy(&mut answers, &mut says) => {}
            }
        } else {
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    };
    tokio::select! {
        () = passing => {}
        _ = gate.changed() => {}
    }
}
