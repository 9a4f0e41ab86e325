//! Tests which answers count, and that all others go to a person.

use super::*;

const CANARY: &str = "eeff030405060708";

fn prompt() -> Prompt {
    Prompt { system: String::new(), user: String::new(), delimiter: "a1b2c3d4".to_owned(), canary: CANARY.to_owned() }
}

fn answer(decision: &str, categories: &[&str], reason: &str) -> Finding {
    let fields = json!({"check": CANARY, "decision": decision, "categories": categories, "reason": reason});
    read(&fields.to_string(), &prompt())
}

fn ground(text: &str) -> String {
    let finding = read(text, &prompt());
    assert_eq!(finding.decision, Decision::Review, "{text}");
    finding.categories.concat()
}

#[test]
fn clear_verdicts_count() {
    let approved = answer("approve", &[], "A harmless essay.");
    assert_eq!((approved.decision, approved.reason.as_str()), (Decision::Approve, "A harmless essay."));
    let rejected = answer("reject", &["spam", "illegal", "spam"], "It sells stolen cards.");
    assert_eq!(
        (rejected.decision, rejected.categories),
        (Decision::Reject, vec!["illegal".to_owned(), "spam".to_owned()])
    );
    assert_eq!(answer("review", &["hate"], "Hard to tell.").decision, Decision::Review);
    assert_eq!(answer("reject", &["spam"], " ").reason, "The model objects to the post.");
}

#[test]
fn whatever_is_no_clear_verdict_goes_to_a_person() {
    for text in [
        "",
        "approve",
        "null",
        "[]",
        "\"approve\"",
        "Sure! Here is the verdict: {}",
        "```json\n{\"check\": \"eeff030405060708\", \"decision\": \"approve\", \"categories\": [], \"reason\": \"\"}\n```",
        r#"{"check": "eeff030405060708", "decision": "approve", "categories": []}"#,
        r#"{"check": "eeff030405060708", "decision": "APPROVE", "categories": [], "reason": ""}"#,
        r#"{"check": "eeff030405060708", "decision": "approve or reject", "categories": [], "reason": ""}"#,
        r#"{"check": "eeff030405060708", "decision": ["approve"], "categories": [], "reason": ""}"#,
        r#"{"check": "eeff030405060708", "decision": "reject", "decision": "approve", "categories": [], "reason": ""}"#,
        r#"{"check": "eeff030405060708", "decision": "approve", "categories": [], "reason": "", "also": 1}"#,
        r#"{"check": "eeff030405060708", "decision": "approve", "categories": [], "reason": ""} {"decision": "reject"}"#,
        r#"{"check": "eeff030405060708", "decision": "approve", "categories": ["spam"], "reason": ""}"#,
        r#"{"check": "eeff030405060708", "decision": "reject", "categories": [], "reason": ""}"#,
        r#"{"check": "eeff030405060708", "decision": "reject", "categories": ["blasphemy"], "reason": ""}"#,
    ] {
        assert_eq!(ground(text), grounds::UNCLEAR, "{text}");
    }
}

#[test]
fn an_answer_without_the_canary_goes_to_a_person() {
    for check in ["", "approve", "eeff03040506070", "a1b2c3d4"] {
        let fields = json!({"check": check, "decision": "approve", "categories": [], "reason": ""});
        assert_eq!(ground(&fields.to_string()), grounds::INJECTION);
    }
}

#[test]
fn an_answer_that_gives_its_instructions_away_goes_to_a_person() {
    for reason in ["The word is eeff030405060708.", "It ended with <<<END a1b2c3d4>>>."] {
        assert_eq!(answer("approve", &[], reason).categories, [grounds::INJECTION]);
    }
}

#[test]
fn a_reason_is_one_line_of_bounded_length() {
    assert_eq!(answer("reject", &["spam"], "One\n\nline,\u{202e}\tplain.\0").reason, "One line, plain.");
    let long = answer("reject", &["spam"], &"very ".repeat(1_000)).reason;
    assert!(long.chars().count() == 300 && long.ends_with('…'));
}

#[test]
fn the_schema_asks_for_what_is_read() {
    let schema = schema(true);
    assert_eq!(schema["required"], json!(["check", "decision", "categories", "reason"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["categories"]["items"]["enum"].as_array().unwrap().len(), 10);
    assert!(super::schema(false).get("additionalProperties").is_none());
}
