"""Opens a stream that the sandbox stored with zarr-python and prints what it is, or compares it with raw frames.

    read_zarr.py STREAM_FOLDER              -> {"shape": [...], "chunks": [...], "shards": [...], "sha256": "..."}
    read_zarr.py STREAM_FOLDER FRAMES.u8 …  -> the same; exit 1 unless chunk k's frames equal the k-th file

A chunk shorter than declared reads as its frames followed by fill frames of 0.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy
import zarr

folder = Path(sys.argv[1])
array = zarr.open_group(folder / "frames.zarr", mode="r")["frames"]
pixels = array[:]
declared = json.loads((folder / "chunks.json").read_text())

for chunk, file in zip(declared["chunks"], sys.argv[2:]):
    expected = numpy.fromfile(file, dtype=numpy.uint8).reshape(-1, *array.shape[1:])
    first = chunk["index"] * declared["chunk_size"]
    stored = pixels[first : first + chunk["n"]]
    if not numpy.array_equal(stored, expected):
        sys.exit(f"chunk {chunk['index']}: expected the frames of {file}, got others")

print(
    json.dumps(
        {
            "shape": array.shape,
            "chunks": array.chunks,
            "shards": array.shards,
            "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
        }
    )
)
