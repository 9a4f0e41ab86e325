//! What is known to be damaged: told by readiness until the server is started anew.

use parking_lot::Mutex;

use super::Error;

/// The first damage that was met.
#[derive(Default)]
pub(super) struct Damage(Mutex<Option<String>>);

impl Damage {
    /// Notes an error if it says that a file is damaged; logs it the first time.
    pub(super) fn note(&self, error: &Error) {
        let Error::Unavailable(text) = error else { return };
        if !text.contains("Corruption") {
            return;
        }
        let mut known = self.0.lock();
        if known.is_none() {
            tracing::error!(%error, "a file of the database is damaged; restore a backup, or ask `broadsheet check` what is lost");
            *known = Some(file_in(text).unwrap_or("a file").to_owned());
        }
    }

    /// The name of the damaged file.
    pub(super) fn known(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

/// The name of the file in a message of RocksDB's, without the folders that lead there.
fn file_in(text: &str) -> Option<&str> {
    let words =
        text.split(|character: char| character.is_whitespace() || matches!(character, ':' | ',' | ';' | '\'' | '"'));
    let is_file = |word: &&str| [".sst", ".blob", ".log"].iter().any(|ending| word.ends_with(ending));
    words.filter_map(|word| word.rsplit('/').next()).find(is_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_by_the_name_of_its_file() {
        let damage = Damage::default();
        damage.note(&Error::Unavailable("IO error: No space left on device".to_owned()));
        damage.note(&Error::Corrupt("Corruption of another kind".to_owned()));
        assert_eq!(damage.known(), None);
        let text = "Corruption: block checksum mismatch: stored = 1, computed = 2, type = 4 in data/db/000012.sst offset 0 size 9";
        damage.note(&Error::Unavailable(text.to_owned()));
        damage.note(&Error::Unavailable("Corruption: /srv/db/000099.blob".to_owned()));
        assert_eq!(damage.known().as_deref(), Some("000012.sst"));
        assert_eq!(file_in("Corruption: Invalid blob record"), None);
    }
}
