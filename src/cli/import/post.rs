//! Makes the body of `POST /v1/posts` from a file, and a slug that stays the same whenever the file is imported again.
//! Nothing here knows the network.

use std::collections::HashSet;

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};
use ulid::Ulid;

use super::{Outcome, files::File};
use crate::domain::{Body, Document, Problems, Slug, Tag, Timestamp, Title};

/// The maximum length of the words in a slug made from a path; a hyphen and 8 digits follow, and 100 characters are
/// allowed.
const MAX_WORDS: usize = 80;

/// Makes the posts of one import.
pub(super) struct Posts {
    notify: bool,
    now: Timestamp,
    run: Ulid,
    slugs: HashSet<String>,
}

/// A post to be sent to the server.
pub(super) struct Post {
    /// The request's body; each attempt sends exactly the same bytes.
    pub(super) json: Bytes,
    /// The request's idempotency key.
    pub(super) key: String,
    fields: Fields,
}

/// The fields of the API.
#[derive(Serialize)]
struct Fields {
    title: String,
    body: String,
    tags: Vec<String>,
    status: &'static str,
    slug: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<String>,
    notify: bool,
}

impl Posts {
    /// Starts an import at `now`.
    pub(super) fn new(notify: bool, now: Timestamp) -> Self {
        Self { notify, now, run: Ulid::generate(), slugs: HashSet::new() }
    }

    /// Makes a post from a file. Files are sorted by name; the first one with a slug gets it.
    ///
    /// # Errors
    /// Why the file cannot be imported.
    pub(super) fn make(&mut self, file: &File, bytes: &[u8]) -> Result<Post, String> {
        let document = Document::parse(&file.stem, bytes).map_err(|error| error.to_string())?;
        let own = document.slug.and_then(|slug| Slug::parse(&slug).ok()).map(|slug| slug.to_string());
        let slug = own.filter(|slug| !self.slugs.contains(slug)).unwrap_or_else(|| slug_of_path(&file.name));
        if !self.slugs.insert(slug.clone()) {
            return Err(format!("another file has the slug `{slug}`: give this file a different one"));
        }
        let published_at = document.date.filter(|_| !document.draft);
        if let Some(date) = published_at.filter(|date| *date > self.now) {
            return Err(format!("dated in the future ({date}): posts cannot be scheduled"));
        }
        let fields = Fields {
            title: document.title,
            body: document.body,
            tags: document.tags,
            status: if document.draft { "draft" } else { "published" },
            slug,
            published_at: published_at.map(|date| date.to_string()),
            notify: self.notify,
        };
        let json = serde_json::to_vec(&fields).map_err(|error| error.to_string())?;
        let key = self.key(&file.name, &json);
        Ok(Post { json: json.into(), key, fields })
    }

    /// The idempotency key: the same for all attempts of one import, so that a lost response does no harm, and
    /// different for each import. A post from an earlier import is recognised by its slug, not by a repeated response
    /// that looks new.
    fn key(&self, name: &str, json: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{}\n{name}\n", self.run));
        hash.update(json);
        format!("import:{}", crate::domain::hex(hash.finalize().as_slice()))
    }
}

impl Post {
    /// The result if the server accepts it.
    pub(super) fn taken(&self) -> Outcome {
        if self.fields.status == "draft" { Outcome::Draft } else { Outcome::Published }
    }

    /// The server's errors, as far as they follow from the file alone.
    pub(super) fn rehearse(&self) -> Outcome {
        let mut problems = Problems::default();
        problems.note(Title::parse(&self.fields.title));
        problems.note(Body::parse(&self.fields.body));
        if let Err(wrong) = Tag::parse_list(&self.fields.tags) {
            wrong.into_iter().for_each(|invalid| problems.push(invalid));
        }
        match problems.finish() {
            Ok(()) => self.taken(),
            Err(wrong) => {
                let lines: Vec<_> = wrong.iter().map(|wrong| self.explain(&wrong.field, &wrong.message)).collect();
                Outcome::NotTaken(lines.join("; "))
            }
        }
    }

    /// An error of a field in the terms of the file's owner: the tag itself instead of `tags.3`.
    pub(super) fn explain(&self, field: &str, message: &str) -> String {
        let place = field.strip_prefix("tags.").and_then(|place| place.parse::<usize>().ok());
        match place.and_then(|place| self.fields.tags.get(place)) {
            Some(tag) => format!("the tag `{tag}` {message}"),
            None => format!("{field} {message}"),
        }
    }
}

