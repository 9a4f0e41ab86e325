//! The settings of a model. Keys are read and never shown.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::budget::Prices;
use crate::gateways::Error;

/// The maximum size of a key file, in bytes.
const MAX_KEY_BYTES: usize = 16 << 10;

/// The protocol of a model's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelProvider {
    /// Amazon Bedrock's Converse.
    Bedrock {
        /// The region; ignored if there is a base URL.
        region: String,
    },
    /// OpenAI's chat completions.
    OpenAi,
}

/// How to reach a model, and how much to use it.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// The protocol.
    pub provider: ModelProvider,
    /// The URL of the model's server; empty for Bedrock: Amazon's.
    pub base_url: String,
    /// The model's name.
    pub model: String,
    /// The API key.
    pub key: ApiKey,
    /// Its prices.
    pub prices: Prices,
    /// The budget for a UTC day, in millionths of a US dollar; 0: no limit.
    pub daily_budget_micros: u64,
    /// The maximum number of calls per UTC day for the posts of one author; 0: no limit.
    pub author_daily_calls: u32,
    /// The maximum number of calls started per second.
    pub calls_per_second: u32,
    /// The time limit of one call.
    pub timeout: Duration,
    /// The time limit of all calls for one post.
    pub deadline: Duration,
    /// How many bytes of a post are sent in one call.
    pub chunk_bytes: usize,
}

/// The API key of a model.
#[derive(Clone)]
pub enum ApiKey {
    /// No key is needed.
    Missing,
    /// The key itself.
    Text(String),
    /// A file that contains the key. It is read for every call, because short-lived keys are replaced while the server
    /// runs.
    File(PathBuf),
}

impl ApiKey {
    /// The current key.
    pub(super) async fn read(&self) -> Result<Option<String>, Error> {
        match self {
            Self::Missing => Ok(None),
            Self::Text(key) => Ok(Some(key.clone())),
            Self::File(path) => read_file(path).await.map(Some),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Text(_) => "Text(…)",
            Self::File(_) => "File(…)",
        })
    }
}

/// An unreadable file is an outage, not the post's fault: someone may be replacing it at this moment.
async fn read_file(path: &Path) -> Result<String, Error> {
    let wrong = |what: &str| Error::Transient(format!("moderation.api_key_file {what}"));
    let text = tokio::fs::read_to_string(path).await.map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let key = text.trim();
    if key.is_empty() {
        return Err(wrong("is empty"));
    }
    if key.len() > MAX_KEY_BYTES || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("contains something other than one key"));
    }
    Ok(key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_file_is_read_anew_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = ApiKey::File(path.clone());
        assert!(key.read().await.unwrap_err().to_string().contains("api_key_file cannot be read"));
        for text in ["first", "second"] {
            std::fs::write(&path, format!("{text}\n")).unwrap();
            assert_eq!(key.read().await.unwrap().as_deref(), Some(text));
        }
    }

    #[tokio::test]
    async fn a_file_without_a_usable_key_is_an_outage_that_names_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for text in ["", " \n", "two s3cret", "s3cret\r\nX-Injected: 1"] {
            std::fs::write(&path, text).unwrap();
            let error = ApiKey::File(path.clone()).read().await.unwrap_err();
            assert!(error.is_transient() && !error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", ApiKey::Text("hunter2".to_owned())), "Text(…)");
    }
}
