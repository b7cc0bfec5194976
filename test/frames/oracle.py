"""What Pillow and numpy make of a camera's files: gray8 pixels on standard output.

    oracle.py images FILE ...                       -> encoded images, truncated mean of R, G, B
    oracle.py raw FILE HEIGHT WIDTH full-scale      -> big-endian u16: value >> 8
    oracle.py raw FILE HEIGHT WIDTH frame-max       -> trunc(raw / max * 255)
    oracle.py raw FILE HEIGHT WIDTH window LOW HIGH -> trunc(clamp((raw - low) / (high - low)) * 255)
"""

import sys

import numpy
from PIL import Image

kind, *rest = sys.argv[1:]
if kind == "images":
    for path in rest:
        rgb = numpy.asarray(Image.open(path).convert("RGB"), dtype=numpy.uint32)
        sys.stdout.buffer.write((rgb.sum(axis=2) // 3).astype(numpy.uint8).tobytes())
else:
    path, height, width, depth, *window = rest
    raw = numpy.fromfile(path, dtype=">u2").reshape(int(height), int(width)).astype(numpy.uint16)
    if depth == "full-scale":
        gray = raw >> 8
    elif depth == "frame-max":
        gray = numpy.trunc(raw.astype(numpy.float64) / raw.max() * 255)
    else:
        low, high = map(float, window)
        gray = numpy.trunc(numpy.clip((raw.astype(numpy.float64) - low) / (high - low), 0, 1) * 255)
    sys.stdout.buffer.write(gray.astype(numpy.uint8).tobytes())
