/** Random nets without their batch normalization, beside those that have it. */
import * as tfl from '@tensorflow/tfjs-layers';
import { foldModel } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import { countNorms, norm, norms, pick, same, train } from '../../support/fold-model.js';
import { randomFor } from '../../support/random.js';
import { type HostName, type Layer, random, suiteOn } from '../../support/tfjs.js';

export default function randomNets(host: HostName): void {
  const test = suiteOn(host, 'foldModel of random nets');

  test('random sequential nets', () => {
    const generator = randomFor(`sequential ${host}`);
    const { conv2d, dropout, flatten, dense, reLU, maxPooling2d } = tfl.layers;
    let folds = 0;
    for (let round = 0; round < 12; round++) {
      const layers: Layer[] = [reLU({ inputShape: [6, 6, 2] })];
      for (let i = 0; i < 6; i++) {
        const kind = generator.integer(6);
        const padding = pick(generator, ['same', 'valid'] as const);
        const useBias = generator.uniform() < 0.5;
        const activation = pick(generator, ['linear', 'linear', 'relu'] as const);
        if (kind < 2)
          layers.push(conv2d({ filters: 3, kernelSize: pick(generator, [1, 2]), padding, useBias, activation }));
        else if (kind < 5) layers.push(norm(generator));
        else
          layers.push(
            pick(generator, [() => reLU(), () => dropout({ rate: 0.5 }), () => maxPooling2d({ poolSize: 1 })])(),
          );
      }
      layers.push(flatten(), norm(generator), dense({ units: 2 }), norm(generator));
      const model = tfl.sequential({ layers });
      train(model, generator);
      const x = random([2, 6, 6, 2], round);
      const folded = foldModel(model, { x });
      same(model, folded, x);
      folds += folded.folded.length;
      assert.is(folded.folded.length + folded.kept.length, norms(model).length);
      assert.equal(folded.kept.map(({ layer }) => layer).sort(), norms(folded.model).sort());
      assert.ok(folded.folded.length >= 2, 'the last two always');
    }
    assert.ok(folds > 30, `${folds} folded in all`);
  });

  test('random functional nets, with residuals, several inputs and outputs, and models within', () => {
    const generator = randomFor(`functional ${host}`);
    for (let round = 0; round < 12; round++) {
      const inputs = [tfl.input({ shape: [4] }), tfl.input({ shape: [4] })];
      const known: tfl.SymbolicTensor[] = [...inputs];
      for (let i = 0; i < 10; i++) {
        const from = known.slice(-3)[generator.integer(3)] ?? known[0];
        const layer = pick(generator, [
          () => tfl.layers.dense({ units: 4, useBias: generator.uniform() < 0.5 }),
          () => tfl.layers.dense({ units: 4, activation: pick(generator, ['linear', 'relu'] as const) }),
          () => norm(generator),
          () => norm(generator),
          () => tfl.layers.reLU(),
          () => tfl.sequential({ layers: [tfl.layers.dense({ units: 4, inputShape: [4] }), norm(generator)] }),
        ])();
        known.push(layer.apply(from) as tfl.SymbolicTensor);
      }
      const sum = tfl.layers.add().apply(known) as tfl.SymbolicTensor;
      const model = tfl.model({ inputs, outputs: [sum, known[generator.integer(known.length - 2) + 2]] });
      train(model, generator);
      const x = [random([3, 4], round), random([3, 4], round + 100)];
      const folded = foldModel(model, { x });
      same(model, folded, x);
      assert.is(folded.folded.length + folded.kept.length, countNorms(model));
      assert.is(folded.kept.length, countNorms(folded.model));
    }
  });
}
