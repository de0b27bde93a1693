/** A convolution as a linear map: the patch of 3×3 pixels around every position is a row of a matrix. */

export interface Grid {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** From one patch to the next, in pixels. */
  readonly stride: number;
}

const SIZE = 3;
/** Numbers of a patch, for each channel. */
export const PATCH = SIZE * SIZE;

/** Patches of an image, from row to row. */
export function positionsOf({ height, width, stride }: Omit<Grid, 'images' | 'channels'>): number {
  return Math.ceil(height / stride) * Math.ceil(width / stride);
}

/** rows ← the patches of x, [images, height, width, channels]; 0 beyond the edges. */
export function gatherPatches(rows: Float32Array, x: Float32Array, grid: Grid): void {
  rows.fill(0);
  eachPixel(grid, (row, pixel) => {
    for (let ch = 0; ch < grid.channels; ch++) rows[row + ch] = x[pixel + ch];
  });
}

/** x ← the sum of what the patches have of each pixel: the gradient of `gatherPatches`. */
export function scatterPatches(x: Float32Array, rows: Float32Array, grid: Grid): void {
  x.fill(0);
  eachPixel(grid, (row, pixel) => {
    for (let ch = 0; ch < grid.channels; ch++) x[pixel + ch] += rows[row + ch];
  });
}

/** Calls visit(row, pixel) with the first channel of a pixel in a patch, and of the same pixel in the image. */
function eachPixel(grid: Grid, visit: (row: number, pixel: number) => void): void {
  const { images, height, width, channels, stride } = grid;
  let row = 0;
  for (let image = 0; image < images; image++) {
    for (let top = 0; top < height; top += stride) {
      for (let left = 0; left < width; left += stride) {
        for (let place = 0; place < PATCH; place++, row += channels) {
          const y = top + Math.floor(place / SIZE) - 1;
          const x = left + (place % SIZE) - 1;
          if (y < 0 || y >= height || x < 0 || x >= width) continue;
          visit(row, ((image * height + y) * width + x) * channels);
        }
      }
    }
  }
}
