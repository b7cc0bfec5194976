"""Streams a workload with the official client, as a user's script would.

    official.py WORKLOAD.json ENDPOINT -> "ready", then after a line on stdin one line of JSON

Chunks are numpy arrays, loaded before the clock starts. With images in the workload they are files in memory, which
Pillow decodes chunk by chunk as part of the work. The clock runs from the first push to the end of finalize.
"""

import io
import json
import resource
import sys
import time

import numpy
from atomscale.streaming import RHEEDStreamer

workload, endpoint = json.load(open(sys.argv[1])), sys.argv[2]
height, width, chunk_size = workload["height"], workload["width"], workload["chunkSize"]

if "images" in workload:
    from PIL import Image

    files = [open(path, "rb").read() for path in workload["images"]]

    def chunk(index):
        first = index * chunk_size
        return numpy.stack([numpy.asarray(Image.open(io.BytesIO(files[i % len(files)])).convert("L")) for i in range(first, first + chunk_size)])

else:
    frames = numpy.fromfile(workload["file"], dtype=numpy.uint8).reshape(-1, chunk_size, height, width)

    def chunk(index):
        return frames[index % len(frames)]


def cpu():
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


streamer = RHEEDStreamer(api_key="official", endpoint=endpoint)
data_id = streamer.initialize(fps=float(workload["fps"]), rotations_per_min=0.0, chunk_size=chunk_size, stream_name="official")
print("ready", flush=True)
sys.stdin.readline()

began, before = time.perf_counter(), cpu()
for index in range(workload["chunks"]):
    streamer.push(data_id, index, chunk(index))
pushed = time.perf_counter()
streamer.finalize(data_id)
print(json.dumps({"seconds": time.perf_counter() - began, "pushed": pushed - began, "cpu": cpu() - before}), flush=True)
# The process is looked at from outside before it goes.
sys.stdin.readline()
