/// The name of the function that this stands in, for the log lines: `log::error!(function = function_name!(); "…")`.
#[macro_export]
macro_rules! function_name {
    () => {{
        fn here() {}
        $crate::short_function_name(::std::any::type_name_of_val(&here))
    }};
}

/// The function in a path such as `stats_http::api::stats::post::{{closure}}::here`: `post`.
///
/// The part of [`function_name!`] that does the work.
pub fn short_function_name(path_of_inner_function: &'static str) -> &'static str {
    let mut parts = path_of_inner_function.rsplit("::").skip(1);
    parts.find(|part| *part != "{{closure}}").unwrap_or("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_enclosing_function_is_named_from_closures_too() {
        assert_eq!(
            function_name!(),
            "the_enclosing_function_is_named_from_closures_too"
        );
        let inner = || function_name!();
        let outer = || inner();
        assert_eq!(outer(), "the_enclosing_function_is_named_from_closures_too");
    }
}
