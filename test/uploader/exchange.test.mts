import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import * as v from 'valibot';
import clientModule from '../../dist/uploader/api/client.js';

type ApiClient = InstanceType<typeof clientModule.ApiClient>;

describe('an exchange with the service', () => {
  let server: Server;
  let api: ApiClient;
  /** Requests that have arrived, by path. */
  let arrived: string[];
  let answer: RequestListener;

  before(async () => {
    server = createServer((request, response) => {
      arrived.push(request.url ?? '');
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  beforeEach(() => {
    arrived = [];
    answer = (request, response) => void request.resume().on('end', () => response.end('{}'));
    const { port } = server.address() as AddressInfo;
    api = new clientModule.ApiClient(`http://127.0.0.1:${port}`, 'key', 1);
  });

  afterEach(() => api.close());

  after(() => {
    server.close();
    server.closeAllConnections();
  });

  const arrivals = async (count: number): Promise<void> => {
    while (arrived.length < count) await new Promise(setImmediate);
  };

  it('times out as a whole, whether it waits for an answer or for a connection', async () => {
    answer = () => undefined;
    const sent: string[] = [];
    const call = (path: string) =>
      assert.rejects(api.send('GET', path, { timeout: 200, onSent: () => sent.push(path) }), {
        code: 'ERR_API',
        status: undefined,
        message: `GET ${path}: no answer (timed out)`,
      });
    await Promise.all([call('/first'), call('/second')]);
    assert.deepEqual(sent, ['/first']);
    // The second one never leaves.
    answer = (_, response) => response.end('{}');
    await api.send('GET', '/third');
    assert.deepEqual(arrived, ['/first', '/third']);
  });

  it('leaves its connection to others when it gave up waiting for it', async () => {
    let open: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    const ports = new Set<number | undefined>();
    answer = (request, response) => {
      ports.add(request.socket.remotePort);
      void held.then(() => response.end('{}'));
    };
    const first = api.send('GET', '/first');
    await assert.rejects(api.send('GET', '/second', { timeout: 100 }), /timed out/);
    open();
    await first;
    await api.send('GET', '/third');
    assert.deepEqual(arrived, ['/first', '/third']);
    assert.equal(ports.size, 1);
  });

  it('times out while an answer comes without an end', async () => {
    let writing: NodeJS.Timeout | undefined;
    answer = (_, response) => {
      writing = setInterval(() => response.write(' '), 10);
    };
    try {
      await assert.rejects(api.send('GET', '/', { timeout: 200 }), /no answer \(timed out\)/);
    } finally {
      clearInterval(writing);
    }
  });

  it('ends when the account closes, wherever it is', async () => {
    answer = (request, response) => {
      if (request.url === '/begun') response.write('{');
    };
    const ended = (path: string) =>
      assert.rejects(api.send('GET', path), { code: 'ERR_API', status: undefined });
    const calls = [ended('/begun')];
    await arrivals(1);
    calls.push(ended('/waits for a connection'));
    await api.close();
    await Promise.all([...calls, ended('/later')]);
    assert.deepEqual(arrived, ['/begun']);
  });

  it('ends when the account closes, though another connection of its has failed', async () => {
    // The first connection is cut at once, the second one takes its time.
    const [cut, taken] = [new Set<Socket>(), new Set<Socket>()];
    const front = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      if (cut.size === 0) {
        cut.add(socket);
        setTimeout(() => socket.destroy(), 50);
      } else taken.add(socket);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const { port } = front.address() as AddressInfo;
    const two = new clientModule.ApiClient(`http://127.0.0.1:${port}`, 'key', 2);
    try {
      const calls = ['/first', '/second'].map((path) =>
        assert.rejects(two.send('GET', path), { code: 'ERR_API', status: undefined }),
      );
      await Promise.race(calls);
      await two.close();
      await Promise.all(calls);
    } finally {
      for (const socket of taken) socket.destroy();
      front.close();
    }
  });

  it('ends at an answer that is too large to be one', async () => {
    const part = Buffer.alloc(1 << 20, ' ');
    answer = (_, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(part));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    };
    await assert.rejects(api.send('GET', '/'), /no answer \(an answer of more than 16777216 bytes\)/);
  });

  it('gives the answer of the end, not of what comes before it', async () => {
    answer = (_, response) => {
      response.writeEarlyHints({ link: '</early>; rel=preload' });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"name":"Bi');
      setImmediate(() => response.end('₂Se₃"}'));
    };
    const { name } = await api.json('GET', '/', v.object({ name: v.string() }));
    assert.equal(name, 'Bi₂Se₃');
  });

  it('is an error in words where the address is none', async () => {
    const nowhere = new clientModule.ApiClient('no address', 'key', 1);
    await assert.rejects(nowhere.send('GET', '/'), { code: 'ERR_API', call: 'GET /' });
    await nowhere.close();
  });
});
