export async function retry(_folder: string | undefined, _options: object): Promise<number> {
  return 0;
}
export async function discard(_folder: string | undefined, _options: object): Promise<number> {
  return 0;
}
