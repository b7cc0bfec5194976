"""Frames of every format in odd sizes, and what numpy and Pillow make of them: files in a folder, and cases.json.

    formats.py FOLDER

A case: name, file (the message), settings (the node's), frames, height, width, gray (a file with the expected pixels),
clipped (the expected count), tolerance (levels by which a lossy decoder may differ).
"""

import itertools
import json
import pathlib
import sys

import numpy
from PIL import Image

folder = pathlib.Path(sys.argv[1])
random = numpy.random.default_rng(20260)
SIZES = [(1, 1), (1, 7), (6, 1), (1, 2), (3, 5), (9, 17), (37, 101), (48, 64)]  # height, width
cases = []


def case(name, message, settings, gray, clipped=0, tolerance=0):
    """gray: [n, h, w] or [h, w] uint8."""
    gray = numpy.atleast_3d(gray) if gray.ndim == 3 else gray[None]
    number = len(cases)
    (folder / f"{number}.message").write_bytes(message)
    (folder / f"{number}.gray").write_bytes(gray.astype(numpy.uint8).tobytes())
    frames, height, width = gray.shape
    cases.append(
        {"name": f"{name} {width}x{height}", "file": f"{number}.message", "gray": f"{number}.gray", "settings": settings}
        | {"frames": frames, "height": height, "width": width, "clipped": int(clipped), "tolerance": tolerance}
    )


def mean(rgb):
    return rgb[..., :3].astype(numpy.uint32).sum(axis=-1) // 3


# ── raw samples ─────────────────────────────────────────────────────────────────────────────────────────────────


def low_bits_first(values, bits):
    """mono10p, mono12p: a stream of bits, the lowest first."""
    stream = (values[:, None] >> numpy.arange(bits)) & 1
    return numpy.packbits(stream.astype(numpy.uint8).ravel(), bitorder="little").tobytes()


def pairs(values, low):
    """mono10packed, mono12packed: high byte, low bits of both, high byte."""
    odd = len(values) % 2
    one, other = numpy.pad(values, (0, odd)).reshape(-1, 2).T
    mask = (1 << low) - 1
    packed = numpy.stack([one >> low, (one & mask) | (other & mask) << 4, other >> low], axis=1).astype(numpy.uint8)
    return packed.tobytes()[:-1] if odd else packed.tobytes()


PACKED = {
    "mono10p": (10, lambda v: low_bits_first(v, 10)),
    "mono12p": (12, lambda v: low_bits_first(v, 12)),
    "mono10packed": (10, lambda v: pairs(v, 2)),
    "mono12packed": (12, lambda v: pairs(v, 4)),
}


def levels(values, bits, depth):
    """The contract's formulas; values [n, h, w]."""
    if depth == "full-scale":
        return numpy.minimum(values >> (bits - 8), 255), (values >= 1 << bits).sum()
    if depth == "frame-max":
        brightest = values.max(axis=(1, 2), keepdims=True)
        raw = values.astype(numpy.float64)
        return numpy.where(brightest == 0, 0, numpy.trunc(raw / numpy.maximum(brightest, 1) * 255)), 0
    low, high = depth
    scaled = numpy.trunc(numpy.clip((values.astype(numpy.float64) - low) / (high - low), 0, 1) * 255)
    return scaled, ((values < low) | (values > high)).sum()


def depth_settings(depth):
    return {"depth": depth} if isinstance(depth, str) else {"depth": "window", "low": depth[0], "high": depth[1]}


DEPTHS = ["full-scale", "frame-max", (100, 777)]

