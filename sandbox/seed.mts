/** The samples, projects, tags and instruments that a fresh sandbox knows. */
import { randomUUID } from 'node:crypto';
import { Refusal } from './refusal.mts';
import type { NamedItem, Seed } from './types.mts';

export function freshSeed(): Seed {
  return {
    samples: [
      { id: '11111111-1111-4111-8111-111111111111', name: 'GaN-001' },
      { id: '11111111-1111-4111-8111-111111111112', name: 'GaAs(001) buffer 17' },
      { id: '11111111-1111-4111-8111-111111111113', name: 'SrTiO3 #204' },
    ],
    projects: [
      { id: '33333333-3333-4333-8333-333333333333', name: 'Sandbox project' },
      { id: '33333333-3333-4333-8333-333333333334', name: 'Nitride LEDs' },
    ],
    tags: [
      { id: '22222222-2222-4222-8222-222222222222', name: 'golden' },
      { id: '22222222-2222-4222-8222-222222222223', name: 'calibration' },
      { id: '22222222-2222-4222-8222-222222222224', name: '2x4 reconstruction' },
    ],
    instruments: [
      { synth_source_id: 42, name: 'MBE 1' },
      { synth_source_id: 43, name: 'PLD chamber' },
    ],
  };
}

/** The item whose trimmed name is this one, whatever the case. */
export function findByName(items: NamedItem[], name: string): NamedItem | undefined {
  const wanted = name.trim().toLowerCase();
  return items.find((item) => item.name.trim().toLowerCase() === wanted);
}

export function addItem(items: NamedItem[], name: string): NamedItem {
  const item = { id: randomUUID(), name: name.trim() };
  items.push(item);
  return item;
}

/** Throws the service's 404 for an id that is not there. */
export function requireItem(items: NamedItem[], id: string, what: string): NamedItem {
  const item = items.find((candidate) => candidate.id === id);
  if (!item) throw new Refusal(404, `no ${what} with id ${id}`, { violation: false });
  return item;
}
