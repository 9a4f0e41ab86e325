//! `/v1/admin/watch`: who gets in, what is told, and how it ends.

use std::time::Duration;

use broadsheet::actors::workers;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{desk, overview, socket::Socket};
use crate::support::{Person, TestApp, until};

const AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const SIZE: u16 = 1009;

async fn open(app: &TestApp, person: &Person, query: &str) -> Socket {
    Socket::open(app.app.address, query, Some(&person.token)).await.unwrap_or_else(|refused| panic!("{refused:?}"))
}

async fn refused(app: &TestApp, query: &str, token: Option<&str>) -> (u16, String) {
    match Socket::open(app.app.address, query, token).await {
        Ok(_) => panic!("let in"),
        Err((status, problem)) => (status, problem["code"].as_str().unwrap().to_owned()),
    }
}

fn seq(frame: &Value) -> u64 {
    frame["seq"].as_u64().unwrap_or_else(|| panic!("no seq: {frame}"))
}

/// Publishes until so many changes have been told.
async fn make_changes(author: &Person, boss: &Person, changes: u64) -> u64 {
    let wanted = seq(&overview(boss).await) + changes;
    let mut posts = 0;
    loop {
        let seq = seq(&overview(boss).await);
        if seq >= wanted {
            return seq;
        }
        join_all((0..4).map(async |number| author.publish(&format!("Post {}", posts + number)).await)).await;
        posts += 4;
    }
}

#[actix_web::test]
async fn a_hundred_watchers_hear_every_change_in_order_although_one_never_reads() {
    let (app, boss) = desk(workers::standard()).await;
    let ada = app.person("ada").await;
    let mut deaf = open(&app, &boss, "").await;
    let sockets = join_all((0..99).map(|_| open(&app, &boss, ""))).await;
    until("all are there", async || overview(&boss).await["node"]["watchers"] == 100).await;
    let (end, ended) = tokio::sync::watch::channel(u64::MAX);
    let listeners: Vec<_> =
        sockets.into_iter().map(|socket| actix_web::rt::spawn(hear_all(socket, ended.clone()))).collect();
    let last = make_changes(&ada, &boss, 30).await;
    // The one that does not read is let go, and the publisher has not noticed.
    until("the deaf one is cut off", async || overview(&boss).await["node"]["watchers"] == 99).await;
    ada.publish("Onwards").await;
    app.settle().await;
    let last = make_changes(&ada, &boss, 1).await.max(last);
    end.send(last).unwrap();
    for heard in join_all(listeners).await {
        assert!(heard.unwrap() >= last);
    }
    // It was sent about as much as may wait for an answer, and no more.
    let (frames, code) = deaf.end().await;
    let bytes: usize = frames.iter().map(|frame| frame.to_string().len()).sum();
    let largest = frames.iter().map(|frame| frame.to_string().len()).max().unwrap();
    assert!(code.is_none() && bytes < (8 << 10) + 2 * largest, "{code:?} after {bytes} bytes, at most {largest}");
    assert!(seq(frames.last().unwrap()) < last);
}

/// Reads changes until the last one is known and heard; fails at a gap.
async fn hear_all(mut socket: Socket, mut last: tokio::sync::watch::Receiver<u64>) -> u64 {
    let first = socket.frame().await;
    assert_eq!(first["type"], "snapshot");
    let mut heard = seq(&first);
    loop {
        tokio::select! {
            frame = socket.frame() => {
                assert_ne!(frame["type"], "snapshot", "this one has kept up");
                assert_eq!(seq(&frame), heard + 1);
                heard += 1;
            }
            _ = last.changed() => {}
        }
        if heard >= *last.borrow_and_update() {
            return heard;
        }
    }
}

#[actix_web::test]
async fn a_watcher_that_comes_back_hears_exactly_what_it_has_missed() {
    let (app, boss) = desk(workers::standard()).await;
    let ada = app.person("ada").await;
    let snapshot = open(&app, &boss, "").await.frame().await;
    let (stream, known) = (snapshot["stream"].as_str().unwrap(), seq(&snapshot));
    let now = make_changes(&ada, &boss, 5).await;
    let mut socket = open(&app, &boss, &format!("?since={stream}.{known}")).await;
    for expected in known + 1..=now {
        let frame = socket.frame().await;
        assert_ne!(frame["type"], "snapshot");
        assert_eq!(seq(&frame), expected);
    }
    for unknown in [format!("{stream}.{}", now + 1_000_000), format!("01JD9X8Z6Q4W7E2R5T1Y3V0P8A.{known}")] {
        let frame = open(&app, &boss, &format!("?since={unknown}")).await.frame().await;
        assert_eq!(frame["type"], "snapshot", "{unknown}");
        assert!(seq(&frame) >= now);
    }
    for malformed in ["x", "1", "stream.-1", "stream.x"] {
        let refusal = refused(&app, &format!("?since={malformed}"), Some(&boss.token)).await;
        assert_eq!(refusal, (422, "invalid_input".to_owned()), "{malformed}");
    }
}

#[actix_web::test]
async fn a_watcher_sees_what_happens_to_a_worker() {
    let (app, boss) = desk(workers::standard()).await;
    let mut socket = open(&app, &boss, "").await;
    let snapshot = socket.frame().await;
    assert_eq!(snapshot["workers"][0]["name"], "feed");
    assert_eq!(snapshot["node"]["version"], env!("CARGO_PKG_VERSION"));
    boss.post("/v1/admin/workers/feed/pause", &json!({})).await.expect(202);
    let frame = socket.until(|frame| frame["worker"]["state"] == "paused").await;
    assert_eq!((frame["type"].as_str(), frame["worker"]["name"].as_str()), (Some("worker"), Some("feed")));
}

