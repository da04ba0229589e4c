//! A server of NATS that belongs to an operator, and lets in who shows a user's credentials file.

use crate::contract::{COHORT, NODE, created, info, record};
use crate::eventually;
use crate::servers::{Folder, Servers, program};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use sterna_server::config::NatsConfig;
use sterna_server::engine::{Engine as _, NatsEngine, OpenError};

/// What docs/OPERATIONS.md says that nodes need.
const RIGHTS: [&str; 4] = ["sterna.>", "$JS.API.>", "$JS.FC.>", "_INBOX.>"];

/// What `nsc` makes: a token, signed by whoever stands above.
fn jwt(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs();
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = json!({
        "jti": name, "iat": now, "iss": issuer.public_key(), "sub": subject.public_key(), "name": name, "nats": nats,
    });
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = issuer.sign(signed.as_bytes()).expect("it has a seed");
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn account(operator: &KeyPair, account: &KeyPair, name: &str, storage: i64) -> String {
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage,
    });
    jwt(operator, account, name, &json!({ "limits": limits, "type": "account", "version": 2 }))
}

/// The file that a user of this account gets.
fn credentials(folder: &Path, account: &KeyPair, name: &str) -> PathBuf {
    let user = KeyPair::new_user();
    let rights = json!({ "allow": RIGHTS });
    let nats = json!({
        "pub": rights, "sub": rights, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2,
    });
    let (token, seed) = (jwt(account, &user, name, &nats), user.seed().expect("it has a seed"));
    let path = folder.join(format!("{name}.creds"));
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    std::fs::write(&path, text).expect("a file can be written");
    path
}

#[tokio::test]
async fn a_credentials_file_opens_a_server_that_belongs_to_an_operator() {
    if program().is_none() {
        return;
    }
    let (operator, game, system) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let own = jwt(&operator, &operator, "games", &json!({ "type": "operator", "version": 2 }));
    let folder = Folder::new();
    let configuration = format!(
        "operator: {own}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n  {}: {}\n  {}: {}\n}}\n",
        system.public_key(),
        game.public_key(),
        account(&operator, &game, "game", -1),
        system.public_key(),
        account(&operator, &system, "system", 0),
    );
    let file = folder.path().join("nats.conf");
    std::fs::write(&file, configuration).expect("a file can be written");
    let right = credentials(folder.path(), &game, "node");
    // Of an account that the operator knows nothing of.
    let foreign = credentials(folder.path(), &KeyPair::new_account(), "stranger");
    let missing = folder.path().join("missing.creds");
    let arguments = ["--config".to_owned(), file.to_str().expect("a path in UTF-8").to_owned()];
    let servers = Servers::start_with(1, folder, &arguments).await.expect("it is installed");

    let open = async |credentials: Option<&PathBuf>| {
        let config =
            NatsConfig { urls: servers.urls(), credentials: credentials.cloned(), ..NatsConfig::default() };
        NatsEngine::open(&config, "tests", Duration::ZERO).await
    };
    let engine = open(Some(&right)).await.unwrap_or_else(|error| panic!("{error}\n{}", servers.explain()));
    // Everything that nodes do is within the rights that are documented.
    created(&engine, COHORT, record(&engine, 1)).await;
    engine.renew(NODE).await.expect("it may");
    assert_eq!(engine.heartbeats(NODE, Duration::ZERO, BTreeSet::new()).await.expect("it may").len(), 1);
    engine.publish(info(NODE, 7)).await.expect("it may");
    // What others publish it hears by a subscription.
    let other = open(Some(&right)).await.unwrap_or_else(|error| panic!("{error}\n{}", servers.explain()));
    assert_eq!(other.nodes(), [info(NODE, 7)]);
    other.publish(info(NODE, 8)).await.expect("it may");
    eventually("it hears of it", async || engine.nodes() == [info(NODE, 8)]).await;
    for wrong in [Some(&foreign), None] {
        let refused = open(wrong).await;
        assert!(matches!(refused, Err(OpenError::Unreachable { .. })), "{wrong:?}: {refused:?}");
    }
    let error = open(Some(&missing)).await.expect_err("there is no such file");
    assert!(matches!(error, OpenError::Credentials { .. }), "{error}");
    assert!(error.to_string().contains("missing.creds"), "{error}");
}
