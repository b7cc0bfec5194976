/** RHEED streams: open, ask for an upload URL, upload a shard, end. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Context } from '../context.mts';
import { invalid, s3Refusal } from '../refusal.mts';
import { requireItem } from '../seed.mts';
import { BadShard } from '../shards/shards.mts';
import type { Announcement, RheedStream } from '../store/rheed.mts';
import { refuseBody } from './no-body.mts';
import { presign, presignQuery, rheedOpening } from './schemas.mts';

interface OpeningBody {
  data_item_name: string;
  rotational_period: number | null;
  rotations_per_min: number;
  fps_capture_rate: number;
  project_id?: string;
  azimuth_label?: string;
}

interface PresignBody {
  data_id: string;
  is_rotating: '0' | '1';
  raw_frame_rate: string;
  avg_frame_rate: string;
  chunk_size: string;
  dims: string;
  start_unix_ms_utc: string;
  end_unix_ms_utc: string;
  clock_offset_ms?: string;
  clock_uncertainty_ms?: string;
}

export function rheedRoutes(app: FastifyInstance, context: Context): void {
  const { seed, streams, signer, shards } = context;

  app.post<{ Body: OpeningBody }>(
    '/rheed/stream/',
    { schema: { body: rheedOpening } },
    async ({ body }, reply) => {
      checkRotation(body);
      if (body.project_id !== undefined) requireItem(seed.projects, body.project_id, 'project');
      const stream = await streams.openRheed(body.data_item_name, body.project_id ?? null, {
        fps: body.fps_capture_rate,
        rotations_per_min: body.rotations_per_min,
        rotational_period: body.rotational_period,
        azimuth: body.azimuth_label ?? null,
      });
      // The data_id is a JSON string of its own, which Fastify would send as plain text.
      reply.type('application/json').send(JSON.stringify(stream.id));
      return reply;
    },
  );

  app.post<{ Querystring: { original_filename: string }; Body: PresignBody }>(
    '/data_entries/raw_data/staged/upload_urls/',
    { schema: { querystring: presignQuery, body: presign } },
    async ({ query, body, host, protocol, raw }) => {
      const stream = streams.rheed(body.data_id);
      stream.requireActive(raw.socket.destroyed);
      const announced = announcementOf(stream, query.original_filename, body);
      stream.announce(announced);
      const path = `/s3/${stream.id}/${query.original_filename}`;
      const url = `${protocol}://${host}${path}?${signer.sign(path)}`;
      return [{ url, upload_id: `${stream.id}-${announced.index}`, part: 1 }];
    },
  );

  app.put<{ Params: { id: string; index: string }; Body: Uint8Array<ArrayBuffer> | undefined }>(
    '/s3/:id/frames.zarr/frames/c/:index/0/0',
    async (request, reply) => {
      const stream = checkUpload(request, context);
      const announced = stream.announced(Number(request.params.index));
      if (!announced)
        throw s3Refusal(403, 'AccessDenied', 'expected a presign call for this chunk first, got none');
      const body = request.body ?? new Uint8Array(0);
      try {
        await stream.store(announced, body, shards);
      } catch (error) {
        if (error instanceof BadShard)
          throw s3Refusal(400, 'InvalidShard', `chunk ${announced.index}: ${error.message}`);
        throw error;
      }
      reply
        .header('etag', `"${request.record?.sha256?.slice(0, 32) ?? ''}"`)
        .code(200)
        .send();
      return reply;
    },
  );

  app.post<{ Params: { id: string } }>('/rheed/stream/:id/end', async (request) => {
    refuseBody(request);
    const stream = streams.rheed(request.params.id);
    await stream.end();
    return { data_id: stream.id, pipeline_status: stream.status };
  });
}

/** The parts of the opening that depend on one another. */
function checkRotation({
  rotations_per_min: rpm,
  fps_capture_rate: fps,
  rotational_period: got,
  azimuth_label,
}: OpeningBody): void {
  const expected = rpm === 0 ? null : (fps * 60) / rpm;
  const agrees = expected === null || got === null ? got === expected : Math.abs(got / expected - 1) < 1e-9;
  if (!agrees) throw invalid('rotational_period', `expected fps·60/rpm = ${expected}, got ${got}`);
  if (azimuth_label !== undefined && rpm > 0) {
    throw invalid('azimuth_label', `expected an azimuth only with rotations_per_min 0, got ${rpm}`);
  }
}

/** What the presign call says, checked against the stream and itself. */
function announcementOf(stream: RheedStream, filename: string, body: PresignBody): Announcement {
  const { fps } = stream;
  const [n = 0, height = 0, width = 0] = body.dims.split(',').map(Number);
  const chunkSize = Number(body.chunk_size);
  for (const field of ['raw_frame_rate', 'avg_frame_rate'] as const) {
    if (Number(body[field]) !== fps)
      throw invalid(field, `expected the stream's ${fps} fps, got ${body[field]}`);
  }
  const rotating = stream.rotating ? '1' : '0';
  if (body.is_rotating !== rotating)
    throw invalid('is_rotating', `expected ${rotating}, got ${body.is_rotating}`);
  if (chunkSize < Math.ceil(2 * fps)) {
    throw invalid('chunk_size', `expected at least ceil(2·fps) = ${Math.ceil(2 * fps)}, got ${chunkSize}`);
  }
  if (n > chunkSize) throw invalid('dims', `expected at most chunk_size = ${chunkSize} frames, got ${n}`);
  const start = Number(body.start_unix_ms_utc);
  const end = start + Math.trunc((n / fps) * 1000);
  if (Number(body.end_unix_ms_utc) !== end) {
    throw invalid(
      'end_unix_ms_utc',
      `expected start + trunc(n/fps·1000) = ${end}, got ${body.end_unix_ms_utc}`,
    );
  }
  const { clock_offset_ms: offset, clock_uncertainty_ms: uncertainty } = body;
  if ((offset === undefined) !== (uncertainty === undefined)) {
    throw invalid(
      'clock_offset_ms',
      'expected clock_offset_ms and clock_uncertainty_ms together, got only one of them',
    );
  }
  return {
    index: Number(filename.split('/')[3]),
    n,
    height,
    width,
    chunk_size: chunkSize,
    start_ms: start,
    end_ms: end,
    clock: offset === undefined ? null : { offset_ms: Number(offset), uncertainty_ms: Number(uncertainty) },
  };
}

/** Signature, headers and stream of a presigned PUT. */
function checkUpload(
  request: FastifyRequest<{ Params: { id: string } }>,
  { signer, streams }: Context,
): RheedStream {
  const [path = '', query = ''] = request.url.split('?', 2);
  if (request.headers['x-api-key'] !== undefined) {
    throw s3Refusal(400, 'InvalidRequest', 'expected no X-API-KEY on a presigned PUT, got one');
  }
  const type = request.record?.headers['content-type'];
  if (type !== '') {
    const got = type === undefined ? 'no such header' : JSON.stringify(type);
    throw s3Refusal(400, 'InvalidRequest', `expected an empty content-type on a presigned PUT, got ${got}`);
  }
  signer.verify(path, new URLSearchParams(query));
  const stream = streams.rheed(request.params.id);
  if (stream.status === 'stream_error') throw s3Refusal(403, 'AccessDenied', 'the stream was closed', false);
  if (stream.record.ended_at !== null) {
    throw s3Refusal(
      403,
      'AccessDenied',
      'expected every chunk before the end of the stream, got one after it',
      !request.raw.socket.destroyed,
    );
  }
  return stream;
}
