//! The mails of identity: a code, or word that an account exists already. They are written here and sent by a task of
//! their own, never inside a request: how long a mail takes must not tell whether an address is known.

use std::{sync::Arc, time::Duration};

use tracing::{Instrument, info, warn};

use crate::{
    domain::Email,
    gateways::{Mail, Mailer, mail_host},
    http::state::State,
    identity::ConfirmationCode,
};

/// Waits between tries. Somebody sits in front of a form: whoever must wait longer asks for another code.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// The mail that carries a confirmation code. `is_second` if an earlier sign-up with the address has waited for its code: who
/// signs up with somebody else's address, and a password of their own, must not have it confirmed by mistake.
#[must_use]
pub fn code_mail(public_url: &str, to: Email, code: &ConfirmationCode, code_ttl: Duration, is_second: bool) -> Mail {
    let warning = if is_second {
        "There was a sign-up with this address before, which is void now. If\n\
         you signed up only once, somebody else did the other time: do not\n\
         use this code, sign up again and take the code of that mail.\n\
         \n"
    } else {
        ""
    };
    let text = format!(
        "Hello,\n\
         \n\
         somebody, probably you, signed up at\n\
         {public_url}\n\
         with this address. This is the code that confirms it:\n\
         \n\
         {code}\n\
         \n\
         {warning}It is good for {minutes} minutes. A later mail makes it void. If it was\n\
         not you, ignore this mail: without the code nothing happens.\n",
        code = code.expose(),
        minutes = code_ttl.as_secs().div_ceil(60),
    );
    mail("code", public_url, to, "Your Broadsheet code", text)
}

/// The mail to somebody who signs up a second time.
#[must_use]
pub fn known_mail(public_url: &str, to: Email) -> Mail {
    let text = format!(
        "Hello,\n\
         \n\
         somebody, probably you, tried to sign up at\n\
         {public_url}\n\
         with this address. It has an account there already: sign in with the\n\
         password you chose then. If it was not you, ignore this mail: nothing\n\
         has changed.\n"
    );
    mail("known", public_url, to, "You have a Broadsheet account already", text)
}

/// Sends a mail soon, in a task on the work runtime. A mail that does not go out is logged, without its address.
pub fn send_later(state: &State, mail: Mail) {
    let mailer = Arc::clone(&state.mailer);
    state.background_tasks.spawn_on(async move { send(&*mailer, &mail).await }.in_current_span(), &state.jobs);
}

/// Sends a mail, trying again where that may help.
pub(super) async fn send(mailer: &dyn Mailer, mail: &Mail) {
    let mut pauses = PAUSES.into_iter();
    loop {
        let Err(error) = mailer.send(mail).await else {
            info!(message_id = %mail.message_id, "sent a mail about signing up");
            return;
        };
        match pauses.next() {
            Some(pause) if error.is_transient() => tokio::time::sleep(pause).await,
            _ => {
                warn!(message_id = %mail.message_id, %error, "a mail about signing up could not be sent");
                return;
            }
        }
    }
}

/// The Message-ID is made once per mail and travels with it, so that every try sends the same mail.
fn mail(kind: &str, public_url: &str, to: Email, subject: &str, text: String) -> Mail {
    Mail {
        message_id: format!("{kind}.{:032x}@{}", rand::random::<u128>(), mail_host(public_url)),
        to,
        to_name: None,
        subject: subject.to_owned(),
        text,
        html: None,
        headers: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::gateways::Error;

    fn ada() -> Email {
        Email::parse("ada@example.org").unwrap()
    }

    #[test]
    fn the_code_stands_on_a_line_of_its_own_and_nowhere_else() {
        let code = ConfirmationCode::parse("012345").unwrap();
        let mail = code_mail("https://blog.example:8443/x", ada(), &code, Duration::from_secs(900), true);
        assert_eq!(mail.text.lines().filter(|line| *line == "012345").count(), 1);
        assert!(mail.text.contains("15 minutes") && mail.text.is_ascii());
        assert!(mail.text.contains("somebody else did the other time"));
        assert!(mail.message_id.ends_with("@blog.example"));
        let digits = mail.text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 6).count();
        assert_eq!((digits, mail.subject.contains("012345"), mail.message_id.contains("012345")), (1, false, false));
    }

    struct Flaky(AtomicUsize, Error);

    impl Mailer for Flaky {
        fn send<'a>(&'a self, _: &'a Mail) -> BoxFuture<'a, Result<(), Error>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::ready(Err(self.1.clone())))
        }

        fn is_idempotent(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn a_refused_mail_is_sent_once() {
        let mailer = Flaky(AtomicUsize::new(0), Error::Permanent("no such recipient".to_owned()));
        send(&mailer, &known_mail("https://blog.example", ada())).await;
        assert_eq!(mailer.0.load(Ordering::SeqCst), 1);
    }
}
