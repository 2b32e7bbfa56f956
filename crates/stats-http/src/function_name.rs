/// The name of the enclosing function, for log lines: `log::error!(function = function_name!(); "…")`.
macro_rules! function_name {
    () => {{
        fn here() {}
        $crate::function_name::short_name(std::any::type_name_of_val(&here))
    }};
}
pub(crate) use function_name;

/// Returns `post` for `stats_http::api::stats::post::{{closure}}::here`.
pub(crate) fn short_name(path_of_inner_function: &'static str) -> &'static str {
    let mut parts = path_of_inner_function.rsplit("::").skip(1);
    parts.find(|part| *part != "{{closure}}").unwrap_or("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_closure_takes_the_name_of_its_function() {
        let inner = || function_name!();
        let outer = || inner();
        assert_eq!(outer(), "a_closure_takes_the_name_of_its_function");
    }
}
