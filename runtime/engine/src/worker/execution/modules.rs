//! The code of tesserae and functions: shared objects, loaded once and kept.

use crate::{
    code::CodeStore,
    code_location,
    failures::failure,
    wire::{Code, CodeFile, Location, Object},
};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use mosaic_abi::{Failure, FailureKind, FunctionTable, GUEST_ENTRY, Guest, GuestEntry, Host, TesseraTable, VERSION};
use std::{
    collections::HashMap,
    ffi::c_void,
    io,
    mem::ManuallyDrop,
    path::{Path, PathBuf},
    ptr,
    sync::{Mutex, PoisonError},
};

/// A loaded shared object, or the program itself.
#[derive(Clone, Copy)]
struct Module {
    /// The address at which the object begins in memory.
    base: usize,
    loaded: Loaded,
}

/// Runs a function within a runtime of the guest's own tokio.
pub(super) type Enter = unsafe extern "C" fn(run: unsafe extern "C" fn(data: *mut c_void), data: *mut c_void);

/// The name of the function of type [`Enter`] in a guest, if the guest has one.
const ENTER: &str = "mosaic_in_runtime";

/// The guest of a loaded shared object, and the tokio runtime that its async code needs.
#[derive(Clone, Copy)]
pub(super) struct Loaded {
    pub(super) guest: &'static Guest,
    pub(super) enter: Option<Enter>,
}

/// The shared objects that were loaded, by path; `None` is the program itself. They are never unloaded.
pub(in super::super) struct Modules {
    /// The table that the objects' code gets.
    host: &'static Host,
    /// Locked while an object is loaded, so that none is loaded twice.
    loaded: Mutex<HashMap<Option<PathBuf>, Module>>,
    /// The code of this host that came from others.
    store: CodeStore,
}

impl Modules {
    /// Makes an empty set of objects, whose code gets `host`.
    pub(in super::super) fn new(host: &'static Host, store: CodeStore) -> Modules {
        Modules {
            host,
            loaded: Mutex::default(),
            store,
        }
    }

    /// Returns the files of an object that have to come from another host first.
    pub(in super::super) fn missing(&self, object: &Object) -> Vec<CodeFile> {
        self.store.missing(object)
    }

    /// Returns the table of a tessera's type, and what was loaded with it. Loads the shared object if need be.
    pub(super) fn tessera(&self, code: &Code) -> Result<(&'static TesseraTable, Loaded), Failure> {
        let (address, loaded) = self.locate(code)?;
        // SAFETY: the head found a `TesseraTable` at this offset of the same file, which is loaded for good. That it is
        // the same build of the file is checked by version and name before anything is called.
        let table = unsafe { &*ptr::with_exposed_provenance::<TesseraTable>(address) };
        check(code, table.version, || table.definition.type_name())?;
        Ok((table, loaded))
    }

    /// Returns the table of a function, and what was loaded with it. Loads the shared object if need be.
    pub(super) fn function(&self, code: &Code) -> Result<(&'static FunctionTable, Loaded), Failure> {
        let (address, loaded) = self.locate(code)?;
        // SAFETY: the head found a `FunctionTable` at this offset of the same file, which is loaded for good. That it
        // is the same build of the file is checked by version and name before it is called.
        let table = unsafe { &*ptr::with_exposed_provenance::<FunctionTable>(address) };
        check(code, table.version, || table.name())?;
        Ok((table, loaded))
    }

    /// Finds where a table lies in this process.
    fn locate(&self, code: &Code) -> Result<(usize, Loaded), Failure> {
        let Location { object, offset } = &code.location;
        let module = match object {
            Object::Program => self.module(None, &[])?,
            Object::File(path) => self.module(Some(path), &[])?,
            Object::Files { files, .. } => {
                let paths: io::Result<Vec<PathBuf>> = files.iter().map(|file| self.store.path(file)).collect();
                let paths = paths.map_err(|error| refusal(code, &error.to_string()))?;
                let (object, needed) = paths.split_last().ok_or_else(|| refusal(code, "it has no file"))?;
                self.module(Some(object), needed)?
            }
        };
        let address = usize::try_from(*offset)
            .ok()
            .and_then(|offset| module.base.checked_add(offset));
        let address = address.ok_or_else(|| refusal(code, "its address is out of range"))?;
        Ok((address, module.loaded))
    }

