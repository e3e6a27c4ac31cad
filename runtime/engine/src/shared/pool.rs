//! The segments of this process, and the buffers that lie in them.

use super::{
    LARGE,
    segment::{Identity, Kind, STEP, Segment, identity},
};
use mosaic_abi::Buffer;
use std::{
    collections::BTreeMap,
    io,
    os::fd::{BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

/// Each segment takes up a file descriptor, of which a process has often no more than 1024. Values beyond are copied.
const MOST: usize = 200;
/// The bytes of a process's own segments beyond which none is kept that nothing lies in.
const KEPT: usize = 1 << 30;
/// How many segments of others stay mapped that nothing lies in: who made them may use them again.
const STAY_MAPPED: usize = 8;
/// What an address of numbers may have to be a multiple of; so is where they begin.
const ALIGNMENT: usize = 64;

pub(super) struct Pool {
    /// What the names of this process's files begin with, where it may store some, and how many there were.
    pub(super) names: Option<PathBuf>,
    named: u64,
    /// Those of this process, in the order in which they were last used.
    pub(super) own: Vec<Arc<Segment>>,
    /// When a value was last written, or came from another process.
    used: Option<Instant>,
    /// Those of others.
    pub(super) others: BTreeMap<Identity, Weak<Segment>>,
    /// The last ones of them.
    mapped: Vec<Arc<Segment>>,
    /// The buffers, by address.
    pub(super) buffers: BTreeMap<usize, Lying>,
}

/// Buffers that begin at the same place.
pub(super) struct Lying {
    pub(super) segment: Arc<Segment>,
    pub(super) offset: usize,
    buffers: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    names: None,
    named: 0,
    own: Vec::new(),
    used: None,
    others: BTreeMap::new(),
    mapped: Vec::new(),
    buffers: BTreeMap::new(),
});

pub(super) fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for a value of `len` bytes that only its maker has until it is sent. What lies `prefix` bytes behind its beginning
/// is aligned for any numbers. `None` where the value is small, or there is no such room: then it goes another way.
pub(crate) fn room(kind: Kind, len: usize, prefix: usize) -> Option<Buffer> {
    if len < LARGE {
        return None;
    }
    let offset = prefix.next_multiple_of(ALIGNMENT) - prefix;
    let mut pool = pool();
    let segment = match pool.unused(kind, offset.checked_add(len)?) {
        Some(segment) => segment,
        None => pool.new_segment(kind, offset + len)?,
    };
    Some(pool.buffer(segment, offset, len))
}

/// A buffer that lies in a segment, on its way to another process, which counts it from now on. One that does not arrive
/// stays counted: its memory is freed, and not used again, since nobody knows how far it came.
pub(crate) struct Sent {
    segment: Arc<Segment>,
    offset: usize,
}

impl Sent {
    pub(crate) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.segment.file()
    }

    /// Where the buffer lies in the segment.
    pub(crate) fn offset(&self) -> u64 {
        self.offset as u64
    }
}

/// Prepares to send a buffer, if it lies in a segment.
pub(crate) fn send(buffer: &Buffer) -> Option<Sent> {
    if buffer.len() < LARGE {
        return None;
    }
    let pool = pool();
    let lying = pool.buffers.get(&(buffer.as_ptr() as usize))?;
    if lying.segment.kind() != Kind::Nameless {
        return None;
    }
    lying.segment.count().fetch_add(1, Ordering::Relaxed);
    Some(Sent {
        segment: lying.segment.clone(),
        offset: lying.offset,
    })
}

/// The buffer that another process sent.
///
/// # Errors
///
/// It cannot be mapped, or is not what it should be.
pub(crate) fn receive(file: OwnedFd, offset: u64, len: u64) -> io::Result<Buffer> {
    let identity = identity(&file)?;
    let (offset, len) = (usize::try_from(offset), usize::try_from(len));
    let (Ok(offset), Ok(len)) = (offset, len) else {
        return Err(outside());
    };
    let mut pool = pool();
    let segment = match pool.known(identity) {
        Some(segment) => segment,
        None => Arc::new(Segment::of(file)?),
    };
    segment.value(offset, len).ok_or_else(outside)?;
    if pool.others.len() < MOST {
        pool.keep_mapped(&segment);
        return Ok(pool.buffer(segment, offset, len));
    }
    pool.others.retain(|_, segment| segment.strong_count() > 0);
    let buffer = pool.buffer(segment, offset, len);
    drop(pool);
    // Without the descriptor.
    Ok(Buffer::from(buffer.to_vec()))
}

