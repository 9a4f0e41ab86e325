//! Tests of what searches find, in which order, and what survives a restart.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use super::*;
use crate::domain::Epoch;

const DAY: Duration = Duration::from_secs(86_400);

fn settings(language: &str) -> Settings {
    Settings { language: language.to_owned(), writer_memory_bytes: 0 }
}

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn document(title: &str, text: &str) -> Document {
    Document {
        post: PostId::generate(),
        author: AccountId::generate(),
        author_handle: Handle::parse("ada").unwrap(),
        title: Title::parse(title).unwrap(),
        tags: Vec::new(),
        text: text.to_owned(),
        published_at: now(),
    }
}

fn committed(documents: &[Document]) -> Index {
    let index = Index::open(Location::Memory, &settings("english")).unwrap();
    for document in documents {
        index.put(document).unwrap();
    }
    index.commit(&BTreeMap::new()).unwrap();
    index
}

fn page(index: &Index, q: &str, offset: usize, limit: usize) -> Page {
    let query = Query::parse(q, None, None, None, None).unwrap();
    index.search(&Request { query, now: now(), offset, limit }).unwrap()
}

fn found(index: &Index, q: &str) -> Vec<PostId> {
    page(index, q, 0, 20).hits.iter().map(|hit| hit.post).collect()
}

fn in_folder(folder: &Path, language: &str) -> Result<Index, Error> {
    Index::open(Location::Folder(folder.to_owned()), &settings(language))
}

#[test]
fn words_are_found_by_their_stems_and_all_must_match() {
    let post = document("Moving house", "We packed boxes for days.");
    let index = committed(&[post.clone(), document("Other", "We stayed.")]);
    for q in ["move", "box packing", "HOUSES", "we", "day, !!! box"] {
        assert!(found(&index, q).contains(&post.post), "{q}");
    }
    assert!(found(&index, "box stayed").is_empty());
    assert!(found(&index, "!!!").is_empty());
    assert!(found(&index, &"long".repeat(20)).is_empty());
}

#[test]
fn phrases_and_joined_words_need_their_order() {
    let post = document("A", "the quick brown fox, a foo-bar");
    let index = committed(&[post.clone(), document("B", "brown quick, bar foo")]);
    for q in ["\"quick brown\"", "foo-bar", "\u{201c}brown fox", "quick.brown"] {
        assert_eq!(found(&index, q), [post.post], "{q}");
    }
    assert!(found(&index, "\"quick fox\"").is_empty());
}

#[test]
fn exclusions_remove_posts() {
    let post = document("Rust", "actors");
    let index = committed(&[post.clone(), document("Rust", "threads and queues")]);
    assert_eq!(found(&index, "rust -threads"), [post.post]);
    assert_eq!(found(&index, "rust -\"threads and queues\""), [post.post]);
    assert_eq!(found(&index, "rust -!!!").len(), 2);
}

#[test]
fn tags_and_authors_filter_exactly() {
    let mut tagged = document("One", "same words");
    tagged.tags = vec![Tag::parse("c++").unwrap(), Tag::parse("web design").unwrap()];
    let mut foreign = document("Two", "same words");
    foreign.author_handle = Handle::parse("bob").unwrap();
    let index = committed(&[tagged.clone(), foreign.clone()]);
    for q in ["tag:C++", "tag:\"web design\" same", "design words", "-author:bob words"] {
        assert_eq!(found(&index, q), [tagged.post], "{q}");
    }
    assert!(found(&index, "tag:design").is_empty());
    for q in ["author:Bob", "words -tag:c++", &format!("author:{}", foreign.author)] {
        assert_eq!(found(&index, q), [foreign.post], "{q}");
    }
}

#[test]
fn dates_bound_half_open() {
    let post = document("A", "text");
    let index = committed(std::slice::from_ref(&post));
    for q in ["after:2026-11-23", "before:2026-11-24", "text after:2026-11-23T10:00:00Z", "-before:2026-11-23"] {
        assert_eq!(found(&index, q), [post.post], "{q}");
    }
    for q in [
        "before:2026-11-23",
        "text before:2026-11-23T10:00:00Z",
        "after:2026-11-24",
        "after:2026-11-23 before:2026-11-22",
    ] {
        assert!(found(&index, q).is_empty(), "{q}");
    }
}

#[test]
fn a_title_outranks_a_body_and_the_new_outranks_the_old() {
    let mut titled = document("Tantivy", "about nothing");
    titled.published_at = now().minus(DAY * 400);
    let new = document("Nothing", "about tantivy");
    let mut old = document("Nothing", "about tantivy");
    old.published_at = now().minus(DAY * 100);
    let index = committed(&[old.clone(), titled.clone(), new.clone()]);
    assert_eq!(found(&index, "tantivy"), [titled.post, new.post, old.post]);
}

#[test]
fn without_words_the_newest_come_first_and_pages_end() {
    let mut posts = Vec::new();
    for days in [3, 1, 2] {
        let mut post = document("A", "text");
        post.published_at = now().minus(DAY * days);
        posts.push(post);
    }
    let index = committed(&posts);
    let first = page(&index, "author:ada", 0, 2);
    assert_eq!(first.hits.iter().map(|hit| hit.post).collect::<Vec<_>>(), [posts[1].post, posts[2].post]);
    assert!(first.has_more && first.hits[0].score == 0.0);
    let last = page(&index, "author:ada", 2, 2);
    assert!(!last.has_more && last.hits.len() == 1 && last.hits[0].post == posts[0].post);
    assert_eq!(page(&index, "text", 0, 0), Page::default());
    assert_eq!(page(&index, "text", 1_000, 20), Page::default());
    assert_eq!(page(&index, "text", usize::MAX, 20), Page::default());
}

