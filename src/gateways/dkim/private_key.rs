//! The private keys that a PKCS #8 envelope can hold (RFC 5208, RFC 8410). Everything else is refused.

use pkcs8::{
    ObjectIdentifier, PrivateKeyInfo,
    der::{Decode, asn1::OctetStringRef},
};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What a PKCS #8 envelope holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PrivateKey<'a> {
    /// A PKCS #1 key, as DER.
    Rsa(&'a [u8]),
    /// A seed of 32 bytes.
    Ed25519(&'a [u8]),
}

/// Opens a PKCS #8 envelope.
pub(super) fn private_key(der: &[u8]) -> Option<PrivateKey<'_>> {
    let envelope = PrivateKeyInfo::try_from(der).ok()?;
    match envelope.algorithm.oid {
        RSA => Some(PrivateKey::Rsa(envelope.private_key)),
        ED25519 => {
            let seed = OctetStringRef::from_der(envelope.private_key).ok()?.as_bytes();
            (seed.len() == 32).then_some(PrivateKey::Ed25519(seed))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_of_either_kind_is_opened() {
        let rsa =
            [&[0x30, 0x16, 0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09], RSA.as_bytes(), &[0x05, 0x00, 0x04, 0x02, 7, 8]]
                .concat();
        assert_eq!(private_key(&rsa), Some(PrivateKey::Rsa(&[7, 8])));
        let head = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
        let ed25519 = [&head[..], &[9; 32]].concat();
        assert_eq!(private_key(&ed25519), Some(PrivateKey::Ed25519(&[9; 32])));
    }

    #[test]
    fn what_is_cut_short_or_something_else_is_refused() {
        let head = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
        let whole = [&head[..], &[9; 32]].concat();
        for end in 0..whole.len() {
            assert_eq!(private_key(&whole[..end]), None, "{end}");
        }
        assert_eq!(private_key(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
        assert_eq!(private_key(&[0xff; 64]), None);
    }
}
