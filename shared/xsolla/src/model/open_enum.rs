//! Lists of values that grow.

/// Declares an enum of the values that are known today; a value that is not listed is kept in `Other`. So is `_`, which the
/// documentation lists without a meaning.
///
/// Xsolla documents such lists as closed and has extended them all the same. A new value must not make the whole
/// notification unreadable.
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
            /// A value that is not listed here, as it was sent.
            Other(String),
        }

        impl $name {
            /// The value as Xsolla writes it.
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

        /// From a string or a number.
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::model::lenient::text(deserializer).map(Self::from)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                const DESCRIPTION: &str = concat!($($about, "\n"),*);
                schemars::json_schema!({
                    "description": DESCRIPTION.trim(),
                    "type": ["string", "number"],
                    ($crate::model::KNOWN_VALUES): [$($text,)+ $($other,)?],
                })
            }
        }
    };
}

pub(super) use open_enum;
