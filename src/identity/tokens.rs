//! Tokens: what a signed-in client carries. Access and ID tokens are JWTs (RFC 9068, OpenID Connect) signed with
//! Ed25519; refresh tokens live in `refresh_token.rs`. Nothing here touches the database or a clock.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
    errors::{Error as JwtError, ErrorKind},
};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{Account, AccountId, Role, Scope, SessionId, Timestamp};

/// Whom tokens are for, and who asks for them: this server's own API and its own clients.
const AUDIENCE: &str = "broadsheet";
/// How many tokens are remembered.
const REMEMBERED: usize = 10_000;
/// Longer than any token made here; anything beyond is not worth decoding.
const MAX_TOKEN_BYTES: usize = 4096;
/// The DER of a PKCS#8 version 1 document (RFC 5958) with an Ed25519 key (RFC 8410), up to the 32 bytes of the seed.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Makes and checks the tokens of one issuer. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Keys>);

struct Keys {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    /// Tokens whose signature was checked before, by their SHA-256: an Ed25519 check costs as much as half a publish.
    verified: Cache<[u8; 32], (Claims, i64)>,
    id: String,
    issuer: String,
    ttl: Duration,
}

/// What an account gets when it signs in or refreshes. Has no `Debug`: tokens do not belong in logs.
pub struct Issued {
    /// The JWT that opens the API.
    pub access_token: String,
    /// The JWT that tells a client who signed in. It opens nothing.
    pub id_token: String,
    /// How long both are good for.
    pub expires_in: Duration,
    /// The scopes of the access token, separated by spaces.
    pub scope: String,
}

/// What a valid access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose token it is.
    pub account: AccountId,
    /// The session it was made in.
    pub session: SessionId,
    /// The account's handle when the token was made.
    pub handle: String,
    /// The account's roles when the token was made.
    pub roles: Vec<Role>,
    /// What the token may be used for.
    pub scopes: Vec<Scope>,
    /// When it is good no longer.
    pub expires_at: Timestamp,
}

/// Why an access token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a JWT, or lacks what an access token must have.
    #[error("the access token is malformed")]
    Malformed,
    /// Another key, issuer, audience or algorithm, or an ID token in place of an access token.
    #[error("the access token is not one of this server's")]
    Untrusted,
    /// It was good once.
    #[error("the access token has expired")]
    Expired,
}

/// A token could not be signed: a fault of this server, never of a request.
#[derive(Debug, thiserror::Error)]
#[error("a token cannot be signed: {0}")]
pub struct SignError(#[from] JwtError);

#[derive(Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    exp: i64,
    iat: i64,
    jti: String,
    sid: String,
    scope: String,
    handle: String,
    roles: Vec<String>,
}

#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    sid: &'a str,
    name: &'a str,
    preferred_username: &'a str,
    email: &'a str,
    email_verified: bool,
}

impl Tokens {
    /// Tokens signed with the Ed25519 key of that seed, good for `ttl`.
    #[must_use]
    pub fn new(seed: [u8; 32], issuer: String, ttl: Duration) -> Self {
        let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false; // `verify` does it, by the clock it is given and without leeway
        Self(Arc::new(Keys {
            signing: EncodingKey::from_ed_der(&[PKCS8_HEAD.as_slice(), seed.as_slice()].concat()),
            verifying: DecodingKey::from_ed_der(&public),
            validation,
            verified: Cache::new(REMEMBERED),
            id: thumbprint(&public),
            issuer,
            ttl,
        }))
    }

    /// The access token and the ID token for an account that has just proved who it is.
    ///
    /// # Errors
    /// If the signature fails.
    pub fn issue(&self, account: &Account, session: SessionId, now: Timestamp) -> Result<Issued, SignError> {
        let scope = Scope::granted_to(&account.roles).iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
        let access = AccessClaims {
            iss: self.0.issuer.clone(),
            sub: account.id.to_string(),
            aud: AUDIENCE.to_owned(),
            client_id: AUDIENCE.to_owned(),
            exp: seconds(now.plus(self.0.ttl)),
            iat: seconds(now),
            jti: format!("{:032x}", rand::random::<u128>()),
            sid: session.to_string(),
            scope: scope.clone(),
            handle: account.handle.as_str().to_owned(),
            roles: account.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        };
        let id = IdClaims {
            iss: &access.iss,
            sub: &access.sub,
            aud: AUDIENCE,
            exp: access.exp,
            iat: access.iat,
            sid: &access.sid,
            name: account.name.as_str(),
            preferred_username: account.handle.as_str(),
            email: account.email.as_str(),
            email_verified: true,
        };
        Ok(Issued {
            access_token: self.sign("at+jwt", &access)?,
            id_token: self.sign("JWT", &id)?,
            expires_in: self.0.ttl,
            scope,
        })
    }

    /// Reads an access token of this server: signature, issuer, audience, type and, by `now`, its end.
    ///
    /// # Errors
    /// Why it is refused. Tokens whose session has been closed are good until they expire.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let known = self.0.verified.get(&digest);
        let (claims, expires) = match known {
            Some(known) => known,
            None => {
                let verified = self.check(token)?;
                self.0.verified.insert(digest, verified.clone());
                verified
            }
        };
        if seconds(now) >= expires { Err(TokenError::Expired) } else { Ok(claims) }
    }

    /// Everything about a token that does not change with time, and when it expires.
    fn check(&self, token: &str) -> Result<(Claims, i64), TokenError> {
        let header = decode_header(token).map_err(|error| refusal(&error))?;
        let typ = header.typ.unwrap_or_default();
        let is_access_token = typ.trim_start_matches("application/").eq_ignore_ascii_case("at+jwt");
        if !is_access_token || header.crit.is_some() {
            return Err(TokenError::Untrusted);
        }
        let verified = decode::<AccessClaims>(token, &self.0.verifying, &self.0.validation);
        let claims = verified.map_err(|error| refusal(&error))?.claims;
        let verified = Claims {
            account: claims.sub.parse().map_err(|_| TokenError::Malformed)?,
            session: claims.sid.parse().map_err(|_| TokenError::Malformed)?,
            handle: claims.handle,
            roles: claims.roles.iter().filter_map(|role| Role::parse(role)).collect(),
            scopes: claims.scope.split(' ').filter_map(Scope::parse).collect(),
            expires_at: Timestamp::from_millis(claims.exp.saturating_mul(1_000)),
        };
        Ok((verified, claims.exp))
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.0.id.clone());
        Ok(encode(&header, claims, &self.0.signing)?)
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(1000)
}

/// The key's id: its RFC 7638 thumbprint.
fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

fn refusal(error: &JwtError) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidToken
        | ErrorKind::Base64(_)
        | ErrorKind::Json(_)
        | ErrorKind::Utf8(_)
        | ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_) => TokenError::Malformed,
        // the enum is open: whatever else is wrong, the token is not one of ours
        _ => TokenError::Untrusted,
    }
}

#[cfg(test)]
mod tests;
