"""A chain of an ONNX model's layers as TensorFlow Lite, in float32 and in int8, for the bench of C.

usage: python to_tflite.py MODEL.onnx OUT
Writes OUT.tflite and OUT.int8.tflite (calibrated on normal noise), each with the names of its operators beside it
(.ops). Wants onnx and tensorflow.
"""

import sys

import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper

layers = tf.keras.layers


def padded(x, pads, kernel, strides):
    """Symmetric padding as SAME where that is the same, else by a layer of its own."""
    before, after = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    if not any(pads):
        return x, "valid"
    if all(s == 1 for s in strides) and all(2 * b == k - 1 and b == a for b, a, k in zip(before, after, kernel)):
        return x, "same"
    return layers.ZeroPadding2D(tuple(zip(before, after)))(x), "valid"


def two(values, filler):
    return [filler] * (2 - len(values)) + list(values)


def layer(layer_class, inputs, weights, **settings):
    made = layer_class(**settings)
    y = made(inputs)
    made.set_weights(weights)
    return y


def convert(model):
    graph = model.graph
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    [source] = [i for i in graph.input if i.name not in constants]
    _, *dims = [d.dim_value for d in source.type.tensor_type.shape.dim]
    shape = (*two(dims[1:], 1), dims[0]) if len(dims) > 1 else tuple(dims)
    value = start = tf.keras.Input(shape, batch_size=1)
    nodes = [n for n in graph.node if n.op_type != "Constant"]
    i = 0
    while i < len(nodes):
        node = nodes[i]
        following = nodes[i + 1] if i + 1 < len(nodes) else None
        settings = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        given = [constants.get(name) for name in node.input]
        if node.op_type == "Conv":
            weight = given[1]
            bias = given[2] if len(given) > 2 else np.zeros(len(weight), np.float32)
            if following is not None and following.op_type == "BatchNormalization":
                scale, shift, mean, variance = [constants[name] for name in following.input[1:]]
                epsilon = next(a.f for a in following.attribute if a.name == "epsilon")
                factor = scale / np.sqrt(variance + epsilon)
                weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
                bias = (bias - mean) * factor + shift
                i += 1
            kernel, strides = two(weight.shape[2:], 1), two(settings["strides"], 1)
            half = len(settings["pads"]) // 2
            pads = two(settings["pads"][:half], 0) + two(settings["pads"][half:], 0)
            value, padding = padded(value, pads, kernel, strides)
            weight = weight.reshape(*weight.shape[:2], *kernel).transpose(2, 3, 1, 0)
            value = layer(
                layers.Conv2D,
                value,
                [weight, bias],
                filters=weight.shape[3],
                kernel_size=kernel,
                strides=strides,
                padding=padding,
            )
        elif node.op_type == "MaxPool":
            value = layers.MaxPool2D(two(settings["kernel_shape"], 1), two(settings["strides"], 1))(value)
        elif node.op_type == "ReduceMean":
            value = layers.Flatten()(layers.AveragePooling2D(value.shape[1:3])(value))
        elif node.op_type == "Flatten":
            turned = value.shape[1:]
            value = layers.Flatten()(value)
            if len(turned) == 3:
                name = following.input[1]
                weight = constants[name].reshape(-1, turned[2], turned[0], turned[1]).transpose(0, 2, 3, 1)
                constants[name] = weight.reshape(len(weight), -1)
        elif node.op_type == "Gemm":
            value = layer(layers.Dense, value, [given[1].T, given[2]], units=len(given[1]))
        elif node.op_type == "Relu":
            value = layers.ReLU()(value)
        elif node.op_type == "Sub":
            value = value - given[1]
        elif node.op_type == "Div":
            value = value * (1 / given[1])
        elif node.op_type == "Mul":
            value = value * given[1]
        elif node.op_type == "Clip":
            value = tf.keras.ops.clip(value, float(given[1]), float(given[2]))
        else:
            raise SystemExit(f"no {node.op_type}")
        i += 1
    return tf.keras.Model(start, value)


def write(file, content):
    with open(file, "wb") as out:
        out.write(content)
    details = tf.lite.Interpreter(file)._get_ops_details()
    names = sorted({one["op_name"] for one in details} - {"DELEGATE"})
    with open(f"{file}.ops", "w") as out:
        out.write("\n".join(names) + "\n")


def main(source, out):
    made = convert(onnx.load(source))
    shape = made.input_shape
    converter = tf.lite.TFLiteConverter.from_keras_model(made)
    write(f"{out}.tflite", converter.convert())
    random = np.random.default_rng(0)
    samples = [random.standard_normal(shape).astype(np.float32) for _ in range(32)]
    converter = tf.lite.TFLiteConverter.from_keras_model(made)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    write(f"{out}.int8.tflite", converter.convert())


main(*sys.argv[1:])
