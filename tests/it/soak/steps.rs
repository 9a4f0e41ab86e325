//! What each kind of request is, and what its answer must be.

use std::time::Instant;

use rand::{RngExt, rngs::StdRng};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{
    load::{Kind, Run},
    oracle::{Post, State, Which, Who},
    prose,
};

/// Whoever has read so far begins anew. A feed keeps 800 posts; what is beyond them is gathered from the authors.
const DEEPEST: usize = 60;
const ADMIN: Who = 0;
const ADMIN_PAGES: [&str; 7] = [
    "/v1/admin/workers",
    "/v1/admin/overview",
    "/v1/admin/dead-letters",
    "/v1/admin/dead-letters/causes",
    "/v1/admin/audit",
    "/v1/admin/jobs",
    "/v1/moderation/queue",
];

type Step = Result<(), String>;

impl Run {
    /// Sends a request of this kind, which was due then.
    pub(super) async fn act(&self, kind: Kind, due: Instant) -> Step {
        let who = self.choose(|random| random.random_range(0..self.room.len()));
        match kind {
            Kind::Publish => self.publish(who, due).await,
            Kind::Edit => self.edit(due).await,
            Kind::Delete => self.delete(due).await,
            Kind::Follow => self.follow(due).await,
            Kind::Read => {
                let Some((which, post)) = self.some_post() else { return Ok(()) };
                let request = self.room.request(who, Method::GET, &format!("/v1/posts/{}", post.id));
                self.about(kind, due, which, request).await
            }
            Kind::Feed => self.feed(kind, who, due, None).await,
            Kind::Deeper => self.feed(kind, who, due, self.room.place(who)).await,
            Kind::Search => self.get(kind, who, due, &self.search()).await,
            Kind::List => self.get(kind, who, due, &self.list()).await,
            Kind::Author => self.get(kind, who, due, &format!("/v1/authors/{}", self.somebody())).await,
            Kind::Atom => self.get(kind, who, due, &format!("/v1/authors/{}/atom.xml", self.somebody())).await,
            Kind::Stats => {
                let is_own = self.choose(|random| random.random_bool(0.5));
                match self.some_post().filter(|_| !is_own) {
                    Some((which, post)) => {
                        let path = format!("/v1/posts/{}/stats", post.id);
                        self.about(kind, due, which, self.room.request(post.author, Method::GET, &path)).await
                    }
                    None => self.get(kind, who, due, "/v1/me/stats").await,
                }
            }
            Kind::Receipt => {
                let Some((which, post)) = self.some_post() else { return Ok(()) };
                let part = if self.choose(|random| random.random_bool(0.5)) { "deliveries" } else { "mailing" };
                let path = format!("/v1/posts/{}/{part}", post.id);
                self.about(kind, due, which, self.room.request(post.author, Method::GET, &path)).await
            }
            Kind::SignIn => self.sign_in(who, due).await,
            Kind::Refresh => self.refresh(due).await,
            Kind::Admin => {
                let page = self.choose(|random| random.random_range(0..ADMIN_PAGES.len()));
                self.get(kind, ADMIN, due, ADMIN_PAGES[page]).await
            }
        }
    }

    async fn publish(&self, who: Who, due: Instant) -> Step {
        self.write_post(who, true, Some(due)).await
    }

    /// Publishes a post; without a due time it counts as part of the preparations.
    pub(super) async fn write_post(&self, who: Who, is_mailed: bool, due: Option<Instant>) -> Step {
        let word = self.room.new_word();
        let mut body = self.choose(|random| self.prose.draft(random, &word)).json();
        body["notify"] = json!(is_mailed);
        let request = self.room.request(who, Method::POST, "/v1/posts").header("idempotency-key", &word).json(&body);
        let answer = self.ask(due.map(|due| (Kind::Publish, due)), request, 201).await?;
        self.room.created(who, word, is_mailed, &answer);
        Ok(())
    }

    async fn edit(&self, due: Instant) -> Step {
        let Some((which, post)) = self.choose(|random| self.room.take_post(random, State::Busy)) else { return Ok(()) };
        let word = self.room.new_word();
        let body = self.choose(|random| self.prose.draft(random, &word)).json();
        let request = self.room.request(post.author, Method::PATCH, &format!("/v1/posts/{}", post.id)).json(&body);
        let answer = self.ask(Some((Kind::Edit, due)), request, 200).await?;
        self.room.edited(which, word, &answer);
        Ok(())
    }

    async fn delete(&self, due: Instant) -> Step {
        let Some((_, post)) = self.choose(|random| self.room.take_post(random, State::Gone)) else { return Ok(()) };
        let request = self.room.request(post.author, Method::DELETE, &format!("/v1/posts/{}", post.id));
        self.ask(Some((Kind::Delete, due)), request, 204).await.map(drop)
    }

    async fn follow(&self, due: Instant) -> Step {
        let (pair, follows) = self.choose(|random| self.room.take_pair(random));
        let method = if follows { Method::DELETE } else { Method::PUT };
        let request = self.room.request(pair.0, method, &format!("/v1/authors/{}/follow", self.room.handle(pair.1)));
        self.ask(Some((Kind::Follow, due)), request, 204).await?;
        self.room.set_follow(pair, !follows);
        Ok(())
    }

