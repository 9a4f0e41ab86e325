//! What an operator entrusts to the server, and what travels between it and others: at the most talkative level, on the console,
//! in the metrics, and in what operators are shown.

use std::fs;

use reqwest::Method;
use serde_json::json;

use super::{contents, holds};
use crate::{
    cli::terminal::Terminal,
    support::{
        Process, Smtpd, broadsheet, certificate, finished, mails_in,
        model::{ModelServer, Reply},
        openssl, send, until,
    },
};

const MAIL_PASSWORD: &str = "s3cret-of-the-herald";
const MODEL_KEY: &str = "k3y-that-nobody-may-see";
const DATABASE_PASSWORD: &str = "p4ssword-of-the-database";
const IDEMPOTENCY_KEY: &str = "idempotent-heron-0815";
const OUTSIDE_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.b3V0c2lkZQ.c2lnbmF0dXJl";
const TEXT: &str = "Unmistakable sentence about a heron in the reeds.";

#[actix_web::test]
async fn at_trace_nothing_tells_a_secret_of_the_operator_or_an_address() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    openssl(folder.path(), &["genpkey", "-algorithm", "ed25519", "-out", "dkim.pem"]);
    let dkim = fs::read_to_string(folder.path().join("dkim.pem")).unwrap();
    let dkim_secret = dkim.lines().nth(1).unwrap().to_owned();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (cert, key, authority) = (path("cert.pem"), path("key.pem"), path("ca.pem"));
    let options = ["--cert", &cert, "--key", &key, "--user", "herald", "--password", MAIL_PASSWORD];
    let smtpd = Smtpd::start(&folder.path().join("data/mail"), &options);
    let model = ModelServer::start();
    let url = |password: &str| format!("smtp://herald:{password}@127.0.0.1:{}?tls=required", smtpd.port);
    let (right, mistyped) = (url(MAIL_PASSWORD), url("m1styped-by-the-operator"));
    let with = |smtp_url: &str| {
        [
            ("LOG__LEVEL", "trace"),
            ("MAIL__TRANSPORT", "smtp"),
            ("MAIL__SMTP_URL", smtp_url),
            ("MAIL__SMTP_CA_FILE", &authority),
            ("MAIL__DKIM_DOMAIN", "broadsheet.example"),
            ("MAIL__DKIM_SELECTOR", "post1"),
            ("MAIL__DKIM_KEY", &dkim),
            ("MODERATION__PROVIDER", "openai"),
            ("MODERATION__BASE_URL", &model.url),
            ("MODERATION__MODEL", "test-model"),
            ("MODERATION__API_KEY", MODEL_KEY),
            ("IDENTITY__BOOTSTRAP_ADMIN_EMAIL", "root-of-all@example.com"),
            ("METRICS__LISTEN", "127.0.0.1:0"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
    };
    let settings = with(&right);
    let process =
        Process::start(folder.path(), &settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let client = &process.client;
    // Nobody takes mail for the first; the second is put off once, with the address in the text of the reply.
    for handle in ["never-eve", "grey1-gus"] {
        let applicant = json!({"email": format!("{handle}@example.com"), "password": format!("password of {handle}"),
            "handle": handle.replace('1', ""), "name": "Somebody"});
        client.post("/v1/identity/sign-up", &applicant).await.expect(202);
    }
    let (root, ada, bob) =
        (process.person("root-of-all").await, process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    model.next(&[Reply::Status(500, json!({"error": {"message": format!("{MODEL_KEY} {TEXT}")}}))]);
    let request = ada.request(Method::POST, "/v1/posts").header("idempotency-key", IDEMPOTENCY_KEY);
    let post = send(request.json(&json!({"title": "Herons", "body": TEXT}))).await.expect(201).json();
    until("it is mailed", async || ada.receipt(&post).await.iter().all(|line| line.ends_with(": done"))).await;
    let mail = mails_in(&process.mail_folder()).into_iter().find(|mail| mail.contains("List-Unsubscribe:")).unwrap();
    let link = mail.split("/mail/unsubscribe/").nth(1).unwrap().split('>').next().unwrap().to_owned();
    send(client.request(Method::POST, &format!("/mail/unsubscribe/{link}")).body("List-Unsubscribe=One-Click"))
        .await
        .expect(200);
    until("the refused mail is given up", async || process.log().contains("could not be sent")).await;

    // Tokens that go astray, tickets, and a refresh token that is used twice.
    send(client.request(Method::GET, "/v1/me").bearer_auth(OUTSIDE_TOKEN)).await.expect(401);
    root.get(&format!("/v1/admin/watch?access_token={OUTSIDE_TOKEN}")).await.expect(400);
    let ticket = root.post("/v1/admin/watch-tickets", &json!({})).await.expect(201).json();
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    client.get(&format!("/v1/admin/watch?ticket={ticket}")).await.expect(426);
    let refresh = json!({"refresh_token": bob.refresh_token});
    let second = client.post("/v1/identity/refresh", &refresh).await.expect(200).json();
    let third =
        client.post("/v1/identity/refresh", &json!({"refresh_token": second["refresh_token"]})).await.expect(200);
    client.post("/v1/identity/refresh", &refresh).await.expect(401);

    // What operators are shown, and the console.
    let terminal = Terminal::new();
    let mut shown = String::new();
    for (password, code) in [("wrong password", 77), (root.password.as_str(), 0)] {
        let output = terminal.log_in(&format!("http://{}", process.address), &root.email, password).await;
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        shown += &String::from_utf8_lossy(&[output.stdout, output.stderr].concat());
    }
    for arguments in [&["workers"][..], &["dlq", "list"], &["audit"]] {
        let output = terminal.run(arguments).await;
        shown += &String::from_utf8_lossy(&[output.stdout, output.stderr].concat());
    }
    let session = terminal.session().to_string();
    for path in ["overview", "workers", "dead-letters", "dead-letters/causes", "jobs", "audit"] {
        shown += &root.get(&format!("/v1/admin/{path}")).await.expect(200).text;
    }
    shown += &ada.get(&format!("/v1/posts/{}/deliveries", post["id"].as_str().unwrap())).await.expect(200).text;
    shown += &metrics(&process.log()).await;
    process.kill();
    // Now: the next start writes it anew, compressed.
    let database = contents(&folder.path().join("data/db"));
    assert!(holds(&database, TEXT), "the check does not see what is stored");

    // The mail server does not let us in any more.
    let settings = with(&mistyped);
    let process =
        Process::start(folder.path(), &settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let ada = process.again(&ada).await;
    let carl = json!({"email": "carl@example.com", "password": "password of carl", "handle": "carl", "name": "Carl"});
    process.client.post("/v1/identity/sign-up", &carl).await.expect(202);
    until("signing in fails", async || process.log().contains("does not accept our sign-in")).await;
    let log = process.log();
    assert!(log.contains("\"TRACE\""), "the log is not at trace");
    process.kill();

    // A database that is not there.
    let mut command = broadsheet(folder.path());
    command.arg("serve").env("BROADSHEET__DATABASE__URL", "ws://127.0.0.1:1").env("BROADSHEET__LOG__LEVEL", "trace");
    command.env("BROADSHEET__DATABASE__USERNAME", "root").env("BROADSHEET__DATABASE__PASSWORD", DATABASE_PASSWORD);
    let output = finished(&mut command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    shown += &String::from_utf8_lossy(&[output.stdout, output.stderr].concat());

    let stolen: Vec<String> = session.split('"').filter(|text| text.len() > 60).map(str::to_owned).collect();
    assert!(stolen.len() >= 2, "the session holds no tokens: {session}");
    let third = third.json();
    let tokens = [&second["access_token"], &second["refresh_token"], &third["id_token"], &third["refresh_token"]];
    let tokens = tokens.map(|token| token.as_str().unwrap());
    let plain = [
        MAIL_PASSWORD,
        "m1styped-by-the-operator",
        MODEL_KEY,
        DATABASE_PASSWORD,
        OUTSIDE_TOKEN,
        &dkim_secret,
        &ticket,
        &link,
        &root.password,
        &root.token,
        &ada.token,
        &bob.refresh_token,
        "password of ",
    ];
    let secrets: Vec<&str> = plain.into_iter().chain(tokens).chain(stolen.iter().map(String::as_str)).collect();
    for secret in secrets.iter().copied().chain([TEXT, IDEMPOTENCY_KEY, "@example.com"]) {
        for (place, text) in [("log", &log), ("output", &shown)] {
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(secret)).take(3).collect();
            // Whoever signs in at a terminal sees the address that they have just typed.
            let is_own =
                place == "output" && secret == "@example.com" && lines.iter().all(|line| line.contains("root-of-all"));
            assert!(lines.is_empty() || is_own, "`{secret}` is in the {place}: {lines:#?}");
        }
    }
    for secret in secrets {
        let secret = secret.rsplit('.').next().unwrap();
        assert!(!holds(&database, secret), "`{secret}` is in the database");
    }
}

/// What Prometheus is told; the log says where.
async fn metrics(log: &str) -> String {
    let lines = log.lines().filter(|line| line.contains("serving metrics"));
    let address = lines.flat_map(|line| line.split(['"', ' ', '/'])).find(|word| {
        word.strip_prefix("127.0.0.1:").is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
    });
    let address = address.expect("the log says where the metrics are").to_owned();
    let text = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    assert!(text.contains("broadsheet_"), "{text}");
    text
}

#[actix_web::test]
async fn the_examples_of_the_document_are_nobodys_secrets() {
    let app = crate::support::TestApp::spawn().await;
    let document = app.client.get("/openapi.json").await.expect(200).text;
    assert!(
        !document.contains("eyJ") && !document.contains("BEGIN PRIVATE"),
        "a token or a key stands in the document"
    );
    let addresses = document.split(['"', ' ', '`', ',']).filter(|word| word.contains('@'));
    for address in addresses {
        // A handle in a post's address stands behind a slash, and is nobody's mail address.
        let mail = address.replace("/@", "/");
        assert!(!mail.contains('@') || mail.contains("@example.org") || mail == "@", "{address}");
    }
}
