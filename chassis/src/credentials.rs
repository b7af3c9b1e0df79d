//! Who may ask what operators ask: the tokens of `management.token_file`.

use crate::error::{Error, Result, code};
use arc_swap::ArcSwap;
use http::{HeaderMap, header};
use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

/// Shorter tokens can be guessed.
const LEAST: usize = 16;

/// Longer ones are no tokens; and as many bytes are compared with each.
const LONGEST: usize = 512;

/// More than any rotation needs.
const MOST: usize = 64;

/// Enough for as many of those, with comments.
const MAX_FILE: u64 = 64 << 10;

/// Whoever tries one token after another is told of once in this time.
const QUIET: Duration = Duration::from_secs(10);

const MAKE_ONE: &str = "write a token into a line of its own: `openssl rand -hex 32` makes one";

/// The tokens of a file, as they were read last.
pub(crate) struct Credentials {
    file: PathBuf,
    tokens: ArcSwap<Tokens>,
    refused: Mutex<Refused>,
}

/// In the order of the file.
#[derive(PartialEq, Eq)]
struct Tokens(Vec<Box<[u8]>>);

/// Which token it was: 1 for the first of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder(u32);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {}", self.0)
    }
}

/// How often somebody was turned away, and when that was told last.
#[derive(Default)]
struct Refused {
    untold: u64,
    told: Option<Instant>,
}

impl Credentials {
    /// Reads a file of tokens.
    pub(crate) fn read(file: PathBuf) -> Result<Self> {
        let tokens = Tokens::read(&file)?;
        Ok(Self {
            file,
            tokens: ArcSwap::from_pointee(tokens),
            refused: Mutex::default(),
        })
    }

    /// Where they are.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the file again; how many tokens there are now, if they are others. On an error those of before count.
    pub(crate) fn reread(&self) -> Result<Option<usize>> {
        let tokens = Tokens::read(&self.file)?;
        if *self.tokens.load_full() == tokens {
            return Ok(None);
        }
        let count = tokens.0.len();
        self.tokens.store(Arc::new(tokens));
        Ok(Some(count))
    }

    /// The first one: for who asks.
    pub(crate) fn first(&self) -> String {
        let tokens = self.tokens.load();
        let first = tokens.0.first().map(|token| String::from_utf8_lossy(token));
        first.unwrap_or_default().into_owned()
    }

    /// Whose `Authorization: Bearer ..` it is.
    pub(crate) fn bearer(&self, headers: &HeaderMap) -> Result<Holder> {
        let mut all = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (all.next(), all.next()) else {
            let message = "the request carries no token";
            return Err(Error::new(code::UNAUTHORIZED, message).with_help(
                "send `Authorization: Bearer ..` with a token of `management.token_file`",
            ));
        };
        let token = bearer_of(value.as_bytes());
        token.and_then(|token| self.holder(token)).ok_or_else(|| {
            let message = "the token of the request is none of those that are known here";
            Error::new(code::UNAUTHORIZED, message).with_help(
                "send `Authorization: Bearer ..` with a token of `management.token_file`",
            )
        })
    }

    /// Whose token it is. All are compared, and each to its end: how long it takes says nothing of them but their length.
    pub(crate) fn holder(&self, token: &[u8]) -> Option<Holder> {
        let mut found = 0;
        for (number, known) in (1u32..).zip(&self.tokens.load().0) {
            found.conditional_assign(&number, known.ct_eq(token));
        }
        (found > 0).then_some(Holder(found))
    }

    /// Somebody was turned away; how many that makes, if it is time to tell.
    pub(crate) fn refuse(&self) -> Option<u64> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.untold += 1;
        if refused.told.is_some_and(|told| told.elapsed() < QUIET) {
            return None;
        }
        refused.told = Some(Instant::now());
        Some(std::mem::take(&mut refused.untold))
    }
}

