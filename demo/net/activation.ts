/** The activations of the networks, and their slopes from what they gave. */

export const ACTIVATIONS = ['sigmoid', 'tanh', 'relu'] as const;
export type ActivationName = (typeof ACTIVATIONS)[number];

export const MAPS: Readonly<Record<ActivationName, { of(u: number): number; slope(h: number): number }>> = {
  sigmoid: { of: (u) => 1 / (1 + Math.exp(-u)), slope: (h) => h * (1 - h) },
  tanh: { of: Math.tanh, slope: (h) => 1 - h * h },
  relu: { of: (u) => (u > 0 ? u : 0), slope: (h) => (h > 0 ? 1 : 0) },
};
