/** The layers of a TensorFlow.js model as the graph that they make, and making another model of it. */
import { type serialization, Tensor } from '@tensorflow/tfjs-core';
import { input, type LayersModel, type layers, model as newModel, SymbolicTensor } from '@tensorflow/tfjs-layers';

export type Layer = layers.Layer;
/** One use of a layer. */
export type Use = Layer['inboundNodes'][number];

/** The uses of layers that make a model's outputs of its inputs. */
export class ModelGraph {
  /** Each after those that it needs. */
  readonly uses: readonly Use[];
  readonly #users = new Map<SymbolicTensor, Use[]>();
  readonly #outputs: ReadonlySet<SymbolicTensor>;

  constructor(model: LayersModel) {
    const uses = new Set<Use>();
    const visit = (tensor: SymbolicTensor): void => {
      const use = useThatMakes(tensor);
      if (uses.has(use)) return;
      if (!isInput(use)) for (const needed of use.inputTensors) visit(needed);
      uses.add(use);
    };
    for (const tensor of [...model.inputs, ...model.outputs]) visit(tensor);
    this.uses = [...uses];
    this.#outputs = new Set(model.outputs);
    for (const use of this.uses) {
      if (isInput(use)) continue;
      for (const tensor of use.inputTensors) this.#users.set(tensor, [...(this.#users.get(tensor) ?? []), use]);
    }
  }

  /** The one use of a tensor; null where there are several, or where the model returns it. */
  onlyUser(tensor: SymbolicTensor): Use | null {
    const users = this.#users.get(tensor) ?? [];
    return users.length === 1 && !this.#outputs.has(tensor) ? users[0] : null;
  }

  /** Whether the model uses a layer more than once. */
  isShared(layer: Layer): boolean {
    return this.uses.filter((use) => use.outboundLayer === layer).length > 1;
  }
}

export function useThatMakes(tensor: SymbolicTensor): Use {
  return tensor.sourceLayer.inboundNodes[tensor.nodeIndex];
}

export function isInput(use: Use): boolean {
  return use.outboundLayer.getClassName() === 'InputLayer';
}

/**
 * A model of the same inputs and outputs, each layer of which is another one. What `without` has is left out: its input
 * takes the place of its output.
 *
 * @param remake the layer that takes the place of another, with its weights; called once for each
 */
export function rebuild(
  model: LayersModel,
  graph: ModelGraph,
  without: ReadonlySet<Use>,
  remake: (layer: Layer) => RemadeLayer,
): LayersModel {
  const made = new Map<SymbolicTensor, SymbolicTensor>();
  const remade = new Map<Layer, RemadeLayer>();
  const get = (tensor: SymbolicTensor) => made.get(tensor)!;
  for (const use of graph.uses) {
    const layer = use.outboundLayer;
    if (isInput(use)) {
      const [tensor] = use.outputTensors as [SymbolicTensor];
      made.set(tensor, input({ batchShape: tensor.shape, dtype: tensor.dtype, name: layer.name }));
      continue;
    }
    const inputs = use.inputTensors.map(get);
    if (without.has(use)) {
      made.set(use.outputTensors[0], inputs[0]);
      continue;
    }
    const other = remade.get(layer) ?? remake(layer);
    const outputs = [other.layer.apply(inputs.length === 1 ? inputs[0] : inputs, plainArguments(use))].flat();
    if (!remade.has(layer)) other.fill();
    remade.set(layer, other);
    for (const [i, tensor] of use.outputTensors.entries()) made.set(tensor, outputs[i] as SymbolicTensor);
  }
  return newModel({ inputs: model.inputs.map(get), outputs: model.outputs.map(get), name: model.name });
}

export interface RemadeLayer {
  readonly layer: Layer;
  /** Gives it its weights, which it has from its first use on. */
  fill(): void;
}

/** TensorFlow.js' layers have these, but leave them out of their configuration, or write something else there. */
const MISWRITTEN = ['dataFormat', 'depthMultiplier', 'depthwiseConstraint'];

/** A layer of the same class and configuration, except for what is said. */
export function copyOf(layer: Layer, change: serialization.ConfigDict = {}): Layer {
  const Class = layer.constructor as unknown as serialization.SerializableConstructor<Layer>;
  const own = Object.entries(layer).filter(([name]) => MISWRITTEN.includes(name));
  return Class.fromConfig(Class, { ...layer.getConfig(), ...Object.fromEntries(own), ...change });
}

/** Tensors among the arguments of a call (the initial state of a recurrent layer) are among its inputs as well. */
function plainArguments({ callArgs = {} }: Use): Record<string, unknown> {
  const isTensor = (value: unknown) => value instanceof SymbolicTensor || value instanceof Tensor;
  return Object.fromEntries(Object.entries(callArgs).filter(([, value]) => ![value].flat().some(isTensor)));
}
