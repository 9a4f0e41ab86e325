//! Collections: the length of a page, and cursors that are none, or another collection's.

use broadsheet::actors::workers;

use super::with_boss;
use crate::support::{
    TestApp,
    api::{HOSTILE_CURSORS, findings},
};

/// Every collection there is.
const COLLECTIONS: [&str; 14] = [
    "/v1/posts",
    "/v1/posts?tag=test",
    "/v1/feed",
    "/v1/search?q=words",
    "/v1/authors/ada/posts",
    "/v1/me/followers",
    "/v1/me/following",
    "/v1/moderation/queue?state=review",
    "/v1/moderation/queue?state=appeal",
    "/v1/admin/dead-letters",
    "/v1/admin/dead-letters/causes",
    "/v1/admin/jobs",
    "/v1/admin/audit",
    "/v1/admin/suppressions",
];

#[actix_web::test]
async fn every_collection_has_pages_of_1_to_100() {
    let app = TestApp::spawn_with(with_boss, workers::standard()).await;
    let (boss, ada) = (app.person("boss").await, app.person("ada").await);
    ada.publish("One").await;
    app.settle().await;
    for collection in COLLECTIONS {
        let joint = if collection.contains('?') { '&' } else { '?' };
        for limit in ["1", "20", "100"] {
            let page = boss.get(&format!("{collection}{joint}limit={limit}")).await.expect(200).json();
            assert!(page["items"].is_array() && page.get("next_cursor").is_some(), "{collection}: {page}");
        }
        for (limit, finding) in [
            ("0", "limit: out_of_range"),
            ("101", "limit: out_of_range"),
            ("4294967295", "limit: out_of_range"),
            ("4294967296", "limit: wrong_type"),
            ("-1", "limit: wrong_type"),
            ("1e1", "limit: wrong_type"),
            ("abc", "limit: wrong_type"),
            ("%31%00", "limit: wrong_type"),
        ] {
            let answer = boss.get(&format!("{collection}{joint}limit={limit}")).await;
            assert_eq!(findings(&answer.expect_problem(422, "invalid_input")), [finding], "{collection} {limit}");
        }
    }
}

#[actix_web::test]
async fn a_cursor_that_is_none_or_anothers_is_refused_or_harmless() {
    let app = TestApp::spawn_with(with_boss, workers::standard()).await;
    let (boss, ada, bob) = (app.person("boss").await, app.person("ada").await, app.person("bob").await);
    for title in ["One", "Two"] {
        ada.publish(title).await;
    }
    for reader in [&boss, &bob] {
        reader.follow(&ada).await;
    }
    app.settle().await;
    let mut cursors: Vec<String> = HOSTILE_CURSORS.iter().map(|cursor| (*cursor).to_owned()).collect();
    for (reader, collection) in [(&boss, "/v1/posts"), (&boss, "/v1/search?q=words"), (&ada, "/v1/me/followers")] {
        let joint = if collection.contains('?') { '&' } else { '?' };
        let page = reader.get(&format!("{collection}{joint}limit=1")).await.expect(200).json();
        cursors.push(page["next_cursor"].as_str().unwrap_or_else(|| panic!("{collection}: {page}")).to_owned());
    }
    let odd = ["9".repeat(10_000), "-9223372036854775808-01JD9X8Z6Q4W7E2R5T1Y3V0P8A".to_owned()];
    for collection in COLLECTIONS {
        let joint = if collection.contains('?') { '&' } else { '?' };
        for cursor in cursors.iter().chain(&odd) {
            let answer = boss.get(&format!("{collection}{joint}cursor={cursor}")).await;
            assert!(matches!(answer.status.as_u16(), 200 | 422), "{collection} {cursor}: {answer:?}");
        }
    }
}