pub(super) fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a shared value lies outside of its memory")
}

/// Frees the memory that nothing lies in, if nothing was there for `calm`. Says whether there may be some left.
pub(crate) fn give_back(calm: Duration) -> bool {
    let mut pool = pool();
    if pool.used.is_some_and(|used| used.elapsed() < calm) {
        return true;
    }
    pool.used = None;
    let mut freed = std::mem::take(&mut pool.mapped);
    // What lies in others with no buffer here is theirs, and what no process has any more is free.
    let (used, unused) = pool.own.drain(..).partition(|segment| Arc::strong_count(segment) > 1);
    pool.own = used;
    pool.others.retain(|_, segment| segment.strong_count() > 0);
    drop(pool);
    // Outside of the lock: unmapping takes a while.
    freed.extend::<Vec<_>>(unused);
    false
}

impl Pool {
    /// A segment of this process with room for so many bytes, and not for many more, that nothing lies in any more.
    fn unused(&mut self, kind: Kind, room: usize) -> Option<Arc<Segment>> {
        let most = match kind {
            Kind::Nameless => room.max(STEP).saturating_mul(2),
            // The warehouse counts the bytes of the values.
            Kind::Storable => room.saturating_add((room / 8).max(STEP)),
        };
        let fits = |segment: &Arc<Segment>| segment.kind() == kind && (room..=most).contains(&segment.room());
        // The one that was used last is most likely in the CPU's caches.
        let found = self.own.iter().rposition(|segment| {
            fits(segment)
                && segment
                    .count()
                    .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
        })?;
        let segment = self.own.remove(found);
        self.own.push(segment.clone());
        self.used = Some(Instant::now());
        Some(segment)
    }

    fn new_segment(&mut self, kind: Kind, room: usize) -> Option<Arc<Segment>> {
        self.make_room(room);
        if self.own.len() >= MOST {
            return None;
        }
        let segment = match kind {
            Kind::Nameless => Segment::new(room),
            Kind::Storable => Segment::storable(room, self.new_name()?),
        };
        match segment {
            Ok(segment) => {
                let segment = Arc::new(segment);
                self.own.push(segment.clone());
                self.used = Some(Instant::now());
                Some(segment)
            }
            Err(error) => {
                tracing::debug!(%error, "there is no shared memory for a value");
                None
            }
        }
    }

    fn new_name(&mut self) -> Option<PathBuf> {
        self.named += 1;
        Some(self.names.as_ref()?.with_extension(format!("{}.room", self.named)))
    }

    /// Frees unused segments until so many bytes are within what is kept, and lets go of those that others keep.
    fn make_room(&mut self, room: usize) {
        let mut all: usize = self
            .own
            .iter()
            .map(|segment| segment.room())
            .sum::<usize>()
            .saturating_add(room);
        let mut number = self.own.len();
        self.own.retain(|segment| {
            let goes = (all > KEPT || number >= MOST) && segment.count().load(Ordering::Acquire) == 0;
            if goes {
                all -= segment.room();
                number -= 1;
            }
            !goes
        });
        // A value that another process has, and this one no longer, need not be this one's to keep.
        if number >= MOST {
            self.own.retain(|segment| Arc::strong_count(segment) > 1);
        }
    }

    /// The segment, if this process has it: what comes back lies where it was sent from.
    pub(super) fn known(&self, identity: Identity) -> Option<Arc<Segment>> {
        let other = self.others.get(&identity).and_then(Weak::upgrade);
        other.or_else(|| self.own.iter().find(|segment| segment.identity() == identity).cloned())
    }

    /// Finds another's segment again when the next value lies in it.
    fn keep_mapped(&mut self, segment: &Arc<Segment>) {
        if !self.know(segment) {
            return;
        }
        self.mapped.retain(|it| !Arc::ptr_eq(it, segment));
        if self.mapped.len() >= STAY_MAPPED {
            self.mapped.remove(0);
        }
        self.mapped.push(segment.clone());
    }

