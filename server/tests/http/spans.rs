//! The lines of a move join up between its nodes.

use crate::stage::Stage;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sterna::client::config::Transport;
use sterna::protocol::reasons::OfflineReason;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

type Fields = BTreeMap<String, String>;

#[derive(Default)]
struct Reader(Fields);

impl Visit for Reader {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

/// Writes down spans `move`, and what is said in them.
#[derive(Clone, Default)]
struct Recorder {
    spans: Arc<Mutex<Vec<Fields>>>,
    events: Arc<Mutex<Vec<(Fields, String)>>>,
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != "move" {
            return;
        }
        let mut reader = Reader::default();
        attributes.record(&mut reader);
        self.spans.lock().unwrap().push(reader.0.clone());
        context.span(id).expect("it has just begun").extensions_mut().insert(reader.0);
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let Some(fields) = span.extensions().get::<Fields>().cloned() else { return };
        let mut reader = Reader::default();
        event.record(&mut reader);
        let text = reader.0.remove("message").unwrap_or_default();
        self.events.lock().unwrap().push((fields, text));
    }
}

#[test]
fn source_and_target_write_the_steps_of_a_move_under_one_id() {
    let recorder = Recorder::default();
    let subscriber = tracing_subscriber::registry().with(recorder.clone());
    tracing::subscriber::set_global_default(subscriber).expect("only this test sets one");
    let stage = Stage::new(2);
    let mut player = stage.player("spanned", Transport::Tcp);
    let source = player.node.clone();
    stage.cluster.begin_drain(&source, Duration::from_secs(60), OfflineReason::ScaleIn).expect("online");
    player.follow();
    stage.drained(&source);
    let target = player.node.clone();
    assert_ne!(source, target);

    let entry = sterna_server::admin::AdminClient::new(stage.admin).moves(1).expect("it is listed").remove(0);
    let of_move = |fields: &&Fields| fields["move_id"] == entry.id;
    let spans = recorder.spans.lock().unwrap();
    let mut roles: Vec<_> = spans
        .iter()
        .filter(of_move)
        .map(|fields| (fields["role"].as_str(), fields["node"].as_str()))
        .collect();
    roles.sort_unstable();
    assert_eq!(roles, [("source", source.as_str()), ("target", target.as_str())]);
    let events = recorder.events.lock().unwrap();
    let said = |role: &str| -> Vec<&str> {
        let fits = |(fields, _): &&(Fields, String)| of_move(&fields) && fields["role"] == role;
        events.iter().filter(fits).map(|(_, text)| text.as_str()).collect()
    };
    for (role, steps) in [
        ("source", ["sends Prepare", "receives Prepared", "frozen", "sends Baton", "moved out"]),
        ("target", ["receives Prepare", "sends Prepared", "sends Ready", "receives Baton", "moved in"]),
    ] {
        let said = said(role);
        let places: Vec<_> =
            steps.map(|step| said.iter().position(|text| *text == step)).into_iter().collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{role}: {said:?}");
    }
}
