/** Plays the newest chunk's frames on a canvas, at the rate at which they were taken. */

/** Frames shown a second at most; of faster streams every k-th frame is fetched. */
const SHOWN_FPS = 30;

export class Player {
  #canvas;
  #url;
  #fps;
  #chunk = null;
  #fetching = false;
  #frame = 0;
  #frames = null;
  #timer;
  #image = null;
  #stopped = false;

  /** `url` = of the stream's folder of calls. */
  constructor(canvas, url, fps) {
    this.#canvas = canvas;
    this.#url = url;
    this.#fps = fps;
  }

  /** A chunk has arrived; nothing happens when it is the one being shown. */
  async show(index) {
    if (index === null || index === this.#chunk || this.#fetching || this.#stopped) return;
    this.#fetching = true;
    try {
      const every = Math.max(1, Math.ceil(this.#fps / SHOWN_FPS));
      const response = await fetch(`${this.#url}/chunks/${index}?every=${every}`);
      if (!response.ok || this.#stopped) return;
      const number = (name) => Number(response.headers.get(name));
      const pixels = new Uint8Array(await response.arrayBuffer());
      this.#chunk = index;
      this.#play(
        pixels,
        number('x-frames'),
        number('x-height'),
        number('x-width'),
        (1000 * every) / this.#fps,
      );
    } catch {
      // The sandbox is gone or going: the page says so elsewhere, and asks again at the next event.
    } finally {
      this.#fetching = false;
    }
  }

  stop() {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #play(pixels, n, height, width, interval) {
    clearInterval(this.#timer);
    if (this.#stopped) return;
    if (this.#image?.width !== width || this.#image?.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#image = new ImageData(width, height);
    }
    this.#frames = { pixels, n, length: height * width };
    this.#frame = 0;
    this.#draw();
    this.#timer = setInterval(() => {
      if (this.#frame + 1 >= n) return clearInterval(this.#timer);
      this.#frame += 1;
      this.#draw();
    }, interval);
  }

  #draw() {
    const { pixels, length } = this.#frames;
    const rgba = new Uint32Array(this.#image.data.buffer);
    const start = this.#frame * length;
    // 0xAABBGGRR on the little-endian machines that browsers run on.
    for (let at = 0; at < length; at += 1) rgba[at] = 0xff000000 | (pixels[start + at] * 0x010101);
    this.#canvas.getContext('2d').putImageData(this.#image, 0, 0);
  }
}
