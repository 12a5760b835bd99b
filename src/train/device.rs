//! What the learner computes on: the processor, or with the feature `wgpu` a graphics card. The one place that knows.

use burn::tensor::{Device, Tensor};

/// The device that this build trains on.
#[cfg(not(feature = "wgpu"))]
pub fn device() -> Device {
    Device::flex()
}

/// The device that this build trains on: the most powerful card that wgpu finds, or as `CUBECL_WGPU_DEFAULT_DEVICE`
/// says.
#[cfg(feature = "wgpu")]
pub fn device() -> Device {
    Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)
}

/// Adds two numbers on the device. An error says what is missing, and the cure.
pub fn check() -> Result<(), String> {
    // A device without a driver is told by a panic only.
    let sum = std::panic::catch_unwind(|| {
        let numbers = Tensor::<1>::from_data([1.0f32, 2.0], &device());
        numbers.sum().into_scalar::<f32>()
    });
    match sum {
        Ok(3.0) => Ok(()),
        Ok(sum) => Err(format!(
            "this computer's graphics card says that 1 + 2 = {sum}: update its driver, or build without the feature 'wgpu'"
        )),
        Err(_) => Err(
            "no graphics card that wgpu can use: install its Vulkan, Metal or Direct3D driver, or build without the feature 'wgpu'"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_device_adds() {
        assert_eq!(super::check(), Ok(()));
    }
}
