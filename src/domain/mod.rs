//! The subject matter of Broadsheet and nothing else: ids, validated text, posts, accounts, events and the rules about
//! them.
//!
//! Pure code: no actix, no surrealdb, no clock, no files, no network. Times are arguments.

mod account;
mod audit;
mod cause;
pub mod cursor;
mod dead_letter;
mod error;
mod event;
mod front_matter;
mod hex;
mod id;
mod job;
mod mail_link;
mod markdown;
mod moderation;
mod page;
mod post;
mod receipt;
mod review;
mod role;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod trace;
mod visibility;

pub use account::{Account, MailPreferences};
pub use audit::{Actor, Audit, AuditId};
pub use cause::{Cause, CauseId};
pub use cursor::{CauseCursor, HitCursor, LetterCursor, PageCursor};
pub use dead_letter::{DeadLetterFilter, DeadLetterId, Subscription};
pub use error::{Invalid, Problems};
pub use event::{ContentChange, Epoch, Event, EventId, EventKind};
pub use front_matter::{Document, FrontMatterError};
pub use hex::{hex, sha256_hex};
pub use id::{AccountId, JobId, PostId, SessionId};
pub use job::{Job, JobKind, JobState};
pub use mail_link::{MailLink, MailLinkKey};
pub use markdown::{Rendered, excerpt, plain_text, render};
pub use moderation::{Decision, Grounds, Judge, Moderation, Usage, Verdict};
pub use page::Page;
pub use post::{MAX_TAGS, Post, Status};
pub use receipt::{DeliveryState, Receipt, ReceiptLine};
pub use review::{APPEAL_WINDOW, Appeal, AppealState, ReviewError, ReviewRecord, Ruling};
pub use role::{Role, Scope};
pub use text::{AppealText, Bio, Body, Email, Handle, Name, Password, Reason, Slug, Tag, Title, one_line};
pub use time::{Day, Timestamp};
pub use trace::TraceContext;
pub use visibility::{Viewer, may_see};
