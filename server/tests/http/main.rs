//! HTTP of a real server while players play: what `docs/openapi.json` says of it, what Prometheus sees, and what the
//! dashboard, the alert rules and the operators' page make of that.

mod dashboard;
mod exposition;
mod figures;
mod openapi;
mod progress;
mod schema;
mod spans;
mod stage;
