//! A backlog that is larger than what a worker finds at once.

use broadsheet::{actors::worker::Ending, clock::Clock};

use super::*;

#[actix_web::test]
async fn a_backlog_of_thousands_is_drained_and_each_delivery_once_while_posts_come_in() {
    const ROWS: usize = 2_500;
    let app = TestApp::spawn().await;
    let (ada, bob) = pair(&app).await;
    let email = app.app.workers.iter().find(|running| running.status.name == "email").unwrap();
    let done = || email.status.stats.totals().endings.get(&Ending::Done).copied().unwrap_or(0);
    app.settle().await;
    let before = done();
    let before_now = app.clock.now().minus(Duration::from_secs(3));
    app.app.repositories.seeding().add_deliveries("email", ROWS, before_now).await.unwrap();
    email.wake();
    for n in 0..20 {
        ada.publish(&format!("Post {n}")).await;
    }
    app.settle().await;
    assert!(app.exceptions().await.is_empty());
    assert_eq!(all_titles(&bob, "/v1/feed").await.len(), 20);
    let done = usize::try_from(done() - before).unwrap();
    assert!(done >= ROWS + 20, "{done} deliveries ended");
}
