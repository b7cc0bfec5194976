"""Writes images into a folder, then tells the CPU time of decoding them: see decode_speed.rs.

    decode_speed.py FOLDER FRAMES -> a line about itself, a line of file names, then for each line "NAME TIMES" the
                                     CPU seconds of decoding NAME to gray so many times
"""

import io
import pathlib
import platform
import sys
import time

import numpy
import PIL
from PIL import Image, features

folder, frames = map(pathlib.Path, sys.argv[1:])
real = frames / "dep_00.bmp"
if real.exists():
    gray = numpy.asarray(Image.open(real).convert("L"))
    what = "a real deposition frame"
else:
    rows, columns = numpy.mgrid[0:1038, 0:1388]
    spots = sum(160 * numpy.exp(-((rows - 500) ** 2 + (columns - x) ** 2) / 900) for x in range(200, 1388, 330))
    noise = numpy.random.default_rng(7).normal(30, 2, rows.shape)
    gray = numpy.clip(spots + noise, 0, 255).astype(numpy.uint8)
    what = "a made frame"

colour = numpy.stack([gray, numpy.roll(gray, 1, 1) // 2, gray // 3], axis=2)
deep = gray.astype(numpy.uint16) * 256 + numpy.roll(gray, 5, 0)
image, rgb = Image.fromarray(gray), Image.fromarray(colour)
palette = image.convert("P")
files = {
    "gray.bmp": (image, {}),
    "colour.bmp": (rgb, {}),
    "gray.png": (image, {}),
    "gray-fast.png": (image, {"compress_level": 1}),
    "gray16.png": (Image.fromarray(deep), {}),
    "colour.png": (rgb, {}),
    "palette.png": (palette, {}),
    "gray.jpg": (image, {"quality": 90}),
    "colour.jpg": (rgb, {"quality": 90}),
    "colour-444.jpg": (rgb, {"quality": 90, "subsampling": 0}),
    "gray.tif": (image, {}),
    "gray-lzw.tif": (image, {"compression": "tiff_lzw"}),
    "gray.pgm": (image, {}),
}
for name, (picture, options) in files.items():
    picture.save(folder / name, **options)

zlib = features.version("zlib_ng") and f"zlib-ng {features.version('zlib_ng')}" or f"zlib {features.version('zlib')}"
print(
    f"{what}, {gray.shape[1]}x{gray.shape[0]}; Pillow {PIL.__version__} with {zlib}, "
    f"libjpeg {features.version('libjpeg_turbo') or features.version('jpg')}, numpy {numpy.__version__}, "
    f"{platform.machine()}",
    flush=True,
)
print(*files, flush=True)


def decode(data):
    """As a person would: gray by the truncated mean of the channels, 16 bits by their high byte."""
    with Image.open(io.BytesIO(data)) as opened:
        if opened.mode in ("L", "I;16"):
            pixels = numpy.asarray(opened)
            return pixels if pixels.dtype == numpy.uint8 else (pixels >> 8).astype(numpy.uint8)
        pixels = numpy.asarray(opened if opened.mode == "RGB" else opened.convert("RGB"))
        return (pixels.sum(axis=2, dtype=numpy.uint16) // 3).astype(numpy.uint8)


for line in sys.stdin:
    name, times = line.split()
    data = (folder / name).read_bytes()
    began = time.process_time()
    for _ in range(int(times)):
        decode(data)
    print(time.process_time() - began, flush=True)
