//! Users with passwords. Only slow hashes of these are known here; what was right once is not computed again.

use crate::refused::Refused;
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac,
    pbkdf2::{self, PBKDF2_HMAC_SHA256},
    rand,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Which users are known.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BasicConfig {
    /// The users that are known, at most 1,000.
    pub users: Vec<UserConfig>,
}

/// A user that is known.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserConfig {
    /// The name: the subject of the principal.
    pub name: String,
    /// The hash of the password, as the subcommand `password-hash` writes it.
    pub password: Secret,
    /// What the user may do.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// What the user is.
    #[serde(default)]
    pub roles: BTreeSet<String>,
}

const MOST_USERS: usize = 1_000;

/// What OWASP recommends for PBKDF2 with SHA-256.
const ROUNDS: u32 = 600_000;

/// Fewer are guessed, more are a burden.
const ALLOWED_ROUNDS: std::ops::RangeInclusive<u32> = 100_000..=5_000_000;

/// The longest `Authorization: Basic ..`, in bytes.
const MAX_SENT: usize = 1 << 10;

/// How many passwords are looked at at one time: each takes a thread for a good while.
const AT_ONE_TIME: usize = 2;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

impl BasicConfig {
    pub(crate) fn validate(&self, found: &mut Violations) {
        if self.users.len() > MOST_USERS {
            found.refuse("basic.users", format!("there are more than {MOST_USERS}"));
        }
        let mut names = BTreeSet::new();
        for (number, user) in (1..).zip(&self.users) {
            let why = if user.name.is_empty() || user.name.contains(':') {
                "its name is empty, or has a colon"
            } else if !names.insert(&user.name) {
                "the user stands there already"
            } else if Hash::parse(user.password.expose()).is_none() {
                "`password` is no hash of a password"
            } else {
                continue;
            };
            found
                .refuse("basic.users", format!("number {number}: {why}"))
                .with_help("the subcommand `password-hash` makes the hash of a password");
        }
    }
}

/// A password, as it is kept: `pbkdf2-sha256$600000$SALT$HASH`.
#[derive(Clone)]
struct Hash {
    rounds: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Hash {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let (Some("pbkdf2-sha256"), Some(rounds), Some(salt), Some(hash), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return None;
        };
        let rounds: NonZeroU32 = rounds.parse().ok()?;
        let salt = STANDARD_NO_PAD.decode(salt).ok()?;
        let hash = STANDARD_NO_PAD.decode(hash).ok()?;
        let is_right = ALLOWED_ROUNDS.contains(&rounds.get())
            && (16..=64).contains(&salt.len())
            && hash.len() == 32;
        is_right.then_some(Self { rounds, salt, hash })
    }

    fn is_of(&self, password: &[u8]) -> bool {
        pbkdf2::verify(
            PBKDF2_HMAC_SHA256,
            self.rounds,
            &self.salt,
            password,
            &self.hash,
        )
        .is_ok()
    }
}

/// Makes the hash of a password.
pub(crate) fn hash(password: &str) -> Result<String> {
    let (mut salt, mut hash) = ([0; 16], [0; 32]);
    rand::fill(&mut salt).map_err(|_| Error::msg("the system gives no random numbers"))?;
    let rounds = NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(
        PBKDF2_HMAC_SHA256,
        rounds,
        &salt,
        password.as_bytes(),
        &mut hash,
    );
    let [salt, hash] = [STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash)];
    Ok(format!("pbkdf2-sha256${ROUNDS}${salt}${hash}"))
}

/// The users that are known.
pub(crate) struct Basic {
    known: HashMap<String, (Hash, Principal)>,
    /// For names that nobody has: so that an answer takes as long.
    nobody: Option<Hash>,
    turns: Semaphore,
    /// What makes it useless to know what is kept; if there is a user. The first random number of a process takes 40 ms, in which it
    /// would not start.
    key: Option<hmac::Key>,
    /// For each user what the right password comes to, once it was there.
    right: Mutex<HashMap<String, Vec<u8>>>,
}

