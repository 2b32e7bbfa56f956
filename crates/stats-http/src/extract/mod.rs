//! Extractors, which read and validate the token, the mask, the body and the arguments of a request.

mod arguments;
mod authenticated;
mod body;
pub(crate) mod lenient;
mod mask;

#[cfg(feature = "fuzzing")]
pub(crate) use arguments::parse_arguments;
pub(crate) use arguments::{from_json_body, from_query, from_query_and_body};
pub(crate) use authenticated::{Authenticated, ClientName, Input, has_valid_token, is_from_admin};
pub(crate) use body::Body;
