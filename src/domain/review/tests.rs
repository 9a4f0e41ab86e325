//! Tests of the rules about people's decisions, case by case.

use super::*;
use crate::domain::testing;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn at(days: u32) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus(DAY * days)
}

fn rejected() -> Post {
    let mut post = testing::post();
    post.judge(Decision::Reject, at(0));
    post
}

/// The text changes, as an edit does it.
fn edit(post: &mut Post, content_hash: &str) -> Option<Appeal> {
    let old = std::mem::replace(&mut post.content_hash, content_hash.to_owned());
    post.begin_anew(&old)
}

#[test]
fn a_ruling_holds_again_when_its_text_comes_back() {
    let mut post = rejected();
    post.rule(AccountId::generate(), true, at(1)).unwrap();
    edit(&mut post, "second");
    assert_eq!((post.moderation, post.review.judged_at), (Moderation::Pending, None));
    edit(&mut post, "first");
    assert_eq!((post.moderation, post.review.judged_at), (Moderation::Approved, Some(at(1))));
    assert!(!post.is_withdrawn);
}

#[test]
fn a_rejected_post_stays_withdrawn_through_edits_and_reviews_until_its_text_is_approved() {
    let mut post = rejected();
    for text in ["second", "third"] {
        edit(&mut post, text);
        assert!(post.moderation == Moderation::Pending && post.is_withdrawn);
    }
    post.judge(Decision::Review, at(1));
    edit(&mut post, "fourth");
    assert!(post.moderation == Moderation::Pending && post.is_withdrawn);
    post.judge(Decision::Approve, at(2));
    assert!(!post.is_withdrawn);
    edit(&mut post, "fifth");
    assert!(
        post.moderation == Moderation::Pending && !post.is_withdrawn,
        "an approved post stays visible while an edit waits"
    );
}

#[test]
fn a_rejection_of_a_text_that_is_gone_withdraws_the_post_once_and_decides_nothing() {
    let mut post = testing::post();
    edit(&mut post, "second");
    assert!(post.withdraw_for(Decision::Reject) && post.is_withdrawn);
    assert_eq!((post.moderation, post.review.judged_at), (Moderation::Pending, None));
    assert!(!post.withdraw_for(Decision::Reject), "once");
    for decision in [Decision::Approve, Decision::Review] {
        let mut post = testing::post();
        assert!(!post.withdraw_for(decision) && !post.is_withdrawn);
    }
}

#[test]
fn the_latest_of_two_rulings_on_a_text_counts() {
    let (mut post, one, other) = (rejected(), AccountId::generate(), AccountId::generate());
    for (by, is_approved) in [(one, true), (other, false), (one, true)] {
        post.rule(by, is_approved, at(1)).unwrap();
        assert_eq!(post.ruling().map(|ruling| (ruling.by, ruling.is_approved)), Some((by, is_approved)));
    }
    assert_eq!(post.review.rulings.len(), 2, "one per person and text");
}

#[test]
fn a_model_s_rejection_can_be_appealed_against_for_twenty_days_and_once() {
    let mut late = rejected();
    let author = late.author;
    assert_eq!(late.lodge_appeal(author, at(20).plus(Duration::from_millis(1))), Err(ReviewError::AppealTooLate));
    assert_eq!(late.lodge_appeal(author, at(20)).unwrap().state, AppealState::Open);
    assert_eq!(late.lodge_appeal(author, at(20)), Err(ReviewError::AlreadyAppealed));
    assert_eq!(late.lodge_appeal(AccountId::generate(), at(1)), Err(ReviewError::NotTheAuthor));
}

#[test]
fn an_upheld_rejection_is_final_and_an_overturned_one_can_be_appealed_against_when_it_returns() {
    let mut post = rejected();
    let author = post.author;
    post.lodge_appeal(author, at(1)).unwrap();
    let settled = post.rule(AccountId::generate(), false, at(2)).unwrap().unwrap();
    assert_eq!(settled.state, AppealState::Upheld);
    assert_eq!(post.lodge_appeal(author, at(3)), Err(ReviewError::AlreadyAppealed));

    let mut post = rejected();
    let author = post.author;
    post.lodge_appeal(author, at(1)).unwrap();
    assert_eq!(post.rule(AccountId::generate(), true, at(2)).unwrap().unwrap().state, AppealState::Overturned);
    assert_eq!(post.lodge_appeal(author, at(3)), Err(ReviewError::NotRejected));
    post.rule(AccountId::generate(), false, at(30)).unwrap();
    assert_eq!(post.lodge_appeal(author, at(31)).unwrap().at, at(31));
    assert_eq!(post.review.appeals.len(), 1);
}

#[test]
fn nobody_who_has_rejected_a_text_decides_the_appeal_and_nobody_decides_on_their_own_post() {
    let (mut post, one, other) = (rejected(), AccountId::generate(), AccountId::generate());
    let author = post.author;
    assert_eq!(post.rule(author, true, at(1)), Err(ReviewError::OwnPost));
    post.rule(one, false, at(1)).unwrap();
    post.rule(other, false, at(1)).unwrap();
    assert!(post.rule(one, false, at(1)).is_ok(), "without an appeal anyone may decide again");
    post.lodge_appeal(author, at(2)).unwrap();
    for reviewer in [one, other] {
        assert_eq!(post.rule(reviewer, true, at(3)), Err(ReviewError::SameReviewer));
    }
    assert!(post.rule(AccountId::generate(), true, at(3)).unwrap().is_some());
}

#[test]
fn an_edit_withdraws_the_open_appeal_and_no_decided_one() {
    let mut post = rejected();
    let author = post.author;
    post.lodge_appeal(author, at(1)).unwrap();
    assert_eq!(edit(&mut post, "second").unwrap().content_hash, "first");
    assert!(post.open_appeal().is_none() && post.review.appeals.is_empty());
    post.judge(Decision::Reject, at(2));
    post.lodge_appeal(author, at(2)).unwrap();
    post.rule(AccountId::generate(), false, at(3)).unwrap();
    assert_eq!(edit(&mut post, "third"), None);
    edit(&mut post, "second");
    assert_eq!(post.lodge_appeal(author, at(4)), Err(ReviewError::AlreadyAppealed));
}

#[test]
fn an_edit_away_and_back_does_not_renew_the_twenty_days_after_a_person_s_rejection() {
    let mut post = rejected();
    let author = post.author;
    post.rule(AccountId::generate(), false, at(1)).unwrap();
    edit(&mut post, "second");
    edit(&mut post, "first");
    assert_eq!(post.moderation, Moderation::Rejected);
    assert_eq!(post.lodge_appeal(author, at(22)), Err(ReviewError::AppealTooLate));
}

#[test]
fn a_draft_is_neither_judged_nor_appealed_for() {
    let mut draft = Post { status: Status::Draft, published_at: None, ..rejected() };
    let author = draft.author;
    assert_eq!(draft.rule(AccountId::generate(), true, at(1)), Err(ReviewError::NotPublished));
    assert_eq!(draft.lodge_appeal(author, at(1)), Err(ReviewError::NotRejected));
}