impl Basic {
    pub(crate) fn new(config: BasicConfig) -> Result<Self> {
        let known = config.users.into_iter().map(|user| {
            let hash = Hash::parse(user.password.expose()).context("`password` is no hash")?;
            let mut principal = Principal::new(&*user.name);
            principal.scopes = user.scopes;
            principal.roles = user.roles;
            Ok((user.name, (hash, principal)))
        });
        let known: HashMap<_, _> = known.collect::<Result<_>>()?;
        let slowest = known
            .values()
            .map(|(hash, _)| hash)
            .max_by_key(|hash| hash.rounds);
        let key = || hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new());
        let key = slowest.map(|_| key()).transpose();
        Ok(Self {
            nobody: slowest.cloned(),
            known,
            turns: Semaphore::new(AT_ONE_TIME),
            key: key.map_err(|_| Error::msg("the system gives no random numbers"))?,
            right: Mutex::default(),
        })
    }

    /// Whether there is nobody who could be known.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Who it is.
    ///
    /// # Errors
    ///
    /// If too many passwords are to be looked at.
    pub(crate) async fn find(&self, sent: &str) -> Result<Result<Principal, Refused>> {
        if sent.len() > MAX_SENT {
            return Ok(Err(Refused::TooLarge));
        }
        let decoded = STANDARD
            .decode(sent)
            .ok()
            .and_then(|sent| String::from_utf8(sent).ok());
        let Some((name, password)) = decoded.as_deref().and_then(|sent| sent.split_once(':'))
        else {
            return Ok(Err(Refused::Malformed));
        };
        let Some(key) = &self.key else {
            return Ok(Err(Refused::Unknown));
        };
        let known = self.known.get(name);
        // The name has no colon.
        let sum = hmac::sign(key, format!("{name}:{password}").as_bytes());
        if let Some((_, principal)) = known
            && self.was_right(name, sum.as_ref())
        {
            return Ok(Ok(principal.clone()));
        }
        let Some(hash) = known
            .map(|(hash, _)| hash)
            .or(self.nobody.as_ref())
            .cloned()
        else {
            return Ok(Err(Refused::Unknown));
        };
        let Ok(Ok(_turn)) = tokio::time::timeout(PATIENCE, self.turns.acquire()).await else {
            let message = "too many passwords are being looked at";
            return Err(Error::new(chassis::code::AUTH_UNAVAILABLE, message));
        };
        let password = password.as_bytes().to_vec();
        let is_right = tokio::task::spawn_blocking(move || hash.is_of(&password)).await?;
        Ok(match known {
            Some((_, principal)) if is_right => {
                let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
                right.insert(name.to_owned(), sum.as_ref().to_vec());
                Ok(principal.clone())
            }
            _ => Err(Refused::Unknown),
        })
    }

    fn was_right(&self, name: &str, sum: &[u8]) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        let known = right.get(name);
        known.is_some_and(|known| verify_slices_are_equal(known, sum).is_ok())
    }
}

/// Without what is known.
impl std::fmt::Debug for Basic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Basic")
            .field("users", &self.known.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Hash, hash};

    #[test]
    fn a_password_is_known_by_its_hash() {
        let text = hash("correct horse").unwrap();
        assert_ne!(text, hash("correct horse").unwrap(), "the salt is another");
        let known = Hash::parse(&text).unwrap();
        assert!(known.is_of(b"correct horse") && !known.is_of(b"correct horse "));
    }

    #[test]
    fn what_is_no_hash_is_not_read() {
        let (salt, sum) = ("MDEyMzQ1Njc4OWFiY2RlZg", "A".repeat(43));
        assert!(Hash::parse(&format!("pbkdf2-sha256$100000${salt}${sum}")).is_some());
        for wrong in [
            "hunter2".to_owned(),
            format!("pbkdf2-sha256$99999${salt}${sum}"),
            format!("pbkdf2-sha256$5000001${salt}${sum}"),
            format!("pbkdf2-sha256$x${salt}${sum}"),
            format!("pbkdf2-sha256$100000$AAAA${sum}"),
            format!("pbkdf2-sha256$100000${salt}$AAAA"),
            format!("pbkdf2-sha1$100000${salt}${sum}"),
            format!("pbkdf2-sha256$100000${salt}${sum}$"),
        ] {
            assert!(Hash::parse(&wrong).is_none(), "{wrong}");
        }
    }
}
