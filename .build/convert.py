"""Converts published models to ONNX files that take images of any size, some with integers only.

One runtime then runs all models, and a wide image need not be squeezed into a square. The networks
are fully convolutional, so only the declarations in their files tie them to one size.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper
from quantize import quantized

_HOME = Path(__file__).parent
_OPSET = 13
_FLOAT_TYPES = {tflite.TensorType.FLOAT16: np.float16, tflite.TensorType.FLOAT32: np.float32}
_SPARSE = 1
_ACTIVATIONS = {
    tflite.ActivationFunctionType.NONE: None,
    tflite.ActivationFunctionType.RELU: (0.0, np.inf),
    tflite.ActivationFunctionType.RELU6: (0.0, 6.0),
}


def open_sizes(model: bytes) -> bytes:
    """The same ONNX model for any batch size, height and width.

    Old exporters also list the weights as inputs. These entries are removed, because a runtime has
    to treat such weights as variables, and then runs half as fast.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    weights = {weight.name for weight in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for value in [*graph.input, *graph.output]:
        for axis in (0, 2, 3):
            value.type.tensor_type.shape.dim[axis].Clear()
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def centerface_in_integers(model: bytes) -> bytes:
    """CenterFace for images of any size, computed with 8-bit integers.

    The ranges of its values were measured by `calibrate.py`.
    """
    ranges = json.loads((_HOME / "centerface_ranges.json").read_text(encoding="utf-8"))
    return quantized(open_sizes(model), {name: tuple(ends) for name, ends in ranges.items()})


def from_tflite(model: bytes) -> bytes:
    """A TFLite model with one image as its input, as an ONNX model.

    The input is called "image" and is (batch, 3, height, width) float32. The outputs keep their
    order and are (batch, anchors, values) float32.

    Raises:
        ValueError: the model has a layer that is not supported here.

    """
    return _Translation(model).finish()


class _Translation:
    """The conversion of one TFLite graph, layer by layer, from NHWC to NCHW."""

    def __init__(self, model: bytes) -> None:
        self._model = tflite.Model.GetRootAsModel(model, 0)
        self._graph = self._model.Subgraphs(0)
        self._constants: dict[int, np.ndarray] = {}
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        for index in range(self._graph.OperatorsLength()):
            self._translate(self._graph.Operators(index))

    def finish(self) -> bytes:
        image = helper.make_tensor_value_info(
            self._name(self._graph.Inputs(0)), TensorProto.FLOAT, [None, 3, None, None]
        )
        outputs = [
            helper.make_tensor_value_info(
                self._name(index), TensorProto.FLOAT, [None, None, int(self._shape(index)[-1])]
            )
            for index in self._graph.OutputsAsNumpy()
        ]
        graph = helper.make_graph(self._nodes, "from_tflite", [image], outputs, self._weights)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        proto.ir_version = 8
        onnx.checker.check_model(proto)
        return bytes(proto.SerializeToString())

    def _translate(self, layer: Any) -> None:
        code = self._model.OperatorCodes(layer.OpcodeIndex())
        kind = tflite.opcode2name(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        method = getattr(self, f"_{kind.lower()}", None)
        if method is None:
            raise ValueError(f"the TFLite layer {kind} is not supported")
        method(layer, *layer.InputsAsNumpy(), layer.Outputs(0))

    def _name(self, index: int) -> str:
        return "image" if index == self._graph.Inputs(0) else f"t{index}"

    def _shape(self, index: int) -> np.ndarray:
        return np.asarray(self._graph.Tensors(index).ShapeAsNumpy())

    def _constant(self, index: int) -> np.ndarray:
        """A tensor stored in the file, in TFLite's layout."""
        if index not in self._constants:
            tensor = self._graph.Tensors(index)
            raw = self._model.Buffers(tensor.Buffer()).DataAsNumpy()
            kind = _FLOAT_TYPES.get(tensor.Type(), np.int32)
            values = np.frombuffer(raw.tobytes(), dtype=kind)
            sparsity = tensor.Sparsity()
            if sparsity is None:
                self._constants[index] = values.reshape(self._shape(index))
            else:
                self._constants[index] = _dense(values, self._shape(index), sparsity)
        return self._constants[index]

    def _add_weight(self, name: str, values: np.ndarray) -> str:
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _add_node(
        self, kind: str, inputs: list[str], output: int, activation: int = 0, **how: Any
    ) -> None:
        """Add a node that writes `output`, and the activation that TFLite has fused into it."""
        limits = _ACTIVATIONS[activation]
        name = self._name(output)
        raw = name if limits is None else f"{name}_raw"
        self._nodes.append(helper.make_node(kind, inputs, [raw], **how))
        if limits is not None and np.isinf(limits[1]):
            self._nodes.append(helper.make_node("Relu", [raw], [name]))
        elif limits is not None:
            low, high = (
                self._add_weight(f"{name}_{end}", np.float32(limit))
                for end, limit in zip(("low", "high"), limits, strict=True)
            )
            self._nodes.append(helper.make_node("Clip", [raw, low, high], [name]))

    # One method for each kind of layer, with TFLite's name.

    def _dequantize(self, layer: Any, source: int, output: int) -> None:
        self._constants[output] = self._constant(source).astype(np.float32)

    def _densify(self, layer: Any, source: int, output: int) -> None:
        self._constants[output] = self._constant(source)

    def _conv_2d(self, layer: Any, x: int, kernel: int, bias: int, output: int) -> None:
        weights = self._constant(kernel).transpose(0, 3, 1, 2)
        self._convolve(_options(layer, tflite.Conv2DOptions), x, weights, bias, output, 1)

    def _depthwise_conv_2d(self, layer: Any, x: int, kernel: int, bias: int, output: int) -> None:
        weights = self._constant(kernel).transpose(3, 0, 1, 2)
        options = _options(layer, tflite.DepthwiseConv2DOptions)
        self._convolve(options, x, weights, bias, output, len(weights))

    def _convolve(
        self, options: Any, x: int, weights: np.ndarray, bias: int, output: int, groups: int
    ) -> None:
        name = self._name(output)
        inputs = [self._name(x), self._add_weight(f"{name}_w", weights.astype(np.float32))]
        inputs.append(self._add_weight(f"{name}_b", self._constant(bias).astype(np.float32)))
        kernel = weights.shape[2:]
        strides = (options.StrideH(), options.StrideW())
        self._add_node(
            "Conv",
            inputs,
            output,
            options.FusedActivationFunction(),
            kernel_shape=kernel,
            strides=strides,
            group=groups,
            pads=self._pads(options, x, kernel, strides),
        )

    def _max_pool_2d(self, layer: Any, x: int, output: int) -> None:
        options = _options(layer, tflite.Pool2DOptions)
        kernel = (options.FilterHeight(), options.FilterWidth())
        strides = (options.StrideH(), options.StrideW())
        self._add_node(
            "MaxPool",
            [self._name(x)],
            output,
            options.FusedActivationFunction(),
            kernel_shape=kernel,
            strides=strides,
            pads=self._pads(options, x, kernel, strides),
        )

    def _pads(self, options: Any, x: int, kernel: Any, strides: Any) -> list[int]:
        """Padding as ONNX takes it: top, left, bottom, right.

        With an odd sum, TFLite's "same" puts the larger part at the end.
        """
        if options.Padding() == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        sides = self._shape(x)[1:3]
        totals = [
            max((-(-int(n) // s) - 1) * s + k - int(n), 0)
            for n, s, k in zip(sides, strides, kernel, strict=True)
        ]
        return [*(t // 2 for t in totals), *(t - t // 2 for t in totals)]

    def _add(self, layer: Any, a: int, b: int, output: int) -> None:
        act = _options(layer, tflite.AddOptions).FusedActivationFunction()
        self._add_node("Add", [self._name(a), self._name(b)], output, act)

    def _relu(self, layer: Any, x: int, output: int) -> None:
        self._add_node("Relu", [self._name(x)], output)

    def _pad(self, layer: Any, x: int, amounts: int, output: int) -> None:
        begins, ends = self._constant(amounts)[[0, 3, 1, 2]].T
        pads = self._add_weight(f"{self._name(output)}_pads", np.int64([*begins, *ends]))
        self._add_node("Pad", [self._name(x), pads], output)

    def _resize_bilinear(self, layer: Any, x: int, size: int, output: int) -> None:
        if not _options(layer, tflite.ResizeBilinearOptions).HalfPixelCenters():
            raise ValueError("a resize without half-pixel centres is not supported")
        ratio = self._constant(size) / self._shape(x)[1:3]
        scales = self._add_weight(f"{self._name(output)}_scales", np.float32([1, 1, *ratio]))
        self._add_node(
            "Resize",
            [self._name(x), "", scales],
            output,
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )

    def _depth_to_space(self, layer: Any, x: int, output: int) -> None:
        block = _options(layer, tflite.DepthToSpaceOptions).BlockSize()
        self._add_node("DepthToSpace", [self._name(x)], output, blocksize=block, mode="DCR")

    def _reshape(self, layer: Any, x: int, *shape_and_output: int) -> None:
        """Turn maps into lists of anchors, row by row, with the values of one anchor together."""
        output = shape_and_output[-1]
        name = self._name(output)
        wanted = self._add_weight(f"{name}_shape", np.int64([0, -1, self._shape(output)[-1]]))
        turn = helper.make_node("Transpose", [self._name(x)], [f"{name}_nhwc"], perm=[0, 2, 3, 1])
        self._nodes.append(turn)
        self._add_node("Reshape", [f"{name}_nhwc", wanted], output)

    def _concatenation(self, layer: Any, *indices: int) -> None:
        *sources, output = indices
        self._add_node("Concat", [self._name(i) for i in sources], output, axis=1)


def _options(layer: Any, kind: Any) -> Any:
    options, table = kind(), layer.BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    return options


def _dense(values: np.ndarray, shape: np.ndarray, sparsity: Any) -> np.ndarray:
    """A tensor that is stored without its zeros, unpacked.

    Each dimension is stored whole or as ranges of the indices that have values.
    """
    if list(sparsity.TraversalOrderAsNumpy()) != list(range(len(shape))):
        raise ValueError("a sparse tensor that is stored in blocks is not supported")
    parents = np.zeros(1, dtype=np.int64)
    places: list[np.ndarray] = []
    for axis in range(len(shape)):
        level = sparsity.DimMetadata(axis)
        if level.Format() == _SPARSE:
            starts = _integers(level.ArraySegmentsType(), level.ArraySegments())
            counts = np.diff(starts)[parents]
            children = np.concatenate([np.arange(starts[p], starts[p + 1]) for p in parents])
            own = _integers(level.ArrayIndicesType(), level.ArrayIndices())[children]
        else:
            counts = np.full(len(parents), level.DenseSize())
            own = np.tile(np.arange(level.DenseSize()), len(parents))
            children = np.repeat(parents, counts) * level.DenseSize() + own
        places = [*(np.repeat(place, counts) for place in places), own]
        parents = children
    dense = np.zeros(shape, dtype=values.dtype)
    dense[tuple(places)] = values[: len(parents)]
    return dense


def _integers(kind: int, table: Any) -> np.ndarray:
    names = {1: "Int32Vector", 2: "Uint16Vector", 3: "Uint8Vector"}
    vector = getattr(tflite, names[kind])()
    vector.Init(table.Bytes, table.Pos)
    return np.asarray(vector.ValuesAsNumpy()).astype(np.int64)
