//! Where code lies, in a form in which another process of the same program can find it.

use crate::wire::{Location, Object};
use std::{
    ffi::{CStr, OsStr, c_void},
    mem::MaybeUninit,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Returns the shared object that holds an address: its path as it was loaded, and where it begins in memory.
fn object_of(address: *const c_void) -> Option<(PathBuf, usize)> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `dladdr` only looks the address up in its tables, and writes one `Dl_info`.
    if unsafe { libc::dladdr(address, info.as_mut_ptr()) } == 0 {
        return None;
    }
    // SAFETY: zeroes are a valid `Dl_info`, and `dladdr` filled in the rest.
    let info = unsafe { info.assume_init() };
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader keeps the name of a loaded object, and objects that hold tesserae are never unloaded.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Some((
        PathBuf::from(OsStr::from_bytes(name.to_bytes())),
        info.dli_fbase as usize,
    ))
}

/// Returns where this program's own executable begins in memory.
pub(crate) fn program_base() -> Option<usize> {
    object_of(program_base as *const c_void).map(|(_, base)| base)
}

/// Returns where an address lies in its shared object, or in this program itself.
pub(crate) fn locate(address: *const c_void) -> Option<Location> {
    let (path, base) = object_of(address)?;
    let offset = (address as usize).checked_sub(base)? as u64;
    let object = match program_base() {
        Some(program) if program == base => Object::Program,
        _ => Object::File(path.canonicalize().unwrap_or(path)),
    };
    Some(Location { object, offset })
}

/// Returns where a loaded shared object begins, from the load bias in its link map and its path.
///
/// The bias differs from the beginning only for an object whose first segment is not linked at zero. No linker makes
/// such a shared object, but the object is looked up by the bias, and its path is compared, before the beginning is
/// trusted.
pub(crate) fn begins_at(bias: usize, path: &Path) -> Option<usize> {
    let (found, base) = object_of(bias as *const c_void)?;
    let same = found == path || found.canonicalize().ok()? == path.canonicalize().ok()?;
    (same && base == bias).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_of_this_program_is_found_again() {
        static HERE: u32 = 7;
        let location = locate((&raw const HERE).cast()).unwrap();
        assert_eq!(location.object, Object::Program);
        let address = program_base().unwrap() + usize::try_from(location.offset).unwrap();
        assert_eq!(address, &raw const HERE as usize);
    }

    #[test]
    fn a_function_of_a_library_is_in_its_file() {
        let Object::File(object) = locate(libc::qsort as *const c_void).unwrap().object else {
            panic!("the function is in a file");
        };
        assert!(
            object.file_name().unwrap().to_str().unwrap().starts_with("libc"),
            "{object:?}"
        );
    }
}
