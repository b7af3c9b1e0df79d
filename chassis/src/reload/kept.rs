//! A change of an operator: tried by a reload and kept if that succeeds, on request in a file, so that a restart remembers it.

use super::{Change, Reloaded, Reloader, Wanted};
use crate::{
    config::{Access, Config, LocalFile, Overrides, Replaced, Replacement},
    error::{Error, Result, code},
};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

/// A change that is tried.
pub(super) struct Trial {
    /// What operators have changed, with it.
    pub(super) overrides: Overrides,
    /// What is to be written.
    page: Option<Page>,
    /// Whether a restart will remember it; none if nothing is changed.
    persisted: Option<bool>,
    /// What is said of it, after it.
    told: Option<&'static str>,
}

/// What `config.local.yaml` held before a change was written to it.
#[derive(Clone)]
pub(super) struct Unwritten {
    path: PathBuf,
    text: Arc<str>,
    written: Arc<str>,
}

/// What `config.local.yaml` is to hold.
struct Page {
    local: LocalFile,
    text: Arc<str>,
    /// The new file, which has not taken its place yet.
    new: Option<Replacement>,
    /// What operators have changed, if it can't be written after all.
    without: Overrides,
}

impl Reloader {
    /// A change over the configuration that serves. Nothing of it counts yet, and nothing is written.
    pub(super) fn attempt(&self, wanted: &Wanted, serving: &Config) -> Result<Trial> {
        let mut overrides = self.overrides();
        let mut without = overrides.clone();
        wanted.change.apply(&mut without);
        let is_reset = matches!(wanted.change, Change::Reset(_));
        let (is_kept, told) = match wanted.change {
            Change::Nothing => return Ok(Trial::without_change(overrides)),
            // What is taken back is to stay so.
            Change::Reset(_) => (true, "what operators have changed of it is taken back"),
            _ if wanted.persist => (true, "a restart remembers what was changed here"),
            _ => (false, "a restart forgets what was changed here"),
        };
        let path = match serving.local_file().filter(|_| is_kept) {
            Some(path) => path,
            None if is_kept && !is_reset => return Err(no_file()),
            None => return Ok(Trial::of(without, Some(is_kept), Some(told))),
        };
        let local = LocalFile::read(path)?;
        let text: Option<Arc<str>> = local
            .with(|said| wanted.change.write(said))?
            .map(Into::into);
        wanted.change.uncover(&mut overrides);
        let Some(text) = text else {
            // It says so already.
            return Ok(Trial::of(overrides, Some(true), Some(told)));
        };
        let overrides = overrides.staged(Arc::clone(&text));
        Ok(Trial {
            page: Some(Page {
                local,
                text,
                new: None,
                without,
            }),
            ..Trial::of(overrides, Some(true), Some(told))
        })
    }

    /// The same, and reads the configuration with it. The new file is written as far as it can be without taking the place
    /// of the old one: if there is no room for it, that is told before anything changes.
    pub(super) async fn try_change(
        &self,
        wanted: &Wanted,
        serving: &Config,
    ) -> Result<(Trial, Config)> {
        let mut trial = self.attempt(wanted, serving)?;
        let config = self.read_with(&trial.overrides)?;
        self.accept_patch(wanted, &config)?;
        if let Some(page) = &mut trial.page {
            let (path, text) = (page.local.path().to_owned(), Arc::clone(&page.text));
            let write = move || Replacement::write(&path, &text, Access::OwnerOnly);
            let written = tokio::task::spawn_blocking(write).await?;
            page.new = Some(written.map_err(|error| unwritable(&page.local, &error))?);
        }
        Ok((trial, config))
    }

    /// Refuses a patch of settings that would only be wrong once their plugin is enabled.
    pub(super) fn accept_patch(&self, wanted: &Wanted, config: &Config) -> Result<()> {
        let patched = wanted.change.patched();
        patched.map_or(Ok(()), |plugin| {
            self.registry.check_disabled(config, plugin)
        })
    }

    /// Keeps a change: the generation that was built with it serves.
    ///
    /// # Errors
    ///
    /// If the file can't be written. Then a restart forgets it.
    pub(super) async fn keep(&self, trial: Trial, reloaded: &mut Reloaded) -> Result<()> {
        reloaded.persisted = trial.persisted;
        // Up to here nobody else was on turn, so that the watcher of files has not seen the new one without knowing of it.
        let (overrides, replaced) = match trial.page {
            None => (trial.overrides, Ok(None)),
            Some(page) => match self.commit(page.new, &page.local, &page.text) {
                Ok(replaced) => (trial.overrides.unstaged(), Ok(Some(replaced))),
                Err(error) => {
                    reloaded.persisted = Some(false);
                    let generation = reloaded.generation;
                    let error = not_persisted(generation, &page.local, &error);
                    (page.without, Err(error))
                }
            },
        };
        *self
            .overrides
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = overrides;
        let replaced = replaced?;
        if let Some(replaced) = replaced {
            tracing::info!(file = %replaced.path().display(), "what operators have changed is written");
            // It is there for all that run; only a loss of power could take it away.
            _ = tokio::task::spawn_blocking(move || replaced.sync()).await;
        }
        Ok(())
    }

