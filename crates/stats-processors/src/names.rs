//! Enums whose values have names on the wire.

/// Defines an enum, its values in `ALL` and their names, which parsing, `as_str` and serde use.
macro_rules! named_enum {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            pub(crate) const NAMES: [&str; [$($text),+].len()] = [$($text),+];
            /// All values.
            pub const ALL: [Self; Self::NAMES.len()] = [$(Self::$variant),+];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = stats_core::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
                known.ok_or_else(|| stats_core::InvalidValue::new(text, Self::NAMES.join(" or ")))
            }
        }
    };
}

pub(crate) use named_enum;
