//! Counters, followers, profiles and the lists of tags: what changes together must agree.

use std::collections::BTreeSet;

use serde_json::json;

use super::{all, id_of};
use crate::{
    support::Person,
    torture::{
        PEOPLE,
        contend::follow_of,
        record::{Record, Who},
    },
};

/// Counters agree with what was counted here.
pub(super) async fn counters(person: &Person, who: Who, record: &Record) -> Result<(), String> {
    let stats = person.get("/v1/me/stats").await.expect(200).json();
    let (posts, words, followers) = record.with(|inner| {
        let mine = inner.live_of(who);
        let words: usize = mine.iter().map(|(_, post)| post.words).sum();
        (mine.len(), words, inner.follows.iter().filter(|(_, author)| *author == who).count())
    });
    for (name, wanted) in [("posts", posts), ("words", words), ("followers", followers)] {
        if stats[name] != wanted {
            let told = if name == "followers" { told_of_followers(who, record) } else { String::new() };
            return Err(format!("{} of {}: counted {}, expected {wanted}{told}", name, person.handle, stats[name]));
        }
    }
    let counted = stats["tags"].as_array().unwrap();
    let wanted = record.with(|inner| {
        let of_author = |(tag, ids): (String, BTreeSet<String>)| {
            let count = ids.iter().filter(|id| inner.posts[*id].author == who).count();
            (tag, count)
        };
        inner.tagged(false).into_iter().map(of_author).collect::<Vec<_>>()
    });
    for (tag, wanted) in wanted {
        let count =
            counted.iter().find(|counted| counted["tag"] == tag).map_or(json!(0), |counted| counted["posts"].clone());
        if count != wanted {
            return Err(format!("posts of {} with the tag {tag}: counted {count}, expected {wanted}", person.handle));
        }
    }
    Ok(())
}

/// Whom somebody follows, by whom they are followed, and what profiles say of it, is one and the same.
pub(super) async fn followers(person: &Person, who: Who, record: &Record) -> Result<(), String> {
    let handles = async |path: &str| {
        let mut handles: Vec<String> =
            all(person, path).await.iter().map(|item| item["handle"].as_str().unwrap().to_owned()).collect();
        handles.sort();
        handles
    };
    let wanted = |pick: &dyn Fn(&(Who, Who)) -> Option<Who>| {
        let mut handles: Vec<String> =
            record.with(|inner| inner.follows.iter().filter_map(pick).map(|who| PEOPLE[who].to_owned()).collect());
        handles.sort();
        handles
    };
    for (path, wanted) in [
        ("/v1/me/following?limit=100", wanted(&|(reader, author)| (*reader == who).then_some(*author))),
        ("/v1/me/followers?limit=100", wanted(&|(reader, author)| (*author == who).then_some(*reader))),
    ] {
        let shown = handles(path).await;
        if shown != wanted {
            let told = told_of_followers(who, record);
            return Err(format!("{path} of {}: {shown:?}, expected {wanted:?}{told}", person.handle));
        }
    }
    Ok(())
}

/// What was answered in this life about following somebody, and about whom they follow.
fn told_of_followers(who: Who, record: &Record) -> String {
    let pairs = (0..PEOPLE.len()).flat_map(|other| [(other, who), (who, other)]);
    record.with(|inner| pairs.map(|pair| inner.told(&follow_of(pair))).collect())
}

/// What somebody says of themselves is what was told last, to them and to others.
pub(super) async fn profile(person: &Person, who: Who, record: &Record) -> Result<(), String> {
    let Some(bio) = record.with(|inner| inner.bios.get(&who).cloned()) else { return Ok(()) };
    for path in ["/v1/me".to_owned(), format!("/v1/authors/{}", person.handle)] {
        let shown = person.get(&path).await.expect(200).json();
        if shown["bio"] != bio {
            let told = record.with(|inner| inner.told(&format!("profile of {}", person.handle)));
            return Err(format!("{path} of {}: {}, expected {bio}{told}", person.handle, shown["bio"]));
        }
    }
    Ok(())
}

/// Every tag's list has exactly the posts that carry it.
pub(super) async fn tagged(admin: &Person, record: &Record, is_full: bool) -> Result<(), String> {
    for (tag, wanted) in record.with(|inner| inner.tagged(is_full)) {
        let listed = all(admin, &format!("/v1/posts?tag={tag}&limit=100")).await;
        let mut listed: Vec<String> = listed.iter().map(id_of).collect();
        listed.sort();
        if !listed.iter().eq(&wanted) {
            let strange: Vec<&String> = wanted
                .iter()
                .filter(|id| !listed.contains(id))
                .chain(listed.iter().filter(|id| !wanted.contains(*id)))
                .collect();
            let told: String =
                record.with(|inner| strange.iter().map(|id| inner.told(&format!("post {id}"))).collect());
            return Err(format!(
                "{} posts are listed with the tag {tag}, {} carry it: {strange:?}{told}",
                listed.len(),
                wanted.len()
            ));
        }
    }
    Ok(())
}
