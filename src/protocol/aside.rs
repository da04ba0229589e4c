//! Notes beside a state.

use std::hash::{Hash, Hasher};

/// What is noted beside a state so that it need not be worked out again. It is no part of the state: two are always
/// equal.
#[derive(Clone, Debug, Default)]
pub(in crate::protocol) struct Aside<T>(pub(in crate::protocol) T);

impl<T> PartialEq for Aside<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Aside<T> {}

impl<T> Hash for Aside<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
