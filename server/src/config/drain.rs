//! The drain that a signal starts: nobody is there to say why.

use clap::ValueEnum;
use serde::Deserialize;
use sterna::protocol::reasons::OfflineReason;

/// How all nodes are drained when the process is told to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drain {
    /// What clients are told.
    pub reason: DrainReason,
    /// Nodes with an older version of the application take the players as well: a roll-back.
    pub any_version: bool,
}

/// Why a node is drained, as operators say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DrainReason {
    /// The cluster is being scaled in.
    #[default]
    ScaleIn,
    /// A new version is being rolled out.
    Deploy,
    /// Any other reason of the operator.
    Operator,
}

impl From<DrainReason> for OfflineReason {
    fn from(reason: DrainReason) -> Self {
        match reason {
            DrainReason::ScaleIn => Self::ScaleIn,
            DrainReason::Deploy => Self::Deploy,
            DrainReason::Operator => Self::Operator,
        }
    }
}

/// The table as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DrainTable {
    reason: Option<DrainReason>,
    any_version: Option<bool>,
}

impl DrainTable {
    pub(super) fn read(self) -> Drain {
        let default = Drain::default();
        Drain {
            reason: self.reason.unwrap_or(default.reason),
            any_version: self.any_version.unwrap_or(default.any_version),
        }
    }
}
