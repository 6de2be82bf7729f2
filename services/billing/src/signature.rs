//! The payment provider's signature scheme: `Stripe-Signature: t=<seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
//!
//! Source: Stripe documentation, "Verify webhook signatures manually".

use annals_kit::Timestamp;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How far the signed time may be from ours, either way.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// The header is missing or of another form.
    #[error("the Stripe-Signature header is missing or not of the form t=..,v1=..")]
    Malformed,
    /// Nobody who has the secret signed this body at this time.
    #[error("the signature does not fit the body")]
    Mismatch,
    /// Signed too long ago, or in the future.
    #[error("the signature's time is more than {TOLERANCE_SECONDS} seconds from ours")]
    Stale,
}

/// Checks that `body` was signed with `secret` within [`TOLERANCE_SECONDS`] of `now`. Compares in constant time.
pub fn check(header: Option<&str>, body: &[u8], secret: &str, now: Timestamp) -> Result<(), BadSignature> {
    let (mut time, mut signatures) = (None, vec![]);
    for part in header.ok_or(BadSignature::Malformed)?.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) if time.is_none() => time = Some(text.parse::<i64>().map_err(|_| BadSignature::Malformed)?),
            Some(("v1", text)) => signatures.extend(hex(text)),
            // Other schemes, such as v0 of test mode, say nothing.
            Some(_) => {}
            None => return Err(BadSignature::Malformed),
        }
    }
    let time = time.filter(|_| !signatures.is_empty()).ok_or(BadSignature::Malformed)?;
    let signed = signatures.iter().fold(false, |found, signature| mac(time, body, secret).verify_slice(signature).is_ok() | found);
    match (signed, time.abs_diff(now.seconds()) <= TOLERANCE_SECONDS.unsigned_abs()) {
        (false, _) => Err(BadSignature::Mismatch),
        (true, false) => Err(BadSignature::Stale),
        (true, true) => Ok(()),
    }
}

/// The header that signs `body` at time `at`: for tests, and for playing the provider.
pub fn sign(body: &[u8], secret: &str, at: Timestamp) -> String {
    let signature: String = mac(at.seconds(), body, secret).finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={},v1={signature}", at.seconds())
}

fn mac(time: i64, body: &[u8], secret: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    mac
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let nibble = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::try_from(nibble(2 * i)? << 4 | nibble(2 * i + 1)?).ok()?;
    }
    (digits.len() == 64).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_signature_is_good_for_300_seconds_either_way() {
        let header = sign(b"{}", "whsec", at(0));
        let checked = |seconds| check(Some(&header), b"{}", "whsec", at(seconds));
        assert_eq!(
            [checked(-301), checked(-300), checked(0), checked(300), checked(301)],
            [Err(BadSignature::Stale), Ok(()), Ok(()), Ok(()), Err(BadSignature::Stale)]
        );
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let good = sign(b"{}", "new", at(0));
        let old = sign(b"{}", "old", at(0));
        let both = format!("{old},{},v0=00", good.split_once(',').unwrap().1);
        assert_eq!(check(Some(&both), b"{}", "new", at(0)), Ok(()));
    }

    proptest! {
        /// Law: no bit of the body, and no other secret, passes under a signature; no header makes the check panic.
        #[test]
        fn only_the_signed_body_passes(body in prop::collection::vec(any::<u8>(), 1..60), flip in any::<prop::sample::Index>(), bit in 0u8..8, noise in "\\PC{0,80}") {
            let header = sign(&body, "whsec", at(0));
            prop_assert_eq!(check(Some(&header), &body, "whsec", at(0)), Ok(()));
            prop_assert_eq!(check(Some(&header), &body, "other", at(0)), Err(BadSignature::Mismatch));
            let mut other = body.clone();
            other[flip.index(body.len())] ^= 1 << bit;
            prop_assert_eq!(check(Some(&header), &other, "whsec", at(0)), Err(BadSignature::Mismatch));
            prop_assert!(check(Some(&noise), &body, "whsec", at(0)).is_err());
        }
    }
}
