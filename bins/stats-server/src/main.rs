#![doc = include_str!("../README.md")]

mod demo;
mod server;

use std::process::ExitCode;

use clap::Parser;

use crate::server::Arguments;

fn main() -> ExitCode {
    stats_settings::exit_code("stats-server", server::run(&Arguments::parse()))
}
