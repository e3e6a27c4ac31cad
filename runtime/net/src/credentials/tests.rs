use super::*;
use std::{
    os::unix::fs::{PermissionsExt, chown, symlink},
    thread,
};

fn fingerprints(number: u8) -> impl Iterator<Item = Fingerprint> {
    (0..number).map(|byte| Fingerprint([byte; 32]))
}

fn created(directory: &Path) -> io::Result<Credentials> {
    Credentials::create(
        directory,
        &HostKey::generate()?,
        &RunSecret::generate()?,
        fingerprints(2),
    )
}

#[test]
fn what_is_created_is_loaded_and_only_this_user_can_read_it() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("net");
    let created = created(&directory).unwrap();
    let loaded = Credentials::load(&directory).unwrap();
    assert_eq!(loaded.fingerprint(), created.fingerprint());
    assert_eq!(loaded.secret(), created.secret());
    assert_eq!(loaded.members().unwrap(), fingerprints(2).collect());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn members_that_are_added_and_removed_at_once_are_all_there() {
    let directory = tempfile::tempdir().unwrap();
    let created = created(&directory.path().join("net")).unwrap();
    let reader = Credentials::load(&directory.path().join("net")).unwrap();
    thread::scope(|scope| {
        for member in fingerprints(40).skip(2) {
            let own = Credentials::load(&directory.path().join("net")).unwrap();
            let added = scope.spawn(move || own.add_member(member));
            assert!(reader.members().unwrap().len() >= 2, "a reader sees whole lists only");
            drop(added);
        }
    });
    assert_eq!(created.members().unwrap(), fingerprints(40).collect());
    for member in fingerprints(40).skip(1) {
        created.remove_member(member).unwrap();
    }
    created.remove_member(Fingerprint([77; 32])).unwrap();
    assert_eq!(reader.members().unwrap(), fingerprints(1).collect());
}

#[test]
fn a_directory_that_others_may_enter_or_that_is_a_link_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let [directory, link] = ["net", "link"].map(|name| parent.path().join(name));
    created(&directory).unwrap();
    symlink(&directory, &link).unwrap();
    for refused in [created(&link), Credentials::load(&link)] {
        assert!(refused.is_err(), "a link");
    }
    for mode in [0o710, 0o701, 0o755, 0o770] {
        fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
        for refused in [created(&directory), Credentials::load(&directory)] {
            let text = refused.unwrap_err().to_string();
            assert!(text.contains("`chmod 700 "), "{mode:o}: {text}");
        }
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&directory, Some(65534), None).unwrap();
        let text = Credentials::load(&directory).unwrap_err().to_string();
        assert!(text.contains("belongs to another user"), "{text}");
    }
}

#[test]
fn missing_and_damaged_files_are_named() {
    for (file, content) in [
        (CERTIFICATE, "x"),
        (PRIVATE_KEY, "x"),
        (SECRET, "cafe"),
        ("members", "cafe\n"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        created(&directory.path().join("net")).unwrap();
        let path = directory.path().join("net").join(file);
        fs::write(&path, content).unwrap();
        let error = Credentials::load(&directory.path().join("net")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{file}: {error}");
        fs::remove_file(&path).unwrap();
        let error = Credentials::load(&directory.path().join("net")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{file}");
        assert!(error.to_string().contains(file), "{error}");
    }
}
