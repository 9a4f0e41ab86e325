//! What lists show: summaries, and whole posts when they are asked for, as far as a page has room.

use broadsheet::{actors::workers, config::Config};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, api::findings};

/// Every list of posts, and where in an item the post is.
const LISTS: [(&str, &str); 6] = [
    ("/v1/posts", ""),
    ("/v1/posts?author=ada", ""),
    ("/v1/authors/ada/posts", ""),
    ("/v1/feed", ""),
    ("/v1/search?q=tag:big", "/post"),
    ("/v1/search?author=ada", "/post"),
];

/// A server on which nobody objects to texts that say the same again and again.
async fn spawn() -> TestApp {
    let change = |config: &mut Config| config.workers.run = vec!["feed".to_owned(), "search".to_owned()];
    TestApp::spawn_with(change, workers::standard()).await
}

fn with(list: &str, parameters: &str) -> String {
    format!("{list}{}{parameters}", if list.contains('?') { '&' } else { '?' })
}

async fn items(person: &Person, path: &str) -> Vec<Value> {
    person.get(path).await.expect(200).json()["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn lists_answer_summaries_and_whole_posts_when_asked() {
    let app = spawn().await;
    let ada = app.person("ada").await;
    let body = format!("# Tea\n\nIt is **hot**. {}", "And it goes on. ".repeat(100));
    let post = ada.publish_with(json!({"title": "Tea", "body": body, "tags": ["big"]})).await;
    app.settle().await;
    let whole = ada.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json();
    for (list, place) in LISTS {
        let item = items(&ada, list).await[0].pointer(place).unwrap().clone();
        assert!(item.get("body").is_none() && item.get("html").is_none(), "{list}: {item}");
        let excerpt = item["excerpt"].as_str().unwrap();
        assert!(excerpt.starts_with("Tea It is hot. And it") && excerpt.chars().count() <= 280, "{excerpt}");
        assert_eq!((&item["reading_minutes"], &item["url"]), (&json!(3), &whole["url"]), "{list}");
        for part in ["body", "html"] {
            let item = items(&ada, &with(list, &format!("include={part}"))).await[0].pointer(place).unwrap().clone();
            let has = |name: &str| item.get(name).is_some();
            assert_eq!((has("body"), has("html")), (part == "body", part == "html"), "{list} {part}");
        }
        let item = items(&ada, &with(list, "include=body,html")).await[0].pointer(place).unwrap().clone();
        for (name, value) in whole.as_object().unwrap() {
            assert_eq!(item[name], *value, "{list}: {name}");
        }
        let problem = ada.get(&with(list, "include=title")).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), ["include: unknown_value"], "{list}");
    }
    let url = format!("http://{}/@ada/{}", app.app.address, post["slug"].as_str().unwrap());
    assert_eq!(whole["url"], url.as_str());
}

#[actix_web::test]
async fn a_page_of_whole_posts_ends_early_and_shows_everything_once() {
    let app = spawn().await;
    let ada = app.person("ada").await;
    let mut titles = Vec::new();
    for number in 0..12 {
        // As HTML it is several times as long: the room is for what is answered.
        let body = format!("{number} {}", "* a\n".repeat(20_000));
        let at = format!("2020-01-{:02}T00:00:00Z", 28 - number);
        let title = format!("Big {number}");
        ada.publish_with(json!({"title": title, "body": body, "tags": ["big"], "published_at": at})).await;
        titles.push(title);
    }
    app.settle().await;
    for (list, place) in LISTS {
        let (mut shown, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = ada.get(&with(list, &format!("limit=100&include=body,html{cursor}"))).await.expect(200).json();
            let items = page["items"].as_array().unwrap();
            let posts: Vec<&Value> = items.iter().map(|item| item.pointer(place).unwrap()).collect();
            let text = |post: &&Value| post["body"].as_str().unwrap().len() + post["html"].as_str().unwrap().len();
            let bytes: usize = posts.iter().map(text).sum();
            assert!(bytes <= 1024 * 1024 || posts.len() == 1, "{list}: {bytes} bytes in {} posts", posts.len());
            shown.extend(posts.iter().map(|post| post["title"].as_str().unwrap().to_owned()));
            pages += 1;
            let Some(next) = page["next_cursor"].as_str() else { break };
            assert!(!posts.is_empty() && pages < 50, "{list} does not end");
            cursor = format!("&cursor={next}");
        }
        assert_eq!(shown, titles, "{list}");
        assert!(pages > 1, "{list}: everything on one page");
        assert_eq!(items(&ada, &with(list, "limit=100")).await.len(), 12, "{list}: summaries have no texts");
    }
}

#[actix_web::test]
async fn posts_lead_to_where_people_read_them() {
    let change = |config: &mut Config| config.web.post_url = "https://blog.example/{handle}/{slug}?p={id}".to_owned();
    let app = TestApp::spawn_with(change, workers::standard()).await;
    let ada = app.person("ada").await;
    let post = ada.publish("Tea").await;
    app.settle().await;
    let (id, slug) = (post["id"].as_str().unwrap(), post["slug"].as_str().unwrap());
    let url = format!("https://blog.example/ada/{slug}?p={id}");
    assert_eq!(post["url"], url.as_str());
    assert_eq!(items(&ada, "/v1/feed").await[0]["url"], url.as_str());
    let atom = ada.get("/v1/authors/ada/atom.xml").await.expect(200).text;
    let feed = atom_syndication::Feed::read_from(atom.as_bytes()).unwrap();
    assert_eq!(feed.entries[0].links[0].href, url);
}
