//! `/v1/identity/*`: from an unknown address to a session, and everything that is refused on the way.

mod codes;
mod rate_limit;
mod sessions;
mod sign_in;
mod sign_up;
mod tokens;

use serde_json::{Value, json};

use crate::support::{TestApp, until};

/// What somebody with this handle sends to sign up.
fn applicant(handle: &str) -> Value {
    json!({
        "email": format!("{handle}@example.com"),
        "password": format!("correct horse of {handle}"),
        "handle": handle,
        "name": format!("{handle} the Author"),
    })
}

/// Signs up without confirming; answers the address and the code that was mailed to it.
async fn unconfirmed(app: &TestApp, handle: &str) -> (String, String) {
    app.client.post("/v1/identity/sign-up", &applicant(handle)).await.expect(202);
    let email = format!("{handle}@example.com");
    let mails = mails_to(app, &email, 1).await;
    (email, code_in(&mails[0]).unwrap())
}

/// The mails to an address, as soon as there are this many.
async fn mails_to(app: &TestApp, email: &str, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    until("a mail comes", async || {
        let to = format!("To: {email}");
        found = app.mails().into_iter().filter(|mail| mail.contains(&to)).collect();
        found.len() >= count
    })
    .await;
    found
}

/// The six digits on a line of their own.
fn code_in(mail: &str) -> Option<String> {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    mail.lines().map(str::trim).find(is_code).map(str::to_owned)
}

/// Another code than this one.
fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

/// The fields that a problem complains about, with the word for what is wrong.
fn complaints(problem: &Value) -> Vec<String> {
    let one = |error: &Value| format!("{}: {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap());
    problem["errors"].as_array().unwrap().iter().map(one).collect()
}
