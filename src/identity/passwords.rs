//! Passwords: argon2id, on threads of their own, and never more at once than there are processors. What makes a
//! password good enough is `domain::Password`'s.

use std::{sync::Arc, thread};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use tokio::{runtime::Handle, sync::Semaphore};

use crate::domain::Password;

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords(Arc<Hasher>);

struct Hasher {
    argon2: Argon2<'static>,
    /// The hash of a password that nobody has: what a sign-in to an unknown address is checked against.
    decoy: String,
    permits: Arc<Semaphore>,
    jobs: Handle,
}

/// Why a password could not be hashed or checked: a fault of this server, never of the password.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PasswordError {
    /// The settings are out of argon2's range.
    #[error("argon2 cannot work with these settings: {0}")]
    Settings(argon2::Error),
    /// Out of memory or of randomness, or a stored hash that is none.
    #[error("argon2 failed: {0}")]
    Argon2(argon2::password_hash::Error),
    /// The runtime is shutting down.
    #[error("the thread that hashed a password is gone")]
    Lost,
}

impl Passwords {
    /// Argon2id with that cost, on the blocking threads of `jobs`. Hashes once, so it takes as long as a sign-in.
    ///
    /// # Errors
    /// If argon2 refuses the settings.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32, jobs: Handle) -> Result<Self, PasswordError> {
        let params = Params::new(memory_kib, iterations, parallelism, None).map_err(PasswordError::Settings)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, format!("{:032x}", rand::random::<u128>()).as_bytes())?;
        let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self(Arc::new(Hasher { argon2, decoy, permits: Arc::new(Semaphore::new(processors)), jobs })))
    }

    /// The PHC string to keep for a new password.
    ///
    /// # Errors
    /// If argon2 fails.
    pub async fn hash(&self, password: Password) -> Result<String, PasswordError> {
        self.run(move |hasher| hash(&hasher.argon2, password.expose().as_bytes())).await
    }

    /// Whether that is the password behind a stored PHC string. With no string (nobody has that address) the answer is
    /// no, and takes as long.
    ///
    /// # Errors
    /// If argon2 fails, or the stored string is not a hash.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, PasswordError> {
        self.run(move |hasher| {
            let phc = stored.as_deref().unwrap_or(hasher.decoy.as_str());
            match hasher.argon2.verify_password(password.as_bytes(), phc) {
                Ok(()) => Ok(stored.is_some()),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(PasswordError::Argon2(error)),
            }
        })
        .await
    }

    /// Runs `work` once it is its turn. The permit goes with the work: a request that is given up does not make room
    /// early.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| PasswordError::Lost)?;
        let hasher = Arc::clone(&self.0);
        let job = self.0.jobs.spawn_blocking(move || {
            let _permit = permit;
            work(&hasher)
        });
        job.await.map_err(|_| PasswordError::Lost)?
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> Result<String, PasswordError> {
    let hash: PasswordHash = argon2.hash_password(password).map_err(PasswordError::Argon2)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(64, 1, 1, Handle::current()).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_address_is_right() {
        let passwords = passwords();
        let stored = passwords.hash(Password::parse("correct horse battery").unwrap()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(passwords.verify("correct horse battery".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse".to_owned(), Some(stored)).await.unwrap());
        assert!(!passwords.verify("correct horse battery".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn the_same_password_never_hashes_alike() {
        let passwords = passwords();
        let hash = async || passwords.hash(Password::parse("correct horse battery").unwrap()).await.unwrap();
        assert_ne!(hash().await, hash().await);
    }

    #[tokio::test]
    async fn settings_out_of_range_and_broken_hashes_are_errors() {
        assert!(matches!(Passwords::new(0, 1, 1, Handle::current()), Err(PasswordError::Settings(_))));
        let broken = passwords().verify("x".to_owned(), Some("not a hash".to_owned())).await;
        assert!(matches!(broken, Err(PasswordError::Argon2(_))));
    }
}
