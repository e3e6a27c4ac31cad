//! Finds the functions, files and lines of addresses.

use crate::{loaded::Loaded, samples::Frame};
use addr2line::{
    Context,
    gimli::{Dwarf, EndianSlice, NativeEndian, SectionId},
};
use object::{File, Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::{collections::HashMap, fs};

type Reader<'a> = EndianSlice<'a, NativeEndian>;

/// The files of libraries, as far as addresses lie in them.
pub(crate) struct Files<'a> {
    loaded: &'a [Loaded],
    /// The contents, by the index of what is loaded.
    contents: HashMap<usize, Vec<u8>>,
}

impl<'a> Files<'a> {
    /// Reads the libraries in which the addresses lie. A library without a file, which the system provides, is left out,
    /// and so is the program.
    pub(crate) fn read(loaded: &'a [Loaded], addresses: impl Iterator<Item = u64>) -> Files<'a> {
        let mut contents = HashMap::new();
        for index in addresses.filter_map(|address| position(loaded, address)) {
            if !loaded[index].is_program() && !contents.contains_key(&index) {
                contents.insert(index, fs::read(&loaded[index].file).unwrap_or_default());
            }
        }
        Files { loaded, contents }
    }
}

fn position(loaded: &[Loaded], address: u64) -> Option<usize> {
    loaded.iter().position(|it| it.range.contains(&address))
}

/// Names addresses of the libraries that are loaded. Addresses of the program have no name.
pub(crate) struct Symbols<'a> {
    files: &'a Files<'a>,
    /// What was read of the libraries, by their index.
    libraries: HashMap<usize, Option<Library<'a>>>,
}

impl<'a> Symbols<'a> {
    pub(crate) fn new(files: &'a Files<'a>) -> Symbols<'a> {
        Symbols {
            files,
            libraries: HashMap::new(),
        }
    }

    /// Returns the frames at an address: functions that the compiler has put into each other, the outermost first.
    pub(crate) fn frames(&mut self, address: u64) -> Vec<Frame> {
        let unknown = |library: String| Frame {
            function: String::new(),
            file: None,
            line: None,
            library,
        };
        let Some(index) = position(self.files.loaded, address) else {
            return vec![unknown("?".to_owned())];
        };
        let loaded = &self.files.loaded[index];
        let name = loaded.file.to_string_lossy().into_owned();
        let contents = self.files.contents.get(&index);
        let library = self.libraries.entry(index);
        let library = library.or_insert_with(|| contents.and_then(|contents| Library::read(contents)));
        let address = address.wrapping_sub(loaded.bias);
        let found = library.as_ref().map(|library| library.frames(address, &name));
        found
            .filter(|frames| !frames.is_empty())
            .unwrap_or_else(|| vec![unknown(name)])
    }
}

/// The symbols and the debug information of a library.
struct Library<'a> {
    /// The functions, in the order of their addresses.
    symbols: Vec<Symbol<'a>>,
    places: Option<Context<Reader<'a>>>,
}

/// A function of a library: its first address, the address behind it, and its name.
struct Symbol<'a> {
    begin: u64,
    end: u64,
    name: &'a str,
}

impl<'a> Library<'a> {
    /// Reads a library's file. Returns nothing if it is not one.
    fn read(contents: &'a [u8]) -> Option<Library<'a>> {
        let file = File::parse(contents).ok()?;
        Some(Library {
            symbols: functions(&file),
            places: places(&file),
        })
    }

    /// Returns the frames at an address of the file, the outermost first.
    fn frames(&self, address: u64, library: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        if let Some(places) = &self.places
            && let Ok(mut found) = places.find_frames(address).skip_all_loads()
        {
            while let Ok(Some(frame)) = found.next() {
                let Some(Ok(name)) = frame.function.as_ref().map(|it| it.raw_name()) else {
                    continue;
                };
                let place = frame.location.as_ref();
                frames.push(Frame {
                    function: demangled(name.as_ref()),
                    file: place.and_then(|it| it.file).map(str::to_owned),
                    line: place.and_then(|it| it.line),
                    library: library.to_owned(),
                });
            }
        }
        if frames.is_empty() {
            frames.extend(self.symbol(address).map(|symbol| Frame {
                function: demangled(symbol.name),
                file: None,
                line: None,
                library: library.to_owned(),
            }));
        }
        frames.reverse();
        frames
    }

    /// Finds the function that has an address. A library without a table of all its functions has gaps, in which an
    /// address belongs to none that is known.
    fn symbol(&self, address: u64) -> Option<&Symbol<'a>> {
        let next = self.symbols.partition_point(|symbol| symbol.begin <= address);
        let symbol = self.symbols.get(next.checked_sub(1)?)?;
        (address < symbol.end).then_some(symbol)
    }
}

/// Returns the functions of a file, in the order of their addresses.
fn functions<'a>(file: &File<'a>) -> Vec<Symbol<'a>> {
    let is_function = |kind: SymbolKind| kind == SymbolKind::Text;
    let symbols = file.symbols().chain(file.dynamic_symbols());
    let defined = symbols.filter(|it| is_function(it.kind()) && it.is_definition() && it.size() > 0);
    let mut functions: Vec<Symbol> = defined
        .filter_map(|it| {
            Some(Symbol {
                begin: it.address(),
                end: it.address().saturating_add(it.size()),
                name: it.name().ok()?,
            })
        })
        .collect();
    functions.sort_by_key(|symbol| symbol.begin);
    functions
}

/// Reads the debug information of a file, if it has some.
fn places<'a>(file: &File<'a>) -> Option<Context<Reader<'a>>> {
    file.section_by_name(".debug_info")?;
    let section = |id: SectionId| -> Result<Reader<'a>, addr2line::gimli::Error> {
        let bytes = file.section_by_name(id.name()).and_then(|it| it.data().ok());
        Ok(EndianSlice::new(bytes.unwrap_or_default(), NativeEndian))
    };
    Context::from_dwarf(Dwarf::load(section).ok()?).ok()
}

/// Returns the path of a function as it is written in Rust.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
