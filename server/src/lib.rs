//! The server of Sterna: nodes that keep players, and move them to each other.
//!
//! The map:
//! - [`config`]: the file that an operator writes
//! - [`pki`]: the cluster's keys: CA, node certificates, the secret that all nodes share

pub mod config;
pub mod logging;
pub mod pki;

#[cfg(test)]
mod test_tls;
