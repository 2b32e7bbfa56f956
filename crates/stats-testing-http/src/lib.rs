#![doc = include_str!("../README.md")]

mod remote;
mod service;

pub use remote::{Remote, Request, answer};
pub use service::Service;
