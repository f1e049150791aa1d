//! Enums whose variants are stored and shown as fixed texts.

/// A text that is none of an enum's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} {text:?}, expected one of {expected}")]
pub struct UnknownText {
    /// What was to be read, such as `process status`.
    pub kind: &'static str,
    /// What stood there.
    pub text: String,
    /// The texts that are known.
    pub expected: String,
}

/// Declares an enum with one text per variant (further ones are read, never written).
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident($kind:literal) {
            $($(#[$variant_meta:meta])* $variant:ident = $text:literal $(| $older:literal)*,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of a life.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The text it is stored and shown as.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> Self {
                value.as_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text $(| $older)* => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownText {
                        kind: $kind,
                        text: text.to_owned(),
                        expected: Self::ALL
                            .iter()
                            .map(|value| value.as_str())
                            .collect::<Vec<_>>()
                            .join(", "),
                    }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::UnknownText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

pub(crate) use text_enum;
