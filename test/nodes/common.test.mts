import assert from 'node:assert/strict';
import { dot, type NodeHealth } from '../../dist/nodes/common/dot.js';
import { openerOf, statusMessage, streamMessage } from '../../dist/nodes/common/messages.js';
import { readAction, readSettings, readStreamKey } from '../../dist/nodes/common/request.js';
import { Sequences } from '../../dist/nodes/common/sequences.js';
import { WaitingRoom } from '../../dist/nodes/common/waiting-room.js';
import { throwsCoded } from '../helpers/coded.mts';

describe('what a message asks for', () => {
  it('is an action, or data', () => {
    assert.deepEqual(
      [{ action: 'start' }, { action: 'finalize' }, {}, { action: '' }].map((msg) => readAction(msg)),
      ['start', 'finalize', null, null],
    );
    for (const action of ['stop', 'START', 5, true, {}])
      throwsCoded(() => readAction({ action }), 'ERR_ACTION', /start/);
  });

  it('is for a stream', () => {
    assert.deepEqual([{}, { stream: null }, { stream: 'a' }].map(readStreamKey), ['', '', 'a']);
    throwsCoded(() => readStreamKey({ stream: 5 }), 'ERR_SETTINGS');
  });

  it('may override settings by their names', () => {
    assert.deepEqual(readSettings({ settings: { fps: 5 } }, ['fps']), { fps: 5 });
    assert.deepEqual(readSettings({}, ['fps']), {});
    throwsCoded(() => readSettings({ settings: { FPS: 5 } }, ['fps']), 'ERR_SETTINGS', /FPS/);
    throwsCoded(() => readSettings({ settings: [5] }, ['fps']), 'ERR_SETTINGS');
    const loop: unknown[] = [];
    loop.push(loop);
    for (const fps of [loop, 5n])
      throwsCoded(() => readSettings({ settings: { fps } }, ['fps']), 'ERR_SETTINGS', /cannot be stored/);
  });
});

describe('messages out', () => {
  const clone = <T,>(msg: T): T => structuredClone(msg);
  const msg = { _msgid: 'm', topic: 't', payload: Buffer.alloc(5), req: {}, res: {}, nested: { a: 1 } };

  it('are clones of the opener without payload, req and res', () => {
    const opener = openerOf(msg, clone);
    const event = { event: 'opened', data_id: 'id', settings: { fps: 5 } } as const;
    const out = streamMessage(opener, 's', event, clone);
    assert.deepEqual(out, {
      _msgid: 'm',
      topic: 't',
      nested: { a: 1 },
      payload: 'id',
      data_id: 'id',
      event: 'opened',
      stream: 's',
      settings: { fps: 5 },
    });
    assert.notEqual(out.nested, opener.nested);
    assert.ok(msg.payload && msg.req && msg.res);
  });

  it('carry a status as their payload', () => {
    const status = { event: 'status', stream: 's', data_id: null } as never;
    assert.deepEqual(statusMessage({ topic: 't' }, status, clone), {
      topic: 't',
      stream: 's',
      payload: status,
    });
  });
});

