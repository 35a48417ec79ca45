"""Writes similarity.json: PSNR and SSIM of pictures by scikit-image 0.26, which test/metrics/similarity.test.ts repeats.

Pictures [h, w, c] come from one formula, in float32 as test/reference/wave.ts makes it, moved to 0..1. Run: python3 similarity.py > similarity.json
"""
import json

import numpy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from formula import wave

SHAPES = [(28, 28, 1), (17, 40, 3), (11, 11, 1)]


def picture(shape, phase):
    return 0.5 + wave(shape, phase, 0.5).astype(float)


found = []
for shape in SHAPES:
    x, y = picture(shape, 0.2), picture(shape, 0.9)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    found.append({
        "shape": shape,
        "psnr": peak_signal_noise_ratio(x, y, data_range=1),
        "ssim": structural_similarity(x, y, data_range=1, channel_axis=2, **options),
    })
print(json.dumps(found))
