//! The user's data: typed values under keys, within a limit, and its copy ahead of the baton.

use super::Session;
use crate::protocol::application::DataFull;
use crate::protocol::wire::Value;
use std::collections::BTreeSet;

/// What an entry of user data counts against its limit.
pub(super) fn entry_bytes(key: &str, value: &Value) -> usize {
    let value = match value {
        Value::Integer(_) | Value::Float(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    };
    key.len() + value + 16
}

impl Session {
    /// Stores a value of the user's data.
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), DataFull> {
        let limit = self.settings.user_data_bytes_max;
        let before = self.data.get(key).map_or(0, |old| entry_bytes(key, old));
        let after = self.data_bytes - before + entry_bytes(key, &value);
        if after > limit {
            return Err(DataFull { limit });
        }
        self.data_bytes = after;
        self.touch(key);
        self.data.insert(key.to_owned(), value);
        Ok(())
    }

    /// Deletes a value of the user's data.
    pub fn delete(&mut self, key: &str) -> Option<Value> {
        let value = self.data.remove(key)?;
        self.data_bytes -= entry_bytes(key, &value);
        self.touch(key);
        Some(value)
    }

    fn touch(&mut self, key: &str) {
        self.unsaved = true;
        if let Some(changed) = &mut self.changed {
            changed.insert(key.to_owned());
        }
    }

    /// The user's data is too large to travel with the baton: from here on only what changes does. So the freeze
    /// does not grow with the data. False: there is none.
    pub fn begin_copy(&mut self) -> bool {
        let any = !self.data.is_empty();
        self.changed = any.then(BTreeSet::new);
        any
    }

    /// All of the user's data, to travel ahead of the baton.
    pub fn copy(&self) -> Vec<(String, Value)> {
        self.data.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The move for which data was copied ahead has ended.
    pub fn forget_copy(&mut self) {
        self.changed = None;
    }

    /// User data has come ahead of the baton.
    pub fn preload(&mut self, data: Vec<(String, Value)>) {
        self.data = data.into_iter().collect();
        self.preloaded = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ids::Fence;
    use crate::protocol::ids::SessionId;
    use crate::protocol::session::Settings;
    use crate::protocol::snapshot::Durability;
    use crate::protocol::time::Time;
    use std::sync::Arc;
    use std::time::Duration;

    fn settings() -> Arc<Settings> {
        Arc::new(Settings {
            node: "node".into(),
            message_bytes_max: 1 << 16,
            replay_bytes_max: 1 << 20,
            user_data_bytes_max: 4 << 20,
            resume_max: Duration::from_secs(60),
            silence_max: Duration::from_secs(5),
            moves_when_online: false,
            durability: Durability::None,
            room: Arc::default(),
        })
    }

    fn hoarder() -> Session {
        let mut session = Session::new(SessionId(1), "ann".into(), [7; 32], Fence::default(), settings());
        for number in 0..8u8 {
            session.set(&format!("chest-{number}"), Value::Bytes(vec![number; 60_000])).unwrap();
        }
        session
    }

    #[test]
    fn only_what_changed_since_the_copy_travels_with_the_baton() {
        let mut source = hoarder();
        assert!(source.begin_copy());
        let copy = source.copy();
        source.set("chest-1", Value::Integer(1)).unwrap();
        source.delete("chest-2");
        source.set("chest-8", Value::Text("new".into())).unwrap();
        source.delete("chest-8");
        let state = source.export_for_baton(Time::default());
        assert_eq!(state.data, [("chest-1".to_owned(), Value::Integer(1))]);
        assert_eq!(state.removed, ["chest-2", "chest-8"]);

        let mut target = Session::expected(SessionId(1), [7; 32], settings());
        assert!(!target.fits(&state), "the copy has not arrived");
        target.preload(copy);
        assert!(target.fits(&state));
        target.import(state, Fence::default(), Time::default()).unwrap();
        assert_eq!(target.data(), source.data());
        assert_eq!(target.state_bytes(), source.state_bytes());
    }

    #[test]
    fn after_a_move_that_failed_all_of_it_travels_again() {
        let mut source = hoarder();
        source.begin_copy();
        source.forget_copy();
        let state = source.export_for_baton(Time::default());
        assert_eq!((state.data.len(), state.ahead), (8, false));
    }

    #[test]
    fn of_no_user_data_nothing_is_copied_ahead() {
        let mut session = Session::new(SessionId(1), "ann".into(), [7; 32], Fence::default(), settings());
        assert!(!session.begin_copy());
        assert!(!session.export_for_baton(Time::default()).ahead);
    }
}
