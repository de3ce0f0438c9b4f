//! Enums whose variants have a word each in the configuration.

/// Makes an enum whose variants have a word each in the configuration.
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis $type:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $type { $($(#[$each])* $variant,)+ }

        impl $type {
            /// The words of the configuration, with what they mean.
            $vis const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];

            /// The word of the configuration.
            $vis fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}
pub(crate) use words;
