/**
 * Tensors as arrays, in place where the TensorFlow.js backend lets one: its cpu backend keeps arrays, its wasm backend
 * a heap.
 */
import { backend, engine, type Tensor, type TensorInfo, tensor } from '@tensorflow/tfjs-core';

/** The part of TensorFlow.js' wasm backend by which tensors are made and seen on its heap. */
interface HeapBackend {
  /** Memory that is not cleared. */
  makeOutput(shape: readonly number[], dtype: 'float32'): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array;
  /** Moves the tensor here first, if it is on another backend. */
  getMemoryOffset(dataId: object): number;
}

/** Reads a tensor of other backends. On the cpu backend the result is the tensor's own memory, elsewhere a copy. */
interface ReadableBackend {
  readSync(dataId: object): ArrayLike<number>;
}

type Inputs = Readonly<Record<string, TensorInfo | null>>;
type Arrays<I extends Inputs> = { [Name in keyof I]: null extends I[Name] ? Float32Array | undefined : Float32Array };

/**
 * New float32 tensors of these shapes, written by `compute`, which is given their arrays and those of the inputs
 * (float32, on whichever backend). The arrays end with the call: nobody may keep them, or write inputs.
 */
export function computeTensors<I extends Inputs>(
  shapes: readonly (readonly number[])[],
  inputs: I,
  compute: (outputs: Float32Array[], inputs: Arrays<I>) => void,
): Tensor[] {
  const host: object = backend();
  return isHeap(host)
    ? computeOnHeap(host, shapes, inputs, compute)
    : computeInArrays(host as ReadableBackend, shapes, inputs, compute);
}

function computeInArrays<I extends Inputs>(
  host: ReadableBackend,
  shapes: readonly (readonly number[])[],
  inputs: I,
  compute: (outputs: Float32Array[], inputs: Arrays<I>) => void,
): Tensor[] {
  const outputs = shapes.map((shape) => new Float32Array(shape.reduce((size, extent) => size * extent, 1)));
  compute(
    outputs,
    eachOf(inputs, ({ dataId }) => toFloats(host.readSync(dataId))),
  );
  return outputs.map((values, index) => tensor(values, [...shapes[index]]));
}

function computeOnHeap<I extends Inputs>(
  host: HeapBackend,
  shapes: readonly (readonly number[])[],
  inputs: I,
  compute: (outputs: Float32Array[], inputs: Arrays<I>) => void,
): Tensor[] {
  // First what comes from another backend is moved here, and outputs have their memory: both may grow the heap, which
  // would detach arrays that see it.
  for (const input of Object.values(inputs)) if (input !== null) host.getMemoryOffset(input.dataId);
  const outputs = shapes.map((shape) => engine().makeTensorFromTensorInfo(host.makeOutput([...shape], 'float32')));
  compute(
    outputs.map((output) => host.typedArrayFromHeap(output)),
    eachOf(inputs, (input) => host.typedArrayFromHeap(input)),
  );
  return outputs;
}

/** On the cpu backend a float32 tensor that was cast from int32 still holds integers. */
function toFloats(values: ArrayLike<number>): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

function isHeap(host: object): host is HeapBackend {
  return 'typedArrayFromHeap' in host && 'makeOutput' in host;
}

function eachOf<I extends Inputs>(inputs: I, read: (input: TensorInfo) => Float32Array): Arrays<I> {
  const arrays = Object.entries(inputs).map(([name, input]) => [name, input === null ? undefined : read(input)]);
  return Object.fromEntries(arrays) as Arrays<I>;
}
