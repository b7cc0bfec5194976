/** JSON schemas of the bodies and queries, strict: what is not named is refused. */

export const uuid = {
  type: 'string',
  pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
} as const;

const nullableUuid = { ...uuid, type: ['string', 'null'] } as const;
/** ajv's `number` admits only finite ones: JSON has no others, and 1e999 is parsed to Infinity and refused. */
const numbers = { type: 'array', minItems: 1, items: { type: 'number' } } as const;
/** Missing values are sent as null. */
const values = { type: 'array', minItems: 1, items: { type: ['number', 'null'] } } as const;
const wholeString = { type: 'string', pattern: '^(0|-?[1-9][0-9]*)$' } as const;
/** As Python prints a float: 10.0, 12.5, 1e-05. */
const floatString = { type: 'string', pattern: '^[0-9]+(\\.[0-9]+|(\\.[0-9]+)?e[+-][0-9]+)$' } as const;
const name = { type: 'string', minLength: 1, maxLength: 255, pattern: '\\S' } as const;

export function strict<P extends Record<string, unknown>>(
  properties: P,
  optional: (keyof P & string)[] = [],
) {
  return {
    type: 'object',
    additionalProperties: false,
    properties,
    required: Object.keys(properties).filter((key) => !optional.includes(key)),
  } as const;
}

export const named = strict({ name });

export const sampleLink = strict({
  data_ids: { type: 'array', minItems: 1, items: uuid },
  physical_sample_id: uuid,
});

export const trackingSample = strict({ physical_sample_id: uuid, set_active: { type: 'boolean' } });

export const tagLink = strict({
  data_ids: { type: 'array', minItems: 1, items: uuid },
  tag_ids: { type: 'array', minItems: 1, uniqueItems: true, items: uuid },
});

export const rheedOpening = strict(
  {
    data_item_name: name,
    rotational_period: { type: ['number', 'null'], exclusiveMinimum: 0 },
    rotations_per_min: { type: 'number', minimum: 0 },
    fps_capture_rate: { type: 'number', exclusiveMinimum: 0, maximum: 120 },
    project_id: uuid,
    azimuth_label: name,
  },
  ['project_id', 'azimuth_label'],
);

export const presignQuery = strict({
  original_filename: { type: 'string', pattern: '^frames\\.zarr/frames/c/(0|[1-9][0-9]{0,8})/0/0$' },
  num_parts: { const: '1' },
  staging_type: { const: 'stream' },
});

export const presign = strict(
  {
    data_id: uuid,
    data_stream: { const: 'rheed' },
    is_stream: { const: '1' },
    is_rotating: { enum: ['0', '1'] },
    raw_frame_rate: floatString,
    avg_frame_rate: floatString,
    chunk_size: { type: 'string', pattern: '^[1-9][0-9]*$' },
    dims: { type: 'string', pattern: '^[1-9][0-9]*,[1-9][0-9]*,[1-9][0-9]*$' },
    start_unix_ms_utc: wholeString,
    end_unix_ms_utc: wholeString,
    clock_offset_ms: wholeString,
    clock_uncertainty_ms: { type: 'string', pattern: '^[0-9]+\\.[0-9]$' },
  },
  ['clock_offset_ms', 'clock_uncertainty_ms'],
);

export const timeseriesOpening = strict(
  {
    stream_name: { ...name, type: ['string', 'null'] },
    synth_source_id: { type: 'integer' },
    points_per_chunk: { type: 'integer', minimum: 1 },
    project_id: nullableUuid,
  },
  ['synth_source_id'],
);

const chunkIndex = { type: 'integer', minimum: 0, maximum: 999_999_999 } as const;
const units = { type: 'string' } as const;

export const chunk = strict(
  {
    data_id: uuid,
    chunk_index: chunkIndex,
    channel_name: { type: 'string', minLength: 1, maxLength: 255 },
    timestamps: numbers,
    values,
    units,
  },
  ['units'],
);

export const multiChunk = strict({
  data_id: uuid,
  chunk_index: chunkIndex,
  channels: {
    type: 'object',
    minProperties: 1,
    propertyNames: { minLength: 1, maxLength: 255 },
    additionalProperties: strict({ timestamps: numbers, values, units }, ['units']),
  },
});
