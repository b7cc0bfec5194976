/** Timeseries streams: open, send chunks of one or several channels, finalize. */
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.mts';
import { invalid } from '../refusal.mts';
import { requireItem } from '../seed.mts';
import { type ChannelSlice, sameAxis, type TimeseriesStream } from '../store/timeseries.mts';
import { refuseBody } from './no-body.mts';
import { chunk, multiChunk, timeseriesOpening } from './schemas.mts';

/** Later than this (year 5138) a stamp is taken for milliseconds. */
const LATEST_SECONDS = 1e11;

interface OpeningBody {
  stream_name: string | null;
  synth_source_id?: number;
  points_per_chunk: number;
  project_id: string | null;
}

interface ChunkBody extends ChannelSlice {
  data_id: string;
  chunk_index: number;
  channel_name: string;
}

interface MultiBody {
  data_id: string;
  chunk_index: number;
  channels: Record<string, ChannelSlice>;
}

export function timeseriesRoutes(app: FastifyInstance, context: Context): void {
  const { seed, streams } = context;

  app.post<{ Body: OpeningBody }>(
    '/tool-state/stream/initialize',
    { schema: { body: timeseriesOpening } },
    async ({ body }) => {
      if (body.project_id !== null) requireItem(seed.projects, body.project_id, 'project');
      const source = body.synth_source_id ?? null;
      if (source !== null && !seed.instruments.some((instrument) => instrument.synth_source_id === source)) {
        throw invalid('synth_source_id', `expected a known growth instrument, got ${source}`);
      }
      const stream = await streams.openTimeseries(body.stream_name, body.project_id, {
        points_per_chunk: body.points_per_chunk,
        synth_source_id: source,
      });
      return { data_id: stream.id, processed_data_id: stream.processedId };
    },
  );

  app.post<{ Body: ChunkBody }>('/tool-state/stream/chunk', { schema: { body: chunk } }, async (request) => {
    const { data_id, chunk_index, channel_name, ...slice } = request.body;
    const stream = streams.timeseries(data_id);
    stream.requireActive(request.raw.socket.destroyed);
    checkSlice(stream, slice, []);
    const totals = await stream.write(chunk_index, { [channel_name]: slice }, request.record?.bytes ?? 0);
    return { data_id, channel_name, chunk_index, total_points: totals[channel_name] };
  });

  app.post<{ Body: MultiBody }>(
    '/tool-state/stream/chunk/multi',
    { schema: { body: multiChunk } },
    async (request) => {
      const { data_id, chunk_index, channels } = request.body;
      const stream = streams.timeseries(data_id);
      stream.requireActive(request.raw.socket.destroyed);
      const [first, ...others] = Object.entries(channels);
      for (const [name, slice] of Object.entries(channels)) checkSlice(stream, slice, ['channels', name]);
      for (const [name, slice] of others) {
        if (first && !sameAxis(slice.timestamps, first[1].timestamps)) {
          throw invalid(
            ['channels', name, 'timestamps'],
            `expected the same timestamps as ${first[0]} (a multi request writes one time axis), got others`,
          );
        }
      }
      const totals = await stream.write(chunk_index, channels, request.record?.bytes ?? 0);
      return Object.keys(channels).map((channel_name) => ({
        data_id,
        channel_name,
        chunk_index,
        total_points: totals[channel_name],
      }));
    },
  );

  app.post<{ Params: { id: string } }>('/tool-state/stream/:id/finalize', async (request) => {
    refuseBody(request);
    const stream = streams.timeseries(request.params.id);
    await stream.end();
    return { data_id: stream.id, pipeline_status: stream.status };
  });
}

function checkSlice(stream: TimeseriesStream, { timestamps, values }: ChannelSlice, at: string[]): void {
  if (timestamps.length !== values.length) {
    throw invalid(
      [...at, 'values'],
      `expected ${timestamps.length} values, one a timestamp, got ${values.length}`,
    );
  }
  if (timestamps.length > stream.pointsPerChunk) {
    throw invalid(
      [...at, 'timestamps'],
      `expected at most points_per_chunk = ${stream.pointsPerChunk} rows, got ${timestamps.length}`,
    );
  }
  const late = timestamps.find((time) => Math.abs(time) > LATEST_SECONDS);
  if (late !== undefined) throw invalid([...at, 'timestamps'], `expected Unix seconds, got ${late}`);
}
