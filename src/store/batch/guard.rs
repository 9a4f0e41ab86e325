//! Why a transaction refuses itself: somebody else has changed meanwhile what it was decided on.

use std::fmt;

/// A condition that a transaction checks itself. Where it fails, nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// A delivery is not leased under this token any more.
    LeaseLost,
    /// A cursor is another node's, or not where it was thought to be.
    CursorLost,
    /// A post has another version.
    Stale,
    /// An account has other roles.
    RolesChanged,
    /// A sign-up's code is used up, or was replaced.
    CodeGone,
    /// A job has ended.
    JobEnded,
    /// A job has ended, is another node's, or was carried on by somebody else.
    JobLost,
    /// A dead letter has gone, or is another one under the same id.
    LettersChanged,
    /// The batch itself creates a row twice.
    CreatedTwice,
}

impl Guard {
    const ALL: [Self; 9] = [
        Self::LeaseLost,
        Self::CursorLost,
        Self::Stale,
        Self::RolesChanged,
        Self::CodeGone,
        Self::JobEnded,
        Self::JobLost,
        Self::LettersChanged,
        Self::CreatedTwice,
    ];

    /// What a transaction in `SurrealQL` throws.
    pub(in crate::store) const fn as_str(self) -> &'static str {
        match self {
            Self::LeaseLost => "lease lost",
            Self::CursorLost => "cursor lost",
            Self::Stale => "stale",
            Self::RolesChanged => "roles changed",
            Self::CodeGone => "code gone",
            Self::JobEnded => "job ended",
            Self::JobLost => "job lost",
            Self::LettersChanged => "letters changed",
            Self::CreatedTwice => "a row is created twice",
        }
    }

    /// The guard that threw this.
    pub(in crate::store) fn parse(thrown: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guard| guard.as_str() == thrown)
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Guard;

    #[test]
    fn every_guard_is_known_by_what_it_throws() {
        for guard in Guard::ALL {
            assert_eq!(Guard::parse(guard.as_str()), Some(guard));
        }
        assert_eq!(Guard::parse("no entry"), None);
    }
}
