//! What the machine's GPUs do: asked of NVIDIA's library, which comes with the driver, when somebody asks, and never else.

use mosaic_abi::Gpu;
use nvml_wrapper::{Device, Nvml, enums::device::UsedGpuMemory, error::NvmlError};
use std::{collections::HashMap, sync::OnceLock};

/// The GPUs, and how much of their memory each process has.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Gpus {
    pub(super) gpus: Vec<Gpu>,
    /// In bytes, on all of them.
    pub(super) memory_of: HashMap<u32, u64>,
}

/// Looks at the GPUs: at none where there is no library, which is looked for once.
pub(super) fn measure() -> Gpus {
    static LIBRARY: OnceLock<Option<Nvml>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let library = Nvml::init();
        library
            .inspect_err(|error| tracing::debug!(%error, "GPUs are not known"))
            .ok()
    });
    library.as_ref().map(look).unwrap_or_default()
}

fn look(library: &Nvml) -> Gpus {
    let mut gpus = Gpus::default();
    for number in 0..library.device_count().unwrap_or_default() {
        let looked = library
            .device_by_index(number)
            .and_then(|device| gpus.look_at(number, &device));
        if let Err(error) = looked {
            tracing::debug!(%error, "GPU {number} says nothing of itself");
        }
    }
    gpus
}

impl Gpus {
    fn look_at(&mut self, number: u32, device: &Device<'_>) -> Result<(), NvmlError> {
        let memory = device.memory_info()?;
        self.gpus.push(Gpu {
            number,
            name: device.name()?,
            // Some tell no load: those that are shared out among virtual machines.
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
