//! The world around the server: a mail server and a model that nobody here wrote into it, each behind a gate, and their weather.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use rand::{RngExt, rngs::StdRng};
use serde_json::json;

use super::record::{POISON, VILE};
use crate::support::{
    Gate, Passage, Smtpd,
    model::{ModelServer, Reply},
};

/// The mail server, the model, and the gates before them.
pub(super) struct World {
    folder: PathBuf,
    smtpd: Smtpd,
    _model: ModelServer,
    mail_gate: Gate,
    model_gate: Gate,
}

/// Trouble with one of the two, for a part of one life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storm {
    passage: Passage,
    from: Duration,
    length: Duration,
}

/// The trouble of one life: with the mail server, and with the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    mail: Option<Storm>,
    model: Option<Storm>,
}

impl Weather {
    /// The choices for a life of this length.
    pub(super) fn new(random: &mut StdRng, life: Duration) -> Self {
        Self { mail: storm(random, life), model: storm(random, life) }
    }

    /// Whether connections to the mail server may have been lost at a moment when nobody knows what became of a copy.
    pub(super) fn is_hard_on_mail(&self) -> bool {
        self.mail.is_some()
    }
}

fn storm(random: &mut StdRng, life: Duration) -> Option<Storm> {
    let passage = match random.random_range(0..6) {
        0..3 => return None,
        3 => Passage::Shut,
        4 => Passage::Silent,
        _ => Passage::Cut(random.random_range(50..3_000)),
    };
    let part = |random: &mut StdRng| life.mul_f64(random.random_range(0.0..0.7));
    Some(Storm { passage, from: part(random), length: part(random) })
}

impl std::fmt::Display for Weather {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |storm: Option<Storm>| match storm.map(|storm| storm.passage) {
            None => "-",
            Some(Passage::Free) => "free",
            Some(Passage::Shut) => "shut",
            Some(Passage::Silent) => "silent",
            Some(Passage::Cut(_)) => "cut",
        };
        write!(f, "{:6} | {:6}", name(self.mail), name(self.model))
    }
}

impl World {
    /// A fair world, which keeps its mails in a folder.
    pub(super) async fn new(folder: &Path) -> Self {
        let smtpd = Smtpd::start(&folder.join("mail"), &[]);
        let model = ModelServer::start();
        model.about(POISON, Reply::Status(400, json!({"error": {"type": "invalid_request_error", "message": "no"}})));
        model.about(VILE, Reply::Verdict("reject", &["harassment"], "It is vile."));
        let (mail_gate, model_gate) = (Gate::before(smtpd.port).await, Gate::before(model.port).await);
        Self { folder: folder.join("mail"), smtpd, _model: model, mail_gate, model_gate }
    }

    /// Where the mails are that were taken.
    pub(super) fn mail_folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// What the server must know of it.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let own = |(key, value): (&'static str, &str)| (key, value.to_owned());
        let mut variables = vec![
            ("MAIL__SMTP_URL", format!("smtp://127.0.0.1:{}", self.mail_gate.port)),
            ("MODERATION__BASE_URL", format!("http://127.0.0.1:{}", self.model_gate.port)),
        ];
        variables.extend(
            [
                ("MAIL__TRANSPORT", "smtp"),
                ("MAIL__TIMEOUT", "1s"),
                ("MODERATION__PROVIDER", "openai"),
                ("MODERATION__MODEL", "test"),
                ("MODERATION__TIMEOUT", "1s"),
                ("MODERATION__CALLS_PER_SECOND", "1000"),
                // Connections that are cut now and then are no outage: a mailing may fail as often as one life allows.
                ("WORKERS__EMAIL__MAX_RECEIVES", "10"),
                // What is planted shall not take long to die.
                ("WORKERS__MODERATION__BACKOFF", "50ms"),
            ]
            .map(own),
        );
        variables
    }

    /// Lets the weather of a life happen.
    pub(super) async fn weather(&self, weather: Weather) {
        let happen = async |gate: &Gate, storm: Option<Storm>| {
            let Some(storm) = storm else { return };
            tokio::time::sleep(storm.from).await;
            gate.set(storm.passage);
            tokio::time::sleep(storm.length).await;
            gate.set(Passage::Free);
        };
        futures_util::future::join(happen(&self.mail_gate, weather.mail), happen(&self.model_gate, weather.model))
            .await;
    }

    /// Ends every storm.
    pub(super) fn clear_up(&self) {
        self.mail_gate.set(Passage::Free);
        self.model_gate.set(Passage::Free);
    }

    /// How many mails about which post the mail server has taken for which recipient, in all lives.
    pub(super) fn mails(&self) -> BTreeMap<(String, String), usize> {
        let mut mails = BTreeMap::new();
        for mail in self.smtpd.accepted() {
            if let Some(copy) = copy_of(mail["message_id"].as_str().unwrap()) {
                *mails.entry(copy).or_default() += 1;
            }
        }
        mails
    }
}

/// The post and the recipient in a Message-ID; nothing for mails with codes.
fn copy_of(message_id: &str) -> Option<(String, String)> {
    let (post, recipient) = message_id.split_once('@')?.0.split_once('.')?;
    (post.len() == 26 && recipient.len() == 26).then(|| (post.to_owned(), recipient.to_owned()))
}
