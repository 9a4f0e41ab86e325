//! Dead letters are kept for 14 days from the day they died, counted anew when they die again.

use broadsheet::clock::Clock;
use serde_json::json;

use super::{DAY, Fixture, carried_out, deadly, letters};
use crate::support::{Fault, until};

#[actix_web::test]
async fn a_letter_that_died_twice_is_kept_for_14_days_from_its_second_death() {
    let mut fixture = Fixture::new(deadly).await;
    let post = fixture.kill(&["feed"], &["Twice"]).await.remove(0);
    let first = letters(&fixture.root).await.remove(0);
    fixture.app.clock.advance(13 * DAY);
    fixture.app.app.clean_up().await.unwrap();
    fixture.root.sign_in().await;
    assert_eq!(letters(&fixture.root).await, std::slice::from_ref(&first));

    fixture.plan.of("feed").always(Fault::Fail);
    carried_out(&fixture.root, "redrive", json!({"all": true})).await;
    until("it has died again", async || !letters(&fixture.root).await.is_empty()).await;
    let second = letters(&fixture.root).await.remove(0);
    let day_27 = fixture.app.clock.now().plus(14 * DAY).to_string();
    assert_eq!((&second["id"], &second["redrives"]), (&first["id"], &json!(1)));
    assert_eq!((&second["first_failed_at"], &second["expires_at"]), (&first["first_failed_at"], &json!(day_27)));

    fixture.app.clock.advance(13 * DAY);
    fixture.app.app.clean_up().await.unwrap();
    fixture.root.sign_in().await;
    assert_eq!(letters(&fixture.root).await.len(), 1, "day 26");
    fixture.app.clock.advance(2 * DAY);
    fixture.app.app.clean_up().await.unwrap();
    fixture.root.sign_in().await;
    assert!(letters(&fixture.root).await.is_empty(), "day 28");
    fixture.ada.sign_in().await;
    assert_eq!(fixture.ada.receipt(&post).await[0], "feed: dead", "what was never delivered never reads done");
}

#[actix_web::test]
async fn operators_are_told_two_days_before_letters_go() {
    let mut fixture = Fixture::new(deadly).await;
    fixture.kill(&["feed", "analytics"], &["One", "Two"]).await;
    fixture.app.clock.advance(11 * DAY);
    fixture.ada.sign_in().await;
    fixture.kill(&["feed"], &["Three"]).await;
    assert!(fixture.app.app.expiring().await.unwrap().is_empty(), "three days are left");
    fixture.app.clock.advance(DAY + std::time::Duration::from_secs(1));
    let expiring: Vec<(String, u64)> = fixture.app.app.expiring().await.unwrap().into_iter().collect();
    assert_eq!(expiring, [("analytics".to_owned(), 2), ("feed".to_owned(), 2)]);
}
