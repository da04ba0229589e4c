//! `sterna token`: asks the running server, or signs with the keys of a state directory.

use super::{CliError, TokenArgs, load, overrule_option};
use crate::admin::{AdminClient, TOKEN_LIFE_MAX};
use crate::config::{Config, choose_address};
use crate::node::StartError;
use crate::pki::ClusterKeys;
use crate::user_token::{Issuer, User, connect_token};
use std::net::IpAddr;

pub(super) fn issue(args: TokenArgs) -> Result<String, CliError> {
    let user = User::new(args.user.clone()).map_err(|error| CliError::Usage(error.to_string()))?;
    if args.life < std::time::Duration::from_secs(1) || args.life > TOKEN_LIFE_MAX {
        return Err(CliError::Usage("--life must be one second to 365 days".into()));
    }
    if args.config.is_none() && args.state_dir.is_none() {
        return Ok(AdminClient::new(args.admin).token(user.id(), args.life)?);
    }
    let config =
        load(args.config.as_deref(), |config| overrule_option(&mut config.state_dir, args.state_dir))?;
    offline(&config, &user, args.life)
}

fn offline(config: &Config, user: &User, life: std::time::Duration) -> Result<String, CliError> {
    let usage = |text: &str| Err(CliError::Usage(text.into()));
    if config.issuer_public_key.is_some() {
        return usage("`issuer_public_key` is set, so the game's backend issues the tokens: ask it for one");
    }
    let Some(dir) = &config.state_dir else {
        return usage("without a state directory the keys are known to the running server only: use --admin");
    };
    let any_port = |port, public| port == 0 && public == 0;
    if any_port(config.tcp_port, config.public_tcp_port)
        || any_port(config.quic_port, config.public_quic_port)
    {
        return usage(
            "the configured ports are 0 (any free port), known to the running server only: use --admin",
        );
    }
    let keys = ClusterKeys::load(dir, &config.cluster)?;
    let public = public_address(config)?;
    let tcp = |node| config.public_tcp_address(node, config.tcp_address(node), public);
    let quic = |node| config.public_quic_address(node, config.quic_address(node), public);
    let (tcp, quic) = (0..config.nodes).map(|node| (tcp(node), quic(node))).unzip();
    let user_token = Issuer::new(&keys).issue(user, life);
    Ok(connect_token(&keys, user_token, tcp, quic).encode())
}

/// The address that clients are told, if another than the nodes listen on.
fn public_address(config: &Config) -> Result<Option<IpAddr>, CliError> {
    let Some(host) = &config.public_host else { return Ok(None) };
    let found = host.resolve();
    let found = found.map_err(|error| StartError::PublicHost { host: host.clone(), error });
    let found = found.map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(choose_address(None, &found, config.host))
}
