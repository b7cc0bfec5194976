import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import clientModule from '../../dist/uploader/api/client.js';
import piecesModule from '../../dist/uploader/api/file-pieces.js';
import rheedModule from '../../dist/uploader/api/rheed.js';

const { filePieces, sendFile } = piecesModule;
const PIECE = 2 ** 20;

describe('a file as a request body', () => {
  let folder: string;
  let path: string;
  // More than the system's socket buffers take at once.
  const bytes = randomFillSync(Buffer.alloc(25 * PIECE + 12_345));

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atomscale-pieces-'));
    path = join(folder, '000000.shard');
    await writeFile(path, bytes);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it('comes whole and in order, in one buffer', async () => {
    const seen: Buffer[] = [];
    const buffers = new Set<ArrayBufferLike>();
    for await (const piece of filePieces(path, bytes.length, Buffer.alloc(PIECE))) {
      seen.push(Buffer.from(piece));
      buffers.add(piece.buffer);
    }
    assert.ok(Buffer.concat(seen).equals(bytes));
    assert.equal(buffers.size, 1);
  });

  it('is an error where the file has become shorter than it should be', async () => {
    const read = async (): Promise<void> => {
      for await (const _ of filePieces(path, bytes.length + PIECE, Buffer.alloc(PIECE)));
    };
    await assert.rejects(read(), /the file ends after/);
  });

  it('takes memory of a request that was answered, and none that a failed one may still hold', async () => {
    const taken = async (fails = false): Promise<ArrayBufferLike> => {
      let memory: ArrayBufferLike | undefined;
      const sending = sendFile(path, PIECE, async (body) => {
        for await (const piece of body) memory = piece.buffer;
        if (fails) throw new Error('no answer');
      });
      await sending.catch(() => undefined);
      return memory as ArrayBufferLike;
    };
    const first = await taken();
    assert.equal(await taken(), first);
    assert.equal(await taken(true), first);
    assert.notEqual(await taken(), first);
  });

  it('takes memory of its own beside another request', async () => {
    const memory = new Set<ArrayBufferLike>();
    const note = async (body: AsyncIterable<Buffer>): Promise<void> => {
      for await (const piece of body) memory.add(piece.buffer);
    };
    await sendFile(path, PIECE, async (body) => {
      await note(body);
      await sendFile(path, PIECE, note);
    });
    assert.equal(memory.size, 2);
  });

  for (const protocol of ['http', 'https'] as const) {
    it(`is what a server gets that reads slowly, over ${protocol}`, async function () {
      this.timeout(60_000);
      const received: Buffer[] = [];
      const server = startServer(protocol, (request, response) => {
        request.on('data', (part: Buffer) => received.push(part));
        request.on('end', () => response.end());
      });
      const slow = await slowFront((await listening(server)).port);
      const api = new clientModule.ApiClient('http://127.0.0.1', 'key', 4);
      // The server's certificate is its own.
      const { NODE_TLS_REJECT_UNAUTHORIZED: before } = process.env;
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      try {
        await rheedModule.putShard(api, `${protocol}://127.0.0.1:${slow.port}/place`, path, bytes.length);
        assert.ok(Buffer.concat(received).equals(bytes));
      } finally {
        if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
        else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
        await api.close();
        slow.close();
        server.close();
      }
    });
  }
});

function startServer(protocol: 'http' | 'https', answer: RequestListener): Server {
  if (protocol === 'http') return createServer(answer);
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) =>
    readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url)),
  );
  return createTlsServer({ key, cert }, answer);
}

async function listening(server: Server): Promise<{ port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address() as AddressInfo;
}

/** Passes on what comes, with a pause after each part: what is not read yet waits on the sender's side. */
async function slowFront(to: number): Promise<{ port: number; close: () => void }> {
  const server = createTcpServer((incoming) => {
    const outgoing = connect(to, '127.0.0.1');
    outgoing.pipe(incoming);
    for (const socket of [incoming, outgoing]) socket.on('error', () => undefined);
    incoming.on('data', (part) => {
      outgoing.write(part);
      incoming.pause();
      setTimeout(() => incoming.resume(), 5);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
