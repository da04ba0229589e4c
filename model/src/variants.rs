//! Rules broken on purpose. Each of them is broken in the model's drivers, by what they tell the real machines
//! or keep from them; production code knows nothing of it.

/// A rule that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The source takes the record back because time has passed, not because the target's lease has run out.
    RecallsOnTimeOut,
    /// The source is told that its claim has won, and nothing was written (a).
    NoClaimBeforeBaton,
    /// A node whose lease has run out goes on as if nothing were (e).
    NoSelfFencing,
    /// While Handing, the target's lease alone counts for a take-over (d).
    TakesOverOnOwnersLeaseAlone,
    /// A take-over weighs leases as they were before it read the record, not after (d).
    WeighsOldLeases,
    /// The target does not remember what it has refused (c).
    ForgetsRefusal,
    /// A Ready of an earlier attempt is taken for one of the attempt under way (f).
    EarlierReadyCounts,
    /// A baton without a live preparation is dropped without a word (c).
    DoesNotHandBack,
    /// A node whose lease has run out accepts a baton (e).
    FencedNodeAcceptsBaton,
    /// A node keeps its preparations while its lease has run out, and renews it with them (e).
    KeepsPreparationsFenced,
    /// The copy from before a move is kept when the cohort comes back, and goes on looking at the record (c).
    MoveBackRevivesOldCopy,
}

impl Variant {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::RecallsOnTimeOut,
        Self::NoClaimBeforeBaton,
        Self::NoSelfFencing,
        Self::TakesOverOnOwnersLeaseAlone,
        Self::WeighsOldLeases,
        Self::ForgetsRefusal,
        Self::EarlierReadyCounts,
        Self::DoesNotHandBack,
        Self::FencedNodeAcceptsBaton,
        Self::KeepsPreparationsFenced,
        Self::MoveBackRevivesOldCopy,
    ];
}
