#![doc = include_str!("../README.md")]

/// Limits the number of arenas. Does nothing with another allocator than glibc's. Call it before other threads start: an
/// arena that exists remains.
pub fn limit(arenas: u8) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` accepts any parameter and value, and synchronises with other threads.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, i32::from(arenas));
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = arenas;
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::ffi::{CStr, c_char};
    use std::sync::Barrier;
    use std::thread;

    /// The number of arenas in use.
    fn arenas() -> usize {
        let mut text: *mut c_char = std::ptr::null_mut();
        let mut length = 0;
        // SAFETY: The stream writes to `text` and `length` until it is closed, and then `text` belongs to the caller.
        let report = unsafe {
            let stream = libc::open_memstream(&mut text, &mut length);
            assert_eq!(libc::malloc_info(0, stream), 0);
            libc::fclose(stream);
            let report = CStr::from_ptr(text).to_string_lossy().into_owned();
            libc::free(text.cast());
            report
        };
        report.matches("<heap nr=").count()
    }

    #[test]
    fn threads_share_the_arenas() {
        super::limit(2);
        let barrier = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let memory = vec![1_u8; 10_000];
                    barrier.wait();
                    assert!(arenas() <= 2);
                    barrier.wait();
                    drop(memory);
                });
            }
        });
    }
}
