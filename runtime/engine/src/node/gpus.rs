//! The machine's GPUs. NVIDIA's library, which comes with the driver, is asked only when somebody wants to know.

use mosaic_abi::Gpu;
use nvml_wrapper::{Device, Nvml, enums::device::UsedGpuMemory, error::NvmlError};
use std::{collections::HashMap, sync::OnceLock};

/// The GPUs, and the memory that each process has on them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Gpus {
    pub(crate) gpus: Vec<Gpu>,
    /// The memory of each process, by pid, in bytes on all GPUs.
    pub(crate) memory_of: HashMap<u32, u64>,
}

/// Measures the GPUs. Without the library, which is looked for once, there are none.
pub(crate) fn measure() -> Gpus {
    static LIBRARY: OnceLock<Option<Nvml>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let library = Nvml::init();
        library
            .inspect_err(|error| tracing::debug!(%error, "the library for GPUs cannot be loaded"))
            .ok()
    });
    library.as_ref().map(look).unwrap_or_default()
}

/// Measures all GPUs that the library knows.
fn look(library: &Nvml) -> Gpus {
    let mut gpus = Gpus::default();
    for number in 0..library.device_count().unwrap_or_default() {
        let looked = library
            .device_by_index(number)
            .and_then(|device| gpus.look_at(number, &device));
        if let Err(error) = looked {
            tracing::debug!(%error, "GPU {number} cannot be measured");
        }
    }
    gpus
}

impl Gpus {
    /// Measures one GPU.
    fn look_at(&mut self, number: u32, device: &Device<'_>) -> Result<(), NvmlError> {
        let memory = device.memory_info()?;
        self.gpus.push(Gpu {
            number,
            name: device.name()?,
            // GPUs that virtual machines share tell no load.
            load: device
                .utilization_rates()
                .map_or(0.0, |rates| f64::from(rates.gpu) / 100.0),
            memory_total: memory.total,
            memory_used: memory.used,
        });
        for process in device.running_compute_processes().unwrap_or_default() {
            if let UsedGpuMemory::Used(bytes) = process.used_gpu_memory {
                *self.memory_of.entry(process.pid).or_default() += bytes;
            }
        }
        Ok(())
    }
}
