//! `docs/openapi.json` against the server: every request that is served is described, every one that is described is
//! served, and every answer has the form that is written there.

use crate::schema::mismatch;
use crate::stage::{Stage, ask, read};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::protocol::reasons::OfflineReason;
use sterna_server::admin::routes;

/// Described answers that no scene below brings about, and why.
const NOT_PLAYED: [(&str, u16, &str); 4] = [
    (
        "/v1/endpoint",
        408,
        "takes ten seconds: src/admin/listen.rs has idle connections on a clock of its own",
    ),
    ("/v1/endpoint", 429, "needs as many requests as the limit: tests/admin.rs"),
    ("/v1/endpoint", 403, "needs a cluster with the game's own issuer: tests/admin.rs"),
    ("/metrics", 503, "only if the collecting panics"),
];

/// One request, and what is expected of it.
struct Scene {
    side: &'static str,
    method: &'static str,
    /// As it is described.
    path: &'static str,
    /// As it is asked for; empty: the same.
    asked: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
    status: u16,
}

fn scene(side: &'static str, method: &'static str, path: &'static str, status: u16) -> Scene {
    Scene { side, method, path, asked: "", headers: Vec::new(), body: String::new(), status }
}

impl Scene {
    fn at(self, asked: &'static str) -> Self {
        Self { asked, ..self }
    }

