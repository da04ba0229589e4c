//! A node as a process of its own: the test program starts itself again, and this is what it does then.

use crate::game::Counting;
use crate::remote_engine::RemoteEngine;
use crate::said::{Action, Arm, Order, Said};
use nix::sys::signal::{Signal, raise};
use parking_lot::Mutex;
use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Duration;
use sterna::protocol::reasons::OfflineReason;
use sterna_server::config::Config;
use sterna_server::node::failpoints::{Act, When, set_hook};
use sterna_server::node::{DrainOrder, NoObserver, Node, Shared, StartError};
use sterna_server::pki::ClusterKeys;
use sterna_server::user_token::Verifier;
use tokio::sync::mpsc;

/// Its name; only with it the process is a node.
pub(crate) const NAME: &str = "STERNA_FAULTS_NODE";
/// Its configuration, as in a file.
pub(crate) const CONFIG: &str = "STERNA_FAULTS_CONFIG";
/// Where the test serves the engine.
pub(crate) const ENGINE: &str = "STERNA_FAULTS_ENGINE";

static ARMED: Mutex<Vec<Arm>> = Mutex::new(Vec::new());

fn hook(point: &'static str, when: When) -> Act {
    let action = {
        let mut armed = ARMED.lock();
        let is_here = |arm: &Arm| arm.point == point && arm.after == (when == When::After);
        let Some(index) = armed.iter().position(is_here) else { return Act::Pass };
        armed[index].nth -= 1;
        if armed[index].nth > 0 {
            return Act::Pass;
        }
        armed.remove(index).action
    };
    Said::Reached { point: point.to_owned() }.tell();
    match action {
        Action::Tell => {}
        Action::Crash => raise(Signal::SIGKILL).expect("a process may end itself"),
        Action::Pause => {
            raise(Signal::SIGSTOP).expect("a process may stop itself");
            Said::Continued.tell();
        }
        Action::Drop => return Act::Drop,
        Action::Twice => return Act::Twice,
    }
    Act::Pass
}

/// Runs the node that the environment describes, until its standard input ends.
pub(crate) fn run(name: String) {
    let from_environment = |key| std::env::var(key).expect("the test sets it");
    let config = Config::parse(&from_environment(CONFIG)).expect("the test's configuration is valid");
    let engine = from_environment(ENGINE).parse().expect("an address");
    sterna_server::logging::init(&config.log);
    std::panic::set_hook(Box::new(|info| {
        eprintln!("{info}");
        Said::Panicked { text: info.to_string() }.tell();
    }));
    set_hook(hook);
    let (orders, ordered) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = orders.send(serde_json::from_str::<Order>(&line).expect("as it was told"));
        }
        std::process::exit(0); // the test has ended, or does not need it any more
    });
    // One thread: then whatever was handed to a task has been done when others have had their turn, which is what
    // a point behind a frame waits for.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let engine = RemoteEngine::connect(engine, &name).await.expect("the test serves the engine");
        let node = start(name, config, engine).await;
        obey(node, ordered).await;
    });
}

async fn start(name: String, config: Config, engine: Arc<RemoteEngine>) -> Arc<Node> {
    let keys = ClusterKeys::configured(&config).expect("the test has made them");
    let verifier = Verifier::configured(&config, &keys).expect("the development issuer");
    let shared = Shared {
        config: Arc::new(config),
        keys: Arc::new(keys),
        verifier: Arc::new(verifier),
        engine,
        application: Arc::new(Counting),
        observer: Arc::new(NoObserver),
        metrics: Arc::default(),
        moves: Arc::default(),
    };
    // On a machine that is busy the test may not answer in time; whoever starts nodes tries again.
    let node = loop {
        match Node::start(name.clone(), 0, shared.clone()).await {
            Ok(node) => break node,
            Err(StartError::Engine(_)) => {}
            Err(error) => panic!("{error}"),
        }
    };
    Said::Online { id: node.id().0, tcp: node.tcp(), quic: node.quic() }.tell();
    node
}

async fn obey(node: Arc<Node>, mut ordered: mpsc::UnboundedReceiver<Order>) {
    while let Some(order) = ordered.recv().await {
        match order {
            Order::Arm(arms) => *ARMED.lock() = arms,
            Order::Cordon(on) => assert!(node.cordon(on).await, "it is not offline"),
            Order::Drain { deadline_ms } => {
                let deadline = Duration::from_millis(deadline_ms);
                let order = DrainOrder { deadline, reason: OfflineReason::ScaleIn, any_version: false };
                assert!(node.begin_drain(order), "it is not offline");
                let node = node.clone();
                tokio::spawn(async move {
                    let report = node.drain().await;
                    Said::Drained { closed: report.closed }.tell();
                });
            }
        }
    }
}
