//! Judges a cluster's life by what its processes said and the engine saw.

use crate::cluster::{Cluster, NODES, TAKE_OVER};
use crate::player::Player;
use crate::said::{Began, Said};

/// A node that was killed is not asked how it is.
pub(crate) fn check(cluster: &Cluster, player: &Player, killed: &[&str]) -> Result<(), String> {
    player.check()?;
    if player.migrating {
        return Err("the game was not told how its move ended".into());
    }
    told_of_take_overs(cluster, player)?;
    take_overs_only_of_the_silent(cluster)?;
    one_served_at_a_time(cluster)?;
    for node in &cluster.nodes {
        for said in node.said() {
            match said {
                Said::Panicked { text } => return Err(format!("{} panicked: {text}", node.name)),
                Said::Disorder { expected, got } => {
                    return Err(format!("{} was handed message {got}, not {expected}", node.name));
                }
                Said::Drained { closed } if closed > 0 => {
                    return Err(format!("{} has ended {closed} sessions at the end of its drain", node.name));
                }
                Said::Lost { uplink, downlink } => {
                    return Err(format!("{} was told of loss: {uplink:?}, {downlink:?}", node.name));
                }
                Said::Ended { reason } => return Err(format!("{} has ended the session: {reason}", node.name)),
                Said::Drained { .. }
                | Said::Online { .. }
                | Said::Began { .. }
                | Said::Handled { .. }
                | Said::TookOver { .. }
                | Said::MoveFailed { .. }
                | Said::Reached { .. }
                | Said::Continued => {}
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

/// The game hears of a take-over when there was one, and only then.
fn told_of_take_overs(cluster: &Cluster, player: &Player) -> Result<(), String> {
    let counted = take_overs(cluster).len();
    let told = player.take_overs.len();
    if (counted == 0) == (told == 0) && told <= counted {
        return Ok(());
    }
    Err(format!("{counted} take-overs, but the player was told of {told}"))
}

/// When, and by which node.
pub(crate) fn take_overs(cluster: &Cluster) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for node in &cluster.nodes {
        for said in node.said() {
            if let Said::TookOver { at_us } = said {
                found.push((at_us, node.name.clone()));
            }
        }
    }
    found
}

/// (d) Whoever takes over has seen another node's lease not renewed for the whole take-over time. (A renewal is
/// noted when it is asked for, a take-over when it is done.)
fn take_overs_only_of_the_silent(cluster: &Cluster) -> Result<(), String> {
    for (at_us, taker) in take_overs(cluster) {
        let silent = cluster.store.with_log(|log| {
            NODES.iter().zip(&cluster.addresses).any(|(name, node)| {
                let renewals = log.renewals.get(&node.id).map(Vec::as_slice).unwrap_or_default();
                let before: Vec<u64> = renewals.iter().copied().filter(|at| *at < at_us).collect();
                let until_then = before.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
                let last = before.last().map_or(0, |last| at_us - last);
                *name != taker && until_then.max(last) >= TAKE_OVER.as_micros() as u64
            })
        });
        if !silent {
            return Err(format!("{taker} took over, but no other node was silent for so long"));
        }
    }
    Ok(())
}

/// Promise 1, as the application sees it: once a node has begun to serve the session, no node that began earlier is
/// handed a message.
fn one_served_at_a_time(cluster: &Cluster) -> Result<(), String> {
    let mut begun: Vec<(u64, &str, Began)> = Vec::new();
    let mut handled: Vec<(u64, &str, u64)> = Vec::new();
    for node in &cluster.nodes {
        for said in node.said() {
            match said {
                Said::Began { at_us, how } => begun.push((at_us, &node.name, how)),
                Said::Handled { at_us, number } => handled.push((at_us, &node.name, number)),
                _ => {}
            }
        }
    }
    begun.sort_by_key(|(at_us, ..)| *at_us);
    for (at_us, name, number) in handled {
        let server = begun.iter().rev().find(|(began_us, ..)| *began_us <= at_us);
        if server.is_none_or(|(_, server, _)| *server != name) {
            return Err(format!("at {at_us} {name} was handed message {number}, but {server:?} serves"));
        }
    }
    Ok(())
}
