//! The part of DER needed to read a PKCS #8 private key (RFC 5208, RFC 8410). Everything else is refused.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The content of a PKCS #8 envelope.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PrivateKey<'a> {
    /// A PKCS #1 key, as DER.
    Rsa(&'a [u8]),
    /// A seed of 32 bytes.
    Ed25519(&'a [u8]),
}

/// Opens a PKCS #8 envelope.
pub(super) fn private_key(der: &[u8]) -> Option<PrivateKey<'_>> {
    let (envelope, _) = element(SEQUENCE, der)?;
    let (_version, rest) = element(INTEGER, envelope)?;
    let (algorithm, rest) = element(SEQUENCE, rest)?;
    let (object, _) = element(OBJECT, algorithm)?;
    let (key, _) = element(OCTETS, rest)?;
    if object == RSA {
        return Some(PrivateKey::Rsa(key));
    }
    let (seed, _) = element(OCTETS, key)?;
    (object == ED25519 && seed.len() == 32).then_some(PrivateKey::Ed25519(seed))
}

/// The content of the element at the start of `bytes`, and the bytes after it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        let is_sane = (1..=4).contains(&digits.len());
        let length = digits.iter().fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
        (is_sane.then_some(length)?, rest)
    };
    if first == tag { rest.split_at_checked(length) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_of_either_kind_is_opened() {
        let rsa =
            [&[0x30, 0x16, 0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09], RSA, &[0x05, 0x00, 0x04, 0x02, 7, 8]].concat();
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
