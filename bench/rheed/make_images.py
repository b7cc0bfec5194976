"""Writes real frames as images of a format, and what Pillow reads back from them.

    make_images.py FORMAT FOLDER FRAME.bmp ... -> FOLDER/0.FORMAT ..., FOLDER/decoded.u8
"""

import sys

import numpy
from PIL import Image

kind, folder, *frames = sys.argv[1:]
with open(f"{folder}/decoded.u8", "wb") as decoded:
    for i, path in enumerate(frames):
        image = f"{folder}/{i}.{kind}"
        Image.open(path).convert("L").save(image, **({"quality": 90} if kind == "jpeg" else {}))
        decoded.write(numpy.asarray(Image.open(image).convert("L")).tobytes())
