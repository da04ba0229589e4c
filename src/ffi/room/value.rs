//! Values of properties as C sees them.

use crate::client::room::ValueKind;
use crate::client::status::{Error, Status};
use crate::ffi::error::{Failure, bytes_from_c, check_pointer};
use crate::protocol::wire::Value;

/// Which type a `SternaValue` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaValueKind {
    /// There is no value.
    STERNA_VALUE_NONE = 0,
    /// A signed 64-bit integer, in `integer`.
    STERNA_VALUE_INTEGER = 1,
    /// A 64-bit float, in `number`.
    STERNA_VALUE_FLOAT = 2,
    /// UTF-8 text, in `data` and `length`. Of the library's own a NUL follows.
    STERNA_VALUE_TEXT = 3,
    /// Any bytes, in `data` and `length`.
    STERNA_VALUE_BYTES = 4,
}

/// A value of a room's property. It comes back as it was set: integers stay integers, floats keep their bits.
/// This struct never grows.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SternaValue {
    /// A `SternaValueKind`.
    pub kind: u32,
    /// Bytes in `data`.
    pub length: u32,
    /// The integer.
    pub integer: i64,
    /// The float.
    pub number: f64,
    /// The text, or the bytes. In events never NULL.
    pub data: *const u8,
}

impl SternaValue {
    /// No value.
    pub(in crate::ffi) const NONE: Self = Self {
        kind: SternaValueKind::STERNA_VALUE_NONE as u32,
        length: 0,
        integer: 0,
        number: 0.0,
        data: c"".as_ptr().cast(),
    };

    /// The value of this type with these bytes, to which it points. A NUL follows them.
    pub(in crate::ffi) fn of_bytes(kind: Option<ValueKind>, bytes: &[u8]) -> Self {
        let Some(kind) = kind else { return Self::NONE };
        let number = || u64::from_be_bytes(bytes.try_into().unwrap_or_default());
        let mut c = Self { kind: kind as u32, ..Self::NONE };
        match kind {
            ValueKind::Integer => c.integer = number() as i64,
            ValueKind::Float => c.number = f64::from_bits(number()),
            ValueKind::Text | ValueKind::Bytes => {
                c.data = bytes.as_ptr();
                c.length = bytes.len() as u32;
            }
        }
        c
    }
}

/// The value that C passed by pointer.
///
/// # Safety
/// `value` is NULL or points to a value whose `data` has `length` bytes.
pub(super) unsafe fn read(value: *const SternaValue) -> Result<Value, Failure> {
    check_pointer(value)?;
    // SAFETY: neither NULL nor misaligned; every bit pattern is a `SternaValue`; the rest is this function's own
    // condition.
    unsafe { to_rust(&*value) }
}

/// The same, where NULL stands for none.
///
/// # Safety
/// As with [`read`].
pub(super) unsafe fn read_optional(value: *const SternaValue) -> Result<Option<Value>, Failure> {
    // SAFETY: this function's own condition.
    if value.is_null() { Ok(None) } else { unsafe { read(value) }.map(Some) }
}

/// The value that a struct of C holds.
///
/// # Safety
/// Its `data` is NULL or has `length` bytes.
pub(super) unsafe fn to_rust(c: &SternaValue) -> Result<Value, Failure> {
    // SAFETY: this function's own condition.
    let bytes = || unsafe { bytes_from_c(c.data, c.length) };
    let bad = |text: &str| Error::new(Status::InvalidArgument, text);
    Ok(match c.kind {
        1 => Value::Integer(c.integer),
        2 => Value::Float(c.number),
        3 => {
            let text = std::str::from_utf8(bytes()?).map_err(|_| bad("a value of kind text is not UTF-8"))?;
            Value::Text(text.to_owned())
        }
        4 => Value::Bytes(bytes()?.to_vec()),
        _ => return Err(bad("the kind of a value is no SternaValueKind that can be stored").into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::room::with_bytes;

    #[test]
    fn a_value_goes_to_c_and_back_unchanged() {
        let values = [
            Value::Integer(i64::MIN + 1),
            Value::Float(-0.0),
            Value::Text("t\0ext".into()),
            Value::Text(String::new()),
            Value::Bytes(vec![0, 255]),
        ];
        for value in values {
            let back = with_bytes(&value, |bytes| {
                let c = SternaValue::of_bytes(Some(ValueKind::of(&value)), bytes);
                // SAFETY: it points to `bytes`, which live here.
                unsafe { read(&c) }.ok()
            });
            assert_eq!(back, Some(value));
        }
    }

    #[test]
    fn the_kinds_have_the_same_numbers_everywhere() {
        assert_eq!(ValueKind::Integer as u32, SternaValueKind::STERNA_VALUE_INTEGER as u32);
        assert_eq!(ValueKind::Float as u32, SternaValueKind::STERNA_VALUE_FLOAT as u32);
        assert_eq!(ValueKind::Text as u32, SternaValueKind::STERNA_VALUE_TEXT as u32);
        assert_eq!(ValueKind::Bytes as u32, SternaValueKind::STERNA_VALUE_BYTES as u32);
    }
}