for (height, width), depth in itertools.product(SIZES, DEPTHS):
    size = {"width": width, "height": height}
    for name, (bits, pack) in PACKED.items():
        values = random.integers(0, 1 << bits, (3, height, width))
        gray, clipped = levels(values, bits, depth)
        message = b"".join(pack(frame.ravel()) for frame in values)
        case(f"{name} {depth}", message, {"format": name, **size, **depth_settings(depth)}, gray, clipped)
    for name, order, align in itertools.product(["mono10", "mono12", "mono16"], ["little", "big"], ["lsb", "msb"]):
        bits = int(name[4:])
        values = random.integers(0, 1 << bits, (2, height, width))
        if align == "lsb" and bits < 16:
            values.flat[0] = 65535
        gray, clipped = levels(values, bits, depth)
        # The bits below those of an msb-aligned sample mean nothing.
        shift = 16 - bits if align == "msb" else 0
        raw = values << shift | random.integers(0, 1 << shift, values.shape)
        message = raw.astype("<u2" if order == "little" else ">u2").tobytes()
        settings = {"format": name, "byteOrder": order, "align": align, **size, **depth_settings(depth)}
        case(f"{name} {order} {align} {depth}", message, settings, gray, clipped)

for height, width in SIZES:
    size = {"width": width, "height": height}
    values = random.integers(0, 1 << 14, (2, height, width))
    gray, clipped = levels(values, 14, "full-scale")
    headers = [bytes(range(256)) * 2 + bytes(128) for _ in values]
    message = b"".join(header + frame.astype("<u2").tobytes() for header, frame in zip(headers, values))
    settings = {"format": "mono16", "significantBits": 14, "headerBytes": 640, **size}
    case("mono16 of 14 bits behind headers", message, settings, gray, clipped)
    flat = random.integers(0, 256, (2, height, width), dtype=numpy.uint8)
    case("mono8", flat.tobytes(), {"format": "mono8", **size}, flat)
    for name, samples in {"rgb8": 3, "bgr8": 3, "rgba8": 4}.items():
        pixels = random.integers(0, 256, (2, height, width, samples), dtype=numpy.uint8)
        case(name, pixels.tobytes(), {"format": name, **size}, mean(pixels))
    for name in ["bayerrg8", "bayergr8", "bayergb8", "bayerbg8"]:
        mosaic = random.integers(0, 256, (height, width), dtype=numpy.uint8)
        rows = numpy.minimum(numpy.arange(height), max(height - 2, 0))
        columns = numpy.minimum(numpy.arange(width), max(width - 2, 0))
        padded = numpy.pad(mosaic, ((0, 1), (0, 1)), mode="edge").astype(numpy.uint32)
        block = padded[:-1, :-1] + padded[:-1, 1:] + padded[1:, :-1] + padded[1:, 1:]
        case(name, mosaic.tobytes(), {"format": name, **size}, block[numpy.ix_(rows, columns)] // 4)

# ── region, bin, flip ───────────────────────────────────────────────────────────────────────────────────────────

for (height, width), square, flip in itertools.product([(9, 17), (37, 101)], [1, 2, 4], ["none", "horizontal", "vertical", "both"]):
    frame = random.integers(0, 256, (height, width), dtype=numpy.uint8)
    x, y, columns, rows = 3, 2, width - 7, height - 4
    cut = frame[y : y + rows, x : x + columns]
    down, across = rows // square, columns // square
    squares = cut[: down * square, : across * square].reshape(down, square, across, square).astype(numpy.uint32)
    gray = squares.sum(axis=(1, 3)) // square**2
    gray = gray[:, ::-1] if flip in ("horizontal", "both") else gray
    gray = gray[::-1] if flip in ("vertical", "both") else gray
    settings = {"format": "mono8", "width": width, "height": height, "bin": square, "flip": flip}
    settings |= {"cropX": x, "cropY": y, "cropWidth": columns, "cropHeight": rows}
    case(f"region, bin {square}, flip {flip}", frame.tobytes(), settings, gray)

# ── encoded images, as Pillow reads back what it wrote ──────────────────────────────────────────────────────────


def smooth(height, width, channels=3):
    rows, columns, channel = numpy.mgrid[0:height, 0:width, 0:channels]
    return (128 + 100 * numpy.sin(rows / 9 + channel) * numpy.cos(columns / 7)).astype(numpy.uint8)


def gray_of(image):
    """Of an image of Pillow's; 16 bits by their high byte."""
    if image.mode.startswith("I"):
        return numpy.asarray(image).astype(numpy.uint32) >> 8
    if image.mode in ("LA", "L"):
        return numpy.asarray(image.convert("L"))
    return mean(numpy.asarray(image.convert("RGB")))


def encoded(name, suffix, images, tolerance=0, **options):
    path = folder / f"image.{suffix}"
    more = {"save_all": True, "append_images": images[1:]} if len(images) > 1 else {}
    images[0].save(path, **more, **options)
    with Image.open(path) as back:
        grays = []
        for page in range(len(images)):
            back.seek(page)
            grays.append(gray_of(back))
    case(name, path.read_bytes(), {"format": "auto"}, numpy.stack(grays), tolerance=tolerance)


for height, width in SIZES:
    pixels = random.integers(0, 256, (height, width, 4), dtype=numpy.uint8)
    rgb, gray = Image.fromarray(pixels[..., :3].copy()), Image.fromarray(pixels[..., 0].copy())
    rgba, alpha = Image.fromarray(pixels), Image.merge("LA", [gray, gray])
    deep = Image.fromarray(random.integers(0, 65536, (height, width), dtype=numpy.uint16))
    bits = gray.convert("1")
    few = rgb.quantize(4)
    palette = rgb.quantize(200)
    kinds = {"gray": gray, "gray16": deep, "colour": rgb, "palette": palette}
    for kind, image in kinds.items():
        encoded(f"PNG {kind}", "png", [image])
        for compression in ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"]:
            encoded(f"TIFF {kind} {compression}", "tif", [image], compression=compression)
    encoded("PNG with alpha", "png", [rgba])
    encoded("PNG gray with alpha", "png", [alpha])
    encoded("PNG 1 bit", "png", [bits])
    encoded("PNG palette of 2 bits", "png", [few], bits=2)
    encoded("PNG palette of 4 bits", "png", [few], bits=4)
    encoded("TIFF of three pages", "tif", [gray, gray.transpose(Image.Transpose.ROTATE_180), gray])
    encoded("TIFF of 16-bit pages", "tif", [deep, deep.transpose(Image.Transpose.ROTATE_180)])
    for kind, image in {"gray": gray, "colour": rgb, "palette": palette, "1 bit": bits}.items():
        encoded(f"BMP {kind}", "bmp", [image])
    encoded("PGM", "pgm", [gray])
    encoded("PGM of 16 bits", "pgm", [deep])
    digits = " ".join(str(value) for value in numpy.asarray(gray).ravel())
    plain = f"P2\n# by hand\n{width} {height}\n255\n{digits}\n".encode()
    case("PGM in digits", plain, {"format": "auto"}, numpy.asarray(gray))
    twelve = random.integers(0, 4096, (height, width))
    head = f"P5 {width} {height} 4095\n".encode()
    case("PGM of 12 bits", head + twelve.astype(">u2").tobytes(), {"format": "auto"}, twelve >> 4)
    # Decoders of JPEG may differ by rounding (ITU T.83), of subsampled colour also by how they fill in.
    lossy = Image.fromarray(smooth(height, width))
    encoded("JPEG gray", "jpg", [lossy.convert("L")], tolerance=1, quality=90)
    encoded("JPEG gray, progressive", "jpg", [lossy.convert("L")], tolerance=1, quality=90, progressive=True)
    encoded("JPEG colour", "jpg", [lossy], tolerance=1, quality=90, subsampling=0)
    encoded("JPEG colour, subsampled", "jpg", [lossy], tolerance=2, quality=90, subsampling=2)

(folder / "cases.json").write_text(json.dumps(cases))
