import { AtomscaleError } from '../../../uploader/errors.js';
import { Assembly } from './assembly.js';
import { BROKEN, type ImageEnd, MORE } from './image-end.js';
import type { Cut, Joiner } from './joiner.js';
import { JPEG_SIGNATURE, JpegEnd } from './jpeg-end.js';
import { PNG_SIGNATURE, PngEnd } from './png-end.js';

/** What four bytes a pixel take at the largest frame there may be, 64 megapixels. */
const LARGEST = 4 * 64_000_000;
/** What may come without any image in it before that is an error. */
const PATIENCE = 1024 * 1024;

const [JPEG_BEGINS] = JPEG_SIGNATURE;
const [PNG_BEGINS] = PNG_SIGNATURE;

/**
 * JPEG and PNG images, by their own ends. What is between them (the headers of a multipart stream) is passed over;
 * an image that breaks off is let go, and the next one found within it.
 */
export class ImageJoiner implements Joiner {
  readonly images = true;
  readonly #cut: (why: Cut) => void;
  readonly #assembly = new Assembly();
  /** Of the image that has begun. */
  #end: ImageEnd | undefined;
  /** It is followed to its end and not sent. */
  #dropped = false;
  /** Bytes are missing before this: what is found next may be the thumbnail within an image. */
  #unsure = false;
  #fruitless = 0;

  /** @param cut told of each image that had begun and is not sent */
  constructor(cut: (why: Cut) => void) {
    this.#cut = cut;
  }

  get begun(): boolean {
    return this.#end?.signed === true && !this.#dropped;
  }

  get atEnd(): boolean {
    return this.#end === undefined;
  }

  take(slice: Uint8Array): Uint8Array[] {
    const images: Uint8Array[] = [];
    let bytes = slice;
    let begin = 0;
    while (begin < bytes.length) {
      if (this.#end === undefined) {
        begin = beginning(bytes, begin);
        if (begin === bytes.length) break;
        this.#end = bytes[begin] === JPEG_BEGINS ? new JpegEnd() : new PngEnd();
      }
      const end = this.#end.walk(bytes, begin);
      if (end === MORE) {
        this.#keep(bytes.subarray(begin));
        break;
      }
      if (end === BROKEN) {
        // The next image may begin within what was taken for this one.
        if (this.#assembly.length > 0) bytes = Buffer.concat([this.#assembly.bytes, bytes]);
        this.#assembly.clear();
        begin += 1;
        this.#letGo('broken');
      } else {
        const image = this.#whole(bytes.subarray(begin, end));
        if (image) images.push(image);
        begin = end;
      }
    }
    this.#judge(slice.length, images.length);
    return images;
  }

  gap(): void {
    this.#letGo('broken');
    this.#assembly.clear();
    this.#unsure = true;
  }

  drop(): void {
    if (this.begun) {
      this.#cut('ended');
      this.#dropped = true;
    } else if (this.#end === undefined) this.#assembly.clear();
  }

  /** The image ends with these bytes; undefined when it is not to be sent. */
  #whole(last: Uint8Array): Uint8Array | undefined {
    const isSent = !this.#dropped && !this.#unsure;
    if (this.#unsure && !this.#dropped) this.#cut('broken');
    this.#end = undefined;
    this.#dropped = false;
    this.#unsure = false;
    if (!isSent) this.#assembly.clear();
    if (this.#assembly.length === 0) return isSent ? last : undefined;
    this.#assembly.append(last);
    return this.#assembly.finish();
  }

  #keep(bytes: Uint8Array): void {
    if (this.#assembly.length + bytes.length <= LARGEST) this.#assembly.append(bytes);
    else this.gap();
  }

  #letGo(why: Cut): void {
    if (this.begun) this.#cut(why);
    this.#end = undefined;
    this.#dropped = false;
  }

  /** @throws AtomscaleError ERR_FRAME_FORMAT when there are no images in what comes */
  #judge(bytes: number, images: number): void {
    this.#fruitless = images > 0 || this.#end?.signed ? 0 : this.#fruitless + bytes;
    if (this.#fruitless < PATIENCE) return;
    this.#fruitless = 0;
    throw new AtomscaleError(
      'ERR_FRAME_FORMAT',
      `payload: expected a byte stream of JPEG or PNG images, got ${PATIENCE} bytes without one; ` +
        'let the source send these, or raw pixels with their format, width and height',
    );
  }
}

/** Where an image can begin, the length when nowhere. */
function beginning(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== JPEG_BEGINS && bytes[at] !== PNG_BEGINS) at += 1;
  return at;
}
