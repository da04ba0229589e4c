//! Everything that a story can bring about: one table, from which the words of the text come as well.

use std::fmt;
use std::str::FromStr;

macro_rules! happenings {
    ($($(#[$doc:meta])* $name:literal $variant:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        /// One thing that happens. Nodes and players that are not there make it nothing.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Happening {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type),* },)*
        }

        impl Happening {
            /// All kinds.
            pub const KINDS: &'static [&'static str] = &[$($name),*];

            /// Which kind it is.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }

        impl fmt::Display for Happening {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant { $($field),* } => {
                        f.write_str($name)?;
                        $(write!(f, " {}={}", stringify!($field), $field)?;)*
                    })*
                }
                Ok(())
            }
        }

        impl FromStr for Happening {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let mut words = text.split_whitespace();
                let kind = words.next().ok_or("a happening is missing")?;
                let fields: Vec<(&str, &str)> = words
                    .map(|word| word.split_once('=').ok_or(format!("`{word}` is no `field=value`")))
                    .collect::<Result<_, _>>()?;
                match kind {
                    $($name => Ok(Self::$variant { $($field: field(&fields, stringify!($field))?),* }),)*
                    _ => Err(format!("nothing is called `{kind}`; there are: {}", Self::KINDS.join(", "))),
                }
            }
        }
    };
}

fn field<T: FromStr>(fields: &[(&str, &str)], name: &str) -> Result<T, String> {
    let found = fields.iter().find(|(found, _)| *found == name);
    let (_, value) = found.ok_or(format!("`{name}=` is missing"))?;
    value.parse().map_err(|_| format!("`{value}` is no value of `{name}`"))
}

