//! Enums that Xsolla can extend.

/// Declares an enum of the known values, with the variant `Other` for new ones. A value after `_` is documented without a
/// meaning, and is `Other` too.
///
/// Xsolla documents such lists as closed, and has extended them. A new value must not make the notification unreadable.
macro_rules! open_enum {
    (
        $(#[doc = $about:literal])*
        pub enum $name:ident {
            $($(#[$about_variant:meta])* $variant:ident = $text:literal,)+
            $(_ = $other:literal,)?
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about_variant])* $variant,)+
            /// Any other value, as sent.
            Other(String),
        }

        impl $name {
            /// Returns the value as Xsolla sends it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        /// Accepts a string or a number.
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::model::lenient::text(deserializer).map(Self::from)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                const DESCRIPTION: &str = concat!($($about, "\n"),*);
                schemars::json_schema!({
                    "description": DESCRIPTION.trim(),
                    "type": ["string", "number"],
                    ($crate::model::keyword::EXTENSIBLE_ENUM): [$($text,)+ $($other,)?],
                })
            }
        }
    };
}

pub(super) use open_enum;
