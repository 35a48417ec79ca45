"""An exported classifier in Python: classify.py model.onnx PICTURE...   (pip install onnxruntime pillow numpy)"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model, *pictures = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
metadata = session.get_modelmeta().custom_metadata_map
labels = json.loads(metadata["labels"])
pixels = next(entry for entry in session.get_inputs() if entry.name == "pixels")
_, height, width, channels = pixels.shape


def read(file):
    """What metadata["preprocessing"] asks for; how a picture is made smaller differs a little from library to library."""
    picture = ImageOps.exif_transpose(Image.open(file)).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(white, picture).convert("L" if channels == 1 else "RGB")
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8).reshape(height, width, channels)


label, probabilities = session.run(["label", "probabilities"], {"pixels": np.stack([read(file) for file in pictures])})
for file, answer, row in zip(pictures, label, probabilities):
    print(file, labels[answer], f"{row[answer]:.4f}")
