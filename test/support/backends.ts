import type { BackendName } from 'batchnorm';

/** What a suite is a function of. */
export interface BackendUnderTest {
  name: BackendName;
  isa: string;
  /** Makes it the current one. */
  use(): void;
}
