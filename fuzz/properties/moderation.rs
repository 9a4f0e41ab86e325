//! Moderation of posts, by rules and by models.

use serde_json::Value;

use super::{people::ADA, texts};
use crate::{
    domain::{Body, Decision, Tag, Title},
    gateways::{
        RulesModerator, RulesSettings, Submission,
        llm::{
            answer, chunks,
            prompt::{Part, Prompt},
            signs,
        },
    },
};

const LIMIT: usize = 1_024;

/// The rules judge every post; a model gets every post as data between marks; and only a clear verdict of a model that
/// followed its instructions approves a post.
pub fn moderation(data: &[u8]) {
    let [title, tag, body, said] = texts(data);
    let (Ok(title), Ok(body)) = (Title::parse(&title), Body::parse(&body)) else { return };
    let tags: Vec<Tag> = Tag::parse(&tag).into_iter().collect();
    let submission = Submission { author: ADA, title: title.as_str(), tags: &tags, body: body.as_str() };
    let verdict = RulesModerator::new(RulesSettings::default()).verdict(&submission);
    assert_eq!(verdict.decision == Decision::Approve, verdict.categories.is_empty(), "{verdict:?}");
    signs::find(&submission);

    let title = chunks::clean(title.as_str()).replace('\n', " ");
    let (tags, body) = (chunks::clean(&tag).replace('\n', " "), chunks::clean(body.as_str()));
    let chunks = chunks::split(&body, LIMIT);
    for (number, lines) in (1..).zip(&chunks) {
        assert!(lines.iter().map(|line| line.len()).sum::<usize>() <= LIMIT, "chunk {number} is too big");
        let part = Part { title: &title, tags: &tags, lines, number, count: chunks.len() };
        let mut draws = 0_u8;
        let prompt = Prompt::new(&part, || {
            draws += 1;
            std::array::from_fn(|place| if place < 12 { draws } else { !draws })
        });
        show(&prompt);
        hear(&said.replace("{canary}", &prompt.canary).replace("{delimiter}", &prompt.delimiter), &prompt);
    }
    // Longer words may be cut at the end of a line.
    for word in body.split_whitespace().filter(|word| word.len() < 250) {
        assert!(chunks.iter().flatten().any(|line| line.contains(word)), "{word:?} is not read");
    }
}

/// Everything a model is shown between the first and the last line is marked.
fn show(prompt: &Prompt) {
    let (first, last) = (format!("<<<POST {}>>>", prompt.delimiter), format!("<<<END {}>>>", prompt.delimiter));
    let mark = format!("{}| ", &prompt.delimiter[..4]);
    let lines: Vec<&str> = prompt.user.lines().collect();
    let opens = lines.iter().position(|line| *line == first);
    let closes = lines.iter().position(|line| line.starts_with(&last));
    let (Some(opens), Some(closes)) = (opens, closes) else { panic!("no delimiters: {:?}", prompt.user) };
    assert!(lines[opens + 1..closes].iter().all(|line| line.starts_with(&mark)), "{:?}", prompt.user);
    assert_eq!(prompt.user.matches(&prompt.delimiter).count(), 2, "{:?}", prompt.user);
    assert!(!prompt.user.contains(&prompt.canary));
}

fn hear(said: &str, prompt: &Prompt) {
    let finding = answer::read(said, prompt);
    assert!(finding.reason.chars().count() <= 300 && super::is_one_line(&finding.reason), "{:?}", finding.reason);
    assert!(!finding.reason.contains(&prompt.canary) && !finding.reason.contains(&prompt.delimiter));
    if finding.decision == Decision::Review {
        return;
    }
    let fields: Value = serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    let is_approval = finding.decision == Decision::Approve;
    assert_eq!(fields["check"].as_str().map(str::trim), Some(prompt.canary.as_str()), "{said:?}");
    assert_eq!(fields["decision"], if is_approval { "approve" } else { "reject" }, "{said:?}");
    assert_eq!(fields["categories"].as_array().is_some_and(Vec::is_empty), is_approval, "{said:?}");
    assert_eq!(finding.categories.is_empty(), is_approval, "{said:?}");
}