happenings! {
    /// A player joins at a node, plays a message every so often, and is pushed one every so often.
    "join" Join {
        /// Who.
        player: u64,
        /// Where first.
        node: u8,
        /// Pause between two messages of the game.
        every_ms: u64,
        /// Pause between two of the application's own; 0: none.
        pushed_ms: u64,
        /// Wants to be moved by break-before-make.
        classic: bool,
    }
    /// A player leaves for good.
    "leave" Leave {
        /// Who.
        player: u64,
    }
    /// A player's machine dies.
    "vanish" Vanish {
        /// Whose.
        player: u64,
    }
    /// A node goes offline and tells its clients.
    "drain" Drain {
        /// Which.
        node: u8,
    }
    /// A node takes users again.
    "online" Online {
        /// Which.
        node: u8,
    }
    /// The drain's deadline is near: a node moves everything without asking.
    "force" Force {
        /// Which.
        node: u8,
    }
    /// The drain's deadline has passed: what is left on a node waits in the store, and the node ends.
    "park" Park {
        /// Which.
        node: u8,
    }
    /// A drained node ends, if it is empty.
    "stop" Stop {
        /// Which.
        node: u8,
    }
    /// A node's process ends without a word.
    "crash" Crash {
        /// Which.
        node: u8,
    }
    /// A node's machine dies, and no link tells anybody.
    "power-off" PowerOff {
        /// Which.
        node: u8,
    }
    /// A new incarnation starts where a node has ended.
    "restart" Restart {
        /// Where.
        node: u8,
    }
    /// The heartbeats of nodes that have ended are forgotten.
    "beats-forgotten" BeatsForgotten {}
    /// A node's process stands still.
    "pause" Pause {
        /// Which.
        node: u8,
        /// How long.
        for_ms: u64,
    }
    /// A node's machine is suspended: its clock for timers stands still as well.
    "suspend" Suspend {
        /// Which.
        node: u8,
        /// How long.
        for_ms: u64,
    }
    /// A node's clocks run at this rate from now on.
    "clock" Clock {
        /// Which.
        node: u8,
        /// Of the true rate.
        thousandths: u64,
    }
    /// Two nodes cannot reach each other.
    "cut" Cut {
        /// One.
        a: u8,
        /// The other.
        b: u8,
        /// How long.
        for_ms: u64,
    }
    /// What one node sends to another gets lost.
    "cut-one-way" CutOneWay {
        /// From there.
        from: u8,
        /// To there.
        to: u8,
        /// How long.
        for_ms: u64,
    }
    /// What one node sends to another does not leave.
    "stall" Stall {
        /// From there.
        from: u8,
        /// To there.
        to: u8,
        /// How long.
        for_ms: u64,
    }
    /// What becomes of frames between nodes from now on, of a thousand.
    "weather" Weather {
        /// Lost.
        loss: u64,
        /// Doubled.
        doubles: u64,
        /// Overtaken by later ones.
        late: u64,
    }
    /// Of a thousand datagrams so many are lost from now on.
    "datagrams" Datagrams {
        /// How many.
        loss: u64,
    }
    /// The newest link of a player breaks.
    "break-link" BreakLink {
        /// Whose.
        player: u64,
    }
    /// All links of a player break.
    "break-links" BreakLinks {
        /// Whose.
        player: u64,
    }
    /// Nothing that a player sends arrives, or nothing sent to them, or neither.
    "silence" Silence {
        /// Who.
        player: u64,
        /// What they send.
        up: bool,
        /// What they are sent.
        down: bool,
        /// How long.
        for_ms: u64,
    }
    /// A player goes on at another address.
    "address" Address {
        /// Who.
        player: u64,
    }
    /// A player cannot open links to a node.
    "unreachable" Unreachable {
        /// Who.
        player: u64,
        /// What.
        node: u8,
        /// How long.
        for_ms: u64,
    }
    /// The engine answers nobody.
    "engine-down" EngineDown {
        /// How long.
        for_ms: u64,
    }
    /// One node cannot reach the engine.
    "engine-cut" EngineCut {
        /// Which.
        node: u8,
        /// How long.
        for_ms: u64,
    }
    /// The next compare-and-set lands, but its answer is lost.
    "cas-landed" CasLanded {}
    /// The next compare-and-set is lost.
    "cas-never" CasNever {}
    /// The next compare-and-set lands late, and its answer is lost.
    "cas-late" CasLate {
        /// How late.
        after_ms: u64,
    }
    /// The next reads are not answered.
    "reads-lost" ReadsLost {
        /// How many.
        count: u32,
    }
    /// The store has no room for snapshots.
    "store-busy" StoreBusy {
        /// How long.
        for_ms: u64,
    }
    /// The next snapshot lands, but its answer is lost.
    "store-landed" StoreLanded {}
    /// The next snapshot is lost.
    "store-never" StoreNever {}
    /// The next snapshot lands late, and its answer is lost.
    "store-late" StoreLate {
        /// How late.
        after_ms: u64,
    }
    /// The next frame of this name is lost, on a client's link with the link.
    "lose" Lose {
        /// As in the protocol.
        frame: String,
    }
    /// The next frame of this name arrives twice.
    "double" Double {
        /// As in the protocol.
        frame: String,
    }
    /// A player's game asks to be moved.
    "migrate" Migrate {
        /// Whose.
        player: u64,
    }
    /// A player's game does not answer Offline by itself any more, or does again.
    "answers" Answers {
        /// Whose.
        player: u64,
        /// Whether it does.
        does: bool,
    }
    /// A node refuses whoever asks for room.
    "fill-up" FillUp {
        /// Which.
        node: u8,
        /// How long.
        for_ms: u64,
    }
    /// A player's game takes no events.
    "stop-reading" StopReading {
        /// Whose.
        player: u64,
        /// How long.
        for_ms: u64,
    }
    /// A player's game sends many messages at once.
    "burst" Burst {
        /// Whose.
        player: u64,
        /// How many.
        count: u32,
        /// How large.
        bytes: u32,
    }
    /// The application stores one value of each kind for a player.
    "store" Store {
        /// Whom.
        player: u64,
    }
    /// The application stores more for a player than travels with a baton.
    "store-large" StoreLarge {
        /// Whom.
        player: u64,
    }
    /// A player broadcasts to its room whenever it plays, and as its owner answers Offline by moving it, or not.
    "chat" Chat {
        /// Who.
        player: u64,
        /// Whether it moves the room.
        moves: bool,
    }
    /// A player makes a room.
    "room-open" RoomOpen {
        /// Who.
        player: u64,
        /// Broadcasts of so long are sent together.
        interval_ms: u32,
    }
    /// A player joins the room that another one is in.
    "room-join" RoomJoin {
        /// Who.
        player: u64,
        /// The other one.
        host: u64,
    }
    /// A player looks for any room, and makes one if there is none.
    "room-any" RoomAny {
        /// Who.
        player: u64,
    }
    /// A player leaves its room.
    "room-leave" RoomLeave {
        /// Who.
        player: u64,
    }
    /// A player has another one removed from the room.
    "room-kick" RoomKick {
        /// Who.
        player: u64,
        /// Whom.
        whom: u64,
    }
    /// A player closes the room.
    "room-close" RoomClose {
        /// Who.
        player: u64,
    }
    /// A player asks for the room to be moved.
    "room-migrate" RoomMigrate {
        /// Who.
        player: u64,
    }
    /// A player sets a property of the room.
    "room-set" RoomSet {
        /// Who.
        player: u64,
        /// Which of a few.
        key: u32,
        /// How large.
        bytes: u32,
    }
    /// A node looks whether it could be drained, without draining.
    "dry-run" DryRun {
        /// Which.
        node: u8,
    }
    /// It need not know any more.
    "dry-run-ends" EndDryRun {
        /// Which.
        node: u8,
    }
    /// A node goes offline, and has so long; its rooms go when half of that is over.
    "drain-within" DrainWithin {
        /// Which.
        node: u8,
        /// How long.
        for_ms: u64,
    }
}
