/** The linear maps of the network. */
import {
  add,
  customGrad,
  type GradSaveFunc,
  matMul,
  type Tensor,
  type Tensor2D,
  transpose,
} from '@tensorflow/tfjs-core';
import { initializers, type LayerVariable, layers } from '@tensorflow/tfjs-layers';

export interface LinearOptions {
  readonly units: number;
  readonly useBias: boolean;
  readonly initializer: ReturnType<typeof initializers.randomNormal>;
}

/**
 * y = x·W + b, as `tf.layers.dense`, which would do but for its gradients: TensorFlow.js' wasm backend multiplies by a
 * transposed matrix six to ten times more slowly than it transposes and then multiplies (7.2 against 0.7 ms for
 * the gradient of a 784×100 W and 60 images), and a run would spend most of its time there.
 */
export class Linear extends layers.Layer {
  static readonly className = 'Linear';

  private kernel: LayerVariable | null = null;
  private bias: LayerVariable | null = null;

  constructor(private readonly options: LinearOptions) {
    super({});
  }

  override build(inputShape: Parameters<layers.Layer['build']>[0]): void {
    const { units, useBias, initializer } = this.options;
    this.kernel = this.addWeight('kernel', [inputShape.at(-1) as number, units], 'float32', initializer);
    if (useBias) this.bias = this.addWeight('bias', [units], 'float32', initializers.zeros());
    this.built = true;
  }

  override computeOutputShape(inputShape: Parameters<layers.Layer['computeOutputShape']>[0]) {
    return [inputShape[0] as number | null, this.options.units];
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    const y = product(x, this.kernel!.read());
    return this.bias ? add(y, this.bias.read()) : y;
  }
}

/** x·w. */
const product = customGrad((...inputs: (Tensor | GradSaveFunc)[]) => {
  const [x, w, save] = inputs as [Tensor2D, Tensor2D, GradSaveFunc];
  save([x, w]);
  return {
    value: matMul<Tensor2D>(x, w),
    gradFunc: (dy: Tensor2D, saved: Tensor[]) => {
      const [x, w] = saved as [Tensor2D, Tensor2D];
      return [matMul(dy, transpose(w)), matMul(transpose(x), dy)];
    },
  };
});