    /// Takes back from `config.local.yaml` what was written there, so that a restart does not load what has failed; not if
    /// somebody has written something else since.
    pub(super) async fn put_back(&self, before: Option<&Unwritten>) -> bool {
        let Some(Unwritten {
            path,
            text,
            written,
        }) = before.cloned()
        else {
            return false;
        };
        let is_there = LocalFile::read(&path).is_ok_and(|file| file.text() == &*written);
        if !is_there {
            return false;
        }
        let (to, new) = (path.clone(), Arc::clone(&text));
        let write = move || Replacement::write(&to, &new, Access::OwnerOnly);
        let new = tokio::task::spawn_blocking(write).await;
        let replaced = match new.map_err(io::Error::from).flatten() {
            Ok(new) => self.replace(new, &path, &text),
            Err(error) => Err(error),
        };
        match replaced {
            Ok(replaced) => {
                _ = tokio::task::spawn_blocking(move || replaced.sync()).await;
                true
            }
            Err(error) => {
                let file = path.display();
                tracing::error!(%file, %error, "what was persisted can't be taken back: a restart loads it");
                false
            }
        }
    }

    fn replace(&self, new: Replacement, path: &Path, text: &str) -> io::Result<Replaced> {
        let replaced = new.commit()?;
        self.files.send_modify(|files| {
            files.seen.expect(path, text.as_bytes());
        });
        Ok(replaced)
    }

    /// Puts the new file in its place. What it holds counts as read.
    fn commit(
        &self,
        new: Option<Replacement>,
        local: &LocalFile,
        text: &str,
    ) -> io::Result<Replaced> {
        let new = new.ok_or_else(|| io::Error::other("it was not written"))?;
        if !local.is_current() {
            return Err(io::Error::other("somebody else has written it meanwhile"));
        }
        self.replace(new, local.path(), text)
    }
}

/// Without the values.
impl fmt::Debug for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unwritten").field(&self.path).finish()
    }
}

impl Trial {
    /// What is to be written again if it has to be taken back.
    pub(super) fn unwritten(&self) -> Option<Unwritten> {
        self.page.as_ref().map(|page| Unwritten {
            path: page.local.path().to_owned(),
            text: page.local.text().into(),
            written: Arc::clone(&page.text),
        })
    }

    /// What operators have changed before.
    pub(super) fn without_change(overrides: Overrides) -> Self {
        Self::of(overrides, None, None)
    }

    /// Says what a restart makes of it.
    pub(super) fn tell(&self, reloaded: &mut Reloaded) {
        if let Some(told) = self.told {
            reloaded.plan.message += "; ";
            reloaded.plan.message += told;
        }
    }

    fn of(overrides: Overrides, persisted: Option<bool>, told: Option<&'static str>) -> Self {
        Self {
            overrides,
            page: None,
            persisted,
            told,
        }
    }
}

/// Without the values.
impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("overrides", &self.overrides)
            .field("persisted", &self.persisted)
            .finish_non_exhaustive()
    }
}

fn no_file() -> Error {
    let message = "there is no configuration file, so nothing can be persisted beside it";
    Error::new(code::CONFIG_NO_FILE, message).with_help(
        "start the service with a file, which may be empty (`--config`), or ask without `persist`",
    )
}

fn unwritable(local: &LocalFile, error: &io::Error) -> Error {
    let path = local.path().display().to_string();
    let message = format!("`{path}` can't be written: {error}; nothing was changed");
    Error::new(code::CONFIG_UNWRITABLE, message)
        .with_help("let the service write into that folder, or ask without `persist`")
        .from_origin(path)
}

fn not_persisted(generation: u64, local: &LocalFile, error: &io::Error) -> Error {
    let path = local.path().display().to_string();
    let message = format!(
        "generation {generation} serves with the change, but `{path}` can't be written: {error}; a restart forgets it"
    );
    Error::new(code::NOT_PERSISTED, message)
        .with_help("look at the file, and ask again")
        .from_origin(path)
}
