//! Points in time, as the core sees them: plain numbers handed in by the driver, never read from a clock.

use std::time::Duration;

macro_rules! point_in_time {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The point `micros` microseconds after the driver's origin.
            pub const fn from_micros(micros: u64) -> Self {
                Self(micros)
            }

            /// Microseconds since the driver's origin.
            pub const fn as_micros(self) -> u64 {
                self.0
            }

            /// How long ago `earlier` was; zero if it is still to come.
            pub fn since(self, earlier: Self) -> Duration {
                Duration::from_micros(self.0.saturating_sub(earlier.0))
            }
        }

        impl std::ops::Add<Duration> for $name {
            type Output = Self;
            fn add(self, length: Duration) -> Self {
                Self(self.0.saturating_add(u64::try_from(length.as_micros()).unwrap_or(u64::MAX)))
            }
        }
    };
}

point_in_time! {
    /// A point on the driver's monotonic clock.
    Time
}

point_in_time! {
    /// A point on the lease clock, which runs on while the machine is suspended (rule e). A type of its
    /// own, so that mixing the two clocks does not compile.
    BootTime
}
