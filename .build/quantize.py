"""Turns a float ONNX network into one that computes with 8-bit integers, in the QDQ format.

Each value gets a pair of QuantizeLinear and DequantizeLinear, which the runtime merges with the
layers between them into integer ones. Source: Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", 2018, section 2, without the training:
values are uint8 over their range, weights int8 and symmetric for each output channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

# The first version in which weights can be scaled for each channel.
_OPSET = 13
# Layers with weights, and the axis of the weights that has the output channels.
_OUTPUT_AXIS = {"Conv": 0, "ConvTranspose": 1}
_QUANTIZED = (*_OUTPUT_AXIS, "Add")


def folded(model: bytes) -> onnx.ModelProto:
    """The network with each batch normalisation folded into the convolution before it.

    As a layer of its own it would cost the integer network more time than integers save.
    """
    proto = version_converter.convert_version(onnx.load_from_string(model), _OPSET)
    graph, constants = proto.graph, _constants(proto.graph)
    layers = {output: node for node in graph.node for output in node.output}
    norms = [node for node in graph.node if node.op_type == "BatchNormalization"]
    for norm in norms:
        layer = layers[norm.input[0]]
        gain, shift, mean, variance = (constants[name] for name in norm.input[1:])
        epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
        factor = gain / np.sqrt(variance + epsilon)
        weights = constants[layer.input[1]]
        shape = [1] * weights.ndim
        shape[_OUTPUT_AXIS[layer.op_type]] = -1
        bias = constants[layer.input[2]] if len(layer.input) > 2 else 0.0
        name = norm.output[0]
        folded_weights = _add_constant(graph, f"{name}_weights", weights * factor.reshape(shape))
        folded_bias = _add_constant(graph, f"{name}_bias", shift + (bias - mean) * factor)
        layer.input[:] = [layer.input[0], folded_weights, folded_bias]
        layer.output[0] = name
        graph.node.remove(norm)
    _remove_unused(graph)
    return proto


def values_to_measure(proto: onnx.ModelProto) -> list[str]:
    """Names of the values that become integers: what convolutions and additions take and give.

    What an activation takes is left out, since the runtime merges it with the layer before.
    """
    constants, activated = _constants(proto.graph), _activated(proto.graph)
    names = (
        name
        for node in proto.graph.node
        if node.op_type in _QUANTIZED
        for name in (*node.input, *node.output)
        if name not in constants and name not in activated
    )
    return list(dict.fromkeys(names))


def quantized(model: bytes, ranges: Mapping[str, tuple[float, float]]) -> bytes:
    """The network with 8-bit convolutions and additions.

    Args:
        model: a float network of convolutions, additions and activations.
        ranges: the lowest and the highest number in those of `values_to_measure(folded(model))`
            that become integers. Layers that take or give others keep their floats.

    Raises:
        ValueError: the ranges are those of another network.

    """
    proto = folded(model)
    graph, constants = proto.graph, _constants(proto.graph)
    if unknown := ranges.keys() - values_to_measure(proto):
        raise ValueError(f"the network has no values {sorted(unknown)}, which were measured")
    scales = {name: _scale_of(*ends) for name, ends in ranges.items()}
    activated = _activated(graph)
    ends = {output.name for output in graph.output}
    layers = list(graph.node)
    del graph.node[:]
    for name in (value.name for value in graph.input):
        if name in scales:
            graph.node.extend(_rounding(graph, name, f"{name}_rounded", *scales[name]))
    for node in layers:
        output = node.output[0]
        between = {node.input[0], activated.get(output, output)}
        if node.op_type in _OUTPUT_AXIS and between <= scales.keys():
            _quantize_weights(graph, node, constants, scales[node.input[0]][0])
        node.input[:] = [f"{v}_rounded" if v in scales else v for v in node.input]
        graph.node.append(node)
        if output in ends & scales.keys():
            # What leaves the network has to keep its name.
            graph.node[-1].output[0] = f"{output}_exact"
            graph.node.extend(_rounding(graph, f"{output}_exact", output, *scales[output]))
        elif output in scales:
            graph.node.extend(_rounding(graph, output, f"{output}_rounded", *scales[output]))
    _remove_unused(graph)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def _activated(graph: onnx.GraphProto) -> dict[str, str]:
    """The value that each activation takes, and the one that it gives."""
    return {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Relu"}


def _scale_of(low: float, high: float) -> tuple[float, int]:
    """The step between two integers, and the integer that stands for 0, which is always exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / 255
    return step, round(-low / step)


def _rounding(
    graph: onnx.GraphProto, source: str, target: str, step: float, zero: int
) -> list[onnx.NodeProto]:
    """The pair of nodes that rounds a value to integers and gives it back as floats."""
    scale = _add_constant(graph, f"{source}_step", np.float32(step))
    zero_point = _add_constant(graph, f"{source}_zero", np.uint8(zero))
    integers = f"{source}_integers"
    return [
        helper.make_node("QuantizeLinear", [source, scale, zero_point], [integers]),
        helper.make_node("DequantizeLinear", [integers, scale, zero_point], [target]),
    ]


def _quantize_weights(
    graph: onnx.GraphProto, layer: onnx.NodeProto, constants: dict[str, Any], input_step: float
) -> None:
    """Replace the weights and the bias of a layer by integers, and add nodes that scale them."""
    weights = constants[layer.input[1]]
    axis = _OUTPUT_AXIS[layer.op_type]
    others = tuple(i for i in range(weights.ndim) if i != axis)
    steps = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-12) / 127
    integers = np.round(weights / steps).astype(np.int8)
    names = [_dequantized(graph, f"{layer.output[0]}_weights", integers, steps.ravel(), axis)]
    if len(layer.input) > 2:
        bias_steps = input_step * steps.ravel().astype(np.float64)
        bias = np.round(constants[layer.input[2]] / bias_steps).astype(np.int32)
        names.append(_dequantized(graph, f"{layer.output[0]}_bias", bias, bias_steps, 0))
    layer.input[1:] = names


def _dequantized(
    graph: onnx.GraphProto, name: str, integers: np.ndarray, steps: np.ndarray, axis: int
) -> str:
    """Add integers and the node that scales them; returns the name of the scaled value."""
    inputs = [
        _add_constant(graph, f"{name}_integers", integers),
        _add_constant(graph, f"{name}_steps", steps.astype(np.float32)),
        _add_constant(graph, f"{name}_zeros", np.zeros(steps.shape, integers.dtype)),
    ]
    scaled = f"{name}_scaled"
    graph.node.append(helper.make_node("DequantizeLinear", inputs, [scaled], axis=axis))
    return scaled


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    return {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}


def _add_constant(graph: onnx.GraphProto, name: str, values: Any) -> str:
    graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
    return name


def _remove_unused(graph: onnx.GraphProto) -> None:
    """Remove the constants that no layer takes."""
    used = {name for node in graph.node for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
