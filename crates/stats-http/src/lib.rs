#![doc = include_str!("../README.md")]

mod about;
mod admin;
mod answer;
mod api;
mod app;
mod base;
mod browser;
mod compression;
mod dashboard;
mod errors;
mod limits;
mod mask;
mod metrics;
mod openapi;
mod processing;
mod public;
mod request;

pub use app::{App, HttpConfig, Routes, serve};
pub use limits::Limits;
