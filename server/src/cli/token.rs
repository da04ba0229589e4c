//! `sterna token`: asks the running server, or signs with the keys of a state directory.

use super::{CliError, TokenArgs, load};
use crate::admin::{AdminClient, TOKEN_LIFE_MAX};
use crate::config::Config;
use crate::pki::ClusterKeys;
use crate::user_token::{Issuer, User, connect_token};
use std::net::SocketAddr;

pub(super) fn issue(args: TokenArgs) -> Result<String, CliError> {
    let user = User::new(args.user.clone()).map_err(|error| CliError::Usage(error.to_string()))?;
    if args.life < std::time::Duration::from_secs(1) || args.life > TOKEN_LIFE_MAX {
        return Err(CliError::Usage("--life must be one second to 365 days".into()));
    }
    if args.config.is_none() && args.state_dir.is_none() {
        return Ok(AdminClient::new(args.admin).token(user.id(), args.life)?);
    }
    let mut config = load(args.config.as_deref())?;
    config.state_dir = args.state_dir.or(config.state_dir);
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
    if config.tcp_port == 0 || config.quic_port == 0 {
        return usage(
            "the configured ports are 0 (any free port), known to the running server only: use --admin",
        );
    }
    let keys = ClusterKeys::load(dir, &config.cluster)?;
    let all = |address: &dyn Fn(u16) -> SocketAddr| {
        (0..config.nodes).map(|node| config.public_address(address(node))).collect()
    };
    let tcp = all(&|node| config.tcp_address(node));
    let quic = all(&|node| config.quic_address(node));
    let user_token = Issuer::new(&keys).issue(user, life);
    Ok(connect_token(&keys, user_token, tcp, quic).encode())
}
