//! Tests of the rules on whole posts: what must be approved, and what must not.

use super::*;
use crate::domain::{AccountId, Tag};

const ADA: AccountId = AccountId::from_parts(1, 1);

const TECHNICAL: &str = "\
# A worker that panics

A worker is a *cursor on the log*. When a job panics, the supervisor restarts the actor; dead letters keep the poison
message, every attempt's error and the trace id. The old master/slave replication is gone, and `kill -9` loses nothing
that was acknowledged. We assess each class of failure: the cockpit shows the backlog, the therapist of Scunthorpe
eats grapes, and the Maine coon sleeps in Niger. Damn it, some days this shit is hard.

```sh
kill -9 $(pgrep broadsheet); echo 0xdeadbeef 4b1d 5ha7 f4660t
while true; do curl -s localhost:8080/healthz; done
```

| worker | state |
|--------|-------|
| feed   | done  |
| search | done  |
| email  | done  |

1. Stop taking deliveries, then drain.
2. Write the cursors; clear the leases; exit.

See [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) and <https://docs.rs/tokio>.
";

fn judge(body: &str) -> Verdict {
    RulesModerator::new(RulesSettings::default()).verdict(&Submission {
        author: ADA,
        title: "A title",
        tags: &[],
        body,
    })
}

fn assert_verdict(body: &str, decision: Decision, category: &str) {
    let verdict = judge(body);
    assert_eq!(verdict.decision, decision, "{verdict:?}");
    assert_eq!(verdict.categories, [category], "{verdict:?}");
}

#[test]
fn technical_prose_is_approved() {
    let verdict = judge(TECHNICAL);
    assert_eq!(verdict.decision, Decision::Approve, "{verdict:?}");
    assert!(verdict.categories.is_empty());
    assert_eq!(verdict.model, "rules/1");
}

#[test]
fn short_shouted_and_foreign_posts_are_approved() {
    for body in
        ["Hi.", "WHY DOES IT NOT WORK?!", "Grüße aus Köln", "今日は天気がいいですね", "Здравствуйте", "🦀", "1 2 3"]
    {
        assert_eq!(judge(body).decision, Decision::Approve, "{body}");
    }
}

#[test]
fn a_long_article_with_forty_references_is_approved() {
    let article = "A sentence of the article that says one more thing about queues. ".repeat(3);
    let references: String = (0..40)
        .map(|n| format!("{n}. Author{n} and Other{n}, Title{n} of Paper{n}. [Journal{n}](https://doi.example/{n})\n"))
        .collect();
    let sections: String = (0..12).map(|n| format!("Topic{n}, idea{n}, proof{n}: {article}\n\n")).collect();
    let verdict = judge(&format!("{sections}{references}"));
    assert_eq!(verdict.decision, Decision::Approve, "{verdict:?}");
}

#[test]
fn thirty_bare_links_are_spam() {
    let links: String = (0..30).map(|n| format!("https://shop{n}.example/buy\n")).collect();
    assert_verdict(&links, Decision::Reject, "spam_links");
    let few: String = (0..20).map(|n| format!("- <https://blog{n}.example>\n")).collect();
    assert_eq!(judge(&few).decision, Decision::Approve);
}

#[test]
fn the_same_over_and_over_is_repetition() {
    assert_verdict(&"cheap pills ".repeat(200), Decision::Reject, "repetition");
    assert_verdict(&"Visit our shop today\n\n".repeat(25), Decision::Reject, "repetition");
    let log = format!("The log:\n\n```\n{}```\n", "retrying in 1 s\n".repeat(200));
    assert_eq!(judge(&log).decision, Decision::Approve, "code may repeat itself");
}

#[test]
fn abuse_is_rejected_and_its_quotation_is_reviewed() {
    assert_verdict("You are whores, all of you.", Decision::Reject, "hate");
    assert_verdict("Nobody likes you. Just kill yourself.", Decision::Reject, "threat");
    assert_verdict("Fuck this. Fuck that. Fuck everything.", Decision::Reject, "profanity");
    let essay: String = (0..400).map(|n| format!("word{n} ")).collect();
    assert_verdict(&format!("{essay} the judge called them whores {essay}"), Decision::Review, "hate");
}

#[test]
fn findings_add_up_and_reasons_quote_nothing() {
    let verdict = judge(&"Whores! https://shop.example ".repeat(60));
    assert_eq!(verdict.decision, Decision::Reject);
    assert_eq!(verdict.categories, ["hate", "spam_links"]);
    assert_eq!(verdict.reason, "The post uses slurs and has 60 links for 62 words.");
}

#[test]
fn tags_are_read_like_the_text() {
    let tags = [Tag::parse("whores").unwrap()];
    let submission = Submission { author: ADA, title: "A title", tags: &tags, body: "A body." };
    assert_eq!(RulesModerator::new(RulesSettings::default()).verdict(&submission).categories, ["hate"]);
}

#[tokio::test]
async fn judging_in_the_background_gives_the_same_verdict() {
    let moderator = RulesModerator::new(RulesSettings::default());
    let submission = Submission { author: ADA, title: "A title", tags: &[], body: TECHNICAL };
    assert_eq!(moderator.judge(&submission).await, Ok(moderator.verdict(&submission)));
}
