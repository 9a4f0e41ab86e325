//! Posts to publish: paragraphs out of `examples/posts`, mixed anew for each post, from a few lines to some 25 KB. Real English, real
//! Markdown; every post has one word that no other has.

use std::path::Path;

use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};

/// The longest post has about so many paragraphs, the shortest one; short ones are more frequent than long ones.
const PARAGRAPHS: f64 = 80.0;
const TAGS: [&str; 12] = [
    "rust",
    "storage",
    "design",
    "mail",
    "queues",
    "actors",
    "search",
    "markdown",
    "moderation",
    "feeds",
    "operations",
    "notes",
];

/// A supply of texts.
pub(super) struct Prose {
    paragraphs: Vec<String>,
    words: Vec<String>,
}

/// What a person writes.
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) body: String,
    pub(super) tags: Vec<&'static str>,
}

impl Prose {
    pub(super) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/posts");
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let mut paragraphs = Vec::new();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
            let text = std::fs::read_to_string(path).unwrap();
            let body = text.splitn(3, "---\n").nth(2).unwrap_or(&text);
            paragraphs.extend(blocks(body));
        }
        let is_word = |word: &&str| word.len() > 4 && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let words = paragraphs.iter().flat_map(|text| text.split_whitespace().filter(is_word)).map(str::to_owned);
        let words = words.collect();
        Self { paragraphs, words }
    }

    /// A new text with this word in its title and in its body.
    pub(super) fn draft(&self, random: &mut StdRng, word: &str) -> Draft {
        let count = PARAGRAPHS.powf(random.random_range(0.0..1.0)) as usize;
        let start = random.random_range(0..self.paragraphs.len());
        // A stride without a common divisor with the number of paragraphs repeats none.
        let stride = (1..).map(|step| step * 2 + random.random_range(1..self.paragraphs.len())).find(|stride| {
            let (mut one, mut other) = (*stride, self.paragraphs.len());
            while other > 0 {
                (one, other) = (other, one % other);
            }
            one == 1
        });
        let at = |number: usize| (start + number * stride.unwrap()) % self.paragraphs.len();
        let mut body: Vec<&str> = (0..count.max(1)).map(|number| self.paragraphs[at(number)].as_str()).collect();
        let about = format!("All of this is about {word}.");
        body.push(&about);
        let title: Vec<&str> = (0..4).map(|_| self.word(random)).collect();
        let tags = (0..random.random_range(0..4)).map(|_| TAGS[random.random_range(0..TAGS.len())]).collect();
        Draft { title: format!("On {} and {word}", title.join(" ")), body: body.join("\n\n"), tags }
    }

    /// Some word that stands in many posts.
    pub(super) fn word(&self, random: &mut StdRng) -> &str {
        &self.words[random.random_range(0..self.words.len())]
    }
}

impl Draft {
    pub(super) fn json(&self) -> Value {
        let mut tags = self.tags.clone();
        tags.sort_unstable();
        tags.dedup();
        json!({"title": self.title, "body": self.body, "tags": tags})
    }
}

/// A tag that posts have.
pub(super) fn tag(random: &mut StdRng) -> &'static str {
    TAGS[random.random_range(0..TAGS.len())]
}

/// The word of that number. It has no vowels, so no language's endings are cut off it.
pub(super) fn unique_word(number: usize) -> String {
    let letter = |digit: u8| b"bcdfghjkmn"[usize::from(digit - b'0')] as char;
    format!("zqx{}x", format!("{number:06}").bytes().map(letter).collect::<String>())
}

/// Paragraphs, lists, tables and code, each in one piece.
fn blocks(body: &str) -> Vec<String> {
    let (mut blocks, mut is_code) = (Vec::<String>::new(), false);
    for part in body.split("\n\n").map(str::trim_end).filter(|part| !part.is_empty()) {
        match blocks.last_mut().filter(|_| is_code) {
            Some(open) => {
                open.push_str("\n\n");
                open.push_str(part);
            }
            None => blocks.push(part.trim_start_matches('\n').to_owned()),
        }
        is_code ^= part.matches("```").count() % 2 == 1;
    }
    blocks
}
