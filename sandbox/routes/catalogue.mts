/** Clock, samples, projects, tags, instruments, and the links from streams to them. */
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.mts';
import { invalid, Refusal } from '../refusal.mts';
import { addItem, findByName, requireItem } from '../seed.mts';
import { named, sampleLink, tagLink, trackingSample } from './schemas.mts';

export function catalogueRoutes(app: FastifyInstance, context: Context): void {
  const { seed, streams } = context;

  app.get('/gateway/time', async (_request, reply) => {
    const receivedAtUnixMs = context.now();
    reply.header('cache-control', 'no-store');
    return { receivedAtUnixMs, transmittedAtUnixMs: context.now() };
  });

  app.get('/physical_samples/', async () => seed.samples);

  app.post<{ Body: { name: string } }>(
    '/physical_samples/',
    { schema: { body: named } },
    async ({ body }) => {
      const taken = findByName(seed.samples, body.name);
      if (taken) {
        const detail = { message: `a sample named ${taken.name} exists`, physical_sample_id: taken.id };
        throw new Refusal(409, detail, { violation: false });
      }
      const sample = addItem(seed.samples, body.name);
      context.changed();
      return sample;
    },
  );

  app.get('/tags/', async () => seed.tags);

  app.post<{ Body: { name: string } }>('/tags/', { schema: { body: named } }, async ({ body }) => {
    const taken = findByName(seed.tags, body.name);
    if (taken) throw new Refusal(400, `a tag named ${taken.name} exists`, { violation: false });
    const tag = addItem(seed.tags, body.name);
    context.changed();
    return tag;
  });

  app.get('/projects/', async () => seed.projects);
  app.get('/instruments/synthesis', async () => seed.instruments);

  app.get<{ Querystring: { data_ids?: string | string[] } }>('/data_entries/', async ({ query }) => {
    const wanted = [query.data_ids ?? []].flat();
    const entries = streams.list().filter((stream) => wanted.length === 0 || wanted.includes(stream.id));
    return entries.map((stream) => ({
      data_id: stream.id,
      pipeline_status: stream.status,
      name: stream.record.name,
      data_type: stream.record.kind,
      project_id: stream.record.project_id,
      physical_sample_id: stream.record.sample_id,
      tag_ids: stream.record.tag_ids,
      upload_datetime: new Date(stream.record.created_at).toISOString(),
    }));
  });

  app.post<{ Body: { data_ids: string[]; physical_sample_id: string } }>(
    '/data_entries/physical_sample',
    { schema: { body: sampleLink } },
    async ({ body }) => {
      requireItem(seed.samples, body.physical_sample_id, 'physical sample');
      const linked = body.data_ids.map((id) => streams.require(id));
      for (const stream of linked) {
        stream.record.sample_id = body.physical_sample_id;
        stream.touch();
        await stream.save();
      }
      return { data_ids: body.data_ids, physical_sample_id: body.physical_sample_id };
    },
  );

  app.post<{ Params: { project: string }; Body: { physical_sample_id: string; set_active: boolean } }>(
    '/projects/:project/configuration/tracking_samples',
    { schema: { body: trackingSample } },
    async ({ params, body }) => {
      requireItem(seed.projects, params.project, 'project');
      requireItem(seed.samples, body.physical_sample_id, 'physical sample');
      if (!body.set_active) throw invalid('set_active', 'expected true, got false');
      return { project_id: params.project, ...body };
    },
  );

  app.post<{ Body: { data_ids: string[]; tag_ids: string[] } }>(
    '/tags/data-items/',
    { schema: { body: tagLink } },
    async ({ body }) => {
      for (const id of body.tag_ids) requireItem(seed.tags, id, 'tag');
      const linked = body.data_ids.map((id) => streams.require(id));
      for (const stream of linked) {
        stream.record.tag_ids = [...new Set([...stream.record.tag_ids, ...body.tag_ids])];
        stream.touch();
        await stream.save();
      }
      return body;
    },
  );
}
