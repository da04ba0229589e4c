//! A bad network, for trying out a game on a good one: delay, jitter and loss on the client's side, in
//! both directions. The choices come from a seed, one sequence for each link and direction, so that a run
//! can be had again.

mod line;
mod socket;

pub(super) use line::DelayLine;
pub(super) use socket::LossySocket;

use std::time::Duration;

/// How much later a lost piece of a TCP stream arrives: what a retransmission takes on common systems.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// Longer delays than this are taken for this: no link would outlive them anyway.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// What the network between a client and its nodes is like. The default changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Added on each way.
    pub delay: Duration,
    /// Up to this is added besides, at random. QUIC packets may overtake each other by it.
    pub jitter: Duration,
    /// Packets lost on each way, in percent. TCP sends what is lost again, which takes time.
    pub loss_percent: f32,
    /// Where the random choices begin.
    pub seed: u64,
}

impl Conditions {
    /// Whether this is the network as it is.
    pub fn is_clear(&self) -> bool {
        self.delay.is_zero() && self.jitter.is_zero() && self.loss_percent <= 0.0
    }

    /// What happens to the packets of one link on one way.
    pub(super) fn course(&self, link: u64, way: Way) -> Course {
        let mut dice = Dice(self.seed);
        dice.0 ^= dice.roll().wrapping_add(link);
        dice.0 ^= dice.roll().wrapping_add(way as u64);
        Course { conditions: *self, dice }
    }
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From client to node.
    Up = 1,
    /// From node to client.
    Down = 2,
}

/// What happens to one packet after the other.
#[derive(Debug)]
pub(super) struct Course {
    conditions: Conditions,
    dice: Dice,
}

impl Course {
    /// How long the next packet takes. `None`: it is lost.
    pub(super) fn packet(&mut self) -> Option<Duration> {
        let (is_lost, delay) = self.next();
        if is_lost { None } else { Some(delay) }
    }

    /// How long the next piece of a reliable stream takes.
    pub(super) fn piece(&mut self) -> Duration {
        let (is_lost, delay) = self.next();
        if is_lost { delay + RETRANSMISSION } else { delay }
    }

    /// Rolls twice whatever comes out, so that one setting does not shift the choices of another.
    fn next(&mut self) -> (bool, Duration) {
        let is_lost = self.dice.fraction() * 100.0 < f64::from(self.conditions.loss_percent);
        let jitter = self.conditions.jitter.mul_f64(self.dice.fraction());
        (is_lost, self.conditions.delay.saturating_add(jitter).min(DELAY_MAX))
    }
}

/// SplitMix64: small, and good enough for dice.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, but not including, 1.
    fn fraction(&mut self) -> f64 {
        // 53 bits are what an f64 holds exactly.
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Conditions = Conditions {
        delay: Duration::from_millis(50),
        jitter: Duration::from_millis(20),
        loss_percent: 5.0,
        seed: 7,
    };

    fn packets(conditions: Conditions, link: u64, way: Way) -> Vec<Option<Duration>> {
        let mut course = conditions.course(link, way);
        (0..10_000).map(|_| course.packet()).collect()
    }

    #[test]
    fn packets_are_lost_by_percent_and_late_by_delay_and_jitter() {
        let packets = packets(BAD, 1, Way::Up);
        let lost = packets.iter().filter(|packet| packet.is_none()).count();
        assert!((400..600).contains(&lost), "{lost} of 10000");
        let mut delays: Vec<_> = packets.into_iter().flatten().collect();
        delays.sort();
        assert!(delays[0] >= BAD.delay && delays[0] < BAD.delay + BAD.jitter / 10, "{:?}", delays[0]);
        let longest = delays[delays.len() - 1];
        assert!(
            longest <= BAD.delay + BAD.jitter && longest > BAD.delay + BAD.jitter * 9 / 10,
            "{longest:?}"
        );
    }

    #[test]
    fn the_same_seed_makes_the_same_choices_and_nothing_else_does() {
        let first = packets(BAD, 1, Way::Up);
        assert_eq!(first, packets(BAD, 1, Way::Up));
        assert_ne!(first, packets(BAD, 2, Way::Up));
        assert_ne!(first, packets(BAD, 1, Way::Down));
        assert_ne!(first, packets(Conditions { seed: 8, ..BAD }, 1, Way::Up));
    }

    #[test]
    fn what_a_stream_loses_comes_late() {
        let mut course = BAD.course(1, Way::Down);
        for packet in packets(BAD, 1, Way::Down) {
            let delay = course.piece();
            match packet {
                Some(packet) => assert_eq!(delay, packet),
                None => assert!(delay >= BAD.delay + RETRANSMISSION),
            }
        }
    }

    #[test]
    fn the_default_changes_nothing() {
        assert!(Conditions::default().is_clear());
        assert!(!BAD.is_clear());
        assert!(
            packets(Conditions::default(), 1, Way::Up).iter().all(|packet| *packet == Some(Duration::ZERO))
        );
    }
}
