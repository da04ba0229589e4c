//! How a room is made, and what a room that is looked for must be like, as C passes it.

use super::array_from_c;
use super::value::{self, SternaValue};
use crate::client::status::{Error, Status};
use crate::ffi::error::{Failure, check_pointer, guard, text_from_c};
use crate::ffi::result::SternaResult;
use crate::protocol::room::wire::{Comparison, Condition, RoomOptions};
use std::ffi::c_char;

/// A property of a room: a key and its value. This struct never grows.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SternaRoomProperty {
    /// Its key, in UTF-8, ending in a NUL.
    pub key: *const c_char,
    /// Its value.
    pub value: SternaValue,
}

/// How a condition compares a property with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaComparison {
    /// Equal, and of the same type.
    STERNA_COMPARE_EQUAL = 1,
    /// Not equal, or not there.
    STERNA_COMPARE_NOT_EQUAL = 2,
    /// A number below the value.
    STERNA_COMPARE_LESS = 3,
    /// A number not above the value.
    STERNA_COMPARE_AT_MOST = 4,
    /// A number above the value.
    STERNA_COMPARE_GREATER = 5,
    /// A number not below the value.
    STERNA_COMPARE_AT_LEAST = 6,
}

/// A condition on a room's property. A room fits if all of them hold. This struct never grows.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SternaRoomCondition {
    /// The property's key, in UTF-8, ending in a NUL.
    pub key: *const c_char,
    /// A `SternaComparison`.
    pub comparison: u32,
    /// Must be 0.
    pub reserved: u32,
    /// What the property is compared with.
    pub value: SternaValue,
}

/// How a room is made. Fill it with `sterna_room_config_init`, then change what you like.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SternaRoomConfig {
    /// Set by `sterna_room_config_init`: the size of this struct as the program knows it.
    pub struct_size: u32,
    /// How many members the room takes: 2 to 1,000. Initially 8.
    pub members_max: u32,
    /// Broadcasts of so many milliseconds are sent together, which saves packets and costs delay; 0: each at
    /// once. At most 10,000. Initially 0.
    pub interval_ms: u32,
    /// 1: the room stays when the last member has left; 0: it is closed then. Initially 0.
    pub allow_empty: u32,
    /// 1: it can be found by `sterna_room_join_random`; 0: only those who know its id can join. Initially 0.
    /// A room that `sterna_room_join_random` makes can always be found.
    pub listed: u32,
    /// How many there are in `properties`. Initially 0.
    pub properties_count: u32,
    /// With `allow_empty`: for how many milliseconds an empty room stays; 0: until it is closed. Initially 0.
    pub ttl_ms: u64,
    /// The room's first properties; may be NULL if there are none.
    pub properties: *const SternaRoomProperty,
}

/// No header ever had a smaller struct: up to and including `members_max`.
const SMALLEST: usize = 8;

impl SternaRoomConfig {
    fn initial() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            members_max: 8,
            interval_ms: 0,
            allow_empty: 0,
            listed: 0,
            properties_count: 0,
            ttl_ms: 0,
            properties: std::ptr::null(),
        }
    }

    /// # Safety
    /// `properties` is NULL or has `properties_count` elements that can be read, with all they point to.
    unsafe fn to_rust(self) -> Result<RoomOptions, Failure> {
        let flag = |number: u32, name: &str| match number {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::new(Status::InvalidArgument, format!("{name} is neither 0 nor 1"))),
        };
        // SAFETY: this function's own condition.
        let properties = unsafe { array_from_c(self.properties, self.properties_count) }?;
        let properties = properties.iter().map(|property| {
            // SAFETY: this function's own condition.
            unsafe { Ok((text_from_c(property.key)?.to_owned(), value::to_rust(&property.value)?)) }
        });
        Ok(RoomOptions {
            members_max: self.members_max,
            allow_empty: flag(self.allow_empty, "allow_empty")?,
            ttl_ms: self.ttl_ms,
            interval_ms: self.interval_ms,
            listed: flag(self.listed, "listed")?,
            properties: properties.collect::<Result<_, Failure>>()?,
        })
    }
}

