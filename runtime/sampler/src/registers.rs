//! The registers with which unwinding begins.

use std::ffi::c_void;

#[cfg(target_arch = "aarch64")]
pub(crate) use framehop::aarch64::{CacheAarch64 as Cache, UnwinderAarch64 as Unwinder};
#[cfg(target_arch = "x86_64")]
pub(crate) use framehop::x86_64::{CacheX86_64 as Cache, UnwinderX86_64 as Unwinder};

/// The registers of a thread that a signal has interrupted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Registers {
    /// The address of the instruction.
    pub(crate) instruction: u64,
    /// The address of the top of the stack.
    pub(crate) stack: u64,
    /// The address of the frame, where functions keep one.
    frame: u64,
    /// The return address of a function that calls no other one.
    #[cfg(target_arch = "aarch64")]
    link: u64,
}

#[cfg(target_arch = "x86_64")]
impl Registers {
    /// Reads the registers from the third argument of a signal's handler.
    ///
    /// # Safety
    ///
    /// The pointer is that argument.
    pub(crate) unsafe fn of_context(context: *const c_void) -> Registers {
        // SAFETY: the system passes a context of this type.
        let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
        let read = |index: libc::c_int| registers[index as usize].cast_unsigned();
        Registers {
            instruction: read(libc::REG_RIP),
            stack: read(libc::REG_RSP),
            frame: read(libc::REG_RBP),
        }
    }

    /// Returns the registers as framehop takes them.
    pub(crate) fn for_unwinder(self) -> framehop::x86_64::UnwindRegsX86_64 {
        framehop::x86_64::UnwindRegsX86_64::new(self.instruction, self.stack, self.frame)
    }
}

#[cfg(target_arch = "aarch64")]
impl Registers {
    /// Reads the registers from the third argument of a signal's handler.
    ///
    /// # Safety
    ///
    /// The pointer is that argument.
    pub(crate) unsafe fn of_context(context: *const c_void) -> Registers {
        // SAFETY: the system passes a context of this type.
        let machine = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
        Registers {
            instruction: machine.pc,
            stack: machine.sp,
            frame: machine.regs[29],
            link: machine.regs[30],
        }
    }

    /// Returns the registers as framehop takes them.
    pub(crate) fn for_unwinder(self) -> framehop::aarch64::UnwindRegsAarch64 {
        framehop::aarch64::UnwindRegsAarch64::new(self.link, self.stack, self.frame)
    }
}
