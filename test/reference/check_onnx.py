"""Runs the official ONNX checker (full, with shape inference) on files; prints one line a file."""
import sys

import onnx

for file in sys.argv[1:]:
    onnx.checker.check_model(onnx.load(file), full_check=True)
    print("ok", file)
