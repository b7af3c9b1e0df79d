//! Everything that happens to a configuration, found by looking now and then, and found by hints alone.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::FutureExt as _;
use tempfile::TempDir;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep, timeout},
};

use super::{Fingerprint, Hints, PATIENCE, SELDOM, Watcher, folders};

const POLL: Duration = Duration::from_secs(10);

/// In virtual time: some looks.
const SOME_POLLS: Duration = Duration::from_secs(60);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file written");
}

/// In one step: a look at the same time sees the old or the new, and never an empty file.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    write(&new, text);
    fs::rename(new, path).expect("renamed");
}

/// A watcher of one path that the system tells nothing.
fn deaf(path: &Path) -> Watcher {
    let hints = Hints::opened_by(|_| Err(notify::Error::generic("no more watches")));
    Watcher::with_hints(vec![path.to_owned()], POLL, hints)
}

/// Time is virtual: whoever only waits for it waits no time.
fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

fn in_real_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(test)
}

async fn told(watcher: &mut Watcher) -> Option<Fingerprint> {
    timeout(SOME_POLLS, watcher.changed()).await.ok()
}

/// Whether a change of what is at `path` in a new folder is told, once, by polling and by hints alike.
fn is_told(path: &str, before: impl Fn(&Path), change: impl Fn(&Path)) -> bool {
    let by_polling = in_virtual_time(async {
        let folder = folder();
        before(folder.path());
        let path = folder.path().join(path);
        let mut watcher = deaf(&path);
        assert_eq!(told(&mut watcher).await, None, "nothing has changed yet");
        change(folder.path());
        let first = told(&mut watcher).await;
        if let Some(first) = &first {
            assert_eq!(*first, Fingerprint::of(&[path]));
        }
        assert_eq!(told(&mut watcher).await, None, "told twice");
        first.is_some()
    });
    let by_hints = in_real_time(async {
        let folder = folder();
        before(folder.path());
        let mut watcher = Watcher::new(vec![folder.path().join(path)], SELDOM);
        // Long enough for the first look, or else that look finds the change.
        _ = timeout(Duration::from_millis(200), watcher.changed()).await;
        if !watcher.hints.can_hear() {
            eprintln!("there are no watches to be had here");
            return by_polling;
        }
        change(folder.path());
        let patience = if by_polling { 60_000 } else { 300 };
        timeout(Duration::from_millis(patience), watcher.changed())
            .await
            .is_ok()
    });
    assert_eq!(by_polling, by_hints, "polling and hints do not agree");
    by_polling
}

#[test]
fn a_file_that_is_rewritten() {
    let before = |folder: &Path| write(&folder.join("config.yaml"), "a: 1");
    assert!(is_told("config.yaml", before, |folder| {
        write(&folder.join("config.yaml"), "a: 2");
    }));
}

#[test]
fn a_file_that_another_is_renamed_over() {
    let before = |folder: &Path| write(&folder.join("config.yaml"), "a: 1");
    assert!(is_told("config.yaml", before, |folder| {
        replace(&folder.join("config.yaml"), "a: 2");
    }));
}

#[test]
fn a_file_that_is_touched_or_written_with_the_same() {
    let before = |folder: &Path| write(&folder.join("config.yaml"), "a: 1");
    assert!(!is_told("config.yaml", before, |folder| {
        write(&folder.join("config.yaml"), "a: 1");
        write(&folder.join("another.log"), "a line");
    }));
}

#[test]
fn a_file_that_appears() {
    assert!(is_told(
        "config.yaml",
        |_| (),
        |folder| write(&folder.join("config.yaml"), ""),
    ));
}

#[test]
fn a_file_that_appears_with_its_folder() {
    assert!(is_told(
        "etc/service/config.yaml",
        |_| (),
        |folder| {
            let folder = folder.join("etc/service");
            fs::create_dir_all(&folder).expect("folders");
            write(&folder.join("config.yaml"), "a: 1");
        },
    ));
}

#[test]
fn a_file_that_vanishes() {
    let before = |folder: &Path| write(&folder.join("config.yaml"), "a: 1");
    assert!(is_told("config.yaml", before, |folder| {
        fs::remove_file(folder.join("config.yaml")).expect("removed");
    }));
}

