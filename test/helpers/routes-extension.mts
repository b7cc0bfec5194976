/** Runs inside Node-RED: lists the routes that nodes added to the admin API, and which of them ask for a permission first. */
import type { NodeAPI } from 'node-red';

export interface Route {
  readonly path: string;
  readonly isGuarded: boolean;
}

interface Layer {
  readonly handle: unknown;
  readonly route?: { readonly path: unknown; readonly methods: object; readonly stack: readonly Layer[] };
}

export default function install(RED: NodeAPI): () => Route[] {
  const guards = new WeakSet<object>();
  const auth = RED.auth as unknown as { needsPermission(permission: string): object };
  const { needsPermission } = auth;
  auth.needsPermission = (permission) => {
    const guard = needsPermission(permission);
    guards.add(guard);
    return guard;
  };
  // What nodes know as RED.httpAdmin is the runtime's; the types do not have it.
  const { runtime } = RED as unknown as { runtime: { httpAdmin: unknown } };
  return () => [...routesOf(runtime.httpAdmin)];

  function* routesOf(app: unknown): IterableIterator<Route> {
    // An application keeps its routes in a router of its own, made at the first of them.
    const { _router, stack } = app as { _router?: { stack: Layer[] }; stack?: Layer[] };
    for (const { route, handle } of _router?.stack ?? stack ?? []) {
      if (route === undefined) {
        if (typeof handle === 'function') yield* routesOf(handle);
        continue;
      }
      const [first] = route.stack;
      yield {
        path: `${Object.keys(route.methods).join(',')} ${String(route.path)}`,
        isGuarded: guards.has(first?.handle as object),
      };
    }
  }
}
