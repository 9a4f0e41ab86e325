//! Tests what each kind of error leads to, with texts that providers really send.

use super::*;

fn response(status: u16, body: &str) -> Response {
    Response { status, retry_after: None, error_type: None, is_json: true, body: Some(body.as_bytes().to_vec()) }
}

fn checked(response: &Response) -> Result<Result<Value, Refusal>, Error> {
    check(response, Timestamp::from_millis(0))
}

fn refusal(status: u16, body: &str) -> Refusal {
    checked(&response(status, body)).unwrap().unwrap_err()
}

fn error(status: u16, body: &str) -> Error {
    checked(&response(status, body)).unwrap_err()
}

#[test]
fn refusals_of_the_post_are_a_persons_business() {
    for body in [
        r#"{"error": {"code": "content_filter", "message": "The response was filtered", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}"#,
        r#"{"error": {"code": "content_policy_violation", "message": "Your request was rejected"}}"#,
        r#"{"message": "The output was blocked: content_filtered"}"#,
        r#"{"error": {"code": "data_inspection_failed"}}"#,
    ] {
        assert_eq!(refusal(400, body), Refusal::Content, "{body}");
    }
    for body in [
        r#"{"error": {"code": "context_length_exceeded", "message": "too big"}}"#,
        r#"{"error": {"code": 400, "type": "exceed_context_size_error", "message": "the request exceeds the available context size"}}"#,
        r#"{"message": "Input is too long for requested model."}"#,
    ] {
        assert_eq!(refusal(400, body), Refusal::Length, "{body}");
    }
    assert_eq!(refusal(400, r#"{"error": {"param": "response_format", "message": "unknown"}}"#), Refusal::Format);
}

#[test]
fn what_an_operator_must_mend_is_an_outage_that_says_so() {
    for (status, body, says) in [
        (
            401,
            r#"{"error": {"code": "invalid_api_key", "message": "Incorrect API key provided: sk-s3cret"}}"#,
            "api_key",
        ),
        (403, r#"{"message": "User is not authorized: s3cret"}"#, "api_key"),
        (404, r#"{"error": {"code": "model_not_found", "message": "The model `s3cret` does not exist"}}"#, "model"),
        (400, r#"{"message": "The provided model identifier is invalid. s3cret"}"#, "model"),
        (400, r#"{"message": "Invocation of model ID s3cret with on-demand throughput isn't supported."}"#, "model"),
        (
            400,
            r#"{"error": {"code": "unsupported_parameter", "message": "max_tokens s3cret"}}"#,
            "unsupported_parameter",
        ),
        (429, r#"{"error": {"code": "insufficient_quota", "message": "s3cret"}}"#, "credit"),
        (302, "", "base_url"),
        (200, "<html>", "base_url"),
    ] {
        let error = error(status, body);
        assert!(matches!(&error, Error::Transient(_)), "{error:?}");
        assert!(error.to_string().contains(says) && !error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn what_is_the_servers_fault_is_an_outage() {
    for status in [408, 409, 424, 500, 502, 503, 529] {
        assert!(matches!(error(status, "oh"), Error::Transient(_)), "{status}");
    }
    let of_amazon = Response {
        error_type: Some("ServiceUnavailableException:http://internal.amazon.com/coral/".to_owned()),
        ..response(503, "")
    };
    let says = checked(&of_amazon).unwrap_err().to_string();
    assert_eq!(says, "the model's server answered with status 503 (ServiceUnavailableException)");
}

#[test]
fn a_call_that_is_refused_for_no_known_reason_is_refused_for_good() {
    for status in [400, 413, 415, 422] {
        assert!(matches!(error(status, r#"{"message": "no"}"#), Error::Permanent(_)), "{status}");
    }
}

#[test]
fn an_endless_answer_is_a_persons_business_and_a_huge_page_an_outage() {
    let huge = Response { body: None, ..response(200, "") };
    assert_eq!(checked(&huge).unwrap().unwrap_err(), Refusal::Length);
    let page = Response { is_json: false, ..huge };
    assert!(matches!(checked(&page), Err(Error::Transient(_))));
}

#[test]
fn retry_after_is_read_as_seconds_or_as_a_date_and_bounded() {
    let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
    let seconds = |header| pause(header, now).as_secs();
    assert_eq!(seconds(Some("7")), 7);
    assert_eq!(seconds(Some("Sun, 06 Nov 1994 08:49:37 GMT")), 37);
    assert_eq!(seconds(Some("Sun, 06 Nov 1994 08:48:37 GMT")), 1, "a date that has passed");
    assert_eq!([seconds(None), seconds(Some("soon")), seconds(Some("-1"))], [5, 5, 5]);
    assert_eq!([seconds(Some("0")), seconds(Some("86400"))], [1, 300]);
    let Err(Error::RateLimited { retry_after }) = checked(&response(429, "{}")) else { panic!("not rate-limited") };
    assert_eq!(retry_after, Duration::from_secs(5));
}
