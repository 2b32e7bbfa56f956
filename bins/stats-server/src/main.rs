#![doc = include_str!("../README.md")]

mod demo;
mod exit;
mod manual;
mod notify;
mod server;

use std::process::ExitCode;

use clap::Parser;

use crate::server::Arguments;

/// Measured with 40 readers of statistics: half the memory of the default, and answers take no longer.
const ARENAS: u8 = 2;

fn main() -> ExitCode {
    malloc_arenas::limit(ARENAS);
    exit::exit_code(server::run(&Arguments::parse()))
}