#[actix_web::test]
async fn only_operators_get_in_and_never_with_a_token_in_the_address() {
    let (app, boss) = desk(workers::standard()).await;
    let ada = app.person("ada").await;
    let refusal = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(refused(&app, "", None).await, refusal(401, "unauthorized"));
    assert_eq!(refused(&app, "", Some("x.y.z")).await, refusal(401, "invalid_token"));
    assert_eq!(refused(&app, "", Some(&ada.token)).await, refusal(403, "insufficient_scope"));
    assert_eq!(refused(&app, "?ticket=guess", None).await, refusal(401, "invalid_token"));
    assert_eq!(refused(&app, "?tail=1", Some(&boss.token)).await, refusal(422, "invalid_input"));
    for name in ["access_token", "token", "Authorization"] {
        let query = format!("?{name}={}", boss.token);
        assert_eq!(refused(&app, &query, None).await, refusal(400, "bad_request"), "{name}");
        assert_eq!(refused(&app, &query, Some(&boss.token)).await, refusal(400, "bad_request"), "{name}");
    }
    app.client.get("/v1/admin/watch").await.expect_problem(401, "unauthorized");
    let plain = boss.get("/v1/admin/watch").await;
    assert_eq!(plain.header("upgrade"), "websocket");
    plain.expect_problem(426, "upgrade_required");
    boss.get_with("/v1/admin/watch", "upgrade", "websocket").await.expect_problem(400, "bad_request");
}

#[actix_web::test]
async fn a_ticket_opens_one_websocket_within_half_a_minute() {
    let (app, boss) = desk(workers::standard()).await;
    let ada = app.person("ada").await;
    ada.post("/v1/admin/watch-tickets", &json!({})).await.expect_problem(403, "insufficient_scope");
    let ticket = async || {
        let answer = boss.post("/v1/admin/watch-tickets", &json!({})).await.expect(201);
        assert_eq!(answer.header("cache-control"), "no-store");
        format!("?ticket={}", answer.json()["ticket"].as_str().unwrap())
    };
    let used = ticket().await;
    // A request that cannot become a websocket does not use it up.
    app.client.get(&format!("/v1/admin/watch{used}")).await.expect_problem(426, "upgrade_required");
    let mut socket = Socket::open(app.app.address, &used, None).await.ok().unwrap();
    assert_eq!(socket.frame().await["type"], "snapshot");
    assert_eq!(refused(&app, &used, None).await.0, 401);
    let late = ticket().await;
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(refused(&app, &late, None).await.0, 401);
}

#[actix_web::test]
async fn a_websocket_ends_with_its_token_and_with_its_session() {
    let (app, boss) = desk(workers::standard()).await;
    let (mut other, mut again) = (boss.clone(), boss.clone());
    other.sign_in().await;
    let (mut expiring, mut closed) = (open(&app, &boss, "").await, open(&app, &other, "").await);
    let body = json!({"refresh_token": other.refresh_token});
    app.client.post("/v1/identity/sign-out", &body).await.expect(204);
    assert_eq!(closed.end().await.1, Some(POLICY));
    // The first one has been looked at, too, and stays.
    until("the other one has gone", async || overview(&boss).await["node"]["watchers"] == 1).await;
    app.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(expiring.end().await.1, Some(POLICY));
    again.sign_in().await;
    until("both have gone", async || overview(&again).await["node"]["watchers"] == 0).await;
}

#[actix_web::test]
async fn a_draining_node_sends_its_watchers_away() {
    let (app, boss) = desk(workers::standard()).await;
    let mut sockets = join_all((0..3).map(|_| open(&app, &boss, ""))).await;
    let ends = actix_web::rt::spawn(async move {
        let mut codes = Vec::new();
        for socket in &mut sockets {
            codes.push(socket.end().await.1);
        }
        codes
    });
    app.stop().await;
    assert_eq!(ends.await.unwrap(), [Some(AWAY); 3]);
}

#[actix_web::test]
async fn what_clients_say_is_bounded_and_ignored() {
    let (app, boss) = desk(workers::standard()).await;
    let mut socket = open(&app, &boss, "").await;
    socket.frame().await;
    socket.say(Message::text("what?")).await;
    socket.say(Message::binary(vec![0; 1_000])).await;
    boss.post("/v1/admin/workers/feed/pause", &json!({})).await.expect(202);
    socket.until(|frame| frame["worker"]["state"] == "paused").await;
    socket.say(Message::binary(vec![0; 2_000])).await;
    assert_eq!(socket.end().await.1, Some(SIZE));
    let mut socket = open(&app, &boss, "").await;
    socket.frame().await;
    socket.say(Message::Close(None)).await;
    assert_eq!(socket.end().await.1, None);
    until("nobody is left", async || overview(&boss).await["node"]["watchers"] == 0).await;
}

#[actix_web::test]
async fn there_are_two_hundred_places_and_no_more() {
    let (app, boss) = desk(workers::standard()).await;
    let mut sockets = join_all((0..200).map(|_| open(&app, &boss, ""))).await;
    assert_eq!(refused(&app, "", Some(&boss.token)).await, (503, "busy".to_owned()));
    assert_eq!(sockets[0].frame().await["type"], "snapshot");
    drop(sockets.pop());
    until("there is a place again", async || Socket::open(app.app.address, "", Some(&boss.token)).await.is_ok()).await;
}
