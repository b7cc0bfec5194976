/**
 * `node bench/cameras.mts`: cameras at full rate through a real Node-RED into the sandbox, on this machine. Prints a
 * Markdown table: medians of the rounds, completeness, memory and event-loop delay over the idle process.
 * `node bench/cameras.mts ROUNDS` sets the number of rounds (default 3).
 */
import { cpus } from 'node:os';
import { type CameraLoad, type CameraOutcome, runCameras } from '../test/helpers/camera-load.mts';

const LOADS: readonly CameraLoad[] = [
  { cameras: 1, fps: 120, seconds: 20 },
  { cameras: 8, fps: 30, seconds: 20 },
  { cameras: 1, fps: 120, seconds: 20, version: 4 },
];

const rounds = Number(process.argv[2] ?? 3);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new RangeError(`rounds: expected a whole number above 0, got ${process.argv[2]}`);

const median = (values: number[]): number =>
  values.sort((one, other) => one - other)[Math.floor(values.length / 2)] as number;

function isComplete(
  { numbers, complaints, result }: CameraOutcome,
  { cameras, fps, seconds }: CameraLoad,
): boolean {
  const inOrder = numbers.every(
    (list) => list.length === fps * seconds && list.every((number, i) => number === i),
  );
  return numbers.length === cameras && inOrder && complaints.length === 0 && result.errors.length === 0;
}

const [cpu] = cpus();
console.log(
  `${cpus().length} × ${cpu?.model.trim()}, Node ${process.version}, frames of 500x300, median of ${rounds} rounds\n`,
);
console.log('| load | Node-RED | frames complete | memory over idle | event loop p99 idle → loaded |');
console.log('| --- | --- | --- | --- | --- |');
for (const load of LOADS) {
  const outcomes: CameraOutcome[] = [];
  for (let round = 0; round < rounds; round += 1) outcomes.push(await runCameras(load));
  const complete = outcomes.filter((outcome) => isComplete(outcome, load)).length;
  const of = (value: (outcome: CameraOutcome) => number): string => median(outcomes.map(value)).toFixed(1);
  console.log(
    `| ${load.cameras} × ${load.fps}/s, ${load.seconds} s | ${load.version === 4 ? '4.1' : '5'} | ${complete} of ${rounds} rounds ` +
      `| ${of(({ growth }) => growth / 2 ** 20)} MB | ${of(({ idle }) => idle.delay.p99)} → ${of(({ loaded }) => loaded.delay.p99)} ms |`,
  );
}
