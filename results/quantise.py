"""Accuracy of an exported classifier before and after onnxruntime's quantisation to 8 bits.

    python results/quantise.py model.onnx test.npz

test.npz holds pictures uint8 [n, height, width, channels] as `x_test` (or `x`) and class numbers as `y_test` (or `y`), as
`genclass data convert` writes them; x_train, where it is there, calibrates the static quantisation, else the first pictures.
Needs: pip install onnxruntime onnx sympy.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

CALIBRATION = 500
BATCH = 500


def pictures(file):
    """Test pictures and labels, and pictures to calibrate with."""
    data = np.load(file)
    x = data["x_test"] if "x_test" in data else data["x"]
    y = data["y_test"] if "y_test" in data else data["y"]
    known = data["x_train"] if "x_train" in data else x
    as_four = lambda a: a[..., None] if a.ndim == 3 else a
    return as_four(x), y.ravel(), as_four(known)[:CALIBRATION]


def accuracy(model, x, y):
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    right = 0
    for start in range(0, len(x), BATCH):
        (label,) = session.run(["label"], {"pixels": x[start : start + BATCH]})
        right += int((label == y[start : start + BATCH]).sum())
    return 100 * right / len(x)


class Calibration(CalibrationDataReader):
    def __init__(self, x):
        self.batches = iter([{"pixels": x[i : i + 50]} for i in range(0, len(x), 50)])

    def get_next(self):
        return next(self.batches, None)


def main(model, file):
    x, y, known = pictures(file)
    folder = Path(tempfile.mkdtemp(prefix="genclass-quantise-"))
    ready, dynamic, static = (folder / f"{name}.onnx" for name in ("ready", "dynamic", "static"))
    quant_pre_process(model, ready)
    # ConvInteger of onnxruntime takes activations as uint8 alone.
    quantize_dynamic(ready, dynamic, weight_type=QuantType.QUInt8)
    quantize_static(
        ready,
        static,
        Calibration(known),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    for name, path in (("as exported", Path(model)), ("dynamic", dynamic), ("static", static)):
        print(f"{name:12s} {path.stat().st_size / 1e6:6.2f} MB  accuracy {accuracy(path, x, y):.2f} %")


main(*sys.argv[1:])
