//! `/mail/unsubscribe/{token}` and `/mail/subscribe/{token}`: the links under mails about posts (RFC 8058). The token is all
//! that is needed. What is answered never tells whether there is such an account.

use actix_web::{HttpResponse, http::StatusCode, web};

use super::page;
use crate::{
    domain::{AccountId, MailLink},
    http::{
        extract::{Form, Path},
        problem::Result,
        state::State,
    },
    store::ProfileChanges,
};

/// What a mail program sends, as a form of either kind (RFC 8058, section 3.2).
const FIELD: &[u8] = b"List-Unsubscribe";
const VALUE: &[u8] = b"One-Click";

/// Asks whether it is meant: programs that look at every link in a mail come here, too, and change nothing.
///
/// # Errors
/// None: a wrong token has a page of its own.
pub async fn ask(Path(token): Path<String>, state: web::Data<State>) -> Result<HttpResponse> {
    if state.mail_links.open(MailLink::Unsubscribe, &token).is_none() {
        return Ok(unknown());
    }
    let content = "<p>No more mails about new posts of those you follow?</p>\
                   <form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\
                   <button>Unsubscribe</button></form>";
    Ok(page(StatusCode::OK, "Unsubscribe", content))
}

/// Ends the mails about new posts, at once: also for a mailing that is under way. Doing it twice changes nothing.
///
/// # Errors
/// A lost store.
pub async fn unsubscribe(Path(token): Path<String>, Form(body): Form, state: web::Data<State>) -> Result<HttpResponse> {
    let Some(account) = state.mail_links.open(MailLink::Unsubscribe, &token) else { return Ok(unknown()) };
    if !is_one_click(&body) {
        return Ok(page(StatusCode::BAD_REQUEST, "Nothing changed", "<p>Please use the button of the page.</p>"));
    }
    wants_mail(&state, account, false).await?;
    let undo = state.mail_links.token(MailLink::Subscribe, account);
    let content = format!(
        "<p>You get no more mails about new posts.</p>\
         <form method=\"post\" action=\"../subscribe/{undo}\"><button>That was a mistake</button></form>"
    );
    Ok(page(StatusCode::OK, "Unsubscribed", &content))
}

/// Takes it back.
///
/// # Errors
/// A lost store.
pub async fn subscribe(Path(token): Path<String>, state: web::Data<State>) -> Result<HttpResponse> {
    let Some(account) = state.mail_links.open(MailLink::Subscribe, &token) else { return Ok(unknown()) };
    wants_mail(&state, account, true).await?;
    Ok(page(StatusCode::OK, "Subscribed again", "<p>You get mails about new posts of those you follow.</p>"))
}

async fn wants_mail(state: &State, account: AccountId, new_posts: bool) -> Result<()> {
    let changes = ProfileChanges { mail_new_posts: Some(new_posts), ..ProfileChanges::default() };
    Ok(state.repositories.accounts().update_profile(account, changes).await.map(drop)?)
}

fn is_one_click(body: &[u8]) -> bool {
    let has = |words: &[u8]| body.windows(words.len()).any(|part| part == words);
    has(FIELD) && has(VALUE)
}

fn unknown() -> HttpResponse {
    page(StatusCode::NOT_FOUND, "This link leads nowhere", "<p>Please take the whole link from the mail.</p>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_forms_are_understood_and_nothing_else() {
        let multipart =
            b"--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
        assert!(is_one_click(b"List-Unsubscribe=One-Click") && is_one_click(multipart));
        for body in [&b""[..], b"List-Unsubscribe=", b"One-Click", b"{}"] {
            assert!(!is_one_click(body));
        }
    }
}
