//! Tests of what replies mean, as a table.

use super::*;

fn meaning(stage: Stage, code: u16, text: &str) -> Error {
    SmtpError { stage, why: Cause::Reply { code, text: text.to_owned() } }.meaning()
}

#[test]
fn a_recipient_that_does_not_exist_is_told_from_a_refusal_of_ours() {
    let of = |code, text| meaning(Stage::Recipient, code, text);
    for (code, text) in [
        (550, "5.1.1 <ana@example.org>: user unknown"),
        (550, "no such user here"),
        (551, "user not local"),
        (553, "5.1.3 bad address syntax"),
        (554, "5.1.10 recipient not found"),
        (550, "5.2.1 the mailbox is disabled"),
    ] {
        let error = of(code, text);
        assert!(matches!(error, Error::Undeliverable(_)) && !error.to_string().contains('@'), "{text}: {error:?}");
    }
    for (code, text) in [
        (550, "5.7.1 your network is on our list"),
        (550, "Blocked by RBL"),
        (550, "relay not permitted"),
        (552, "5.2.2 mailbox full"),
        (554, "transaction failed"),
        (550, "5.1.8 sender domain does not exist"),
    ] {
        assert!(matches!(of(code, text), Error::Permanent(_)), "{text}: {:?}", of(code, text));
    }
    for stage in [Stage::Data, Stage::Handed] {
        assert!(matches!(meaning(stage, 554, "5.7.1 spam"), Error::Permanent(_)));
        assert!(matches!(meaning(stage, 550, "looks odd"), Error::Permanent(_)));
        assert!(matches!(meaning(stage, 550, "5.1.1 no such user"), Error::Undeliverable(_)));
    }
}

#[test]
fn one_recipient_that_is_put_off_is_told_from_a_server_in_trouble() {
    for stage in [Stage::Recipient, Stage::Data, Stage::Handed] {
        for (code, text) in
            [(450, "4.2.0 greylisted"), (451, "greylisted"), (452, "4.2.2 mailbox full"), (450, "mailbox busy")]
        {
            assert!(matches!(meaning(stage, code, text), Error::Deferred(_)), "{text}");
        }
        for (code, text) in [(421, "4.3.2 shutting down"), (451, "4.3.0 queue trouble"), (452, "disk full")] {
            assert!(matches!(meaning(stage, code, text), Error::Transient(_)), "{text}");
        }
        let slow = meaning(stage, 450, "4.7.28 Rate limit exceeded");
        assert_eq!(slow, Error::RateLimited { retry_after: SLOW_DOWN });
    }
    assert!(matches!(meaning(Stage::Sender, 450, "not now"), Error::Transient(_)));
}

#[test]
fn what_an_operator_can_mend_gives_no_mail_up() {
    for (stage, code, text) in [
        (Stage::Connecting, 554, "no service here"),
        (Stage::SigningIn, 535, "5.7.8 wrong password"),
        (Stage::SigningIn, 501, "cannot decode"),
        (Stage::Sender, 550, "5.7.1 sender not allowed"),
        (Stage::Recipient, 530, "5.7.0 authentication required"),
    ] {
        assert!(matches!(meaning(stage, code, text), Error::Transient(_)), "{text}");
    }
    assert!(meaning(Stage::SigningIn, 535, "5.7.8 no").to_string().contains("does not accept our sign-in (535 5.7.8)"));
}

#[test]
fn only_silence_after_the_last_line_is_uncertain() {
    for why in [Cause::Silence, Cause::Broken] {
        for stage in [Stage::Connecting, Stage::SigningIn, Stage::Sender, Stage::Recipient, Stage::Data, Stage::Text] {
            let error = SmtpError { stage, why: why.clone() }.meaning();
            assert!(matches!(error, Error::Transient(_)), "{stage:?}");
        }
        assert!(matches!(SmtpError { stage: Stage::Handed, why }.meaning(), Error::Uncertain(_)));
    }
}

#[test]
fn a_status_is_read_only_at_the_beginning() {
    assert_eq!(enhanced("5.1.1 no"), Some((5, 1, 1)));
    for text in ["", "no 5.1.1", "5.1", "5.1.1.1 no", "2.1.0 fine", "192.0.2.1 is listed", "x.y.z"] {
        assert_eq!(enhanced(text), None, "{text}");
    }
}
