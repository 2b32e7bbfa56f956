#![doc = include_str!("../README.md")]

mod commands;
mod installed;
mod log;
mod page;
mod programs;
mod remote;
mod reverse_proxy;
mod server;
mod service;

pub use commands::commands;
pub use installed::installed;
pub use log::Log;
pub use page::Page;
pub use programs::Programs;
pub use remote::{Remote, Request, answer};
pub use reverse_proxy::{ProxyKind, ReverseProxy};
pub use server::{ADMIN_TOKEN, LONG, Server, base, isolate, wait_for};
pub use service::Service;