/// The words of a path and its hash: always the same for the same path, and different for other paths.
fn slug_of_path(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let words = slug::slugify(stem.strip_suffix("/index").unwrap_or(stem));
    let words = words.get(..MAX_WORDS).unwrap_or(&words).trim_matches('-');
    let words = if words.is_empty() { "post" } else { words };
    let hash = Sha256::digest(name.as_bytes());
    format!("{words}-{}", crate::domain::hex(hash.as_slice().get(..4).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::import::files;

    /// Makes posts from files in a folder, as an import at the end of November 2026 does.
    fn make(texts: &[(&str, &str)]) -> Vec<Result<Post, String>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in texts {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut posts = Posts::new(false, "2026-11-30T00:00:00Z".parse().unwrap());
        let found = files::find(folder.path()).unwrap().files;
        found.iter().map(|file| posts.make(file, &std::fs::read(folder.path().join(&file.name)).unwrap())).collect()
    }

    fn json_of(name: &str, text: &str) -> serde_json::Value {
        serde_json::from_slice(&make(&[(name, text)]).remove(0).ok().unwrap().json).unwrap()
    }

    #[test]
    fn a_post_says_what_the_file_says_and_mails_nobody() {
        let json = json_of("a.md", "---\ntitle: A\ntags: [x]\ndate: 2024-05-01\nslug: my-a\n---\nText\n");
        let wanted = serde_json::json!({"title": "A", "body": "Text\n", "tags": ["x"], "status": "published",
            "slug": "my-a", "published_at": "2024-05-01T00:00:00.000Z", "notify": false});
        assert_eq!(json, wanted);
    }

    #[test]
    fn a_draft_has_no_date_and_may_lie_in_the_future() {
        let json = json_of("a.md", "---\ndraft: true\ndate: 2030-01-01\n---\n# A\n\nText");
        assert_eq!((json["status"].as_str(), json.get("published_at")), (Some("draft"), None));
        let later = make(&[("a.md", "---\ndate: 2030-01-01\n---\n# A\n\nText")]).remove(0).err().unwrap();
        assert_eq!(later, "dated in the future (2030-01-01T00:00:00.000Z): posts cannot be scheduled");
    }

    #[test]
    fn a_slug_follows_from_the_path_alone() {
        let slug = slug_of_path("Ünter/My Post.md");
        assert_eq!(slug, slug_of_path("Ünter/My Post.md"));
        assert_eq!(slug.rsplit_once('-').map(|(words, hash)| (words, hash.len())), Some(("unter-my-post", 8)));
        assert!(slug_of_path("a/my-post/index.md").starts_with("a-my-post-"));
        assert_ne!(slug_of_path("a/b.md"), slug_of_path("a-b.md"));
        let long = ["x/".repeat(90) + "y.md", "日本語/".repeat(60) + "a.md"];
        for name in ["\u{1f980}.md", "-.md"].into_iter().chain(long.iter().map(String::as_str)) {
            assert_eq!(Slug::parse(&slug_of_path(name)).unwrap().as_str(), slug_of_path(name), "{name}");
        }
    }

    #[test]
    fn the_first_file_keeps_a_slug_that_two_ask_for() {
        let texts = [("2023-01-01-year.md", "x"), ("2024-01-01-year.md", "y"), ("z.md", "---\nslug: A b\n---\nz")];
        let slugs: Vec<_> = make(&texts).into_iter().map(|post| post.ok().unwrap().fields.slug).collect();
        assert_eq!(slugs, ["year".to_owned(), slug_of_path("2024-01-01-year.md"), slug_of_path("z.md")]);
    }

    #[test]
    fn each_import_and_each_file_has_keys_of_its_own() {
        let keys: Vec<_> = (0..2).flat_map(|_| make(&[("a.md", "x"), ("b.md", "x")])).collect();
        let keys: HashSet<_> = keys.into_iter().map(|post| post.ok().unwrap().key).collect();
        assert_eq!(keys.len(), 4);
        assert!(keys.iter().all(|key| key.len() == 71 && key.starts_with("import:")));
    }

    #[test]
    fn a_rehearsal_finds_what_the_server_would() {
        let text = format!("---\ntitle: {}\ntags: [ok, a/b]\n---\nText", "x".repeat(201));
        let outcome = make(&[("a.md", text.as_str())]).remove(0).ok().unwrap().rehearse();
        let wanted = "title must have at most 200 characters; \
            the tag `a/b` must consist of letters and digits, and of - _ . + # between them";
        assert_eq!(outcome, Outcome::NotTaken(wanted.to_owned()));
        assert_eq!(make(&[("a.md", "Text")]).remove(0).ok().unwrap().rehearse(), Outcome::Published);
    }
}
