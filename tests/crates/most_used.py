"""140 much used crates that build without a system library: a notebook adds twenty, and each is named by a cell.

Run by `cargo xtask test crates`. The crates of a group share a kernel, so that their versions and features have to agree
with each other and with those of the built-in crates.
"""

import pytest

GROUPS = {
    "basics": """
        bitflags hashbrown libc cfg-if itoa base64 indexmap memchr once_cell lazy_static log either smallvec ryu
        strsim scopeguard fastrand percent-encoding semver heck
    """,
    "text": """
        aho-corasick regex regex-syntax unicode-width unicode-segmentation unicode-normalization textwrap bstr nom winnow
        url hex glob globset walkdir humantime similar csv toml quick-xml
    """,
    "data": """
        serde_json serde_yaml serde_with bincode ron rmp-serde ciborium postcard uuid chrono time tinyvec arrayvec slab
        bytes byteorder zerocopy bytemuck half memmap2
    """,
    "macros": """
        syn quote proc-macro2 thiserror anyhow eyre strum derive_more enum_dispatch async-trait pin-project
        pin-project-lite typenum generic-array paste bon itertools tempfile which clap
    """,
    "concurrency": """
        parking_lot lock_api crossbeam crossbeam-channel crossbeam-utils dashmap rayon futures futures-util tokio-stream
        tokio-util tracing tracing-subscriber http httparse mio socket2 arc-swap flume ahash
    """,
    "numbers": """
        num num-traits num-bigint num-complex num-integer num-rational ordered-float approx rand rand_core rand_distr
        rand_chacha statrs nalgebra ndarray-rand rustfft petgraph fixedbitset rustc-hash uom
    """,
    "bytes": """
        sha1 sha2 md-5 digest hmac crc32fast flate2 miniz_oxide lz4_flex snap blake3 adler2 hashlink lru bitvec bit-vec
        priority-queue image indicatif console
    """,
}

ANY = '"*"'
# What a crate needs other than its newest version: bincode 3 does not compile, and derive_more needs a feature.
NEEDS = {"bincode": '"2"', "derive_more": '{ version = "*", features = ["full"] }'}

# What the library of a crate is called, if not like the crate.
LIBRARIES = {"md-5": "md5"}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("group", GROUPS)
def test_the_most_used_crates(start, group):
    kernel = start()
    names = GROUPS[group].split()
    kernel.ok("\n".join(f":dep {name} = {NEEDS.get(name, ANY)}" for name in names), timeout=3000)
    told = []
    for name in names:
        library = LIBRARIES.get(name, name.replace("-", "_"))
        cell = kernel.ok(f"use {library} as _;\nprintln!(\"linked\");", timeout=600)
        assert cell.stdout == "linked\n", str(cell)
        told += [line for line in cell.stderr.splitlines() if "cannot be shared among cells" in line]
    assert told == []
