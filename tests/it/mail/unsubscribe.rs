//! One-click unsubscribing (RFC 8058), by the links of real mails.

use broadsheet::domain::{AccountId, Handle, MailLink};
use reqwest::Method;
use serde_json::Value;

use super::{finish, followers, mailing, post_office};
use crate::support::{Answer, Person, Smtpd, TestApp, send};

/// The path of the link in a header of a mail.
fn link(mail: &[u8]) -> String {
    let mail = String::from_utf8_lossy(mail);
    let line = mail.lines().find_map(|line| line.strip_prefix("List-Unsubscribe: <")).expect("a link");
    let url = url::Url::parse(line.trim_end().strip_suffix('>').unwrap()).unwrap();
    url.path().to_owned()
}

/// What a mail program does when somebody clicks.
async fn one_click(app: &TestApp, path: &str) -> Answer {
    let form = [("List-Unsubscribe", "One-Click")];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = app.client.request(Method::POST, path);
    send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

async fn wants_mail(person: &Person) -> bool {
    person.get("/v1/me").await.expect(200).json()["mail"]["new_posts"].as_bool().unwrap()
}

/// A reader who has got a mail, and its link.
async fn reader() -> (TestApp, Smtpd, Person, Person, String) {
    let (app, smtpd) = post_office().await;
    let (mut ada, mut bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let post = ada.publish("First").await;
    finish(&app, &mut ada, &post).await;
    bob.sign_in().await;
    let mail = smtpd.mail_to("bob@example.com");
    let text = String::from_utf8_lossy(&mail).into_owned();
    assert!(text.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{text}");
    assert!(text.contains("\r\nList-Id: <ada."), "{text}");
    let link = link(&mail);
    let unfolded = text.replace("=\r\n", "");
    assert_eq!(unfolded.matches(&link).count(), 3, "in the header, the text and the HTML: {unfolded}");
    (app, smtpd, ada, bob, link)
}

async fn publish(app: &TestApp, author: &mut Person, title: &str) -> Value {
    let post = author.publish(title).await;
    finish(app, author, &post).await;
    post
}

#[actix_web::test]
async fn one_click_ends_the_mails_at_once_and_a_second_one_changes_nothing() {
    let (app, smtpd, mut ada, bob, link) = reader().await;
    for _ in 0..2 {
        one_click(&app, &link).await.expect(200);
        assert!(!wants_mail(&bob).await);
    }
    publish(&app, &mut ada, "Second").await;
    assert_eq!(smtpd.mailed(), ["bob@example.com"], "the first mail, and no second one");
    let undo = one_click(&app, &link).await.text;
    let token = undo.split("../subscribe/").nth(1).unwrap().split('"').next().unwrap();
    send(app.client.request(Method::POST, &format!("/mail/subscribe/{token}"))).await.expect(200);
    publish(&app, &mut ada, "Third").await;
    assert_eq!(smtpd.mailed().len(), 2);
}

#[actix_web::test]
async fn looking_at_the_link_changes_nothing_and_the_page_can_do_no_harm() {
    let (app, _smtpd, _ada, bob, link) = reader().await;
    let page = app.client.get(&link).await.expect(200);
    send(app.client.request(Method::HEAD, &link)).await.expect(200);
    assert!(wants_mail(&bob).await, "programs that look at links change nothing");
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"));
    assert!(!page.text.contains("<script") && !page.text.contains("bob"), "{}", page.text);
    assert!(page.text.contains("<form method=\"post\">") && page.text.contains("value=\"One-Click\""));
    send(app.client.request(Method::POST, &link).body("something else")).await.expect(400);
    assert!(wants_mail(&bob).await);
}

#[actix_web::test]
async fn a_link_that_this_server_did_not_make_leads_nowhere_whether_or_not_there_is_an_account() {
    let (app, _smtpd, _ada, bob, link) = reader().await;
    let (path, token) = link.rsplit_once('/').unwrap();
    let own = &token[..26];
    let forged = [
        format!("{path}/{own}{}", "A".repeat(43)),
        format!("{path}/01JD9X8Z6Q4W7E2R5T1Y3V0P8A{}", &token[26..]),
        format!("{path}/x"),
        format!("/mail/subscribe/{token}"),
    ];
    let mut texts = Vec::new();
    for forged in &forged {
        texts.push(one_click(&app, forged).await.expect(404).text);
    }
    texts.push(app.client.get(&forged[0]).await.expect(404).text);
    assert!(texts.iter().all(|text| *text == texts[0] && text.contains("leads nowhere")), "{texts:?}");
    assert!(wants_mail(&bob).await);
}

#[actix_web::test]
async fn somebody_who_unsubscribes_during_a_mailing_is_left_out_of_the_rest() {
    let (app, smtpd) = post_office().await;
    let mut ada = app.person("ada").await;
    // The server puts carl off, so that the mailing is under way for a while.
    followers(&app, &ada, &["grey1-carl@example.org".to_owned(), "dora@example.org".to_owned()]).await;
    let post = ada.publish("During").await;
    app.settle().await;
    assert_eq!(
        (smtpd.mailed(), &mailing(&ada, &post).await["waiting"]),
        (vec!["dora@example.org".to_owned()], &1.into())
    );
    let dora = link(&smtpd.mail_to("dora@example.org"));
    let (path, token) = dora.rsplit_once('/').unwrap();
    let others = follower_ids(&app, &ada).await.into_iter().filter(|id| !token.starts_with(&id.to_string()));
    let carl: Vec<_> = others.collect();
    let key = app.app.repositories.mailings().link_key().await.unwrap();
    one_click(&app, &format!("{path}/{}", key.token(MailLink::Unsubscribe, carl[0]))).await.expect(200);
    finish(&app, &mut ada, &post).await;
    let counts = mailing(&ada, &post).await;
    assert_eq!((&counts["sent"], &counts["failed"]), (&1.into(), &1.into()), "{counts}");
    assert_eq!(smtpd.mailed(), ["dora@example.org"]);
}

async fn follower_ids(app: &TestApp, author: &Person) -> Vec<AccountId> {
    let repositories = &app.app.repositories;
    let id = repositories.accounts().by_handle(&Handle::parse(&author.handle).unwrap()).await.unwrap().unwrap().id;
    repositories.follows().followers(id, None, 100).await.unwrap()
}
