//! Files that change. Who watches them lives in real time; a second service, with a file of its own, is the clock there.

use super::{Setting, in_real_time};
use crate::watching::{Service, text};
use std::{fs, io::Write as _, path::Path};

/// How often the clock ticks before nothing is expected any more: each time takes the second service two looks.
const TICKS: usize = 5;

/// A change that the file system tells of.
pub(super) fn told_change(setting: Setting) -> String {
    in_real_time(seen(setting, |folder| {
        fs::write(folder.join("word.new"), "two\n").expect("there is room");
        fs::rename(folder.join("word.new"), folder.join("word")).expect("there is room");
    }))
}

/// A change by another name of the file: whoever watches the folder is told nothing.
pub(super) fn silent_change(setting: Setting) -> String {
    in_real_time(seen(setting, |folder| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(folder.join("elsewhere/word"));
        file.and_then(|mut file| file.write_all(b"two\n"))
            .expect("there is room");
    }))
}

/// Whether a service reloads for a change of a file that its configuration refers to.
async fn seen(setting: Setting, change: impl Fn(&Path)) -> String {
    let directory = tempfile::tempdir().expect("there is room");
    let folder = directory.path();
    fs::create_dir(folder.join("elsewhere")).expect("there is room");
    fs::write(folder.join("elsewhere/word"), "one\n").expect("there is room");
    fs::hard_link(folder.join("elsewhere/word"), folder.join("word")).expect("it is the same disk");
    let file = folder.join("config.yaml");
    fs::write(&file, setting.yaml() + &text("${file:word}")).expect("there is room");
    let name = format!("{} {:?}", setting.path, setting.value);
    let mut service = Service::start(&name, &file, &[]).await;
    assert_eq!(service.next().await, "one");

    let mut clock = Clock::start(&name).await;
    // The first look is past: from now on there is one for a hint, and for the time.
    for _ in 0..TICKS {
        clock.tick().await;
    }
    change(folder);
    for _ in 0..TICKS {
        tokio::select! {
            biased;
            word = service.next() => {
                assert_eq!(word, "two");
                return "a change is seen".to_owned();
            }
            () = clock.tick() => {}
        }
    }
    "no change is seen".to_owned()
}

/// A service that looks at its file all the time.
struct Clock {
    directory: tempfile::TempDir,
    service: Service,
    ticks: usize,
}

impl Clock {
    async fn start(name: &str) -> Self {
        let directory = tempfile::tempdir().expect("there is room");
        let file = directory.path().join("config.yaml");
        fs::write(&file, text("tick-0")).expect("there is room");
        let more = [("reload.poll", "100ms")];
        let mut service = Service::start(&format!("clock of {name}"), &file, &more).await;
        assert_eq!(service.next().await, "tick-0");
        Self {
            directory,
            service,
            ticks: 0,
        }
    }

    /// Changes the file, and waits until that is seen.
    async fn tick(&mut self) {
        self.ticks += 1;
        let tick = format!("tick-{}", self.ticks);
        let (new, file) = ("config.yaml.new", "config.yaml");
        let [new, file] = [new, file].map(|name| self.directory.path().join(name));
        fs::write(&new, text(&tick)).expect("there is room");
        fs::rename(new, file).expect("there is room");
        assert_eq!(self.service.next().await, tick);
    }
}
