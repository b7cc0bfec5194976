"""Streams RHEED frames and readings with the official client, as a user's script would.

    stream.py ENDPOINT FRAMES.u8 HEIGHT WIDTH FPS CHUNK_SIZE -> {"rheed": data_id, "timeseries": data_id}
"""

import json
import sys
import time

import numpy
from atomscale.streaming import RHEEDStreamer, TimeseriesStreamer

endpoint, path = sys.argv[1:3]
height, width, fps, chunk_size = map(int, sys.argv[3:7])
frames = numpy.fromfile(path, dtype=numpy.uint8).reshape(-1, height, width)

rheed = RHEEDStreamer(api_key="official", endpoint=endpoint)
rheed_id = rheed.initialize(fps=float(fps), rotations_per_min=0.0, chunk_size=chunk_size, stream_name="official", physical_sample="GaN-001")
for index in range(0, -(-len(frames) // chunk_size)):
    rheed.push(rheed_id, index, frames[index * chunk_size : (index + 1) * chunk_size], capture_start_ms_utc=1_700_000_000_000 + index * 1000 * chunk_size // fps)
rheed.finalize(rheed_id)

timeseries = TimeseriesStreamer(api_key="official", endpoint=endpoint, points_per_chunk=10)
timeseries_id = timeseries.initialize(stream_name="official readings", tags=["golden"])
timestamps = [1_700_000_000.0 + i for i in range(10)]
timeseries.push_multi(timeseries_id, 0, {
    "temperature": {"timestamps": timestamps, "values": [600.0 + i for i in range(10)], "units": "C"},
    "pressure": {"timestamps": timestamps, "values": [1e-9 * i for i in range(10)]},
})
timeseries.push(timeseries_id, 1, "temperature", [1_700_000_010.0], [610.0], "C")
time.sleep(1)  # its finalize does not wait for chunks under way
timeseries.finalize(timeseries_id)

print(json.dumps({"rheed": rheed_id, "timeseries": timeseries_id}))