    /// Returns an object, which is loaded the first time, after what it needs.
    fn module(&self, object: Option<&Path>, needed: &[PathBuf]) -> Result<Module, Failure> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let key = object.map(Path::to_owned);
        if let Some(module) = loaded.get(&key) {
            return Ok(*module);
        }
        let module = needed
            .iter()
            .try_for_each(|path| load(path).map(drop))
            .and_then(|()| match object {
                Some(path) => open(path, self.host),
                None => this_program(self.host),
            });
        let module = module.map_err(|reason| failure(FailureKind::Runtime, reason))?;
        loaded.insert(key, module);
        Ok(module)
    }
}

/// Checks that a table is the one that the head found. `name` is called only if the version is right.
fn check(code: &Code, version: u32, name: impl FnOnce() -> &'static str) -> Result<(), Failure> {
    if version != VERSION {
        let message = format!("it speaks version {version} of mosaic's ABI, not {VERSION}");
        return Err(refusal(code, &message));
    }
    if name() != code.name {
        return Err(refusal(code, "something else lies there, so the file has changed"));
    }
    Ok(())
}

fn refusal(code: &Code, reason: &str) -> Failure {
    let object = match &code.location.object {
        Object::Program => "the program".into(),
        Object::File(path) => path.to_string_lossy(),
        Object::Files { files, .. } => files.last().map_or("no file".into(), |file| (*file.name).into()),
    };
    let message = format!("the code of `{}` cannot be used from {object}: {reason}", code.name);
    failure(FailureKind::Runtime, message)
}

fn this_program(host: &'static Host) -> Result<Module, String> {
    Ok(Module {
        base: code_location::program_base().ok_or("the address of the program is not known")?,
        loaded: Loaded {
            guest: greet(mosaic::__private::mosaic_guest_entry, host)?,
            enter: None,
        },
    })
}

/// Loads a shared object, for good. The loader finds an object that another one needs among those that are loaded, by
/// its name.
fn load(path: &Path) -> Result<ManuallyDrop<Library>, String> {
    // SAFETY: loading runs the object's initialisers. The head, which is the user's own process, runs the same ones.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| format!("{} cannot be loaded: {error}", path.display()))?;
    Ok(ManuallyDrop::new(library))
}

/// Loads a shared object with mosaic code.
fn open(path: &Path, host: &'static Host) -> Result<Module, String> {
    let library = ManuallyDrop::into_inner(load(path)?);
    // SAFETY: the symbol has this type in every version of the crate `mosaic`.
    let entry = unsafe { library.get::<GuestEntry>(GUEST_ENTRY) }
        .map_err(|error| format!("{} holds no mosaic code: {error}", path.display()))?;
    let guest = greet(*entry, host)?;
    // SAFETY: the symbol has this type in every version of the notebook's tokio, which the object may link.
    let enter = unsafe { library.get::<Enter>(ENTER) }.ok().map(|enter| *enter);
    let base =
        base(library.into_raw(), path).ok_or_else(|| format!("the address of {} is not known", path.display()))?;
    let loaded = Loaded { guest, enter };
    Ok(Module { base, loaded })
}

/// Gives a guest the host table, and gets the guest's table.
fn greet(entry: GuestEntry, host: &'static Host) -> Result<&'static Guest, String> {
    // SAFETY: the table is static, and the guest's own is too, in an object that is never unloaded.
    unsafe { entry(host).as_ref() }.ok_or_else(|| {
        format!("its crate `mosaic` does not speak version {VERSION} of the ABI: rebuild it together with the engine")
    })
}

/// Returns the address at which a loaded object begins.
fn base(handle: *mut c_void, path: &Path) -> Option<usize> {
    /// The public part of the C library's `struct link_map`, as far as it is needed.
    #[repr(C)]
    struct LinkMap {
        bias: usize,
    }
    let mut map: *const LinkMap = ptr::null();
    // SAFETY: the handle is that of a loaded object, and this request writes one pointer.
    let found = unsafe { libc::dlinfo(handle, libc::RTLD_DI_LINKMAP, (&raw mut map).cast()) };
    if found != 0 {
        return None;
    }
    // SAFETY: the loader keeps the map of an object that is loaded, and this one is never unloaded.
    code_location::begins_at(unsafe { map.as_ref() }?.bias, path)
}
