export function isas(): string[] {
  throw new Error('native: pending');
}
export function load(_: { isa?: string | undefined }): never {
  throw new Error('native: pending');
}
