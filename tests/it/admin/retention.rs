//! Dead letters are kept for 14 days from the day they died, counted anew when they die again.

use broadsheet::clock::Clock;
use serde_json::json;

use super::{DAY, Scene, carried_out, deadly, letters};
use crate::support::{Fault, until};

#[actix_web::test]
async fn a_letter_that_died_twice_is_kept_for_14_days_from_its_second_death() {
    let mut scene = Scene::new(deadly).await;
    let post = scene.kill(&["feed"], &["Twice"]).await.remove(0);
    let first = letters(&scene.root).await.remove(0);
    scene.app.clock.advance(13 * DAY);
    scene.app.app.clean_up().await.unwrap();
    scene.root.sign_in().await;
    assert_eq!(letters(&scene.root).await, std::slice::from_ref(&first));

    scene.plan.of("feed").always(Fault::Fail);
    carried_out(&scene.root, "redrive", json!({"all": true})).await;
    until("it has died again", async || !letters(&scene.root).await.is_empty()).await;
    let second = letters(&scene.root).await.remove(0);
    let day_27 = scene.app.clock.now().plus(14 * DAY).to_string();
    assert_eq!((&second["id"], &second["redrives"]), (&first["id"], &json!(1)));
    assert_eq!((&second["first_failed_at"], &second["expires_at"]), (&first["first_failed_at"], &json!(day_27)));

    scene.app.clock.advance(13 * DAY);
    scene.app.app.clean_up().await.unwrap();
    scene.root.sign_in().await;
    assert_eq!(letters(&scene.root).await.len(), 1, "day 26");
    scene.app.clock.advance(2 * DAY);
    scene.app.app.clean_up().await.unwrap();
    scene.root.sign_in().await;
    assert!(letters(&scene.root).await.is_empty(), "day 28");
    scene.ada.sign_in().await;
    assert_eq!(scene.ada.receipt(&post).await[0], "feed: dead", "what was never delivered never reads done");
}

#[actix_web::test]
async fn operators_are_told_two_days_before_letters_go() {
    let mut scene = Scene::new(deadly).await;
    scene.kill(&["feed", "analytics"], &["One", "Two"]).await;
    scene.app.clock.advance(11 * DAY);
    scene.ada.sign_in().await;
    scene.kill(&["feed"], &["Three"]).await;
    assert!(scene.app.app.expiring().await.unwrap().is_empty(), "three days are left");
    scene.app.clock.advance(DAY + std::time::Duration::from_secs(1));
    let expiring: Vec<(String, u64)> = scene.app.app.expiring().await.unwrap().into_iter().collect();
    assert_eq!(expiring, [("analytics".to_owned(), 2), ("feed".to_owned(), 2)]);
}
