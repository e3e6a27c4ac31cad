//! Finds `lldb-dap`.

use std::{
    env,
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The variable by which users name the adapter.
const VARIABLE: &str = "MOSAIC_LLDB_DAP";
const NAME: &str = "lldb-dap";
/// The versions of LLVM whose adapter has a name of its own, as on Debian. Older adapters have another name and lack
/// requests.
const VERSIONS: std::ops::RangeInclusive<u32> = 18..=29;

/// What a user can do to get an adapter.
pub(crate) const HOW_TO_GET: &str = "the debugger needs `lldb-dap`, which is not on the path: install it (Debian and Ubuntu: \
     `apt install lldb-19`; Fedora: `dnf install lldb`; macOS: `brew install llvm`), or name it by \
     MOSAIC_LLDB_DAP; then run `mosaic-kernel install` again and restart the kernel";

/// Finds the debug adapter: the program that `MOSAIC_LLDB_DAP` names, or else `lldb-dap` on the path, or else the newest
/// `lldb-dap-VERSION` on the path.
///
/// ```no_run
/// match mosaic_debugger::find_adapter() {
///     Some(program) => println!("debugs with {}", program.display()),
///     None => println!("cannot debug"),
/// }
/// ```
pub fn find_adapter() -> Option<PathBuf> {
    let named = env::var_os(VARIABLE).filter(|named| !named.is_empty());
    find(named.as_deref(), &env::var_os("PATH").unwrap_or_default())
}

/// Says how to use the debugger with this adapter, or how to get an adapter.
#[must_use]
pub fn advice(adapter: Option<&Path>) -> String {
    match adapter {
        Some(program) => format!(
            "the debugger is there: turn it on by the bug at the top of the notebook, and click beside the lines where \
             a cell is to stop. It uses {}.\n",
            program.display()
        ),
        None => format!("there is no debugger: {HOW_TO_GET}.\n"),
    }
}

fn find(named: Option<&OsStr>, path: &OsStr) -> Option<PathBuf> {
    let on_path = |name: &OsStr| env::split_paths(path).map(|it| it.join(name)).find(|it| is_program(it));
    if let Some(named) = named {
        let is_path = Path::new(named).components().count() > 1;
        return match is_path {
            true => Some(PathBuf::from(named)).filter(|it| is_program(it)),
            false => on_path(named),
        };
    }
    let versions = VERSIONS.rev().map(|version| format!("{NAME}-{version}"));
    let names = [NAME.to_owned()].into_iter().chain(versions);
    names.into_iter().find_map(|name| on_path(name.as_ref()))
}

fn is_program(path: &Path) -> bool {
    let metadata = path.metadata();
    metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};

    #[test]
    fn the_users_adapter_comes_first_and_then_the_newest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().as_os_str();
        let add = |name: &str, mode| {
            let file = directory.path().join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            file
        };
        assert_eq!(find(None, path), None);
        add("lldb-dap-21", 0o644);
        let old = add("lldb-dap-18", 0o755);
        assert_eq!(find(None, path), Some(old.clone()));
        let new = add("lldb-dap-19", 0o755);
        assert_eq!(find(None, path), Some(new));
        let plain = add("lldb-dap", 0o755);
        assert_eq!(find(None, path), Some(plain));
        for (named, expected) in [
            (old.to_str().unwrap(), Some(&old)),
            ("lldb-dap-18", Some(&old)),
            // Whoever names a program that is not there wants no other one.
            ("/nowhere/lldb-dap", None),
            ("off", None),
        ] {
            assert_eq!(find(Some(named.as_ref()), path).as_ref(), expected, "{named}");
        }
    }
}
