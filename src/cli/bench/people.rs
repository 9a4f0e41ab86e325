//! People who sign up in the normal way: by e-mail, with the code from the mail folder.

use std::{fs, io, path::Path, time::Duration};

use anyhow::bail;
use serde_json::{Value, json};

use super::{
    client::{self, Connection, text},
    node::Node,
};
use crate::domain::AccountId;

const PASSWORD: &str = "correct horse battery staple";
/// How many times the mail folder is searched for a code, and the pause in between.
const LOOKS: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// A person who is signed in.
pub(super) struct Person {
    /// The account's id.
    pub(super) id: AccountId,
    /// The name in links.
    pub(super) handle: String,
    /// An access token.
    pub(super) token: String,
}

/// Signs a person up, confirms the address, signs in, and turns mail off.
pub(super) async fn sign_up(node: &Node, handle: &str) -> anyhow::Result<Person> {
    let mut connection = Connection::open(node.address).await?;
    let email = format!("{handle}@bench.example");
    let person = json!({ "email": email, "password": PASSWORD, "handle": handle, "name": handle });
    client::call(&mut connection, "POST", "/v1/identity/sign-up", "", &person).await?;
    let code = code_for(&node.mail_folder, &email).await?;
    let confirmation = json!({ "email": email, "code": code });
    client::call(&mut connection, "POST", "/v1/identity/confirm", "", &confirmation).await?;
    let credentials = json!({ "email": email, "password": PASSWORD });
    let tokens = client::call(&mut connection, "POST", "/v1/identity/sign-in", "", &credentials).await?;
    let token = text(&tokens, "access_token")?.to_owned();
    let no_mail = json!({ "mail": { "new_posts": false } });
    let me = client::call(&mut connection, "PATCH", "/v1/me", &token, &no_mail).await?;
    Ok(Person { id: text(&me, "id")?.parse()?, handle: handle.to_owned(), token })
}

/// Makes a reader follow an author.
pub(super) async fn follow(node: &Node, reader: &Person, author: &Person) -> anyhow::Result<()> {
    let mut connection = Connection::open(node.address).await?;
    let path = format!("/v1/authors/{}/follow", author.handle);
    client::call(&mut connection, "PUT", &path, &reader.token, &Value::Null).await.map(drop)
}

async fn code_for(folder: &Path, email: &str) -> anyhow::Result<String> {
    for _ in 0..LOOKS {
        if let Some(code) = find_code(folder, email)? {
            return Ok(code);
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("no mail with a sign-up code has arrived")
}

/// The code in a mail to this address: a line of exactly six digits.
fn find_code(folder: &Path, email: &str) -> io::Result<Option<String>> {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let mail = fs::read_to_string(path)?;
        if mail.contains(email)
            && let Some(code) = mail.lines().map(str::trim).find(is_code)
        {
            return Ok(Some(code.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_the_right_mail() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("1.eml", "To: eve@bench.example\r\n\r\nHello,\r\n\r\n111111\r\n");
        write("2.eml", "To: ada@bench.example\r\n\r\nIt is 2026 now.\r\n\r\n012345\r\n");
        write(".3.eml.tmp", "To: bob@bench.example\r\n\r\n222222\r\n");
        assert_eq!(find_code(folder.path(), "ada@bench.example").unwrap().as_deref(), Some("012345"));
        assert_eq!(find_code(folder.path(), "bob@bench.example").unwrap(), None);
    }
}
