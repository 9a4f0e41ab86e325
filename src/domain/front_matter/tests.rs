//! Tests of whole files: Hugo, Jekyll, plain files, and files that cannot be imported.

use super::*;

fn parse(text: &str) -> Document {
    Document::parse("some-file", text.as_bytes()).unwrap()
}

fn error(text: &str) -> FrontMatterError {
    Document::parse("some-file", text.as_bytes()).unwrap_err()
}

#[test]
fn hugo_yaml_is_read() {
    let text = "---\nTitle: \"Hello: World\"\ndate: 2024-05-01T10:00:00+02:00\nlastmod: 2025-01-01\ndraft: true\n\
                tags: [rust, 2024, Rust]\ncategories:\n  - web\nparams:\n  x: 1\nslug: hello\n---\n\n\n    code\n\ntext\n";
    let document = parse(text);
    assert_eq!(document.title, "Hello: World");
    assert_eq!(document.body, "    code\n\ntext\n");
    assert_eq!(document.tags, ["rust", "2024", "web"]);
    assert_eq!(document.date.unwrap().to_string(), "2024-05-01T08:00:00.000Z");
    assert_eq!((document.draft, document.slug.as_deref()), (true, Some("hello")));
}

#[test]
fn hugo_toml_is_read() {
    let document =
        parse("+++\ntitle = 'Hello'\ndate = 2024-05-01T10:00:00Z\ntags = ['a', 'b']\n[params]\nx = 1\n+++\n# Part\n");
    assert_eq!((document.title.as_str(), document.body.as_str()), ("Hello", "# Part\n"));
    assert_eq!(document.date.unwrap().to_string(), "2024-05-01T10:00:00.000Z");
    assert_eq!(document.tags, ["a", "b"]);
    assert_eq!(parse("+++\ndate = 2024-05-01\n+++\nx").date.unwrap().to_string(), "2024-05-01T00:00:00.000Z");
}

#[test]
fn hugo_json_is_read() {
    let document = parse("{\n  \"title\": \"Hello\",\n  \"tags\": \"a, b c\",\n  \"draft\": false\n}\n\nBody {x}\n");
    assert_eq!((document.title.as_str(), document.body.as_str()), ("Hello", "Body {x}\n"));
    assert_eq!(document.tags, ["a", "b c"]);
    assert!(!document.draft);
}

#[test]
fn jekyll_is_read_with_its_file_name() {
    let text = "\u{feff}---\r\nlayout: post\r\ntags: one two\r\ncategory: big things\r\npublished: false\r\n---\r\n\r\n{% include x %}\r\n";
    let document = Document::parse("2024-05-01-my-post", text.as_bytes()).unwrap();
    assert_eq!((document.title.as_str(), document.slug.as_deref()), ("My post", Some("my-post")));
    assert_eq!(document.tags, ["one", "two", "big things"]);
    assert_eq!(document.date.unwrap().day().as_str(), "2024-05-01");
    assert_eq!((document.draft, document.body.as_str()), (true, "{% include x %}\n"));
    let dated =
        Document::parse("2024-05-01-x", b"---\ndate: 2023-01-01 10:00:00 +0200\npublished: true\n---\nx").unwrap();
    assert_eq!((dated.date.unwrap().to_string().as_str(), dated.draft), ("2023-01-01T08:00:00.000Z", false));
}

#[test]
fn plain_files_are_titled_by_their_first_heading_or_their_name() {
    let headed = parse("# Hello\n\nworld\n");
    assert_eq!((headed.title.as_str(), headed.body.as_str()), ("Hello", "world\n"));
    let bare = parse("just text");
    assert_eq!((bare.title.as_str(), bare.body.as_str()), ("Some file", "just text"));
    assert_eq!((bare.tags.len(), bare.date, bare.draft, bare.slug), (0, None, false, None));
    assert_eq!(parse("{{< youtube x >}}\n").body, "{{< youtube x >}}\n");
    assert_eq!(parse("---\n---\n# In the text\n\nx").title, "In the text");
}

#[test]
fn a_file_that_cannot_be_taken_says_why() {
    assert_eq!(Document::parse("x", b"abc\xff").unwrap_err(), FrontMatterError::NotUtf8 { offset: 3 });
    assert_eq!(error("---\ntitle: x\n"), FrontMatterError::Unclosed { fence: "---" });
    assert_eq!(error("+++\ntitle = 'x'\n---\n"), FrontMatterError::Unclosed { fence: "+++" });
    assert_eq!(error("---\ntitle: x\ndate: soon\n---\nx"), FrontMatterError::BadDate("soon".to_owned()));
    let odd = "---\ntitle: x\ndate: \"so\\e[31mon\\nlater\"\n---\nx";
    assert_eq!(error(odd), FrontMatterError::BadDate("so[31mon".to_owned()));
    assert_eq!(error("---\ntitle: x\ndraft: maybe\n---\nx"), FrontMatterError::BadDraft("maybe".to_owned()));
    assert_eq!(error("---\ntitle: x\n---\n\n \n"), FrontMatterError::EmptyBody);
    assert_eq!(error("# Only a title\n"), FrontMatterError::EmptyBody);
    assert_eq!(Document::parse("", b"text").unwrap_err(), FrontMatterError::NoTitle);
}

#[test]
fn bad_front_matter_is_named_by_its_line() {
    assert!(matches!(error("---\ntitle: x\ntags: [a\n---\nx"), FrontMatterError::Yaml { line: 2.., .. }));
    assert!(matches!(error("+++\ntitle = 'x'\ndate = \n+++\nx"), FrontMatterError::Toml { line: 3.., .. }));
    assert!(matches!(error("{\n\"title\": x\n}\nx"), FrontMatterError::Json { line: 2, .. }));
    assert!(error("---\n- a\n---\nx").to_string().starts_with("line "));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut yaml = "---\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let inner = format!("*a{} ", level - 1);
        yaml.push_str(&format!("a{level}: &a{level} [{}]\n", [inner.as_str(); 10].join(",")));
    }
    assert!(matches!(error(&format!("{yaml}---\nx")), FrontMatterError::Yaml { .. }));
}
