"""Reads what `spool export` wrote and prints it as JSON.

    read_export.py zarr FOLDER   -> shape, shards, chunks, attributes; of each frame its sha256, time and chunk
    read_export.py tiff FOLDER   -> of each file in frames.csv: mode, size, description, sha256 of its pixels
"""

import csv
import hashlib
import json
import math
import sys
from pathlib import Path

kind, folder = sys.argv[1], Path(sys.argv[2])


def sha256(pixels):
    return hashlib.sha256(pixels.tobytes()).hexdigest()


if kind == "zarr":
    import zarr

    group = zarr.open_group(folder / "frames.zarr", mode="r")
    frames = group["frames"]
    times = [None if math.isnan(time) else float(time) for time in group["time"][:]]
    found = {
        "shape": frames.shape,
        "shards": frames.shards,
        "chunks": frames.chunks,
        "attributes": group.attrs.asdict(),
        "frames": [sha256(frame) for frame in frames[:]],
        "times": times,
        "chunk": [int(chunk) for chunk in group["chunk"][:]],
    }
else:
    from PIL import Image

    found = []
    with open(folder / "frames.csv", newline="") as table:
        for row in csv.DictReader(table):
            with Image.open(folder / row["file"]) as image:
                found.append(
                    {
                        **row,
                        "mode": image.mode,
                        "size": image.size,
                        "description": image.tag_v2[270],
                        "sha256": sha256(image),
                    }
                )

print(json.dumps(found))
