//! A mail server that nobody here wrote: aiosmtpd as a process, with rules by recipient. The rules are in `smtpd.py`.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// Debian's own interpreter, which has Debian's aiosmtpd and dkimpy; `make deps` installs them.
const PYTHON: &str = "/usr/bin/python3";

/// A running mail server. Dropping it ends it.
pub(crate) struct Smtpd {
    pub(crate) port: u16,
    child: Child,
    log: PathBuf,
}

impl Smtpd {
    /// A server that writes the mails it takes into `mails`, where tests look for codes.
    pub(crate) fn start(mails: &Path, options: &[&str]) -> Self {
        fs::create_dir_all(mails).unwrap();
        let log = mails.join("accepted.jsonl");
        let mut child = Command::new(PYTHON)
            .arg(script("smtpd.py"))
            .arg("--folder")
            .arg(mails)
            .arg("--log")
            .arg(&log)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is there");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("aiosmtpd is there; `make deps` installs it");
        Self { port, child, log }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Everything it has taken, in that order: `to`, `message_id`, `file`, `is_encrypted`, `is_signed_in`.
    pub(crate) fn accepted(&self) -> Vec<Value> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Those it has taken a mail about a post for; one that got two is there twice.
    pub(crate) fn mailed(&self) -> Vec<String> {
        let accepted = self.accepted().into_iter();
        let about_posts = accepted.filter(|mail| !mail["message_id"].as_str().unwrap().starts_with("code."));
        about_posts.map(|mail| mail["to"].as_str().unwrap().to_owned()).collect()
    }

    /// The last mail it has taken for an address, as it came over the wire.
    pub(crate) fn mail_to(&self, address: &str) -> Vec<u8> {
        let accepted = self.accepted();
        let mail = accepted.iter().rfind(|mail| mail["to"] == address).expect("a mail to that address");
        fs::read(mail["file"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Smtpd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Verifies a mail's DKIM signature with dkimpy; answers the DNS name it looked up and the headers that are signed.
#[track_caller]
pub(crate) fn verify_dkim(mail: &[u8], record: &str) -> (String, Vec<String>) {
    let mut child = Command::new(PYTHON)
        .arg(script("dkim_verify.py"))
        .arg(record)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    child.stdin.take().unwrap().write_all(mail).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "not verified: {}", String::from_utf8_lossy(mail));
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut lines = printed.lines();
    let name = lines.next().unwrap().to_owned();
    (name, lines.next().unwrap().split(',').map(str::to_owned).collect())
}

/// Runs `openssl`; answers what it prints.
#[track_caller]
pub(crate) fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().expect("openssl is there");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Makes an authority, `ca.pem`, and its `cert.pem` and `key.pem` for 127.0.0.1, in a folder.
pub(crate) fn certificate(folder: &Path) {
    let key = ["-newkey", "rsa:2048", "-nodes"];
    let authority = ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Authority", "-days", "2"];
    openssl(folder, &[&authority[..], &key].concat());
    let request = ["req", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=127.0.0.1"];
    openssl(folder, &[&request[..], &key].concat());
    fs::write(folder.join("extensions"), "subjectAltName=IP:127.0.0.1").unwrap();
    let issue = ["x509", "-req", "-in", "request.pem", "-out", "cert.pem", "-days", "2", "-extfile", "extensions"];
    openssl(folder, &[&issue[..], &["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]].concat());
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support").join(name)
}