#[test]
fn a_file_whose_folder_is_made_anew() {
    let fill = |folder: &Path, text| {
        fs::create_dir(folder.join("service")).expect("a folder");
        write(&folder.join("service/config.yaml"), text);
    };
    let before = |folder: &Path| fill(folder, "a: 1");
    assert!(is_told("service/config.yaml", before, |folder| {
        fs::remove_dir_all(folder.join("service")).expect("removed");
        fill(folder, "a: 2");
    }));
}

#[test]
fn a_folder_in_which_a_file_appears() {
    let before = |folder: &Path| fs::create_dir(folder.join("conf.d")).expect("a folder");
    assert!(is_told("conf.d", before, |folder| {
        write(&folder.join("conf.d/10-log.yaml"), "");
    }));
}

#[test]
fn a_folder_with_a_folder_in_it() {
    let before = |folder: &Path| fs::create_dir_all(folder.join("conf.d/old")).expect("folders");
    assert!(!is_told("conf.d", before, |folder| {
        write(&folder.join("conf.d/old/10-log.yaml"), "");
        write(&folder.join("conf.d/..hidden"), "");
    }));
}

/// A new folder with the files, and `..data` led there in one step.
#[cfg(unix)]
fn publish(folder: &Path, version: &str, text: &str) {
    use std::os::unix::fs::symlink;
    fs::create_dir(folder.join(version)).expect("a folder");
    write(&folder.join(version).join("config.yaml"), text);
    symlink(version, folder.join("..data_tmp")).expect("a link");
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("renamed");
}

#[cfg(unix)]
fn mount(folder: &Path) {
    publish(folder, "..2026_01_01", "a: 1");
    let link = folder.join("config.yaml");
    std::os::unix::fs::symlink("..data/config.yaml", link).expect("a link");
}

#[cfg(unix)]
fn swap(folder: &Path) {
    publish(folder, "..2026_01_02", "a: 2");
    fs::remove_dir_all(folder.join("..2026_01_01")).expect("removed");
}

#[cfg(unix)]
#[test]
fn a_file_of_a_config_map() {
    assert!(is_told("config.yaml", mount, swap));
}

#[cfg(unix)]
#[test]
fn a_folder_of_a_config_map() {
    assert!(is_told(".", mount, swap));
}

#[cfg(unix)]
#[test]
fn a_config_map_that_is_published_again_unchanged() {
    let again = |folder: &Path| publish(folder, "..2026_01_02", "a: 1");
    assert!(!is_told("config.yaml", mount, again));
}

#[cfg(unix)]
#[test]
fn the_second_swap_is_heard_as_well_as_the_first() {
    in_real_time(async {
        let folder = folder();
        mount(folder.path());
        let mut watcher = Watcher::new(vec![folder.path().join("config.yaml")], SELDOM);
        _ = timeout(Duration::from_millis(200), watcher.changed()).await;
        if watcher.hints.can_hear() {
            for version in ["..2026_01_02", "..2026_01_03", "..2026_01_04"] {
                publish(folder.path(), version, version);
                timeout(Duration::from_secs(60), watcher.changed())
                    .await
                    .expect("a swap should be heard");
            }
        }
    });
}

#[cfg(unix)]
#[test]
fn every_folder_with_a_link_on_the_way_is_watched() {
    let folder = folder();
    let root = folder.path().canonicalize().expect("a folder");
    fs::create_dir(root.join("mount")).expect("a folder");
    mount(&root.join("mount"));
    std::os::unix::fs::symlink("mount/config.yaml", root.join("link.yaml")).expect("a link");
    let watched = |path: &str| -> Vec<PathBuf> {
        let folders = folders::of(&[root.join(path)]);
        let below = folders.iter().filter_map(|path| {
            path.strip_prefix(&root)
                .ok()
                .map(|path| Path::new(".").join(path))
        });
        below.collect()
    };
    assert_eq!(
        watched("link.yaml"),
        ["./", "./mount", "./mount/..2026_01_01"].map(PathBuf::from)
    );
    assert_eq!(watched("mount"), ["./", "./mount"].map(PathBuf::from));
    assert_eq!(watched("mount/../no/such.yaml"), ["./"].map(PathBuf::from));
    std::os::unix::fs::symlink("ring", root.join("ring")).expect("a link");
    assert_eq!(watched("ring/config.yaml"), ["./"].map(PathBuf::from));
    assert_eq!(
        folders::of(&["/".into()]).into_iter().collect::<Vec<_>>(),
        [PathBuf::from("/")]
    );
}

