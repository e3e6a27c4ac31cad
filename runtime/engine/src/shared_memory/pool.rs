//! The segments of this process, and the buffers that lie in them.

use super::{
    fork::{count_forks, is_child},
    place::Place,
    segment::{Identity, STEP, Segment, SegmentKind, identity},
    threshold::THRESHOLD,
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

/// The largest number of segments; further values are copied. Each segment takes up a file descriptor, and a process
/// often has no more than 1024 of them.
const MOST_SEGMENTS: usize = 200;
/// Unused segments of this process are freed if all its segments have more than this number of bytes.
const KEPT_BYTES: usize = 1 << 30;
/// The number of unused segments of other processes that stay mapped, since their makers may use them again.
const KEPT_MAPPED: usize = 8;
/// The alignment of values, which suffices for any numbers.
const ALIGNMENT: usize = 64;

/// The segments of this process, and the buffers that lie in segments.
pub(super) struct Pool {
    /// The beginning of the names of files in which this process writes values to be stored; `None` if it may not.
    pub(super) names: Option<PathBuf>,
    /// The number of files that were named.
    named: u64,
    /// The segments that this process made, in the order in which they were last used.
    pub(super) own: Vec<Arc<Segment>>,
    /// When a value was last written, or arrived from another process.
    used: Option<Instant>,
    /// The segments of other processes that are mapped here.
    pub(super) others: BTreeMap<Identity, Weak<Segment>>,
    /// The segments of other processes that were used last: these stay mapped.
    mapped: Vec<Arc<Segment>>,
    /// The buffers, by address.
    pub(super) buffers: BTreeMap<usize, SharedBuffers>,
}

/// The buffers of this process that begin at the same address of a segment.
pub(super) struct SharedBuffers {
    pub(super) segment: Arc<Segment>,
    pub(super) offset: usize,
    /// The number of buffers.
    count: usize,
}

/// The pool of this process. Any thread locks it for a few instructions; memory is mapped and unmapped outside of the
/// lock where that is possible.
static POOL: Mutex<Pool> = Mutex::new(Pool {
    names: None,
    named: 0,
    own: Vec::new(),
    used: None,
    others: BTreeMap::new(),
    mapped: Vec::new(),
    buffers: BTreeMap::new(),
});

/// Locks the pool of this process.
pub(super) fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Allocates shared memory for a value of `len` bytes, which the caller writes to before anybody else has it. The byte
/// at offset `prefix` is aligned for any numbers. Returns `None` if the value is small or there is no shared memory:
/// then the value is copied when it is sent.
pub(crate) fn allocate(kind: SegmentKind, len: usize, prefix: usize) -> Option<Buffer> {
    if len < THRESHOLD || is_child() {
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

/// A buffer in a segment that is on its way to another process, for which it is counted already. A buffer that does not
/// arrive stays counted, since nobody knows how far it came: its memory is freed, and not used again.
pub(crate) struct Sent {
    segment: Arc<Segment>,
    offset: usize,
}

impl Sent {
    /// Returns the file descriptor to send.
    pub(crate) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.segment.file()
    }

    /// Returns where the buffer lies.
    pub(crate) fn place(&self) -> Place {
        Place {
            segment: self.segment.identity(),
            offset: self.offset as u64,
        }
    }
}

/// Prepares to send a buffer; `None` if it does not lie in a segment.
pub(crate) fn send(buffer: &Buffer) -> Option<Sent> {
    if buffer.len() < THRESHOLD {
        return None;
    }
    let pool = pool();
    let found = pool.buffers.get(&(buffer.as_ptr() as usize))?;
    if found.segment.kind() != SegmentKind::Nameless {
        return None;
    }
    found.segment.count().fetch_add(1, Ordering::Relaxed);
    Some(Sent {
        segment: found.segment.clone(),
        offset: found.offset,
    })
}

/// Returns the buffer of `len` bytes that another process sent. `files` are the file descriptors that came with its
/// frame, of which the buffer's is taken.
///
/// # Errors
///
/// The buffer's file descriptor did not come, or its memory cannot be mapped or does not hold such a buffer.
pub(crate) fn receive(files: &mut Vec<OwnedFd>, place: Place, len: u64) -> io::Result<Buffer> {
    let (offset, len) = (usize::try_from(place.offset), usize::try_from(len));
    let (Ok(offset), Ok(len)) = (offset, len) else {
        return Err(outside());
    };
    let is_its = |file: &OwnedFd| identity(file).is_ok_and(|identity| identity == place.segment);
    let file = files.iter().position(is_its).map(|found| files.swap_remove(found));
    let mut pool = pool();
    let segment = match (pool.known(place.segment), file) {
        (Some(segment), _) => segment,
        (None, Some(file)) => Arc::new(Segment::of(file)?),
        (None, None) => return Err(lost(len)),
    };
    segment.value(offset, len).ok_or_else(outside)?;
    if pool.others.len() < MOST_SEGMENTS {
        pool.keep_mapped(&segment);
        return Ok(pool.buffer(segment, offset, len));
    }
    pool.others.retain(|_, segment| segment.strong_count() > 0);
    let buffer = pool.buffer(segment, offset, len);
    drop(pool);
    // There are too many segments: the copy needs no file descriptor.
    Ok(Buffer::from(buffer.to_vec()))
}

/// Returns the error of a buffer whose file descriptor did not come.
fn lost(len: usize) -> io::Error {
    io::Error::other(format!(
        "a value of {len} bytes did not arrive, since the process {} has too many files open: close some there, or raise \
         the limit (`ulimit -n`)",
        std::process::id()
    ))
}

/// Returns the error of a buffer that does not lie within its segment.
pub(super) fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a shared value lies outside of its memory")
}

/// Frees unused memory, if no segment was used for the time `calm`. Returns whether there may be unused memory
/// left.
pub(crate) fn give_back(calm: Duration) -> bool {
    let mut pool = pool();
    if pool.used.is_some_and(|used| used.elapsed() < calm) {
        return true;
    }
    pool.used = None;
    let mut freed = std::mem::take(&mut pool.mapped);
    // A segment with no buffer in this process is mapped by other processes if they have buffers in it.
    let (used, unused) = pool.own.drain(..).partition(|segment| Arc::strong_count(segment) > 1);
    pool.own = used;
    pool.others.retain(|_, segment| segment.strong_count() > 0);
    drop(pool);
    // After the lock is released, because unmapping takes a while.
    freed.extend::<Vec<_>>(unused);
    false
}

impl Pool {
    /// Returns an unused segment of this process for at least this number of bytes, and not for many more.
    fn unused(&mut self, kind: SegmentKind, bytes: usize) -> Option<Arc<Segment>> {
        let most = match kind {
            SegmentKind::Nameless => bytes.max(STEP).saturating_mul(2),
            // The warehouse limits the bytes of values, so that their files must not be much larger.
            SegmentKind::Storable => bytes.saturating_add((bytes / 8).max(STEP)),
        };
        let fits = |segment: &Arc<Segment>| segment.kind() == kind && (bytes..=most).contains(&segment.capacity());
        // The segment that was used last is most likely in the CPU's caches.
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

    /// Makes a segment for this number of bytes.
    fn new_segment(&mut self, kind: SegmentKind, bytes: usize) -> Option<Arc<Segment>> {
        self.free_unused(bytes);
        if self.own.len() >= MOST_SEGMENTS {
            return None;
        }
        let segment = match kind {
            SegmentKind::Nameless => Segment::new(bytes),
            SegmentKind::Storable => Segment::storable(bytes, self.new_name()?),
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

    /// Returns a new name for a file of the warehouse.
    fn new_name(&mut self) -> Option<PathBuf> {
        self.named += 1;
        Some(self.names.as_ref()?.with_extension(format!("{}.unstored", self.named)))
    }

    /// Frees unused segments until `bytes` more are within [`KEPT_BYTES`] and one more segment is allowed. If that does
    /// not suffice, unmaps segments in which only other processes have buffers.
    fn free_unused(&mut self, bytes: usize) {
        let mut all: usize = self
            .own
            .iter()
            .map(|segment| segment.capacity())
            .sum::<usize>()
            .saturating_add(bytes);
        let mut number = self.own.len();
        self.own.retain(|segment| {
            let goes = (all > KEPT_BYTES || number >= MOST_SEGMENTS) && segment.count().load(Ordering::Acquire) == 0;
            if goes {
                all -= segment.capacity();
                number -= 1;
            }
            !goes
        });
        // A segment in which only other processes have buffers need not stay mapped here.
        if number >= MOST_SEGMENTS {
            self.own.retain(|segment| Arc::strong_count(segment) > 1);
        }
    }

    /// Returns the segment with this identity, if it is mapped here: a value that comes back lies where it was sent
    /// from.
    pub(super) fn known(&self, identity: Identity) -> Option<Arc<Segment>> {
        let other = self.others.get(&identity).and_then(Weak::upgrade);
        other.or_else(|| self.own.iter().find(|segment| segment.identity() == identity).cloned())
    }

    /// Keeps a segment of another process mapped, since the next value may lie in it.
    fn keep_mapped(&mut self, segment: &Arc<Segment>) {
        if !self.know(segment) {
            return;
        }
        self.mapped.retain(|it| !Arc::ptr_eq(it, segment));
        if self.mapped.len() >= KEPT_MAPPED {
            self.mapped.remove(0);
        }
        self.mapped.push(segment.clone());
    }

    /// Enters a segment of another process into the pool, where [`known`](Pool::known) finds it while it is mapped.
    /// Returns whether the segment is another process's.
    pub(super) fn know(&mut self, segment: &Arc<Segment>) -> bool {
        let is_own = self.own.iter().any(|own| Arc::ptr_eq(own, segment));
        if !is_own {
            self.used = Some(Instant::now());
            self.others.insert(segment.identity(), Arc::downgrade(segment));
        }
        !is_own
    }

    /// Counts each buffer of this process once more.
    pub(super) fn count_all_again(&self) {
        for SharedBuffers { segment, count, .. } in self.buffers.values() {
            // More than four billion buffers have no room in a process.
            let count = u32::try_from(*count).unwrap_or(u32::MAX);
            segment.count().fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Returns a buffer in a segment, which counts it already.
    pub(super) fn buffer(&mut self, segment: Arc<Segment>, offset: usize, len: usize) -> Buffer {
        let Some(address) = segment.value(offset, len) else {
            unreachable!("the caller has checked the bounds");
        };
        count_forks();
        let found = self.buffers.entry(address.as_ptr() as usize).or_insert(SharedBuffers {
            segment,
            offset,
            count: 0,
        });
        found.count += 1;
        // SAFETY: the bytes are mapped as long as the pool has the buffer's entry, which `release` removes. The maker
        // of the segment writes to them only while it has the only buffer there (see `unused`) and that buffer has one
        // owner.
        unsafe { Buffer::from_raw_parts(address.as_ptr(), len, release) }
    }
}

/// Removes a buffer that is dropped from the pool, and from its segment's count.
unsafe extern "C" fn release(data: *mut u8, _: usize, _: usize) {
    let mut pool = pool();
    let address = data as usize;
    let Some(found) = pool.buffers.get_mut(&address) else {
        return;
    };
    found.count -= 1;
    let segment = found.segment.clone();
    if found.count == 0 {
        pool.buffers.remove(&address);
    }
    drop(pool);
    segment.count().fetch_sub(1, Ordering::Release);
}

/// Locks the pool for one test: all tests of the process share the pool.
#[cfg(test)]
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize, byte: u8) -> Buffer {
        let mut buffer = allocate(SegmentKind::Nameless, len, 3).unwrap();
        // SAFETY: the buffer is new, and nobody else has it.
        unsafe { buffer.as_mut_slice() }.fill(byte);
        buffer
    }

    fn file_of(sent: &Sent) -> OwnedFd {
        sent.file().unwrap().try_clone_to_owned().unwrap()
    }

    /// Returns the buffer as another process would receive it.
    fn sent_and_received(buffer: &Buffer) -> Buffer {
        let sent = send(buffer).unwrap();
        receive(&mut vec![file_of(&sent)], sent.place(), buffer.len() as u64).unwrap()
    }

    #[test]
    fn memory_is_used_again_once_nobody_has_it() {
        let _alone = alone();
        let first = filled(THRESHOLD, 1);
        let address = first.as_ptr();
        assert_eq!((address as usize + 3) % ALIGNMENT, 0);
        let received = sent_and_received(&first);
        drop(first);
        let second = filled(THRESHOLD, 2);
        assert_ne!(second.as_ptr(), address);
        assert!(received.iter().all(|byte| *byte == 1));
        drop(received);
        let third = allocate(SegmentKind::Nameless, THRESHOLD, 3).unwrap();
        assert_eq!(third.as_ptr(), address);
        // This one never arrives.
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
        assert!(allocate(SegmentKind::Nameless, THRESHOLD - 1, 0).is_none());
        assert!(allocate(SegmentKind::Nameless, usize::MAX, 0).is_none());
        assert!(send(&Buffer::from(vec![0; THRESHOLD])).is_none());
    }

    #[test]
    fn what_lies_outside_is_refused() {
        let _alone = alone();
        let buffer = filled(THRESHOLD, 1);
        for (offset, len) in [(0, u64::MAX), (u64::MAX, 1), (1 << 20, 1 << 20)] {
            let sent = send(&buffer).unwrap();
            let place = Place { offset, ..sent.place() };
            assert!(
                receive(&mut vec![file_of(&sent)], place, len).is_err(),
                "{offset} {len}"
            );
        }
        assert_eq!(&*buffer, &vec![1; THRESHOLD][..]);
    }

    #[test]
    fn a_buffer_is_read_from_its_own_segment_or_not_at_all() {
        let len = THRESHOLD as u64;
        let _alone = alone();
        let (first, second) = (filled(THRESHOLD, 1), filled(THRESHOLD, 2));
        let (sent, other) = (send(&first).unwrap(), send(&second).unwrap());
        // The order of the descriptors does not matter, and each is taken once.
        let mut files = vec![file_of(&other), file_of(&sent)];
        assert!(
            receive(&mut files, sent.place(), len)
                .unwrap()
                .iter()
                .all(|byte| *byte == 1)
        );
        assert_eq!(files.len(), 1);
        // A segment that is mapped here needs no descriptor.
        assert_eq!(receive(&mut Vec::new(), sent.place(), len).unwrap()[0], 1);
        let elsewhere = Place {
            segment: (0, 1),
            ..sent.place()
        };
        let error = receive(&mut files, elsewhere, len).unwrap_err().to_string();
        assert!(
            error.contains("262144 bytes did not arrive") && error.contains("ulimit -n"),
            "{error}"
        );
        assert_eq!(files.len(), 1);
        drop((first, second));
        give_back(Duration::ZERO);
    }

    #[test]
    fn a_forked_child_frees_its_own_buffers_and_not_those_of_its_parent() {
        let _alone = alone();
        let (kept, dropped) = (filled(THRESHOLD, 1), filled(THRESHOLD, 2));
        let addresses = [kept.as_ptr(), dropped.as_ptr()];
        // SAFETY: the child uses what is its own, allocates by glibc's allocator, which forks well, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            drop((kept, dropped));
            let is_copied = allocate(SegmentKind::Nameless, THRESHOLD, 3).is_none();
            // SAFETY: ends the child without the handlers of the parent.
            unsafe { libc::_exit(i32::from(!is_copied)) }
        }
        let mut status = 1;
        // SAFETY: waits for the child, and writes to a local variable.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        let third = filled(THRESHOLD, 3);
        assert!(!addresses.contains(&third.as_ptr()));
        assert!(kept.iter().all(|byte| *byte == 1));
        // The child has freed its own.
        drop(dropped);
        let fourth = filled(THRESHOLD, 4);
        assert_eq!(fourth.as_ptr(), addresses[1]);
        drop((kept, third, fourth));
        give_back(Duration::ZERO);
    }

    #[test]
    fn there_is_a_bound_and_values_beyond_go_another_way() {
        let _alone = alone();
        let all: Vec<Buffer> = (0..MOST_SEGMENTS)
            .map(|_| allocate(SegmentKind::Nameless, THRESHOLD, 0).unwrap())
            .collect();
        assert!(allocate(SegmentKind::Nameless, THRESHOLD, 0).is_none());
        drop(all);
        assert!(allocate(SegmentKind::Nameless, THRESHOLD, 0).is_some());
        give_back(Duration::ZERO);
    }
}
