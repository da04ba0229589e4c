//! User tokens: any text, and any header and claims under a good signature.
#![no_main]

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64URL};
use libfuzzer_sys::fuzz_target;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::sync::LazyLock;
use sterna_server::user_token::{USER_BYTES, Verifier};

/// DER of an Ed25519 public key up to its 32 bytes (RFC 8410 section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What a token's header says unless the input has one of its own.
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

/// The game's backend.
static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 bytes are a seed"));

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let der = BASE64_STANDARD.encode([&SPKI, KEY.public_key().as_ref()].concat());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
    Verifier::of_backend("fuzz", pem.as_bytes()).expect("a PEM public key")
});

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    VERIFIER.verify(&text).expect_err("nobody but the backend can sign");

    let (header, claims) = text.split_once('\n').unwrap_or((HEADER, &text));
    let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
    let signature = KEY.sign(signed.as_bytes());
    if let Ok(user) = VERIFIER.verify(&format!("{signed}.{}", BASE64URL.encode(signature))) {
        assert!(USER_BYTES.contains(&user.id().len()), "{user:?}");
        let claims: serde_json::Value = serde_json::from_str(claims).expect("claims are JSON");
        assert_eq!(claims["sub"], user.id());
        assert!(claims["aud"].to_string().contains("\"fuzz\""), "a token for another cluster");
        assert!(claims["exp"].is_number(), "a token without an end");
    }
});
