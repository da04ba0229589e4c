//! Judges what the members of a room have heard: one order for all, and everything exactly once; where messages may be
//! lost, within each generation.

use crate::member::Wish;
use crate::player::Player;
use crate::troupe::Troupe;
use std::collections::BTreeMap;
use sterna::client::Status;

/// All fall silent; each says one last thing to the room, and all in it hear it.
pub(crate) async fn settle(troupe: &mut Troupe) -> Result<(), String> {
    for (_, player) in &mut troupe.players {
        player.member.says_every = None;
    }
    for index in 0..troupe.players.len() {
        let is_member = |player: &Player| player.member.room.is_some();
        if is_member(&troupe.players[index].1) {
            let before = troupe.players[index].1.member.said;
            while troupe.players[index].1.member.said == before {
                troupe.play();
                let (_, player) = &mut troupe.players[index];
                player.member.say(&player.client);
                tokio::task::yield_now().await;
            }
        }
    }
    let all_hear_all = |players: &[(String, Player)]| {
        let present = || players.iter().filter(|(_, player)| player.member.room.is_some());
        present().all(|(_, hearer)| {
            present().all(|(user, player)| hearer.member.has_heard(user, player.member.said - 1))
        })
    };
    troupe.until("all have heard the last that was said", all_hear_all).await?;
    Ok(())
}

/// That every promise was kept to these members. `lazy`: messages may be lost with a take-over.
pub(crate) fn check(troupe: &Troupe, lazy: bool) -> Result<(), String> {
    for (user, player) in &troupe.players {
        let member = &player.member;
        if member.wish != Wish::Alone && member.room.is_none() {
            return Err(format!("{user} is not in the room"));
        }
        let lost = member.exits.contains(&Status::MembershipLost);
        let took_over = !player.take_overs.is_empty();
        // Who is out has left, or was told that a crash has cost the membership.
        let stays = member.wish != Wish::Alone && !(lazy && took_over && lost);
        if stays && !member.exits.is_empty() {
            return Err(format!("{user} was sent out of the room: {:?}", member.exits));
        }
        player.check().map_err(|wrong| format!("{user}: {wrong}"))?;
    }
    if lazy { check_generations(troupe) } else { check_order(troupe) }
}

fn all_heard(player: &Player) -> Vec<&(String, u64)> {
    player.member.heard.iter().flatten().collect()
}

fn check_order(troupe: &Troupe) -> Result<(), String> {
    // The owner was there from the first to the last.
    let base = all_heard(&troupe.players[0].1);
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for (user, number) in &base {
        let expected = next.entry(user).or_default();
        if number != expected {
            return Err(format!("{user}'s number {number} came instead of {expected}"));
        }
        *expected += 1;
    }
    for (user, player) in &troupe.players {
        let said = player.member.said;
        let heard = next.get(user.as_str()).copied().unwrap_or_default();
        if heard != said {
            return Err(format!("{user} said {said} numbers, and {heard} were heard"));
        }
        let theirs = all_heard(player);
        let stayed = player.member.exits.is_empty();
        let is_part = match (theirs.first(), stayed) {
            (None, _) => player.member.room.is_none(),
            // Who came later has heard everything from then on.
            (Some(_), true) => base.ends_with(&theirs),
            (Some(_), false) => base.windows(theirs.len()).any(|part| part == theirs),
        };
        if !is_part {
            return Err(format!("{user} has heard another order, or not everything"));
        }
    }
    Ok(())
}

/// Within a generation nothing comes twice, each speaker's numbers rise, and what two have heard they have heard in
/// the same order.
fn check_generations(troupe: &Troupe) -> Result<(), String> {
    for (user, player) in &troupe.players {
        for generation in &player.member.heard {
            let mut last: BTreeMap<&str, u64> = BTreeMap::new();
            for (speaker, number) in generation {
                if last.insert(speaker, *number).is_some_and(|before| before >= *number) {
                    return Err(format!("{user} heard {speaker}'s number {number} late, or twice"));
                }
            }
        }
    }
    let staying = || troupe.players.iter().filter(|(_, player)| player.member.exits.is_empty());
    for (first, one) in staying() {
        for (second, other) in staying() {
            for (ours, theirs) in one.member.heard.iter().rev().zip(other.member.heard.iter().rev()) {
                let common = |mine: &[(String, u64)], yours: &[(String, u64)]| -> Vec<(String, u64)> {
                    let yours: std::collections::BTreeSet<_> = yours.iter().collect();
                    mine.iter().filter(|heard| yours.contains(heard)).cloned().collect()
                };
                if common(ours, theirs) != common(theirs, ours) {
                    return Err(format!("{first} and {second} have heard different orders"));
                }
            }
        }
    }
    Ok(())
}