#[test]
fn rapid_changes_are_one() {
    in_virtual_time(async {
        let folder = folder();
        let path = folder.path().join("config.yaml");
        let mut watcher = deaf(&path);
        let writes = async {
            for number in 0..5 {
                replace(&path, &number.to_string());
                sleep(Duration::from_millis(50)).await;
            }
        };
        let (change, ()) = tokio::join!(told(&mut watcher), writes);
        assert_eq!(change, Some(Fingerprint::of(&[path])));
        assert_eq!(told(&mut watcher).await, None);
    });
}

#[test]
fn changes_without_end_are_told_all_the_same() {
    in_virtual_time(async {
        let folder = folder();
        let path = folder.path().join("config.yaml");
        let mut watcher = deaf(&path);
        let writes = async {
            for number in 0_u64.. {
                replace(&path, &number.to_string());
                sleep(Duration::from_millis(50)).await;
            }
        };
        let since = Instant::now();
        tokio::select! {
            change = told(&mut watcher) => assert!(change.is_some()),
            () = writes => unreachable!("they have no end"),
        }
        let elapsed = since.elapsed();
        let tolerance = Duration::from_millis(200);
        assert!(elapsed >= PATIENCE - tolerance, "{elapsed:?}");
        assert!(elapsed <= PATIENCE + tolerance, "{elapsed:?}");
    });
}

#[test]
fn a_change_that_is_taken_back_is_none() {
    in_virtual_time(async {
        let folder = folder();
        let path = folder.path().join("config.yaml");
        write(&path, "a: 1");
        let mut watcher = deaf(&path);
        write(&path, "a: 2");
        let half = timeout(Duration::from_millis(50), watcher.changed()).await;
        assert!(half.is_err(), "told before it was quiet");
        write(&path, "a: 1");
        assert_eq!(told(&mut watcher).await, None);
    });
}

#[test]
fn a_call_that_is_dropped_loses_nothing() {
    in_virtual_time(async {
        let folder = folder();
        let path = folder.path().join("config.yaml");
        let mut watcher = deaf(&path);
        assert_eq!(told(&mut watcher).await, None);
        write(&path, "a: 1");
        // Shorter than the time between two looks, and than that of quiet.
        let since = Instant::now();
        let step = Duration::from_millis(30);
        while timeout(step, watcher.changed()).await.is_err() {
            assert!(since.elapsed() < 2 * POLL, "never told");
        }
        write(&path, "a: 2");
        sleep(POLL).await;
        // In the middle of the look.
        assert_eq!(watcher.changed().now_or_never(), None);
        assert_eq!(told(&mut watcher).await, Some(Fingerprint::of(&[path])));
    });
}

#[test]
fn a_hint_outlives_the_call_that_took_it() {
    in_real_time(async {
        let folder = folder();
        let path = folder.path().join("config.yaml");
        let mut watcher = Watcher::new(vec![path.clone()], SELDOM);
        _ = timeout(Duration::from_millis(200), watcher.changed()).await;
        if !watcher.hints.can_hear() {
            return;
        }
        write(&path, "a: 1");
        // Long enough for the hint to come.
        sleep(Duration::from_millis(200)).await;
        assert_eq!(watcher.changed().now_or_never(), None);
        let change = timeout(Duration::from_secs(60), watcher.changed()).await;
        assert_eq!(change, Ok(Fingerprint::of(&[path])));
    });
}

