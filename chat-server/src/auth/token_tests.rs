//! Tokens that are ours, and the many that are not.

use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> Time {
    Time::from_micros(seconds * 1_000_000)
}

fn key(kid: &str, byte: u8) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        secret: [byte; 32],
        created_at: at(NOW),
    }
}

fn ring() -> Keyring {
    Keyring::new(vec![key("new", 1), key("old", 2)]).expect("there are keys")
}

fn ann() -> Name {
    Name::parse("ann").expect("a name")
}

fn good_claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "sid": "s1", "iat": NOW, "exp": NOW + 60})
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, b| bits << 8 | u32::from(*b))
            << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            out.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    out
}

/// A token as anybody could write it, signed with HS256 by `secret`.
fn forged(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let said = format!(
        "{}.{}",
        base64(header.to_string().as_bytes()),
        base64(claims.to_string().as_bytes())
    );
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), said.as_bytes());
    format!("{said}.{}", base64(mac.as_ref()))
}

fn read(token: &str) -> Option<Claims> {
    ring().read_access(token, at(NOW))
}

#[test]
fn a02_an_access_token_reads_back_until_it_ends() {
    let token = ring()
        .access(&ann(), &SessionId("s1".to_owned()), at(NOW))
        .expect("a token");
    let claims = read(&token).expect("it is ours");
    assert_eq!((claims.sub, claims.sid.as_str()), (ann(), "s1"));
    let end = NOW + limits::ACCESS_TOKEN_S;
    assert!(ring().read_access(&token, at(end - 1)).is_some());
    assert!(ring().read_access(&token, at(end)).is_none());
}

#[test]
fn a01_a_token_written_with_our_key_by_hand_is_read() {
    // The proof that the refusals below are for the reason named, and not for the forger's handwriting.
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": "new"});
    assert!(read(&forged(&header, &good_claims(), &[1; 32])).is_some());
}

#[test]
fn a01_other_algorithms_are_refused_also_under_a_good_signature() {
    for alg in ["none", "None", "HS384", "HS512", "RS256", "EdDSA", ""] {
        let header = json!({"alg": alg, "kid": "new"});
        let token = forged(&header, &good_claims(), &[1; 32]);
        assert!(read(&token).is_none(), "{alg}");
        let (said, _) = token.rsplit_once('.').expect("three parts");
        assert!(read(&format!("{said}.")).is_none(), "{alg} unsigned");
    }
}

#[test]
fn a01_a_kid_that_is_missing_unknown_or_a_trick_is_refused() {
    for kid in [
        json!(null),
        json!("other"),
        json!(""),
        json!("../new"),
        json!("old"),
        json!(["new"]),
        json!("new' OR 1=1"),
    ] {
        let header = json!({"alg": "HS256", "kid": kid});
        assert!(
            read(&forged(&header, &good_claims(), &[1; 32])).is_none(),
            "{kid}"
        );
    }
    let own_key = json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AQ"}});
    assert!(read(&forged(&own_key, &good_claims(), &[1; 32])).is_none());
    let header = json!({"alg": "HS256", "kid": "new"});
    assert!(read(&forged(&header, &good_claims(), &[])).is_none());
}

#[test]
fn a01_claims_that_are_missing_wrong_or_of_another_kind_are_refused() {
    let changes = [
        ("exp", json!(NOW)),
        ("exp", json!(NOW - 1)),
        ("exp", json!((NOW + 60).to_string())),
        ("exp", json!(null)),
        ("exp", json!(1e300)),
        ("exp", json!([NOW + 60])),
        ("aud", json!("other")),
        ("aud", json!(null)),
        ("aud", json!(["other"])),
        ("iss", json!("other")),
        ("iss", json!(null)),
        ("sub", json!("")),
        ("sub", json!(null)),
        ("sub", json!(7)),
        ("sid", json!(null)),
        ("sid", json!(1)),
    ];
    let header = json!({"alg": "HS256", "kid": "new"});
    for (claim, value) in changes {
        let mut claims = good_claims();
        claims[claim] = value.clone();
        assert!(
            read(&forged(&header, &claims, &[1; 32])).is_none(),
            "{claim} = {value}"
        );
        let object = claims.as_object_mut().expect("an object");
        object.remove(claim);
        assert!(
            read(&forged(&header, &claims, &[1; 32])).is_none(),
            "no {claim}"
        );
    }
}

#[test]
fn a01_a_changed_or_malformed_token_is_refused() {
    let token = ring()
        .access(&ann(), &SessionId("s1".to_owned()), at(NOW))
        .expect("a token");
    let (said, mac) = token.rsplit_once('.').expect("three parts");
    let (header, claims) = said.split_once('.').expect("two parts");
    let other = base64(
        json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ben", "sid": "s1", "iat": NOW, "exp": NOW + 60})
            .to_string()
            .as_bytes(),
    );
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{other}.{mac}"),
        format!("{said}.{}", &mac[1..]),
        format!("{token}."),
        format!(" {token}"),
        "é.é.é".to_owned(),
    ] {
        assert!(read(&bad).is_none(), "{bad:?}");
    }
}

#[test]
fn a03_what_an_old_key_signed_is_good_until_the_key_is_gone() {
    let session = SessionId("s1".to_owned());
    let before = Keyring::new(vec![key("old", 2)]).expect("a key");
    let access = before.access(&ann(), &session, at(NOW)).expect("a token");
    let said = Refresh {
        session,
        generation: 3,
    };
    let refresh = before.refresh(&said);
    assert!(read(&access).is_some());
    assert_eq!(ring().read_refresh(&refresh), Some(said));
    let after = Keyring::new(vec![key("new", 1)]).expect("a key");
    assert!(after.read_access(&access, at(NOW)).is_none());
    assert!(after.read_refresh(&refresh).is_none());
}

#[test]
fn a02_the_same_session_and_number_give_the_same_pair() {
    let said = Refresh {
        session: SessionId::generate(),
        generation: 7,
    };
    assert_eq!(ring().refresh(&said), ring().refresh(&said));
    assert_eq!(
        ring().access(&ann(), &said.session, at(NOW)),
        ring().access(&ann(), &said.session, at(NOW))
    );
    assert_eq!(ring().read_refresh(&ring().refresh(&said)), Some(said));
}

#[test]
fn a01_a_changed_refresh_token_is_refused_and_neither_kind_stands_for_the_other() {
    let said = Refresh {
        session: SessionId::generate(),
        generation: 1,
    };
    let good = ring().refresh(&said);
    let access = ring()
        .access(&ann(), &said.session, at(NOW))
        .expect("a token");
    assert!(read(&good).is_none());
    for bad in [
        good.replacen(".1.", ".2.", 1),
        good.replacen("new.", "old.", 1),
        format!("{good}00"),
        format!("x.{good}"),
        good.to_uppercase(),
        access,
        String::new(),
        "...".to_owned(),
    ] {
        assert_eq!(ring().read_refresh(&bad), None, "{bad:?}");
    }
}

#[test]
fn a03_no_key_is_shown() {
    let shown = format!("{:?} {:?}", ring(), key("new", 1));
    assert!(!shown.contains("1, 1"), "{shown}");
}

proptest::proptest! {
    #[test]
    fn a01_no_text_is_taken_for_a_token(text in "\\PC{0,80}", kid in "(new|old)?") {
        let dotted = format!("{kid}.{text}");
        for token in [text.as_str(), dotted.as_str()] {
            proptest::prop_assert!(read(token).is_none());
            proptest::prop_assert!(ring().read_refresh(token).is_none());
        }
    }
}