    fn body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

const DRAIN: &str = "/v1/admin/nodes/{name}/drain";
const DRAIN_ALL: &str = "/v1/admin/drain";
const DRY_RUN: &str = "/v1/admin/nodes/{name}/dry-run";
const CORDON: &str = "/v1/admin/nodes/{name}/cordon";
const UNCORDON: &str = "/v1/admin/nodes/{name}/uncordon";
const TOKEN: &str = "/v1/admin/token";
const ENDPOINT: &str = "/v1/endpoint";

/// What can be asked while nodes are online.
fn while_online(user_token: &str) -> Vec<Scene> {
    let large = format!("{{\"user\": \"{}\"}}", "x".repeat(20_000));
    let mut scenes = vec![
        scene("admin", "GET", "/healthz", 200),
        scene("public", "GET", "/healthz", 200),
        scene("admin", "GET", "/readyz", 200),
        scene("public", "GET", "/readyz", 200),
        scene("admin", "GET", "/metrics", 200),
        scene("metrics", "GET", "/metrics", 200),
        scene("admin", "GET", "/v1/admin/cluster", 200),
        scene("admin", "GET", "/v1/admin/nodes", 200),
        scene("admin", "GET", "/v1/admin/moves", 200),
        scene("admin", "GET", "/v1/admin/moves", 200).at("/v1/admin/moves?last=1"),
        scene("admin", "GET", "/v1/admin/moves", 400).at("/v1/admin/moves?last=0"),
        scene("public", "POST", ENDPOINT, 200).body(r#"{"user": "ann"}"#),
        scene("public", "POST", ENDPOINT, 200).header("Authorization", format!("Bearer {user_token}")),
        scene("public", "POST", ENDPOINT, 400),
        scene("public", "POST", ENDPOINT, 401).header("Authorization", "Bearer forged"),
        scene("public", "POST", ENDPOINT, 413).body(large.clone()),
        scene("admin", "POST", TOKEN, 200).body(r#"{"user": "ann", "life_s": 60}"#),
        scene("admin", "POST", CORDON, 200).at("/v1/admin/nodes/node-2/cordon"),
        scene("admin", "POST", CORDON, 404).at("/v1/admin/nodes/nowhere/cordon"),
        scene("admin", "POST", UNCORDON, 200).at("/v1/admin/nodes/node-2/uncordon"),
        scene("admin", "POST", UNCORDON, 404).at("/v1/admin/nodes/nowhere/uncordon"),
        scene("admin", "POST", CORDON, 400).at("/v1/admin/nodes/%FF/cordon"),
        scene("admin", "POST", UNCORDON, 400).at("/v1/admin/nodes/%FF/uncordon"),
        scene("admin", "POST", DRAIN, 404).at("/v1/admin/nodes/nowhere/drain").body("{}"),
        scene("admin", "POST", DRAIN, 400).at("/v1/admin/nodes/node-2/drain").body(r#"{"reason": "whim"}"#),
        scene("admin", "POST", DRY_RUN, 404).at("/v1/admin/nodes/nowhere/dry-run").body("{}"),
        scene("admin", "POST", DRY_RUN, 200)
            .at("/v1/admin/nodes/node-2/dry-run")
            .body(r#"{"deadline_ms": 20000, "any_version": true}"#),
        scene("admin", "POST", DRY_RUN, 400)
            .at("/v1/admin/nodes/node-2/dry-run")
            .body(r#"{"deadline_ms": 0}"#),
    ];
    let with_bodies = [
        (DRAIN, "/v1/admin/nodes/node-2/drain"),
        (DRAIN_ALL, ""),
        (DRY_RUN, "/v1/admin/nodes/node-2/dry-run"),
        (TOKEN, ""),
    ];
    for (path, asked) in with_bodies {
        scenes.extend([
            scene("admin", "POST", path, 400).at(asked).body("{"),
            scene("admin", "POST", path, 413).at(asked).body(large.clone()),
            scene("admin", "POST", path, 415).at(asked).body("{}").header("Content-Type", "text/plain"),
            scene("admin", "POST", path, 422).at(asked).body(r#"{"whatever": 1}"#),
        ]);
    }
    let paths = ["/v1/admin/cluster", "/v1/admin/nodes", "/v1/admin/moves"].map(|path| ("GET", path));
    let orders = [DRAIN, DRAIN_ALL, DRY_RUN, CORDON, UNCORDON, TOKEN].map(|path| ("POST", path));
    for (method, path) in paths.into_iter().chain(orders) {
        scenes.push(scene("admin", method, path, 403).header("Origin", "https://evil.example"));
    }
    scenes
}

/// What can be asked when the last node goes offline.
fn at_the_end() -> Vec<Scene> {
    vec![
        scene("admin", "POST", DRAIN, 200)
            .at("/v1/admin/nodes/node-2/drain")
            .body(r#"{"deadline_ms": 60000}"#),
        scene("admin", "POST", DRAIN_ALL, 200).body(r#"{"deadline_ms": 50000}"#),
        scene("admin", "POST", DRAIN_ALL, 409).body("{}"),
        scene("admin", "POST", DRAIN, 409).at("/v1/admin/nodes/node-2/drain").body("{}"),
        scene("admin", "POST", DRY_RUN, 409).at("/v1/admin/nodes/node-2/dry-run").body("{}"),
        scene("admin", "POST", CORDON, 409).at("/v1/admin/nodes/node-2/cordon"),
        scene("admin", "POST", UNCORDON, 409).at("/v1/admin/nodes/node-2/uncordon"),
        scene("admin", "GET", "/v1/admin/cluster", 200),
        scene("admin", "GET", "/v1/admin/nodes", 200),
        scene("admin", "GET", "/readyz", 503),
        scene("public", "GET", "/readyz", 503),
        scene("public", "POST", ENDPOINT, 503).body(r#"{"user": "ann"}"#),
        scene("admin", "POST", TOKEN, 503).body(r#"{"user": "ann", "life_s": 60}"#),
    ]
}

struct Described {
    document: Value,
    seen: BTreeSet<(String, String, u16)>,
}

impl Described {
    fn play(&mut self, stage: &Stage, scene: &Scene) {
        let Scene { side, method, path, .. } = *scene;
        let address: SocketAddr = match side {
            "admin" => stage.admin,
            "public" => stage.public,
            "metrics" => stage.metrics,
            other => panic!("there is no side `{other}`"),
        };
        let asked = if scene.asked.is_empty() { path } else { scene.asked };
        let headers: Vec<_> = scene.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, kind, body) = ask(address, method, asked, &headers, &scene.body);
        let what = format!("{side} {method} {asked} {}: {status} {body}", scene.body);
        assert_eq!(status, scene.status, "{what}");
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let response = &operation["responses"][status.to_string()];
        let content = response["content"].as_object().unwrap_or_else(|| panic!("not described: {what}"));
        let (media, described) = content.iter().next().expect("it has a content");
        assert!(kind.starts_with(media), "{what}: {kind} is not {media}");
        if media == "application/json" {
            let value: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(mismatch(&self.document, &described["schema"], &value, "answer"), None, "{what}");
        }
        if status == 200 && !scene.body.is_empty() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let value: Value = serde_json::from_str(&scene.body).expect("it was accepted");
            assert_eq!(mismatch(&self.document, schema, &value, "request"), None, "{what}");
        }
        self.seen.insert((path.to_owned(), method.to_lowercase(), status));
    }

    fn operations(&self) -> Vec<(&String, &String, &Value)> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(move |(method, operation)| (path, method, operation))
            })
            .collect()
    }
}

#[test]
fn the_description_of_the_http_interface_is_what_the_server_does() {
    let stage = Stage::new(2);
    let document = serde_json::from_str(&read("docs/openapi.json")).expect("it is JSON");
    let mut described = Described { document, seen: BTreeSet::new() };

    let mut player = stage.player("ann", Transport::Tcp);
    if player.node == "node-2" {
        stage
            .cluster
            .begin_drain("node-2", Duration::from_secs(60), OfflineReason::Operator)
            .expect("online");
        player.follow();
        stage.drained("node-2");
        restart(&stage, "node-2");
    }
    // The other one's player moves to node-2, so that there is a move to list.
    stage.cluster.begin_drain("node-1", Duration::from_secs(60), OfflineReason::Operator).expect("online");
    player.follow();
    stage.drained("node-1");

    let token = stage.cluster.connect_token("ann", Duration::from_secs(60)).expect("a token");
    let token = sterna::client::token::ConnectToken::parse(&token).expect("it can be read");
    for scene in while_online(&token.user_token).iter().chain(&at_the_end()) {
        described.play(&stage, scene);
    }

    let described_answers = described.operations().into_iter().flat_map(|(path, method, operation)| {
        let statuses = operation["responses"].as_object().expect("responses").keys();
        statuses.map(move |status| (path.clone(), method.clone(), status.parse().expect("a status")))
    });
    let missing: Vec<_> = described_answers
        .filter(|answer| !described.seen.contains(answer))
        .filter(|(path, _, status)| {
            !NOT_PLAYED.iter().any(|(known, code, _)| known == path && code == status)
        })
        .collect();
    assert!(missing.is_empty(), "described, but not seen: {missing:?}");
}

fn restart(stage: &Stage, node: &str) {
    stage.block_on(stage.cluster.restart(node)).expect("it comes back");
}

#[test]
fn what_is_served_and_what_is_described_are_the_same_requests() {
    let document = serde_json::from_str(&read("docs/openapi.json")).expect("it is JSON");
    let described = Described { document, seen: BTreeSet::new() };
    let described: BTreeSet<_> = described
        .operations()
        .into_iter()
        .flat_map(|(path, method, operation)| {
            let sides = operation["x-sides"].as_array().expect("each says on which sides").iter();
            sides.map(move |side| {
                format!("{} {} {path}", side.as_str().expect("a side"), method.to_uppercase())
            })
        })
        .collect();
    let served: BTreeSet<_> =
        routes().iter().map(|route| format!("{} {} {}", route.side, route.method, route.path)).collect();
    assert_eq!(described, served);
}
