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
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use sterna_server::config::NatsConfig;
use sterna_server::engine::{Engine as _, NatsEngine, OpenError};

/// What docs/OPERATIONS.md says that nodes need.
const RIGHTS: [&str; 4] = ["sterna.>", "$JS.API.>", "$JS.FC.>", "_INBOX.>"];

/// The same for all: a server takes no other token of its operator while it runs.
fn issued_at() -> u64 {
    static NOW: LazyLock<u64> = LazyLock::new(|| {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs()
    });
    *NOW
}

/// What `nsc` makes: a token, signed by whoever stands above.
fn jwt(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> String {
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = json!({
        "jti": name, "iat": issued_at(), "iss": issuer.public_key(), "sub": subject.public_key(), "name": name, "nats": nats,
    });
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = issuer.sign(signed.as_bytes()).expect("it has a seed");
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn account(operator: &KeyPair, account: &KeyPair, name: &str, storage: i64, revoked: &[&KeyPair]) -> String {
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage,
    });
    let revoked: Value = revoked.iter().map(|user| (user.public_key(), json!(issued_at()))).collect();
    let nats = json!({ "limits": limits, "revocations": revoked, "type": "account", "version": 2 });
    jwt(operator, account, name, &nats)
}

/// The file that a user of this account gets.
fn credentials(folder: &Path, account: &KeyPair, name: &str) -> PathBuf {
    credentials_of(&KeyPair::new_user(), folder, account, name)
}

fn credentials_of(user: &KeyPair, folder: &Path, account: &KeyPair, name: &str) -> PathBuf {
    let rights = json!({ "allow": RIGHTS });
    let nats = json!({
        "pub": rights, "sub": rights, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2,
    });
    let (token, seed) = (jwt(account, user, name, &nats), user.seed().expect("it has a seed"));
    let path = folder.join(format!("{name}.creds"));
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    std::fs::write(&path, text).expect("a file can be written");
    path
}

/// The configuration of a server that belongs to this operator, with an account for the game and one for itself.
fn configure(folder: &Path, keys: [&KeyPair; 3], revoked: &[&KeyPair]) -> PathBuf {
    let [operator, game, system] = keys;
    let own = jwt(operator, operator, "games", &json!({ "type": "operator", "version": 2 }));
    let configuration = format!(
        "server_name: nats-1\noperator: {own}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n  {}: {}\n  {}: {}\n}}\n",
        system.public_key(),
        game.public_key(),
        account(operator, game, "game", -1, revoked),
        system.public_key(),
        account(operator, system, "system", 0, &[]),
    );
    let file = folder.join("nats.conf");
    std::fs::write(&file, configuration).expect("a file can be written");
    file
}

#[tokio::test]
async fn a_credentials_file_opens_a_server_that_belongs_to_an_operator() {
    if program().is_none() {
        return;
    }
    let (operator, game, system) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let folder = Folder::new();
    let file = configure(folder.path(), [&operator, &game, &system], &[]);
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
        assert!(matches!(refused, Err(OpenError::Refused { .. })), "{wrong:?}: {refused:?}");
    }
    let error = open(Some(&missing)).await.expect_err("there is no such file");
    assert!(matches!(error, OpenError::Credentials { .. }), "{error}");
    assert!(error.to_string().contains("missing.creds"), "{error}");
}

/// A process that goes on with what it has read at its start is fenced for ever.
#[tokio::test]
async fn credentials_that_are_replaced_while_a_process_runs_are_read_again() {
    if program().is_none() {
        return;
    }
    let (operator, game, system) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let keys = [&operator, &game, &system];
    let (folder, files) = (Folder::new(), Folder::new());
    let file = configure(folder.path(), keys, &[]);
    let user = KeyPair::new_user();
    let path = credentials_of(&user, files.path(), &game, "node");
    let arguments = ["--config".to_owned(), file.to_str().expect("a path in UTF-8").to_owned()];
    let at = folder.path().to_owned();
    let servers = Servers::start_with(1, folder, &arguments).await.expect("it is installed");
    let config =
        NatsConfig { urls: servers.urls(), credentials: Some(path.clone()), ..NatsConfig::default() };
    let opened = NatsEngine::open(&config, "tests", Duration::ZERO).await;
    let engine = opened.unwrap_or_else(|error| panic!("{error}\n{}", servers.explain()));
    engine.renew(NODE).await.expect("it may");

    configure(&at, keys, &[&user]);
    servers.reload(0).await;
    eventually("what it has shown counts no more", async || engine.renew(NODE).await.is_err()).await;
    assert_eq!(credentials(files.path(), &game, "node"), path);
    eventually("it shows what the file holds now", async || engine.renew(NODE).await.is_ok()).await;
}

#[tokio::test]
async fn a_password_that_is_replaced_while_a_process_runs_is_read_again() {
    if program().is_none() {
        return;
    }
    let (folder, files) = (Folder::new(), Folder::new());
    let (file, password) = (folder.path().join("nats.conf"), files.path().join("password"));
    let configure = |password: &str| {
        let text = format!("server_name: nats-1\nauthorization: {{ user: ann, password: {password:?} }}\n");
        std::fs::write(&file, text).expect("a file can be written");
    };
    configure("one");
    std::fs::write(&password, "one\n").expect("a file can be written");
    let arguments = ["--config".to_owned(), file.to_str().expect("a path in UTF-8").to_owned()];
    let servers = Servers::start_with(1, folder, &arguments).await.expect("it is installed");
    let config = NatsConfig {
        urls: servers.urls(),
        user: Some("ann".into()),
        password_file: Some(password.clone()),
        ..NatsConfig::default()
    };
    let opened = NatsEngine::open(&config, "tests", Duration::ZERO).await;
    let engine = opened.unwrap_or_else(|error| panic!("{error}\n{}", servers.explain()));
    engine.renew(NODE).await.expect("it may");

    configure("two");
    servers.reload(0).await;
    eventually("what it has shown counts no more", async || engine.renew(NODE).await.is_err()).await;
    std::fs::write(&password, "two\n").expect("a file can be written");
    eventually("it shows what the file holds now", async || engine.renew(NODE).await.is_ok()).await;
}