    /// Whether a segment is another's, which is found again from now on as long as something lies in it.
    pub(super) fn know(&mut self, segment: &Arc<Segment>) -> bool {
        let is_own = self.own.iter().any(|own| Arc::ptr_eq(own, segment));
        if !is_own {
            self.used = Some(Instant::now());
            self.others.insert(segment.identity(), Arc::downgrade(segment));
        }
        !is_own
    }

    /// A buffer in a segment that counts it already.
    pub(super) fn buffer(&mut self, segment: Arc<Segment>, offset: usize, len: usize) -> Buffer {
        let Some(address) = segment.value(offset, len) else {
            unreachable!("whoever asks has looked");
        };
        let lying = self.buffers.entry(address.as_ptr() as usize).or_insert(Lying {
            segment,
            offset,
            buffers: 0,
        });
        lying.buffers += 1;
        // SAFETY: the bytes are mapped for as long as the pool has the buffer's entry, which `release` takes out. Who made
        // the segment writes to them only while it has the only buffer there (see `unused`), and that buffer no second
        // owner.
        unsafe { Buffer::from_raw_parts(address.as_ptr(), len, release) }
    }
}

unsafe extern "C" fn release(data: *mut u8, _: usize, _: usize) {
    let mut pool = pool();
    let address = data as usize;
    let Some(lying) = pool.buffers.get_mut(&address) else {
        return;
    };
    lying.buffers -= 1;
    let segment = lying.segment.clone();
    if lying.buffers == 0 {
        pool.buffers.remove(&address);
    }
    drop(pool);
    segment.count().fetch_sub(1, Ordering::Release);
}

/// To be held by a test: the pool is one for all those of the process.
#[cfg(test)]
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize, byte: u8) -> Buffer {
        let mut buffer = room(Kind::Nameless, len, 3).unwrap();
        // SAFETY: nobody else has the room.
        unsafe { buffer.as_mut_slice() }.fill(byte);
        buffer
    }

    /// As another process would see it.
    fn sent_and_received(buffer: &Buffer) -> Buffer {
        let sent = send(buffer).unwrap();
        let (file, offset) = (sent.file().unwrap().try_clone_to_owned().unwrap(), sent.offset());
        receive(file, offset, buffer.len() as u64).unwrap()
    }

    #[test]
    fn memory_is_used_again_once_nobody_has_it() {
        let _alone = alone();
        let first = filled(LARGE, 1);
        let address = first.as_ptr();
        assert_eq!((address as usize + 3) % ALIGNMENT, 0);
        let received = sent_and_received(&first);
        drop(first);
        let second = filled(LARGE, 2);
        assert_ne!(second.as_ptr(), address);
        assert!(received.iter().all(|byte| *byte == 1));
        drop(received);
        let third = room(Kind::Nameless, LARGE, 3).unwrap();
        assert_eq!(third.as_ptr(), address);
        // It never arrives.
        drop(send(&second).unwrap());
        drop((second, third));
        assert!(give_back(Duration::MAX));
        assert!(!pool().own.is_empty());
        assert!(!give_back(Duration::ZERO));
        assert!(pool().own.is_empty() && pool().buffers.is_empty());
    }

    #[test]
    fn small_values_and_those_elsewhere_are_not_shared() {
        let _alone = alone();
        assert!(room(Kind::Nameless, LARGE - 1, 0).is_none());
        assert!(room(Kind::Nameless, usize::MAX, 0).is_none());
        assert!(send(&Buffer::from(vec![0; LARGE])).is_none());
    }

    #[test]
    fn what_lies_outside_is_refused() {
        let _alone = alone();
        let buffer = filled(LARGE, 1);
        for (offset, len) in [(0, u64::MAX), (u64::MAX, 1), (1 << 20, 1 << 20)] {
            let sent = send(&buffer).unwrap();
            let file = sent.file().unwrap().try_clone_to_owned().unwrap();
            assert!(receive(file, offset, len).is_err(), "{offset} {len}");
        }
        assert_eq!(&*buffer, &vec![1; LARGE][..]);
    }

    #[test]
    fn there_is_a_bound_and_values_beyond_go_another_way() {
        let _alone = alone();
        let all: Vec<Buffer> = (0..MOST).map(|_| room(Kind::Nameless, LARGE, 0).unwrap()).collect();
        assert!(room(Kind::Nameless, LARGE, 0).is_none());
        drop(all);
        assert!(room(Kind::Nameless, LARGE, 0).is_some());
        give_back(Duration::ZERO);
    }
}
