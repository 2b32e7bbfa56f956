//! Requests as they are read and validated: who asks, the body, the arguments.

mod arguments;
mod body;
mod call;
mod mask;
mod user_agent;
pub(crate) mod values;

pub(crate) use arguments::Arguments;
pub(crate) use body::read_json_body;
pub(crate) use call::{Call, Input};
pub(crate) use user_agent::refuse_outdated_monarc;