/// The folder that is watched has moved away, and nobody said so.
#[test]
fn what_was_found_without_a_hint_is_watched_anew() {
    in_real_time(async {
        let folder = folder();
        let above = folder.path().join("etc");
        let path = above.join("service/config.yaml");
        let fill = |text| {
            fs::create_dir_all(above.join("service")).expect("folders");
            write(&path, text);
        };
        fill("a: 1");
        let mut watcher = Watcher::new(vec![path.clone()], SELDOM);
        _ = timeout(Duration::from_millis(200), watcher.changed()).await;
        if !watcher.hints.can_hear() {
            return;
        }
        fs::rename(&above, folder.path().join("old")).expect("renamed");
        for text in ["a: 2", "a: 3"] {
            fill(text);
            if text == "a: 2" {
                watcher.due = Instant::now();
            }
            timeout(Duration::from_secs(60), watcher.changed())
                .await
                .expect("a change should be found");
        }
    });
}

/// Or else a look would ask for the next.
#[test]
fn a_look_is_no_hint() {
    in_real_time(async {
        let folder = folder();
        write(&folder.path().join("config.yaml"), "a: 1");
        let mut hints = Hints::new();
        // Not the folder above, of which other tests may tell.
        assert!(hints.aim_at([folder.path().to_owned()].into()));
        let path = [folder.path().to_owned()];
        for _ in 0..3 {
            _ = (folders::of(&path), Fingerprint::of(&path));
        }
        let heard = timeout(Duration::from_millis(200), hints.heard()).await;
        assert!(heard.is_err(), "a look was heard");
    });
}

#[test]
fn other_paths_count_as_seen_as_far_as_is_said() {
    in_virtual_time(async {
        let folder = folder();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        write(&one, "1");
        let mut watcher = deaf(&one);

        let both = vec![one.clone(), two.clone()];
        let seen = Fingerprint::of(&both);
        watcher.watch(both.clone(), seen.clone());
        assert_eq!(told(&mut watcher).await, None);

        // Written after it was read, and before it was watched.
        write(&two, "2");
        watcher.watch(both.clone(), seen);
        assert_eq!(told(&mut watcher).await, Some(Fingerprint::of(&both)));

        watcher.watch(vec![one.clone()], Fingerprint::of(&both));
        assert_eq!(told(&mut watcher).await, None, "one less is no change");

        watcher.watch(both.clone(), Fingerprint::of(&[one]));
        assert_eq!(told(&mut watcher).await, Some(Fingerprint::of(&both)));
    });
}

#[test]
fn a_long_file_counts_by_its_beginning_and_its_length() {
    let folder = folder();
    let path = [folder.path().join("long")];
    let mut text = vec![b'a'; 5 * 1024 * 1024];
    let mut print = |change: &dyn Fn(&mut Vec<u8>)| {
        change(&mut text);
        fs::write(&path[0], &text).expect("a file written");
        Fingerprint::of(&path)
    };
    let long = print(&|_| ());
    assert_eq!(print(&|_| ()), long);
    assert_ne!(print(&|text| text.push(b'a')), long);
    assert_ne!(print(&|text| _ = text.splice(..2, *b"b")), long);
}

#[test]
fn what_is_seen_is_not_shown() {
    let folder = folder();
    let path = folder.path().join("secret");
    write(&path, "hunter2");
    let shown = format!("{:?}", Fingerprint::of(std::slice::from_ref(&path)));
    assert_eq!(shown, format!("Fingerprint{{{path:?}}}"));
}

#[test]
fn it_may_move_to_another_thread() {
    fn is_send(_: impl Send) {}
    let mut watcher = Watcher::new(Vec::new(), POLL);
    is_send(watcher.changed());
}

#[test]
fn what_the_service_writes_itself_is_no_change_and_what_others_write_then_is() {
    in_virtual_time(async {
        let folder = folder();
        let path = folder.path().join("config.local.yaml");
        let mut watcher = deaf(&path);
        for (written, is_change) in [("a: 1", false), ("a: 2", true)] {
            let mut seen = Fingerprint::of(std::slice::from_ref(&path));
            seen.expect(&path, b"a: 1");
            replace(&path, written);
            watcher.watch(vec![path.clone()], seen);
            assert_eq!(told(&mut watcher).await.is_some(), is_change);
        }
    });
}
