/** What can stand between Node-RED and the sandbox: a TLS server, a proxy, a server that answers as it likes. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

const TLS = new URL('../fixtures/tls/', import.meta.url);

/** Self-signed, for 127.0.0.1. */
export const CERTIFICATE = new URL('cert.pem', TLS).pathname;

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

async function listen(server: Server, protocol: 'http' | 'https'): Promise<Front> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** A server that answers as `answer` does; requests are kept with their bodies. */
export async function startServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void,
): Promise<Front & { readonly requests: string[] }> {
  const requests: string[] = [];
  const server = createServer(async (incoming, response) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    answer(incoming, response, await bodyOf(incoming));
  });
  return Object.assign(await listen(server, 'http'), { requests });
}

/** The sandbox behind TLS: presigned URLs lead through here as well. */
export async function startTls(sandbox: string): Promise<Front> {
  const files = { key: readFileSync(new URL('key.pem', TLS)), cert: readFileSync(new URL('cert.pem', TLS)) };
  let url = '';
  const server = createTlsServer(files, async (incoming, outgoing) => {
    const { method } = incoming;
    const headers = { ...incoming.headers, host: new URL(sandbox).host };
    const forward = request(`${sandbox}${incoming.url}`, { method, headers }, async (answer) => {
      const text = (await bodyOf(answer)).toString().replaceAll(sandbox, url);
      outgoing.writeHead(answer.statusCode ?? 500, { 'content-type': answer.headers['content-type'] ?? '' });
      outgoing.end(text);
    });
    forward.end(await bodyOf(incoming));
  });
  const front = await listen(server, 'https');
  url = front.url;
  return front;
}

/** A proxy that tunnels what it is asked to, and keeps where to and with which credentials. */
export async function startProxy(): Promise<
  Front & { readonly asked: { readonly to: string; readonly credentials: string | undefined }[] }
> {
  const asked: { to: string; credentials: string | undefined }[] = [];
  const server = createServer();
  server.on('connect', (incoming: IncomingMessage, client: Socket) => {
    const to = incoming.url ?? '';
    asked.push({ to, credentials: incoming.headers['proxy-authorization'] });
    const { hostname, port } = new URL(`http://${to}`);
    const upstream = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  return Object.assign(await listen(server, 'http'), { asked });
}
