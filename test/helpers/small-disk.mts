/** A small file system in memory, mounted for a test, where that is allowed. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, rmdir, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class SmallDisk {
  readonly path: string;
  readonly #size: string;

  private constructor(folder: string, size: string) {
    this.path = folder;
    this.#size = size;
  }

  /** Undefined where mounting is not allowed: it takes Linux and the rights of root. */
  static async mount(bytes: number): Promise<SmallDisk | undefined> {
    const disk = new SmallDisk(await mkdtemp(path.join(tmpdir(), 'atomscale-disk-')), `size=${bytes}`);
    if (await disk.mount()) return disk;
    await rmdir(disk.path);
    return undefined;
  }

  /** An empty disk where it was. */
  async mount(): Promise<boolean> {
    const args = ['-t', 'tmpfs', '-o', `${this.#size},mode=0700`, 'tmpfs', this.path];
    return run('mount', args).then(
      () => true,
      () => false,
    );
  }

  /** Leaves this many bytes free. */
  async fill(leave: number): Promise<void> {
    await this.free();
    const { bavail, bsize } = await statfs(this.path);
    await writeFile(this.#ballast, Buffer.alloc(Math.max(0, bavail * bsize - leave))).catch(
      (error: NodeJS.ErrnoException) => {
        // Whoever works there takes of what was free a moment ago.
        if (error.code !== 'ENOSPC') throw error;
      },
    );
  }

  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async setReadOnly(readOnly: boolean): Promise<void> {
    await run('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'},${this.#size}`, this.path]);
  }

  /** Takes it away even while files on it are open. */
  async unmount(): Promise<void> {
    await run('umount', ['-l', this.path]);
  }

  async remove(): Promise<void> {
    while (
      await this.unmount().then(
        () => true,
        () => false,
      )
    );
    await rm(this.path, { recursive: true });
  }

  get #ballast(): string {
    return path.join(this.path, 'ballast');
  }
}
