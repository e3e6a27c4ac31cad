//! The C functions and data in a crate's library, such as those of SQLite in `libsqlite3-sys`.
//!
//! rustc exports only what is Rust from a dylib. Code of the crate that a cell inlines calls the C functions, so the
//! linker has to export them as well.

use std::{fs, path::Path, str};

/// The first bytes of an archive.
const MAGIC: &[u8] = b"!<arch>\n";
/// The length of the header of an archive's member, in bytes.
const HEADER: usize = 60;
/// The end of the names of the members that rustc has compiled.
const OF_RUSTC: &str = ".rcgu.o";

/// Returns the global symbols of the members of an archive that rustc has not compiled. An archive of another form than
/// GNU's has none.
pub(super) fn c_symbols(archive: &Path) -> Vec<String> {
    let content = fs::read(archive).unwrap_or_default();
    read_symbols(&content).unwrap_or_default()
}

/// Reads the table of symbols, which is the first member and is named `/`: the number of symbols, for each the place of
/// its member, and the names, each ended by a zero byte.
fn read_symbols(archive: &[u8]) -> Option<Vec<String>> {
    let table = archive.strip_prefix(MAGIC)?;
    let (header, rest) = table.split_at_checked(HEADER)?;
    if !header.starts_with(b"/ ") {
        return None;
    }
    let table = rest.get(..size(header)?)?;
    let (count, table) = table.split_first_chunk::<4>()?;
    let count = u32::from_be_bytes(*count) as usize;
    let (places, names) = table.split_at_checked(count.checked_mul(4)?)?;
    let long_names = long_names(archive);
    let mut symbols = Vec::new();
    for (place, name) in places.chunks_exact(4).zip(names.split(|byte| *byte == 0)) {
        let place = u32::from_be_bytes(place.try_into().ok()?) as usize;
        let member = member_name(archive.get(place..place + HEADER)?, long_names)?;
        if !member.ends_with(OF_RUSTC) {
            symbols.push(str::from_utf8(name).ok()?.to_owned());
        }
    }
    symbols.sort_unstable();
    symbols.dedup();
    Some(symbols)
}

/// Returns the size of a member, by its header.
fn size(header: &[u8]) -> Option<usize> {
    str::from_utf8(header.get(48..58)?).ok()?.trim_end().parse().ok()
}

/// Returns the table of the long names of members, which follows the table of symbols and is named `//`.
fn long_names(archive: &[u8]) -> &[u8] {
    let mut place = MAGIC.len();
    for _ in 0..2 {
        let Some(header) = archive.get(place..place + HEADER) else {
            break;
        };
        let Some(size) = size(header) else { break };
        let begin = place + HEADER;
        if header.starts_with(b"// ") {
            return archive.get(begin..begin + size).unwrap_or_default();
        }
        place = begin + size + size % 2;
    }
    &[]
}

/// Returns the name of a member, which ends with a slash, or is a slash and its place among the long names.
fn member_name<'a>(header: &'a [u8], long_names: &'a [u8]) -> Option<&'a str> {
    let name = str::from_utf8(header.get(..16)?).ok()?.trim_end();
    let Some(place) = name.strip_prefix('/').and_then(|place| place.parse::<usize>().ok()) else {
        return Some(name.trim_end_matches('/'));
    };
    let long = long_names.get(place..)?;
    let end = long.iter().position(|byte| *byte == b'\n')?;
    Some(str::from_utf8(&long[..end]).ok()?.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = format!("{name:<16}{:<32}{:<10}`\n", "", content.len()).into_bytes();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
        bytes
    }

    /// Returns an archive of empty members, each with its symbols.
    fn archive(members: &[(&str, &[&str])]) -> Vec<u8> {
        let long: String = members.iter().map(|(name, _)| format!("{name}/\n")).collect();
        let long = member("//", long.as_bytes());
        let names: Vec<u8> = members
            .iter()
            .flat_map(|(_, names)| names.iter())
            .flat_map(|it| [it.as_bytes(), b"\0"].concat())
            .collect();
        let count = members.iter().map(|(_, names)| names.len()).sum::<usize>();
        let table = 4 + 4 * count + names.len();
        let first = MAGIC.len() + HEADER + table.next_multiple_of(2) + long.len();
        let mut content = u32::try_from(count).unwrap().to_be_bytes().to_vec();
        for (number, (_, names)) in members.iter().enumerate() {
            let place = u32::try_from(first + number * HEADER).unwrap();
            names.iter().for_each(|_| content.extend(place.to_be_bytes()));
        }
        content.extend(names);
        let mut bytes = [MAGIC.to_vec(), member("/", &content), long].concat();
        let mut place = 0;
        for (name, _) in members {
            bytes.extend(member(&format!("/{place}"), b""));
            place += name.len() + 2;
        }
        bytes
    }

    #[test]
    fn symbols_are_of_members_that_rustc_has_not_compiled() {
        let bytes = archive(&[
            ("libsqlite3_sys-1.sys.7-cgu.0.rcgu.o", &["_ZN3sys4openE"]),
            ("0123456789abcdef-sqlite3.o", &["sqlite3_open", "sqlite3_close"]),
        ]);
        assert_eq!(read_symbols(&bytes).unwrap(), ["sqlite3_close", "sqlite3_open"]);
        for cut in 0..bytes.len() {
            // A part of an archive is no reason to panic.
            let _ = read_symbols(&bytes[..cut]);
        }
        assert_eq!(read_symbols(b"!<thin>\n"), None);
    }
}
