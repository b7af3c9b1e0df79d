//! What a plugin finds wrong with its settings that neither their type nor their schema can say.

/// What a plugin finds wrong with its settings: see [`Plugin::validate`](crate::Plugin::validate).
#[derive(Debug, Default)]
pub struct Violations(pub(super) Vec<Violation>);

/// One thing that is wrong.
#[derive(Debug)]
pub struct Violation {
    pub(super) path: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// It may still come from a source of configuration, as long as these are not asked.
    pub(super) is_missing: bool,
}

impl Violations {
    /// Refuses the value at a path of keys (`pool.max_size`, `limits[1].rate`, or an empty text for the settings as a whole). The message
    /// continues "`plugins.NAME.config.PATH`: .."; it should not repeat the value of a secret.
    pub fn refuse(&mut self, path: &str, message: impl Into<String>) -> &mut Violation {
        self.0.push_mut(Violation {
            path: path.to_owned(),
            message: message.into(),
            help: None,
            is_missing: false,
        })
    }

    /// The same for what is missing there: as long as plugins may still give it at `config.load`, that is no mistake.
    pub fn miss(&mut self, path: &str, message: impl Into<String>) -> &mut Violation {
        let violation = self.refuse(path, message);
        violation.is_missing = true;
        violation
    }
}

impl Violation {
    /// Says what to write instead.
    pub fn with_help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }
}
