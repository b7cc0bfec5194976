/**
 * Waits for work, but no longer than so many milliseconds: what takes longer goes on by itself. Node-RED allows a
 * node 15 s to close, which a slow disk can use up.
 */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
