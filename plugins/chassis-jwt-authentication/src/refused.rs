//! Why credentials are refused: the word in metrics, and what the caller is told.

use std::fmt;

/// Why a token, a key or a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// It is longer than any token needs to be.
    TooLarge,
    /// It is no token: three parts of base64url, the first two of them JSON objects without doubled keys.
    Malformed,
    /// Its header asks for what nobody here understands: `crit`, `b64`.
    Critical,
    /// It is a token for something else, by `typ`.
    Type,
    /// Nobody that it could be from is known here.
    Issuer,
    /// It is not of the algorithm that the key is for.
    Algorithm,
    /// It names a key that is not known, or should name one.
    Key,
    /// It is not signed with the key.
    Signature,
    /// Its time is over, or it does not say when it will be.
    Expired,
    /// Its time has not come.
    NotYet,
    /// It was issued longer ago than `max_age`, or does not say when.
    TooOld,
    /// It is meant for somebody else.
    Audience,
    /// It does not say whose it is, or what it says of them is not what it should be.
    Subject,
    /// There is no such key or user, or the password is wrong.
    Unknown,
}

impl Refused {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::TooLarge,
        Self::Malformed,
        Self::Critical,
        Self::Type,
        Self::Issuer,
        Self::Algorithm,
        Self::Key,
        Self::Signature,
        Self::Expired,
        Self::NotYet,
        Self::TooOld,
        Self::Audience,
        Self::Subject,
        Self::Unknown,
    ];

    /// The word, as in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Critical => "critical",
            Self::Type => "type",
            Self::Issuer => "issuer",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::TooOld => "too_old",
            Self::Audience => "audience",
            Self::Subject => "subject",
            Self::Unknown => "unknown",
        }
    }

    /// What the caller is told. Nothing of what is told is a secret of the service.
    pub const fn said(self) -> &'static str {
        match self {
            Self::TooLarge => "the token is too large",
            Self::Malformed => "it is not a token",
            Self::Critical => "the token asks for an extension that is not known here",
            Self::Type => "the token is for something else",
            Self::Issuer => "the issuer of the token is not known here",
            Self::Algorithm => "the algorithm of the token is not accepted here",
            Self::Key => "the key of the token is not known here",
            Self::Signature => "the signature of the token is wrong",
            Self::Expired => "the token has expired",
            Self::NotYet => "the token is not valid yet",
            Self::TooOld => "the token is too old",
            Self::Audience => "the token is for somebody else",
            Self::Subject => "the token does not say whose it is",
            Self::Unknown => "the credentials are wrong",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.said())
    }
}