describe('sequences of steps', () => {
  /** A step that ends when it is let. */
  const gate = () => {
    let open: () => void = () => {};
    const work = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { work, open };
  };

  it('run a step in the call, and in order while one is under way', async () => {
    const log: string[] = [];
    const sequences = new Sequences();
    const note = (text: string) => () => void log.push(text);
    sequences.run('a', note('now'));
    assert.deepEqual(log, ['now']);
    assert.equal(sequences.isHeld('a'), false);
    const { work, open } = gate();
    sequences.run('a', () => work);
    sequences.run('a', note('second'));
    sequences.run('a', () => Promise.reject(new Error('its own affair')));
    sequences.run('a', note('third'));
    sequences.run('b', note('another key'));
    assert.equal(sequences.isHeld('a'), true);
    assert.equal(sequences.isHeld('b'), false);
    assert.deepEqual(log, ['now', 'another key']);
    let isSettled = false;
    const settled = sequences.settled().then(() => {
      isSettled = true;
    });
    await new Promise(setImmediate);
    assert.equal(isSettled, false);
    open();
    await settled;
    assert.deepEqual(log, ['now', 'another key', 'second', 'third']);
    assert.equal(sequences.isHeld('a'), false);
    await sequences.settled();
  });

  it('hold the key for each of two steps of which one has run the other', async () => {
    const log: string[] = [];
    const sequences = new Sequences();
    const [outer, inner] = [gate(), gate()];
    sequences.run('a', () => {
      sequences.run('a', () => inner.work);
      return outer.work.then(() => Promise.reject(new Error('its own affair')));
    });
    sequences.run('a', () => void log.push('last'));
    inner.open();
    await new Promise(setImmediate);
    assert.deepEqual(log, []);
    outer.open();
    await sequences.settled();
    assert.deepEqual(log, ['last']);
  });
});

describe('waiting room', () => {
  it('bounds what waits in memory, and lets one message of any size in', () => {
    const room = new WaitingRoom();
    const large = { byteLength: 0, payload: [new Uint8Array(40 * 1024 * 1024)] };
    const leave = room.enter(large.payload);
    throwsCoded(() => room.enter(large.payload), 'ERR_OVERLOAD');
    leave();
    room.enter(large.payload)();
    room.enter([new Uint8Array(80 * 1024 * 1024)])();
  });
});

describe('dot', () => {
  const t = (key: string, values: object = {}) => `${key} ${JSON.stringify(values)}`;
  const health = (phase: string, since = 0) =>
    ({ phase, since, rate: 119.7, chunks_pending: 12, chunks_uploaded: 34 }) as NodeHealth['streams'][number];
  const show = (...streams: NodeHealth['streams']) =>
    dot({ failure: null, streams, skipped: 0, refused: 0, remarks: [] }, t);

  it('tells every phase apart', () => {
    const phases = [
      'opening',
      'streaming',
      'waiting',
      'silent',
      'paused',
      'failed',
      'finalizing',
      'finalized',
    ];
    const looks = phases.map((phase) => {
      const { fill, shape } = show(health(phase));
      return `${fill} ${shape}`;
    });
    assert.deepEqual(looks, [
      'yellow ring',
      'green dot',
      'yellow dot',
      'yellow ring',
      'red ring',
      'red ring',
      'blue dot',
      'grey dot',
    ]);
    assert.match(show(health('streaming')).text ?? '', /"rate":120,"pending":12,"uploaded":34/);
    assert.deepEqual(show(), { fill: 'grey', shape: 'ring', text: 'status.idle {}' });
  });

  it('shows the worst of several streams, and how many there are', () => {
    const { fill, text } = show(health('streaming'), health('waiting', 5), health('finalizing'));
    assert.equal(fill, 'yellow');
    assert.match(text ?? '', /^status\.waiting .*status\.streams \{"streams":3\}$/);
  });

  it('says what its kind remarks, what was skipped and what was refused', () => {
    const remarks = [['thinned', { thinned: 9 }]] as const;
    const { text } = dot({ failure: null, streams: [], skipped: 2, refused: 7, remarks }, t);
    assert.equal(
      text,
      'status.idle {} · status.thinned {"thinned":9} · status.skipped {"skipped":2} · status.refused {"refused":7}',
    );
  });

  it('shows why the account cannot be used before anything else', () => {
    const failure = new Error(`locked by another process ${'x'.repeat(100)}`);
    const status = dot({ failure, streams: [health('streaming')], skipped: 3, refused: 0, remarks: [] }, t);
    assert.equal(status.fill, 'red');
    assert.ok((status.text ?? '').startsWith('locked by another process'));
    assert.equal(status.text?.length, 60);
  });
});
