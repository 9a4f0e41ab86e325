//! What tokens open, and what they must not.

use super::*;
use crate::domain::{Bio, Email, Handle, MailPreferences, Name};

const TTL: Duration = Duration::from_secs(900);

fn tokens(seed: u8, issuer: &str) -> Tokens {
    Tokens::new([seed; 32], issuer.to_owned(), TTL)
}

fn ada() -> Account {
    Account {
        id: AccountId::generate(),
        email: Email::parse("ada@example.org").unwrap(),
        handle: Handle::parse("ada").unwrap(),
        name: Name::parse("Ada Lovelace").unwrap(),
        bio: Bio::from_trusted(String::new()),
        roles: vec![Role::User],
        mail: MailPreferences::default(),
        hold_until_approved: false,
        created_at: Timestamp::default(),
    }
}

#[test]
fn an_access_token_says_who_and_what_until_it_ends() {
    let (tokens, ada, session) = (tokens(1, "https://a.example"), ada(), SessionId::generate());
    let now = Timestamp::from_millis(1_000_500);
    let issued = tokens.issue(&ada, session, now).unwrap();
    let claims = tokens.verify(&issued.access_token, now.plus(TTL).minus(Duration::from_secs(1))).unwrap();
    assert_eq!((claims.account, claims.session, claims.handle.as_str()), (ada.id, session, "ada"));
    assert_eq!(claims.roles, [Role::User]);
    assert!(claims.scopes.contains(&Scope::PostsWrite) && !claims.scopes.contains(&Scope::AdminRead));
    assert_eq!(tokens.verify(&issued.access_token, now.plus(TTL)), Err(TokenError::Expired));
}

#[test]
fn tokens_of_other_keys_issuers_and_uses_open_nothing() {
    let (tokens, now) = (tokens(1, "https://a.example"), Timestamp::from_millis(0));
    let of = |tokens: &Tokens| tokens.issue(&ada(), SessionId::generate(), now).unwrap();
    let own = of(&tokens);
    assert_eq!(tokens.verify(&own.id_token, now), Err(TokenError::Untrusted));
    for other in [self::tokens(2, "https://a.example"), self::tokens(1, "https://b.example")] {
        assert_eq!(tokens.verify(&of(&other).access_token, now), Err(TokenError::Untrusted));
    }
    let (head, _) = own.access_token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", URL_SAFE_NO_PAD.encode([0; 64]));
    assert_eq!(tokens.verify(&forged, now), Err(TokenError::Untrusted));
}

#[test]
fn a_shared_secret_is_no_signature() {
    let tokens = tokens(1, "https://a.example");
    let claims = AccessClaims {
        iss: "https://a.example".to_owned(),
        sub: AccountId::generate().to_string(),
        aud: AUDIENCE.to_owned(),
        client_id: AUDIENCE.to_owned(),
        exp: 900,
        iat: 0,
        jti: String::new(),
        sid: SessionId::generate().to_string(),
        scope: "admin:write".to_owned(),
        handle: "eve".to_owned(),
        roles: vec!["admin".to_owned()],
    };
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some("at+jwt".to_owned());
    let public = SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes();
    let forged = encode(&header, &claims, &EncodingKey::from_secret(&public)).unwrap();
    assert_eq!(tokens.verify(&forged, Timestamp::default()), Err(TokenError::Untrusted));
}

#[test]
fn hostile_tokens_are_malformed() {
    let tokens = tokens(1, "https://a.example");
    for text in
        ["", ".", "..", "a.b.c", "\u{1f980}.\u{1f980}.\u{1f980}", "eyJhbGciOiJub25lIn0.e30.", &"a.".repeat(9_000)]
    {
        assert_eq!(tokens.verify(text, Timestamp::default()), Err(TokenError::Malformed), "{text}");
    }
}

/// RFC 8037, appendix A: a seed, its public key and its thumbprint.
#[test]
fn the_key_id_is_the_thumbprint() {
    let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let tokens = Tokens::new(seed.try_into().unwrap(), "https://a.example".to_owned(), TTL);
    assert_eq!(tokens.0.id, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}
