//! Tests of rendering: what Markdown produces, what it must never produce, and that no text of an accepted size is a
//! bomb.

use super::{
    events::{MAX_BLOCK_DEPTH, MAX_INLINE_DEPTH},
    *,
};

fn html(markdown: &str) -> String {
    render(&Body::from_trusted(markdown.to_owned())).into_string()
}

fn plain(markdown: &str) -> String {
    plain_text(&Body::from_trusted(markdown.to_owned()))
}

#[test]
fn common_markdown_is_rendered() {
    assert_eq!(html("# Hi\n\n*a* **b** ~~c~~"), "<h1>Hi</h1>\n<p><em>a</em> <strong>b</strong> <del>c</del></p>\n");
    assert_eq!(html("```rust\nx < y\n```"), "<pre><code class=\"language-rust\">x &lt; y\n</code></pre>\n");
    assert_eq!(html("3. x"), "<ol start=\"3\">\n<li>x</li>\n</ol>\n");
}

#[test]
fn links_are_marked_as_written_by_users() {
    let html = html("[a](https://example.org \"t\") [b](/local) <mailto:a@example.org>");
    assert_eq!(html.matches("rel=\"nofollow noopener noreferrer ugc\"").count(), 3);
    for address in ["href=\"https://example.org\"", "title=\"t\"", "href=\"/local\"", "href=\"mailto:a@example.org\""] {
        assert!(html.contains(address), "{html}");
    }
}

#[test]
fn tables_and_task_lists_are_rendered_without_styles() {
    let table = html("| a | b |\n|:--|--:|\n| 1 | 2 |");
    assert!(table.contains("<th>a</th>") && table.contains("<td>2</td>") && !table.contains("style"), "{table}");
    let tasks = html("- [x] done\n- [ ] open");
    assert_eq!(tasks.matches("type=\"checkbox\"").count(), 2);
    assert_eq!((tasks.matches("disabled").count(), tasks.matches("checked").count()), (2, 1));
}

#[test]
fn footnote_ids_cannot_clash_with_those_of_the_page() {
    let html = html("x[^main]\n\n[^main]: y");
    assert!(html.contains("href=\"#fn-main\"") && html.contains("id=\"fn-main\""), "{html}");
    assert!(html.contains("class=\"footnote-definition\""), "{html}");
}

#[test]
fn raw_html_comes_out_as_text() {
    assert_eq!(html("<script>alert(1)</script>"), "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
    for text in
        ["<img src=x onerror=alert(1)>", "a <b onclick=x()>b</b>", "<svg/onload=x()>", "<iframe src=x></iframe>"]
    {
        let html = html(text);
        let tags = ["<img", "<b ", "<svg", "<iframe", "<script"];
        assert!(tags.iter().all(|tag| !html.contains(tag)) && html.contains("&lt;"), "{html}");
    }
}

#[test]
fn html_comments_vanish() {
    assert_eq!(html("a\n\n<!--more-->\n\nb"), "<p>a</p>\n<p>b</p>\n");
    assert_eq!(html("<!-- one\n\ntwo -->"), "");
    assert_eq!(plain("a <!-- b --> c"), "a c");
}

#[test]
fn addresses_that_run_code_are_dropped() {
    for address in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "java&#x0A;script:alert(1)",
        "java&Tab;script:alert(1)",
        "&#1;javascript:alert(1)",
        "vbscript:x",
        "data:text/html;base64,AAAA",
        "file:///etc/passwd",
    ] {
        for markdown in [format!("[x]({address})"), format!("![x]({address})"), format!("[x]\n\n[x]: {address}")] {
            let html = html(&markdown).to_lowercase();
            for bad in ["=\"javascript", "=\"vbscript", "=\"data:", "=\"file:"] {
                assert!(!html.contains(bad), "{markdown}: {html}");
            }
        }
    }
    assert!(!html("<javascript:alert(1)>").contains("href"));
    assert!(!html("![x](\"onerror=alert(1))").contains(" onerror="));
    assert!(!html("[x](https://example.org '\" onmouseover=\"x()')").contains(" onmouseover=\""));
}

#[test]
fn deep_nesting_is_flattened_and_its_text_kept() {
    let quotes = html(&format!("{} core", ">".repeat(50_000)));
    assert_eq!(quotes.matches("<blockquote>").count(), MAX_BLOCK_DEPTH);
    assert!(quotes.contains("core"));
    let lists = html(&format!("{}core", "+ ".repeat(40_000)));
    assert_eq!(lists.matches("<ul>").count(), MAX_BLOCK_DEPTH);
    assert!(lists.contains("core"));
    let emphasis = html(&format!("{}core{}", "*a ".repeat(10_000), " a*".repeat(10_000)));
    assert!(emphasis.matches("<em>").count() <= MAX_INLINE_DEPTH && emphasis.contains("core"));
}

#[test]
fn hostile_repetition_ends() {
    for piece in
        ["[", "![", "*", "_a", "`", "<", "|", "1. ", "> - ", "[a](", "&#", "\\", "- [ ] ", "<!--", "~~a", "[^a]"]
    {
        let text = piece.repeat(100_000 / piece.len());
        assert!(html(&text).len() < 20_000_000, "{piece}");
    }
    let table = format!("{}\n{}\n{}", "|a".repeat(10_000), "|-".repeat(10_000), "|\n".repeat(20_000));
    assert!(html(&table).len() < 20_000_000);
}

#[test]
fn plain_text_is_what_a_reader_sees() {
    let text =
        plain("# Title\n\nHello *wide*\n`world`[^1]\n\n- a\n  - b\n\n![alt](x.png) [link](http://x)\n\n[^1]: note");
    assert_eq!(text, "Title\nHello wide world\na\nb\nalt link\nnote");
    assert_eq!(plain("| a | b |\n|---|---|\n| 1 | 2 |"), "a b\n1 2");
    assert_eq!(plain("<div>hi</div>"), "<div>hi</div>");
}

#[test]
fn excerpts_are_cut_between_words() {
    assert_eq!(excerpt("one\ntwo  three", 13), "one two three");
    assert_eq!(excerpt("one two three", 12), "one two…");
    assert_eq!(excerpt("one two three", 8), "one two…");
    assert_eq!(excerpt("one two three", 7), "one…");
    assert_eq!(excerpt("Donaudampfschiff", 6), "Donau…");
    assert_eq!(excerpt("größe 🦀🦀🦀", 8), "größe…");
    assert_eq!((excerpt("", 5), excerpt("abc", 0)), (String::new(), String::new()));
}
