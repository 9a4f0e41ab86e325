//! What does not come back: outages, and who has to mend them. None of them is the post's fault.

use std::time::Duration;

use broadsheet::gateways::{ApiKey, Error, ModelProvider};
use serde_json::json;

use super::{clock, each, judged, moderator, providers, settings};
use crate::support::model::{ModelServer, Reply, hanging_up, nobody};

/// That each protocol calls it an outage, in these words.
#[track_caller]
fn expect_outage<T: std::fmt::Debug>(results: Vec<Result<T, Error>>, says: &str) {
    for result in results {
        let error = result.unwrap_err();
        assert!(matches!(&error, Error::Transient(message) if message.contains(says)), "{error:?}");
    }
}

#[actix_web::test]
async fn errors_of_the_server_are_outages() {
    let server = ModelServer::start();
    for status in [500, 502, 503, 504, 408, 424] {
        server.always(Reply::Status(status, json!({"message": "try again"})));
        expect_outage(each(&server, "A few words.").await, &format!("status {status}"));
    }
}

#[actix_web::test]
async fn a_connection_that_breaks_is_an_outage() {
    let server = ModelServer::start();
    server.always(Reply::Cut);
    expect_outage(each(&server, "A few words.").await, "broke");
    for provider in providers() {
        let moderator = moderator(settings(&hanging_up().await, provider), &clock());
        expect_outage(vec![judged(&moderator, "A few words.").await], "broke");
    }
}

#[actix_web::test]
async fn a_server_that_is_not_there_is_an_outage() {
    for provider in providers() {
        let moderator = moderator(settings(&nobody(), provider), &clock());
        expect_outage(vec![judged(&moderator, "A few words.").await], "cannot be reached");
    }
}

#[actix_web::test]
async fn a_server_that_does_not_answer_in_time_is_an_outage() {
    let server = ModelServer::start();
    server.always(Reply::Hang);
    for provider in providers() {
        let mut of_calls = settings(&server.url, provider.clone());
        of_calls.timeout = Duration::from_millis(200);
        expect_outage(vec![judged(&moderator(of_calls, &clock()), "A few words.").await], "within 200 ms");
        let mut of_all = settings(&server.url, provider);
        of_all.deadline = Duration::from_millis(300);
        expect_outage(vec![judged(&moderator(of_all, &clock()), "A few words.").await], "within 300 ms");
    }
}

#[actix_web::test]
async fn a_program_that_is_no_model_is_an_outage() {
    let server = ModelServer::start();
    for reply in [
        Reply::Bytes("text/html", b"<html>Welcome</html>".to_vec()),
        Reply::Bytes("text/html", vec![b' '; 70 << 10]),
        Reply::Bytes("application/json", b"\x00\xff garbage".to_vec()),
        Reply::Bytes("application/json", Vec::new()),
        Reply::Body(json!({"hello": "world"})),
        Reply::Body(json!([1, 2, 3])),
    ] {
        server.always(reply);
        expect_outage(each(&server, "A few words.").await, "moderation.base_url");
    }
}

#[actix_web::test]
async fn mistakes_of_the_operator_are_outages_that_name_the_key_to_mend() {
    let server = ModelServer::start();
    for (status, body, key) in [
        (401, json!({"error": {"code": "invalid_api_key"}}), "moderation.api_key"),
        (403, json!({"message": "User is not authorized to perform bedrock:InvokeModel"}), "moderation.api_key"),
        (404, json!({"error": {"code": "model_not_found"}}), "moderation.model"),
        (400, json!({"message": "The provided model identifier is invalid."}), "moderation.model"),
        (400, json!({"message": "This model doesn't support tool use."}), "moderation.model"),
        (301, json!({}), "moderation.base_url"),
    ] {
        server.always(Reply::Status(status, body));
        expect_outage(each(&server, "A few words.").await, key);
    }
}

#[actix_web::test]
async fn a_redirect_is_not_followed() {
    let (server, other) = (ModelServer::start(), ModelServer::start());
    server.always(Reply::Elsewhere(other.url.clone()));
    expect_outage(each(&server, "A few words.").await, "redirect");
    assert_eq!((server.calls(), other.calls()), (2, 0));
}

#[actix_web::test]
async fn an_unknown_refusal_of_the_call_is_for_good() {
    let server = ModelServer::start();
    server.always(Reply::Status(400, json!({"message": "no"})));
    for result in each(&server, "A few words.").await {
        assert!(matches!(result, Err(Error::Permanent(_))), "{result:?}");
    }
}

#[actix_web::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let (server, clock) = (ModelServer::start(), clock());
    let moderator = moderator(settings(&server.url, ModelProvider::OpenAi), &clock);
    let waits = async || match judged(&moderator, "A few words.").await {
        Err(Error::RateLimited { retry_after }) => Some(retry_after.as_secs()),
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    };
    for (header, seconds) in [(None, 5), (Some("7"), 7), (Some("100000"), 300), (Some("nonsense"), 5)] {
        server.next(&[Reply::Busy(header)]);
        let before = server.calls();
        assert_eq!(waits().await, Some(seconds));
        assert_eq!(waits().await, Some(seconds), "it is not even asked");
        assert_eq!(server.calls() - before, 1);
        clock.advance(Duration::from_secs(seconds));
        assert_eq!(waits().await, None);
    }
}

#[actix_web::test]
async fn a_key_that_is_replaced_in_its_file_is_used_at_once() {
    let (server, folder) = (ModelServer::start(), tempfile::tempdir().unwrap());
    let path = folder.path().join("key");
    server.wants("new");
    let mut settings = settings(&server.url, ModelProvider::Bedrock { region: "us-east-1".to_owned() });
    settings.key = ApiKey::File(path.clone());
    let moderator = moderator(settings, &clock());
    expect_outage(vec![judged(&moderator, "A few words.").await], "moderation.api_key_file cannot be read");
    std::fs::write(&path, "old\n").unwrap();
    expect_outage(vec![judged(&moderator, "A few words.").await], "does not accept the key");
    std::fs::write(&path, "new\n").unwrap();
    judged(&moderator, "A few words.").await.unwrap();
}
