#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stats_fuzz::mask(data));