#[test]
fn a_replaced_post_is_found_once_and_a_deleted_one_never() {
    let mut post = document("Title", "first words");
    let index = committed(std::slice::from_ref(&post));
    post.text = "second words".to_owned();
    index.put(&post).unwrap();
    index.put(&post).unwrap();
    assert!(found(&index, "second").is_empty(), "nothing is visible before the commit");
    index.commit(&BTreeMap::new()).unwrap();
    assert_eq!((found(&index, "words"), found(&index, "first")), (vec![post.post], Vec::new()));
    assert_eq!(index.len(), 1);
    index.delete(post.post).unwrap();
    index.commit(&BTreeMap::new()).unwrap();
    assert!(found(&index, "words").is_empty() && index.is_empty());
}

#[test]
fn a_text_that_was_read_earlier_and_put_later_is_dropped_and_undoes_no_removal() {
    let (mut old, index) = (document("Title", "old words"), committed(&[]));
    let mut new = old.clone();
    new.text = "new words".to_owned();
    let (slow, fast) = (index.refresh(old.post), index.refresh(old.post));
    fast.put(&new, 3).unwrap();
    slow.put(&old, 2).unwrap();
    index.commit(&BTreeMap::new()).unwrap();
    assert_eq!((found(&index, "new"), found(&index, "old")), (vec![old.post], Vec::new()));
    fast.remove(Some(4)).unwrap();
    slow.put(&new, 3).unwrap();
    index.commit(&BTreeMap::new()).unwrap();
    slow.put(&new, 3).unwrap();
    index.commit(&BTreeMap::new()).unwrap();
    assert!(index.is_empty(), "a rejected post stays rejected across commits");
    old.text = "approved words".to_owned();
    slow.put(&old, 5).unwrap();
    fast.remove(None).unwrap();
    slow.put(&old, 6).unwrap();
    index.commit(&BTreeMap::new()).unwrap();
    assert!(index.is_empty(), "deleted stays deleted");
}

#[test]
fn clearing_spares_what_is_put_afterwards() {
    let post = document("Title", "words");
    let index = committed(&[post.clone(), document("Title", "words")]);
    index.put(&document("Uncommitted", "words")).unwrap();
    index.delete(post.post).unwrap();
    index.clear().unwrap();
    index.put(&post).unwrap();
    index.commit(&BTreeMap::new()).unwrap();
    assert_eq!(found(&index, "words"), [post.post]);
}

#[test]
fn rolling_back_forgets_what_was_not_committed() {
    let index = committed(&[document("Kept", "words")]);
    index.put(&document("Forgotten", "words")).unwrap();
    index.rollback().unwrap();
    index.commit(&BTreeMap::new()).unwrap();
    assert_eq!((found(&index, "words").len(), found(&index, "forgotten").len()), (1, 0));
}

#[test]
fn snippets_mark_words_and_escape_the_rest() {
    let far = format!("{} <b>&needles</b>", "hay ".repeat(2_000));
    let index = committed(&[document("Tom & Jerry", &far)]);
    let snippet = |q: &str| page(&index, q, 0, 1).hits[0].snippet.clone();
    assert!(snippet("needle").contains("&lt;b&gt;&amp;<b>needles</b>"), "{}", snippet("needle"));
    assert_eq!(snippet("jerry"), "Tom &amp; <b>Jerry</b>");
    assert!(snippet("author:ada").starts_with("hay hay"));
}

#[test]
fn a_folder_keeps_documents_and_positions_together() {
    let folder = tempfile::tempdir().unwrap();
    let positions = BTreeMap::from([(Epoch::generate(), 7)]);
    let post = document("Title", "words");
    let index = in_folder(folder.path(), "english").unwrap();
    assert_eq!(index.positions().unwrap(), None);
    index.put(&post).unwrap();
    index.commit(&positions).unwrap();
    index.put(&document("Uncommitted", "words")).unwrap();
    assert!(matches!(in_folder(folder.path(), "english"), Err(Error::Locked(_))));
    drop(index);

    let index = in_folder(folder.path(), "english").unwrap();
    assert_eq!(index.positions().unwrap(), Some(positions));
    assert_eq!(found(&index, "words"), [post.post]);
}

#[test]
fn an_index_that_is_damaged_or_of_another_language_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.txt");
    fs::write(&notes, "not an index file").unwrap();
    let damage_meta = |folder: &Path| fs::write(folder.join("meta.json"), "{").unwrap();
    let damage_segment = |folder: &Path| {
        let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let store = files.find(|path| path.extension().is_some_and(|end| end == "store")).unwrap();
        let mut bytes = fs::read(&store).unwrap();
        bytes[0] ^= 0xff;
        fs::write(&store, bytes).unwrap();
    };
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage<'_>; 3] =
        [("english", &damage_meta), ("english", &damage_segment), ("german", &|_: &Path| {})];
    for (language, damage) in damages {
        let index = in_folder(folder.path(), "english").unwrap();
        index.put(&document("Title", "words")).unwrap();
        index.commit(&BTreeMap::new()).unwrap();
        drop(index);
        damage(folder.path());
        let index = in_folder(folder.path(), language).unwrap();
        assert!(index.is_empty());
        assert_eq!(index.positions().unwrap(), None);
    }
    assert!(notes.exists());
}