/// Without the tokens.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// The token in `Bearer ..`; the word may be written in any case.
fn bearer_of(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

impl Tokens {
    fn read(file: &Path) -> Result<Self> {
        let name = file.display();
        let text = text(file).map_err(|error| {
            let message = format!("`management.token_file`: `{name}` can't be read: {error}");
            Error::new(code::CONFIG_UNREADABLE, message).with_help(MAKE_ONE)
        })?;
        Self::parse(&text).map_err(|(line, message)| {
            let error = Error::new(
                code::CONFIG_INVALID,
                format!("`management.token_file`: {message}"),
            );
            let origin = match line {
                Some(line) => format!("{name}:{line}"),
                None => name.to_string(),
            };
            error.from_origin(origin).with_help(MAKE_ONE)
        })
    }

    /// What is wrong is said without the text: it may be a token, or nearly one.
    fn parse(text: &str) -> Result<Self, (Option<usize>, String)> {
        let mut tokens: Vec<Box<[u8]>> = Vec::new();
        for (line, token) in (1..).zip(text.lines().map(str::trim)) {
            if token.is_empty() || token.starts_with('#') {
                continue;
            }
            let refuse = |message: String| Err((Some(line), message));
            // What stands in a header: RFC 6750 calls it `b64token`.
            let may_be_in_it =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            if !token.bytes().all(may_be_in_it) {
                return refuse(
                    "a token has characters that can't stand in one; letters, digits and `-._~+/=` can".to_owned(),
                );
            }
            if token.len() < LEAST {
                return refuse(format!(
                    "a token is shorter than {LEAST} characters: it can be guessed"
                ));
            }
            if token.len() > LONGEST {
                return refuse(format!("a token is longer than {LONGEST} characters"));
            }
            if tokens.len() == MOST {
                return refuse(format!("there are more than {MOST} tokens"));
            }
            tokens.push(token.as_bytes().into());
        }
        match tokens.is_empty() {
            true => Err((None, "there is no token in it".to_owned())),
            false => Ok(Self(tokens)),
        }
    }
}

fn text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 64KiB",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef";
    const TWO: &str = "fedcba9876543210==";

    fn credentials(text: &str) -> Credentials {
        Credentials {
            file: PathBuf::new(),
            tokens: ArcSwap::from_pointee(
                Tokens::parse(text).unwrap_or_else(|(_, why)| panic!("{why}")),
            ),
            refused: Mutex::default(),
        }
    }

    #[test]
    fn each_line_is_a_token() {
        let known = credentials(&format!("# Ann's\n{ONE}\r\n\n  {TWO}  \n"));
        assert_eq!(known.holder(ONE.as_bytes()), Some(Holder(1)));
        assert_eq!(known.holder(TWO.as_bytes()), Some(Holder(2)));
        for other in [
            "",
            "0123456789abcde",
            "0123456789abcdeF",
            "0123456789abcdef0",
            "# Ann's",
        ] {
            assert_eq!(known.holder(other.as_bytes()), None, "{other}");
        }
        assert!(!format!("{known:?}").contains("0123"));
    }

    #[test]
    fn what_is_no_token_is_refused_without_its_text() {
        let many = format!("{ONE}\n").repeat(MOST + 1);
        let long = "x".repeat(LONGEST + 1);
        let wrong = [
            ("", None, "no token"),
            ("\n# nothing\n", None, "no token"),
            ("\nhunter2\n", Some(2), "shorter than 16"),
            (
                "hunter2 hunter2 hunter2",
                Some(1),
                "characters that can't stand",
            ),
            (&long, Some(1), "longer than 512"),
            (&many, Some(MOST + 1), "more than 64"),
        ];
        for (text, line, said) in wrong {
            let Err((at, message)) = Tokens::parse(text) else {
                panic!("{text}");
            };
            assert_eq!(at, line, "{message}");
            assert!(
                message.contains(said) && !message.contains("hunter"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_header_is_read_as_it_is_written() {
        let known = credentials(ONE);
        let asked = |values: &[&str]| {
            let header =
                |value: &&str| (header::AUTHORIZATION, value.parse().expect("it is a value"));
            known.bearer(&values.iter().map(header).collect()).is_ok()
        };
        for right in [
            "Bearer 0123456789abcdef",
            "bearer 0123456789abcdef",
            "BEARER   0123456789abcdef ",
        ] {
            assert!(asked(&[right]), "{right}");
        }
        for wrong in [
            "Bearer",
            "Bearer ",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
            "Bearer0123456789abcdef",
        ] {
            assert!(!asked(&[wrong]), "{wrong}");
        }
        assert!(!asked(&[]));
        assert!(!asked(&[
            "Bearer 0123456789abcdef",
            "Bearer 0123456789abcdef"
        ]));
    }

    #[test]
    fn a_flood_of_attempts_is_one_line() {
        let known = credentials(ONE);
        assert_eq!(known.refuse(), Some(1));
        assert!((0..1_000).all(|_| known.refuse().is_none()));
    }
}
