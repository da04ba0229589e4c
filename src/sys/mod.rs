//! The few calls to the operating system that std does not have.
#![allow(unsafe_code)]

/// Raises the limit of open files to the highest that this process may set, and returns it. Every link
/// of a node is an open file, and the usual limit is 1024. Elsewhere than on Unix there is no such limit.
#[cfg(unix)]
pub fn raise_file_limit() -> std::io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer and lives through the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    let highest = limit.rlim_max;
    // macOS says "no limit" and then refuses more than OPEN_MAX.
    #[cfg(target_vendor = "apple")]
    let highest = highest.min(10_240);
    if limit.rlim_cur < highest {
        limit.rlim_cur = highest;
        // SAFETY: `limit` is a valid, initialised value and lives through the call.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(limit.rlim_cur)
}

/// See the Unix version: here there is no limit to raise.
#[cfg(not(unix))]
pub fn raise_file_limit() -> std::io::Result<u64> {
    Ok(u64::MAX)
}

/// Lets this thread's writes to a connection that the peer has closed fail with an error instead of ending
/// the program by `SIGPIPE`: a program in Rust ignores that signal from its start, a game in C does not, and
/// its signal handlers are not ours to change.
#[cfg(all(unix, not(miri)))]
pub fn block_sigpipe_on_this_thread() -> std::io::Result<()> {
    let mut signals = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` initialises the set that it is given, and the other two are given that set; the
    // old mask is not asked for.
    let result = unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), std::ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(std::io::Error::from_raw_os_error(result)) }
}

/// See the Unix version: here there is no such signal. Miri, which runs the tests of `ffi`, has none either.
#[cfg(any(not(unix), miri))]
pub fn block_sigpipe_on_this_thread() -> std::io::Result<()> {
    Ok(())
}

/// Gives a socket a receive buffer of this many bytes even above the system's limit, where this process may
/// (`CAP_NET_ADMIN`). False if it may not: then the usual way has to do.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn force_receive_buffer(socket: &std::net::UdpSocket, bytes: usize) -> bool {
    use std::os::fd::AsRawFd as _;
    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    // SAFETY: the descriptor is open while `socket` is borrowed, and `value` is a live object of the size
    // given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    result == 0
}

/// See the Linux version: here nobody may.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn force_receive_buffer(_: &std::net::UdpSocket, _: usize) -> bool {
    false
}

/// Microseconds on a clock that never goes back and runs on while the machine is suspended: the lease
/// clock (rule e). Its origin has no meaning.
///
/// On Linux `CLOCK_BOOTTIME`; on Apple systems `CLOCK_MONOTONIC`, which runs through sleep there.
/// Elsewhere std's monotonic clock: on Windows it runs through sleep, on other systems it may not, and a
/// node must not be run on a machine of those that is ever suspended.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub fn boot_micros() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
    #[cfg(target_vendor = "apple")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for the answer and lives through the call.
    let result = unsafe { libc::clock_gettime(CLOCK, &raw mut now) };
    assert_eq!(result, 0, "the operating system has no clock that runs through suspend");
    // Both parts are never negative; the casts are needed where they are 32 bits wide.
    #[allow(clippy::unnecessary_cast)]
    let micros = now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1_000;
    micros
}

/// See the Linux version: std's monotonic clock, counted from the first call.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub fn boot_micros() -> u64 {
    static ORIGIN: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    u64::try_from(ORIGIN.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_file_limit_is_raised_to_what_is_allowed() {
        let limit = super::raise_file_limit().unwrap();
        assert!(limit >= 256, "{limit}");
        assert_eq!(super::raise_file_limit().unwrap(), limit, "raising it again changes nothing");
    }

    #[test]
    fn the_boot_clock_goes_on() {
        let before = super::boot_micros();
        let started = std::time::Instant::now();
        while started.elapsed().as_micros() < 2_000 {
            std::hint::spin_loop();
        }
        let passed = super::boot_micros() - before;
        assert!((1_900..10_000_000).contains(&passed), "{passed}");
    }
}
