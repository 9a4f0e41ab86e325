//! What a mail about a post says. Written once per step, addressed once per reader.

use htmlescape::encode_minimal;

use crate::{
    domain::{Account, MailLink, MailLinkKey, Post, PostId, render},
    gateways::{Mail, mail_host},
};

/// A mail about a post without its recipient.
pub(super) struct MailTemplate {
    post: PostId,
    public_url: String,
    host: String,
    list_id: String,
    subject: String,
    text: String,
    html: String,
    author: String,
    links: MailLinkKey,
}

impl MailTemplate {
    pub(super) fn new(post: &Post, author: &Account, public_url: &str, links: MailLinkKey) -> Self {
        let (name, title, body) = (author.name.as_str(), post.title.as_str(), post.body.as_str());
        let link = format!("{public_url}/v1/posts/{}", post.id);
        let host = mail_host(public_url);
        Self {
            post: post.id,
            public_url: public_url.to_owned(),
            list_id: format!("<{}.{host}>", author.handle),
            host,
            subject: format!("{name}: {title}"),
            text: format!("{title}\nby {name}\n\n{body}\n\n-- \n{link}\n"),
            html: format!(
                "<!doctype html><meta charset=\"utf-8\"><h1>{}</h1><p>by {}</p>{}<hr><p><a href=\"{link}\">{link}</a></p>",
                encode_minimal(title),
                encode_minimal(name),
                render(&post.body).as_str(),
            ),
            author: name.to_owned(),
            links,
        }
    }

    /// The copy of one reader.
    pub(super) fn to(&self, reader: &Account) -> Mail {
        let leave =
            format!("{}/mail/unsubscribe/{}", self.public_url, self.links.token(MailLink::Unsubscribe, reader.id));
        let why = format!("You get this because you follow {}.", self.author);
        Mail {
            message_id: format!("{}.{}@{}", self.post, reader.id, self.host),
            to: reader.email.clone(),
            to_name: Some(reader.name.clone()),
            subject: self.subject.clone(),
            text: format!("{}{why} To get no more mails about new posts:\n{leave}\n", self.text),
            html: Some(format!(
                "{}<p>{} <a href=\"{leave}\">No more mails about new posts</a></p>",
                self.html,
                encode_minimal(&why)
            )),
            headers: vec![
                ("List-Id".to_owned(), self.list_id.clone()),
                ("List-Unsubscribe".to_owned(), format!("<{leave}>")),
                ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()),
            ],
        }
    }
}
