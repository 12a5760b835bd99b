//! Shapes are numbers, and data is as long as its shape says.

use tract_onnx::pb::{self, tensor_proto::DataType, tensor_shape_proto::dimension, type_proto};

use super::super::error::ModelError;
use super::{MAX_ELEMENTS, element_bytes, refuse};

const MAX_RANK: usize = 6;

/// The shape of a model's input or output: f32, every dimension a positive number.
pub fn fixed_dims(info: &pb::ValueInfoProto) -> Result<Vec<usize>, ModelError> {
    let name = &info.name;
    let tensor = match info.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => tensor,
        _ => return refuse(format!("'{name}' is not declared as a tensor")),
    };
    if tensor.elem_type != DataType::Float as i32 {
        return refuse(format!(
            "'{name}' is not of type float: export float inputs and outputs"
        ));
    }
    let Some(shape) = &tensor.shape else {
        return refuse(format!("'{name}' has no shape: export with fixed shapes"));
    };
    let mut dims = Vec::new();
    for dim in &shape.dim {
        match &dim.value {
            Some(dimension::Value::DimValue(d)) if *d > 0 && *d <= MAX_ELEMENTS as i64 => {
                dims.push(*d as usize)
            }
            Some(dimension::Value::DimParam(symbol)) => {
                return refuse(format!(
                    "'{name}' has the open dimension '{symbol}': export without dynamic_axes, batch 1, one step"
                ));
            }
            _ => {
                return refuse(format!(
                    "'{name}' has a dimension that is no positive number"
                ));
            }
        }
    }
    elements(name, &dims).map(|_| dims)
}

fn elements(name: &str, dims: &[usize]) -> Result<usize, ModelError> {
    let total = dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    match total {
        Some(total) if total <= MAX_ELEMENTS && dims.len() <= MAX_RANK => Ok(total),
        _ => refuse(format!("'{name}' of shape {dims:?} is too large")),
    }
}

/// Elements of a constant tensor whose data agrees with its shape.
pub fn has_its_data(tensor: &pb::TensorProto) -> Result<usize, ModelError> {
    let name = &tensor.name;
    if tensor.data_location.is_some_and(|l| l != 0) || !tensor.external_data.is_empty() {
        return refuse(format!(
            "'{name}' keeps its weights outside the file: export with them inside"
        ));
    }
    if tensor.segment.is_some() {
        return refuse(format!("'{name}' is a piece of a tensor"));
    }
    if tensor.dims.iter().any(|d| *d < 0) {
        return refuse(format!("'{name}' has the shape {:?}", tensor.dims));
    }
    let dims: Vec<usize> = tensor
        .dims
        .iter()
        .map(|d| usize::try_from(*d).unwrap_or(usize::MAX))
        .collect();
    let total = elements(name, &dims)?;
    let Some(width) = element_bytes(tensor.data_type) else {
        return refuse(format!(
            "'{name}' has an element type that is not read: export float32"
        ));
    };
    let typed = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => tensor.float_data.len(),
        Ok(DataType::Double) => tensor.double_data.len(),
        Ok(DataType::Int64) => tensor.int64_data.len(),
        _ => tensor.int32_data.len(),
    };
    let holds = match tensor.raw_data.len() {
        0 => typed * width,
        raw => raw,
    };
    match holds == total * width {
        true => Ok(total),
        false => refuse(format!(
            "'{name}' of shape {dims:?} holds {holds} bytes instead of {}",
            total * width
        )),
    }
}
