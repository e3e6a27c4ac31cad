//! A stand-in for NVIDIA's library on a machine with two GPUs, the first of which is broken. The tests put it where the
//! real library would be found.
#![allow(
    missing_docs,
    non_snake_case,
    clippy::missing_safety_doc,
    reason = "made for the tests alone, with the names and contracts of the library"
)]

use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlMemory_v2_t, nvmlProcessInfo_t, nvmlReturn_enum_NVML_ERROR_GPU_IS_LOST as GPU_IS_LOST,
    nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE as INSUFFICIENT_SIZE, nvmlReturn_enum_NVML_SUCCESS as SUCCESS,
    nvmlReturn_t, nvmlUtilization_t,
};
use std::{env, ffi::c_char, fs, path::Path, ptr};

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> nvmlReturn_t {
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut u32) -> nvmlReturn_t {
    // SAFETY: the caller passes a pointer to a number.
    unsafe { *count = 2 };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: u32, device: *mut nvmlDevice_t) -> nvmlReturn_t {
    // SAFETY: the caller passes a pointer to a handle, which nobody dereferences.
    unsafe { *device = ptr::without_provenance_mut(64) };
    if index == 0 { GPU_IS_LOST } else { SUCCESS }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetName(_: nvmlDevice_t, name: *mut c_char, len: u32) -> nvmlReturn_t {
    let text = c"Made <Up>";
    assert!(text.count_bytes() < len as usize, "there is capacity for the name");
    // SAFETY: the caller passes a pointer to `len` bytes.
    unsafe { text.as_ptr().copy_to_nonoverlapping(name, text.count_bytes() + 1) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(_: nvmlDevice_t, memory: *mut nvmlMemory_v2_t) -> nvmlReturn_t {
    // SAFETY: the caller passes a pointer to a structure of this version.
    let memory = unsafe { &mut *memory };
    (memory.total, memory.used) = (16 << 30, 3 << 30);
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(_: nvmlDevice_t, rates: *mut nvmlUtilization_t) -> nvmlReturn_t {
    // SAFETY: the caller passes a pointer to both rates.
    unsafe { *rates = nvmlUtilization_t { gpu: 35, memory: 1 } };
    SUCCESS
}

/// Lists one process, whose pid is in a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    _: nvmlDevice_t,
    count: *mut u32,
    processes: *mut nvmlProcessInfo_t,
) -> nvmlReturn_t {
    let scratch = env::var("MOSAIC_TEST_SCRATCH").unwrap_or_default();
    let pid = fs::read_to_string(Path::new(&scratch).join("pid")).unwrap_or_default();
    // SAFETY: the caller passes a pointer to the number of processes that fit.
    let capacity = unsafe { std::mem::replace(&mut *count, 1) };
    if capacity == 0 {
        return INSUFFICIENT_SIZE;
    }
    // SAFETY: at least one process fits.
    let process = unsafe { &mut *processes };
    (process.pid, process.usedGpuMemory) = (pid.parse().unwrap_or_default(), 2 << 30);
    SUCCESS
}
