//! Judges a cluster's life by what its processes said and the engine saw.

use crate::cluster::{Cluster, NODES, TAKE_OVER};
use crate::player::Player;
use crate::said::{Began, Said};

/// That every promise was kept to this player, with `durability = "snapshot"`. `killed`: nodes that were to die.
pub(crate) fn check(cluster: &Cluster, player: &Player, killed: &[&str]) -> Result<(), String> {
    player.check()?;
    if player.migrating {
        return Err("the game was not told how its move ended".into());
    }
    told_of_take_overs(cluster, player)?;
    take_overs_only_of_the_silent(cluster, player)?;
    one_served_at_a_time(cluster, player)?;
    for node in &cluster.nodes {
        let name = &node.name;
        for said in node.said() {
            match said {
                Said::Disorder { expected, got } => {
                    return Err(format!("{name} was handed message {got}, not {expected}"));
                }
                Said::Lost { session, uplink, downlink } if session == player.session => {
                    return Err(format!("{name} was told of loss: {uplink:?}, {downlink:?}"));
                }
                Said::Ended { session, reason } if session == player.session => {
                    return Err(format!("{name} has ended the session: {reason}"));
                }
                Said::Drained { closed } if closed > 0 => {
                    return Err(format!("{name} has ended {closed} sessions at the end of its drain"));
                }
                Said::Drained { .. }
                | Said::Ended { .. }
                | Said::Lost { .. }
                | Said::LetGo { .. }
                | Said::Online { .. }
                | Said::Began { .. }
                | Said::Handled { .. }
                | Said::Reached { .. }
                | Said::Continued
                | Said::Panicked { .. } => {}
            }
        }
    }
    nodes_are_well(cluster, killed)
}

/// No node has panicked, and none has ended that was not to.
pub(crate) fn nodes_are_well(cluster: &Cluster, killed: &[&str]) -> Result<(), String> {
    for node in &cluster.nodes {
        for said in node.said() {
            if let Said::Panicked { text } = said {
                return Err(format!("{} panicked: {text}", node.name));
            }
        }
        if let Some(status) = node.ended()
            && !killed.contains(&node.name.as_str())
        {
            return Err(format!("{} has ended: {status}", node.name));
        }
    }
    Ok(())
}

/// When a node began to serve the player's session, how, and which node, in order of time.
fn begun<'a>(cluster: &'a Cluster, player: &Player) -> Vec<(u64, Began, &'a str)> {
    let mut begun = Vec::new();
    for node in &cluster.nodes {
        for said in node.said() {
            if let Said::Began { at_us, session, how } = said
                && session == player.session
            {
                begun.push((at_us, how, node.name.as_str()));
            }
        }
    }
    begun.sort_by_key(|(at_us, ..)| *at_us);
    begun
}

/// The game hears of a take-over when there was one, and only then. (Of two in a row it hears once, if it was away.)
fn told_of_take_overs(cluster: &Cluster, player: &Player) -> Result<(), String> {
    let counted = begun(cluster, player).iter().filter(|(_, how, _)| *how == Began::TookOver).count();
    let told = player.take_overs.len();
    if (counted == 0) == (told == 0) && told <= counted {
        return Ok(());
    }
    Err(format!("{counted} take-overs, but the player was told of {told}"))
}

/// (d) Whoever takes over has seen another node's lease not renewed for the whole take-over time.
fn take_overs_only_of_the_silent(cluster: &Cluster, player: &Player) -> Result<(), String> {
    for (at_us, how, taker) in begun(cluster, player) {
        if how == Began::TookOver && longest_silence_us(cluster, taker, at_us) < TAKE_OVER.as_micros() as u64
        {
            return Err(format!("{taker} took over, but no other node was silent for so long"));
        }
    }
    Ok(())
}

/// The longest time until then without a renewal of a node other than this one.
fn longest_silence_us(cluster: &Cluster, other_than: &str, at_us: u64) -> u64 {
    let of_node = |renewals: &[u64]| {
        let times: Vec<u64> = renewals.iter().copied().filter(|at| *at < at_us).chain([at_us]).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    };
    cluster
        .store
        .with_log(|log| {
            let others = NODES.iter().zip(&cluster.addresses).filter(|(name, _)| **name != other_than);
            others.filter_map(|(_, node)| log.renewals.get(&node.id)).map(|renewals| of_node(renewals)).max()
        })
        .unwrap_or(0)
}

/// Promise 1, as the application sees it: once a node has begun to serve the session, no node that began earlier is
/// handed a message.
fn one_served_at_a_time(cluster: &Cluster, player: &Player) -> Result<(), String> {
    let begun = begun(cluster, player);
    for node in &cluster.nodes {
        for said in node.said() {
            let Said::Handled { at_us, session, number } = said else { continue };
            let server = begun.iter().rev().find(|(began_us, ..)| *began_us <= at_us);
            if session == player.session && server.is_none_or(|(.., server)| *server != node.name) {
                let name = &node.name;
                return Err(format!("at {at_us} {name} was handed message {number}, but {server:?} serves"));
            }
        }
    }
    Ok(())
}