/// Fills a room's configuration with the initial values. Pass `sizeof(SternaRoomConfig)` as `struct_size`: it
/// tells a newer library how much the program's struct holds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_room_config_init(
    config: *mut SternaRoomConfig,
    struct_size: u32,
) -> SternaResult {
    guard(|| {
        check_pointer(config)?;
        let caller_size = struct_size as usize;
        if caller_size < SMALLEST {
            let text = "struct_size is too small: pass sizeof(SternaRoomConfig)";
            return Err(Error::new(Status::StructSize, text).into());
        }
        let mut initial = SternaRoomConfig::initial();
        initial.struct_size = struct_size;
        let known = caller_size.min(size_of::<SternaRoomConfig>());
        // SAFETY: the caller vouches for `struct_size` writable bytes; `known` is no more than these nor than the
        // source, and the rest is zeroed within them.
        unsafe {
            let out = config.cast::<u8>();
            std::ptr::copy_nonoverlapping((&raw const initial).cast::<u8>(), out, known);
            out.add(known).write_bytes(0, caller_size - known);
        }
        Ok(())
    })
}

/// Reads a room's configuration of whichever version of the struct; NULL gives the initial values.
///
/// # Safety
/// `config` is NULL or points to as many readable bytes as its first field says, with all they point to.
pub(super) unsafe fn read(config: *const SternaRoomConfig) -> Result<RoomOptions, Failure> {
    let mut full = SternaRoomConfig::initial();
    if !config.is_null() {
        check_pointer(config)?;
        // SAFETY: not NULL, aligned, and every version of the struct begins with this field.
        let caller_size = unsafe { (&raw const (*config).struct_size).read() } as usize;
        if caller_size < SMALLEST {
            return Err(Status::StructSize.into());
        }
        let known = caller_size.min(size_of::<SternaRoomConfig>());
        // SAFETY: the caller vouches for `caller_size` readable bytes; every bit pattern is a valid
        // `SternaRoomConfig`, and `known` is no more than its size.
        let tail = unsafe {
            std::ptr::copy_nonoverlapping(config.cast::<u8>(), (&raw mut full).cast::<u8>(), known);
            std::slice::from_raw_parts(config.cast::<u8>().add(known), caller_size - known)
        };
        if tail.iter().any(|&byte| byte != 0) {
            let text = "the room's configuration uses fields of a newer version: update the library, or leave them 0";
            return Err(Error::new(Status::StructSize, text).into());
        }
    }
    // SAFETY: this function's own condition.
    unsafe { full.to_rust() }
}

/// Reads the conditions that a room must fit.
///
/// # Safety
/// `conditions` is NULL or has `count` elements that can be read, with all they point to.
pub(super) unsafe fn read_conditions(
    conditions: *const SternaRoomCondition,
    count: u32,
) -> Result<Vec<Condition>, Failure> {
    let bad = |text: &str| Error::new(Status::InvalidArgument, text);
    // SAFETY: this function's own condition.
    let conditions = unsafe { array_from_c(conditions, count) }?;
    let conditions = conditions.iter().map(|c| {
        if c.reserved != 0 {
            return Err(bad("reserved of a condition is not 0").into());
        }
        let comparison = comparison(c.comparison)
            .ok_or_else(|| bad("comparison of a condition is no SternaComparison"))?;
        // SAFETY: this function's own condition.
        let (key, value) = unsafe { (text_from_c(c.key)?.to_owned(), value::to_rust(&c.value)?) };
        Ok(Condition { key, comparison, value })
    });
    conditions.collect()
}

fn comparison(number: u32) -> Option<Comparison> {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, NotEqual};
    [Equal, NotEqual, Less, AtMost, Greater, AtLeast].into_iter().find(|known| *known as u32 == number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use SternaComparison::*;

    #[test]
    fn comparisons_have_the_same_numbers_everywhere() {
        let named = [
            (STERNA_COMPARE_EQUAL, Comparison::Equal),
            (STERNA_COMPARE_NOT_EQUAL, Comparison::NotEqual),
            (STERNA_COMPARE_LESS, Comparison::Less),
            (STERNA_COMPARE_AT_MOST, Comparison::AtMost),
            (STERNA_COMPARE_GREATER, Comparison::Greater),
            (STERNA_COMPARE_AT_LEAST, Comparison::AtLeast),
        ];
        for (c, meant) in named {
            assert_eq!(comparison(c as u32), Some(meant));
        }
        assert_eq!((comparison(0), comparison(7)), (None, None));
    }

    #[test]
    fn no_configuration_is_the_initial_one() {
        // SAFETY: NULL is allowed, and the struct is live.
        let (none, initial) = unsafe { (read(std::ptr::null()), read(&SternaRoomConfig::initial())) };
        let none = none.unwrap_or_else(|_| panic!("the initial values are sound"));
        assert_eq!(Some(&none), initial.ok().as_ref());
        assert_eq!(none, RoomOptions { members_max: 8, ..RoomOptions::default() });
    }
}
