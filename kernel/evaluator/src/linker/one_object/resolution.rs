//! Which library defines which symbol that the object needs.

use crate::linker::one_object::{
    object_file::{Definition, ObjectFile, Value},
    request::Request,
    shared_library::Library,
};
use anyhow::{Context, Result, bail};
use object::ReadCache;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

/// A symbol version of a library.
pub(super) type Version = Vec<u8>;

/// A symbol that the loader has to find.
#[derive(Debug)]
pub(super) struct Import {
    /// The number of the object's symbol.
    pub(super) symbol: usize,
    /// The number of the needed library, and the symbol's version there. A weak symbol may be nowhere.
    pub(super) source: Option<(usize, Option<Version>)>,
}

/// The libraries and symbols that the result uses, and the cells for them that the code reads.
#[derive(Debug, Default)]
pub(super) struct Resolution {
    /// The names of the libraries that the loader has to load, in the order in which it looks up symbols.
    pub(super) needed: Vec<Vec<u8>>,
    pub(super) imports: Vec<Import>,
    /// The symbols with a cell for their address.
    pub(super) cells: Vec<usize>,
    /// The symbols with a pair of cells for their place in a thread's storage.
    pub(super) thread_local_cells: Vec<usize>,
    /// The functions of other libraries that the object calls. Each has a cell, too.
    pub(super) stubs: Vec<usize>,
}

impl Resolution {
    /// Looks up the symbols that the relocations of an object need.
    ///
    /// # Errors
    ///
    /// A symbol is in a static library, or nowhere, or used in a way that needs the real linker.
    pub(super) fn new(object: &ObjectFile, request: &Request) -> Result<Resolution> {
        let mut cells = BTreeSet::new();
        let mut thread_local_cells = BTreeSet::new();
        let mut stubs = BTreeSet::new();
        let mut undefined = BTreeSet::new();
        for relocation in &object.relocations {
            let symbol = relocation.symbol;
            let definition = object.symbols[symbol].definition;
            let is_undefined = matches!(definition, Definition::Undefined { .. });
            if !is_undefined && !matches!(definition, Definition::InSection(..)) {
                bail!("a relocation needs what is not loaded, or what has no address");
            }
            if is_undefined {
                undefined.insert(symbol);
            }
            match relocation.value {
                Value::Address => {}
                Value::Distance if is_undefined => bail!("a relocation needs the distance to another library"),
                Value::Distance => {}
                Value::Call => {
                    if is_undefined {
                        stubs.insert(symbol);
                        cells.insert(symbol);
                    }
                }
                Value::AddressCell => {
                    cells.insert(symbol);
                }
                Value::ThreadLocalCells if is_undefined => {
                    thread_local_cells.insert(symbol);
                }
                Value::ThreadLocalCells => bail!("the object has data of threads"),
            }
        }
        let (needed, imports) = look_up(object, request, undefined)?;
        Ok(Resolution {
            needed,
            imports,
            cells: cells.into_iter().collect(),
            thread_local_cells: thread_local_cells.into_iter().collect(),
            stubs: stubs.into_iter().collect(),
        })
    }
}

/// Looks up symbols in the libraries, one library after the other. The first one that has a symbol defines it.
fn look_up(
    object: &ObjectFile,
    request: &Request,
    mut undefined: BTreeSet<usize>,
) -> Result<(Vec<Vec<u8>>, Vec<Import>)> {
    let mut needed = Vec::new();
    let mut sources = BTreeMap::new();
    for input in &request.inputs {
        if undefined.is_empty() {
            break;
        }
        let content = File::open(input.path()).with_context(|| format!("cannot open {}", input.path().display()))?;
        let content = ReadCache::new(content);
        match Library::open(input, &content)? {
            Library::Archive(names) => {
                let in_archive = undefined.iter().find(|it| names.contains(object.symbols[**it].name));
                if let Some(symbol) = in_archive {
                    bail!("{} is in a static library", object.symbols[*symbol].shown());
                }
            }
            Library::Shared(library) => {
                let (number, before) = (needed.len(), sources.len());
                for symbol in undefined.clone() {
                    if let Some(found) = library.find(object.symbols[symbol].name)? {
                        undefined.remove(&symbol);
                        sources.insert(symbol, Some((number, found.version.map(<[u8]>::to_vec))));
                    }
                }
                if sources.len() > before {
                    needed.push(library.name.clone());
                }
            }
        }
    }
    for symbol in undefined {
        let Definition::Undefined { is_weak: true } = object.symbols[symbol].definition else {
            bail!("no library has {}", object.symbols[symbol].shown());
        };
        sources.insert(symbol, None);
    }
    let imports = sources.into_iter().map(|(symbol, source)| Import { symbol, source });
    Ok((needed, imports.collect()))
}
