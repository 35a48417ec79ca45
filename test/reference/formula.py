"""Numbers that the tests make by the same formula as the scripts, so that no file holds them: wave.ts.

The scripts import this from beside them: `python3 test/reference/NAME.py` finds it.
"""
import math

import numpy


def wave(shape, phase=0.0, scale=1.0, dtype=numpy.float32):
    """Value i of the array is scale * sin(0.7 i + phase + 0.3 sin(1.3 i))."""
    size = math.prod(shape)
    values = [scale * math.sin(0.7 * i + phase + 0.3 * math.sin(1.3 * i)) for i in range(size)]
    return numpy.array(values, dtype=dtype).reshape(shape)


def softmax(logits):
    """Of rows."""
    e = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
