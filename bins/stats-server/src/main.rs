#![doc = include_str!("../README.md")]

mod demo;
mod exit;
mod server;

use std::process::ExitCode;

use clap::Parser;

use crate::server::Arguments;

fn main() -> ExitCode {
    exit::exit_code(server::run(&Arguments::parse()))
}