    async fn feed(&self, kind: Kind, who: Who, due: Instant, place: Option<(String, usize)>) -> Step {
        let cursor = place.as_ref().map_or(String::new(), |(cursor, _)| format!("?cursor={cursor}"));
        let request = self.room.request(who, Method::GET, &format!("/v1/feed{cursor}"));
        let page = self.ask(Some((kind, due)), request, 200).await?;
        let depth = place.map_or(1, |(_, depth)| depth + 1);
        let next = page["next_cursor"].as_str().filter(|_| depth < DEEPEST);
        self.room.set_place(who, next.map(|cursor| (cursor.to_owned(), depth)));
        let mut ids: Vec<&str> =
            page["items"].as_array().unwrap().iter().map(|post| post["id"].as_str().unwrap()).collect();
        let shown = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() == shown { Ok(()) } else { Err("a post stands twice on a page of a feed".to_owned()) }
    }

    async fn sign_in(&self, who: Who, due: Instant) -> Step {
        let person = self.room.person(who);
        let body = json!({"email": person.email, "password": person.password});
        let request = person.client.request(Method::POST, "/v1/identity/sign-in").json(&body);
        let tokens = self.ask(Some((Kind::SignIn, due)), request, 200).await?;
        let body = json!({"refresh_token": tokens["refresh_token"]});
        let request = person.client.request(Method::POST, "/v1/identity/sign-out").json(&body);
        self.ask(None, request, 204).await.map(drop)
    }

    async fn refresh(&self, due: Instant) -> Step {
        let Some((who, _)) = self.room.oldest_token() else { return Ok(()) };
        let body = json!({"refresh_token": self.room.begin_refresh(who)});
        let request = self.room.person(who).client.request(Method::POST, "/v1/identity/refresh").json(&body);
        let tokens = self.ask(Some((Kind::Refresh, due)), request, 200).await;
        self.room.end_refresh(who, tokens.as_ref().ok());
        tokens.map(drop)
    }

    fn search(&self) -> String {
        let mut random = self.random.borrow_mut();
        let word = self.prose.word(&mut random);
        match random.random_range(0..5) {
            0 => format!("/v1/search?q={word}%20{}", self.prose.word(&mut random)),
            1 => format!("/v1/search?q={word}&tag={}", prose::tag(&mut random)),
            2 => match self.room.some_post(&mut random) {
                Some((_, post)) => format!("/v1/search?q={}", post.word),
                None => format!("/v1/search?q={word}"),
            },
            3 => format!("/v1/search?q={word}%20author:{}", self.room.handle(random.random_range(0..self.room.len()))),
            _ => format!("/v1/search?q={word}"),
        }
    }

    fn list(&self) -> String {
        let somebody = self.somebody();
        let mut random = self.random.borrow_mut();
        match random.random_range(0..5) {
            0 => "/v1/posts".to_owned(),
            1 => format!("/v1/posts?tag={}", prose::tag(&mut random)),
            2 => format!("/v1/authors/{somebody}/posts"),
            3 => "/v1/me/followers".to_owned(),
            _ => "/v1/me/following".to_owned(),
        }
    }

    async fn get(&self, kind: Kind, who: Who, due: Instant, path: &str) -> Step {
        self.ask(Some((kind, due)), self.room.request(who, Method::GET, path), 200).await.map(drop)
    }

    /// Asks about a post that somebody may be deleting.
    async fn about(&self, kind: Kind, due: Instant, which: Which, request: RequestBuilder) -> Step {
        match self.ask(Some((kind, due)), request, 200).await {
            Err(error) if self.room.is_gone(which) && error.starts_with("404") => {
                self.intend("404 for a post that is being deleted");
                Ok(())
            }
            answered => answered.map(drop),
        }
    }

    /// Sends a request and reads the whole answer. Its time, if it counts, is from when it was due.
    async fn ask(&self, timed: Option<(Kind, Instant)>, request: RequestBuilder, status: u16) -> Result<Value, String> {
        let response = request.send().await.map_err(|error| format!("{error:?}"))?;
        let (answered, is_atom) = (
            response.status(),
            response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/atom")),
        );
        let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
        if let Some((kind, due)) = timed {
            self.latencies.borrow_mut().add(kind, due);
        }
        if answered.as_u16() != status {
            return Err(format!("{}: {}", answered.as_u16(), String::from_utf8_lossy(&body)));
        }
        let is_change =
            timed.is_some_and(|(kind, _)| matches!(kind, Kind::Publish | Kind::Edit | Kind::Delete | Kind::Follow));
        self.accepted.set(self.accepted.get() + u64::from(is_change));
        if body.is_empty() || is_atom {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }

    fn some_post(&self) -> Option<(Which, Post)> {
        self.choose(|random| self.room.some_post(random))
    }

    fn somebody(&self) -> String {
        self.room.handle(self.choose(|random| random.random_range(0..self.room.len())))
    }

    fn choose<T>(&self, choose: impl FnOnce(&mut StdRng) -> T) -> T {
        choose(&mut self.random.borrow_mut())
    }
}
