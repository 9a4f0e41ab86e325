//! Markdown through the server: what becomes HTML, and what must never come out as such, in posts, Atom and mail.

use serde_json::json;

use crate::support::{TestApp, api::path};

const ATTACKS: [&str; 14] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src=\"https://evil.example\"></iframe>",
    "<style>*{display:none}</style>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&#58;alert(1))",
    "[x](java&#x0A;script:alert(1))",
    "![x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "<javascript:alert(1)>",
    "[x](https://ok.example '\" onmouseover=\"alert(1)')",
    "```\"><script>alert(1)</script>\nx\n```",
];

/// Looks at the real tags only: in text every `<` is escaped.
fn assert_harmless(html: &str) {
    let html = html.to_lowercase();
    for tag in html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        assert!(!["script", "svg", "iframe", "style"].contains(&name), "<{tag}>: {html}");
        for bad in ["javascript:", "vbscript:", "data:", " onerror=\"", " onmouseover=\"", " onload=\"", " style=\""] {
            assert!(!tag.contains(bad), "<{tag}>: {html}");
        }
    }
}

#[actix_web::test]
async fn no_attack_comes_out_as_html() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let body = ATTACKS.join("\n\n");
    let post = ada.post("/v1/posts", &json!({"title": "<script>x</script>", "body": body})).await.expect(201).json();
    app.settle().await;
    let read = bob.get(&path(&post)).await.expect(200).json();
    for shown in [&post, &read, &bob.get("/v1/feed?include=body,html").await.expect(200).json()["items"][0]] {
        assert_eq!(shown["body"], body, "the source is kept as it was sent");
        assert_harmless(shown["html"].as_str().unwrap());
    }
    let edited = ada.patch(&path(&post), &json!({"body": format!("{body}\n\nagain")})).await.expect(200).json();
    assert_harmless(edited["html"].as_str().unwrap());
    app.settle().await;
    let answer = bob.get(&path(&post)).await.expect(200);
    assert_eq!(
        (answer.header("content-type"), answer.header("x-content-type-options")),
        ("application/json", "nosniff")
    );
}

#[actix_web::test]
async fn ordinary_markdown_is_rendered() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let body =
        "# Hi\n\n*a* **b** ~~c~~ [d](https://example.org)\n\n- [x] e\n\n| f |\n|---|\n| g |\n\n```rust\nh < i\n```";
    let html = ada.publish_with(json!({"body": body})).await["html"].as_str().unwrap().to_owned();
    for part in [
        "<h1>Hi</h1>",
        "<em>a</em>",
        "<strong>b</strong>",
        "<del>c</del>",
        "href=\"https://example.org\"",
        "nofollow",
        "type=\"checkbox\"",
        "<td>g</td>",
        "<code class=\"language-rust\">h &lt; i",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    app.settle().await;
}

#[actix_web::test]
async fn a_hundred_thousand_hostile_characters_are_answered() {
    let app = TestApp::spawn().await;
    app.expect_exceptions();
    let ada = app.person("ada").await;
    for piece in ["[", "> ", "*a ", "`", "<a "] {
        let body = format!("x {}", piece.repeat(90_000 / piece.len()));
        ada.publish_with(json!({"body": body})).await;
    }
    app.client.get("/healthz").await.expect(200);
    app.settle().await;
}
