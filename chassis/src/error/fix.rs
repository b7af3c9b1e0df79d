//! What an error asks for, for programs.

/// What to write instead at the place of an error. Whoever reads the error has its help; this is for whoever mends the
/// file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fix {
    /// Another name for the key.
    Rename {
        /// The name.
        to: String,
    },
    /// The key with all that is below it, one level down: below another key of the same map, `config`, which may not be
    /// there yet.
    MoveUnder {
        /// That other key.
        key: String,
    },
    /// Another value than this scalar.
    Replace {
        /// As YAML.
        with: String,
    },
    /// Nothing: neither the key nor what is below it means anything.
    Remove,
}
