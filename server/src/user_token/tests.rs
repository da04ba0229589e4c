use super::*;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

const HOUR: Duration = Duration::from_secs(3600);

fn keys() -> ClusterKeys {
    ClusterKeys::generate("dev").unwrap()
}

fn user() -> User {
    User::new("player-7").unwrap()
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

/// A token with any header and claims, validly signed: what a backend with a mistake might write.
fn signed(keys: &ClusterKeys, header: serde_json::Value, claims: serde_json::Value) -> String {
    let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(keys.issuer_key_der()).unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn with_claims(keys: &ClusterKeys, claims: serde_json::Value) -> Result<User, RefuseReason> {
    Verifier::development(keys).verify(&signed(keys, json!({ "alg": "EdDSA" }), claims))
}

#[test]
fn what_the_issuer_signs_the_verifier_accepts() {
    let keys = keys();
    let token = Issuer::new(&keys).issue(&user(), HOUR);
    assert_eq!(Verifier::development(&keys).verify(&token), Ok(user()));
}

#[test]
fn issued_tokens_bear_all_claims() {
    let token = Issuer::new(&keys()).issue_at(&user(), HOUR, 1000);
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims, json!({ "sub": "player-7", "aud": "dev", "iat": 1000, "exp": 4600 }));
}

#[test]
fn another_clusters_token_is_foreign() {
    let (keys, other) = (keys(), keys());
    let token = Issuer::new(&other).issue(&user(), HOUR);
    assert_eq!(Verifier::development(&keys).verify(&token), Err(RefuseReason::TokenForeign));
    let audience = json!({ "sub": "a", "aud": "prod", "exp": now() + 60 });
    assert_eq!(with_claims(&keys, audience), Err(RefuseReason::TokenForeign));
}

#[test]
fn a_token_expires_with_a_small_leeway() {
    let keys = keys();
    let claims = |exp: u64| json!({ "sub": "a", "aud": "dev", "exp": exp });
    assert!(with_claims(&keys, claims(now() - 1)).is_ok());
    assert_eq!(with_claims(&keys, claims(now() - 30)), Err(RefuseReason::TokenExpired));
    let not_yet = json!({ "sub": "a", "aud": "dev", "exp": now() + 90, "nbf": now() + 60 });
    assert_eq!(with_claims(&keys, not_yet), Err(RefuseReason::TokenExpired));
}

#[test]
fn a_token_without_a_claim_is_malformed() {
    let keys = keys();
    let whole = json!({ "sub": "a", "aud": "dev", "exp": now() + 60 });
    assert!(with_claims(&keys, whole.clone()).is_ok());
    for claim in ["sub", "aud", "exp"] {
        let mut claims = whole.clone();
        claims.as_object_mut().unwrap().remove(claim);
        assert_eq!(with_claims(&keys, claims), Err(RefuseReason::TokenMalformed), "{claim}");
        let mut claims = whole.clone();
        claims[claim] = json!({});
        assert_eq!(with_claims(&keys, claims), Err(RefuseReason::TokenMalformed), "{claim}");
    }
}

#[test]
fn a_user_id_has_bounds() {
    let keys = keys();
    let sub = |sub: String| json!({ "sub": sub, "aud": "dev", "exp": now() + 60 });
    assert!(with_claims(&keys, sub("x".repeat(128))).is_ok());
    assert_eq!(with_claims(&keys, sub("x".repeat(129))), Err(RefuseReason::TokenMalformed));
    assert_eq!(with_claims(&keys, sub(String::new())), Err(RefuseReason::TokenMalformed));
    assert_eq!(User::new("ü".repeat(65)), Err(UserIdError { bytes: 130 }));
}

#[test]
fn unsigned_and_differently_signed_tokens_are_malformed() {
    let keys = keys();
    let claims = json!({ "sub": "a", "aud": "dev", "exp": now() + 60 });
    for algorithm in ["none", "HS256", "ES256", "RS256"] {
        let token = signed(&keys, json!({ "alg": algorithm }), claims.clone());
        let verified = Verifier::development(&keys).verify(&token);
        assert_eq!(verified, Err(RefuseReason::TokenMalformed), "{algorithm}");
    }
}

#[test]
fn an_extension_that_must_be_understood_is_refused() {
    let keys = keys();
    let claims = json!({ "sub": "a", "aud": "dev", "exp": now() + 60 });
    let token = signed(&keys, json!({ "alg": "EdDSA", "crit": ["x"], "x": 1 }), claims);
    assert_eq!(Verifier::development(&keys).verify(&token), Err(RefuseReason::TokenMalformed));
}

#[test]
fn a_changed_token_is_not_accepted() {
    let keys = keys();
    let verifier = Verifier::development(&keys);
    let token = Issuer::new(&keys).issue(&user(), HOUR);
    let mut parts: Vec<&str> = token.split('.').collect();
    let claims =
        BASE64_URL_SAFE_NO_PAD.encode(json!({ "sub": "admin", "aud": "dev", "exp": now() + 60 }).to_string());
    parts[1] = &claims;
    assert_eq!(verifier.verify(&parts.join(".")), Err(RefuseReason::TokenForeign));
    for garbage in ["", ".", "..", "a.b.c", "§", &token[..20]] {
        assert_eq!(verifier.verify(garbage), Err(RefuseReason::TokenMalformed), "{garbage}");
    }
}

#[test]
fn the_backends_key_replaces_the_development_issuer() {
    let keys = keys();
    let backend = ClusterKeys::generate("dev").unwrap();
    let spki = [ED25519_SPKI, backend.issuer_public_key()].concat();
    let spki = base64::prelude::BASE64_STANDARD.encode(spki);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
    let verifier = Verifier::of_backend("dev", pem.as_bytes()).unwrap();
    assert_eq!(verifier.verify(&Issuer::new(&backend).issue(&user(), HOUR)), Ok(user()));
    let development = Issuer::new(&keys).issue(&user(), HOUR);
    assert_eq!(verifier.verify(&development), Err(RefuseReason::TokenForeign));
}

#[test]
fn the_configuration_chooses_the_issuer() {
    let (keys, dir) = (keys(), crate::test_tls::TempDir::new());
    let token = Issuer::new(&keys).issue(&user(), HOUR);
    let mut config = Config::default();
    assert_eq!(Verifier::configured(&config, &keys).unwrap().verify(&token), Ok(user()));

    let file = dir.path().join("backend.pem");
    config.issuer_public_key = Some(file.clone());
    let error = Verifier::configured(&config, &keys).unwrap_err().to_string();
    assert!(error.contains("`issuer_public_key`") && error.contains("backend.pem"), "{error}");
    std::fs::write(&file, "garbage").unwrap();
    assert!(matches!(Verifier::configured(&config, &keys), Err(IssuerKeyError::File { .. })));

    let backend = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    std::fs::write(&file, backend.public_key_pem()).unwrap();
    let verified = Verifier::configured(&config, &keys).unwrap().verify(&token);
    assert_eq!(verified, Err(RefuseReason::TokenForeign));
}

#[test]
fn a_key_that_is_none_says_so() {
    let error = Verifier::of_backend("dev", b"garbage").unwrap_err();
    assert!(matches!(error, IssuerKeyError::Pem(_)), "{error}");
    let ecdsa = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let error = Verifier::of_backend("dev", ecdsa.public_key_pem().as_bytes()).unwrap_err();
    assert_eq!(error, IssuerKeyError::Kind);
}

#[test]
fn the_development_issuers_public_file_serves_as_a_backend_key() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    assert!(Verifier::of_backend("dev", key.public_key_pem().as_bytes()).is_ok());
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.serialized_der()).unwrap();
    assert_eq!(pair.public_key().as_ref(), key.public_key_raw());
}

#[test]
fn a_connect_token_holds_what_a_client_needs() {
    let keys = keys();
    let tcp: Vec<SocketAddr> = vec!["127.0.0.1:1".parse().unwrap()];
    let quic: Vec<SocketAddr> = vec!["127.0.0.1:2".parse().unwrap()];
    let token = connect_token(&keys, "a.b.c".into(), tcp.clone(), quic.clone());
    let token = ConnectToken::parse(&token.encode()).unwrap();
    assert_eq!((token.cluster.as_str(), token.ca.as_slice()), ("dev", keys.ca_der().as_ref()));
    assert_eq!((token.tcp, token.quic, token.user_token), (tcp, quic, "a.b.c".to_owned()));
}
