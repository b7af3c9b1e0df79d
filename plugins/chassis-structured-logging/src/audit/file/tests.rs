//! The audit file, and what happens to it.

use super::*;

const NEVER: Rotate = Rotate { size: 0, keep: 1 };

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn half_a_line_of_a_process_that_was_killed_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    fs::write(&path, "{\"whole\":1}\n{\"ha").unwrap();
    let file = AuditFile::open(&path, None).unwrap();
    file.append(b"{\"next\":2}\n", NEVER).unwrap();
    file.append(b"{\"last\":3}\n", NEVER).unwrap();
    assert_eq!(
        read(&path),
        "{\"whole\":1}\n{\"ha\n{\"next\":2}\n{\"last\":3}\n"
    );
}

#[test]
fn a_file_that_somebody_moved_is_not_written_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/audit.jsonl");
    let file = AuditFile::open(&path, None).unwrap();
    file.append(b"1\n", NEVER).unwrap();
    let moved = path.with_file_name("moved");
    fs::rename(&path, &moved).unwrap();
    file.append(b"2\n", NEVER).unwrap();
    assert_eq!(
        (read(&moved), read(&path)),
        ("1\n".to_owned(), "2\n".to_owned())
    );
    // Emptied by whoever has copied it.
    fs::write(&path, "").unwrap();
    file.append(b"3\n", NEVER).unwrap();
    assert_eq!(read(&path), "3\n");
}

#[test]
fn a_folder_that_is_gone_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log/audit.jsonl");
    let file = AuditFile::open(&path, None).unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert!(file.append(b"1\n", NEVER).is_err() && file.check().is_err());
    fs::create_dir(path.parent().unwrap()).unwrap();
    file.append(b"2\n", NEVER).unwrap();
    assert_eq!(read(&path), "2\n");
}

#[test]
fn where_there_is_no_room_for_the_next_file_lines_go_on_in_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let file = AuditFile::open(&path, None).unwrap();
    let rotate = Rotate { size: 4, keep: 1 };
    // A folder stands where it would go.
    let taken = folder.path().join("audit.1.jsonl");
    fs::create_dir_all(taken.join("full")).unwrap();
    for _ in 0..3 {
        file.append(b"123\n", rotate).unwrap();
    }
    assert_eq!(read(&path), "123\n123\n123\n");
    assert!(file.rotation_trouble().is_some());
    fs::remove_dir_all(&taken).unwrap();
    file.append(b"456\n", rotate).unwrap();
    assert_eq!(
        (read(&path), read(&taken)),
        ("456\n".to_owned(), "123\n123\n123\n".to_owned())
    );
    assert!(file.rotation_trouble().is_none());
}

#[test]
fn the_next_instance_goes_on_with_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let first = AuditFile::open(&path, None).unwrap();
    let detour = folder.path().join(".").join("audit.jsonl");
    let second = AuditFile::open(&detour, Some(Arc::clone(&first))).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let other = AuditFile::open(&folder.path().join("other"), Some(first)).unwrap();
    assert!(!Arc::ptr_eq(&other, &second));
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_file_is_neither_rotated_nor_synced() {
    let file = AuditFile::open(Path::new("/dev/null"), None).unwrap();
    let rotate = Rotate { size: 1, keep: 1 };
    file.append(b"1\n", rotate).unwrap();
    file.append(b"2\n", rotate).unwrap();
    file.sync().unwrap();
    let full = AuditFile::open(Path::new("/dev/full"), None).unwrap();
    assert_eq!(
        full.append(b"1\n", rotate).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
}
