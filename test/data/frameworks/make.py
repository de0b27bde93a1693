"""Makes the files beside this one with the frameworks themselves: python3 make.py torch keras flax

Each holds a small model that has seen a few batches, and for its layer `bn` an input and what evaluation makes of it.
The files were made with PyTorch 2.13.0, Keras 3.15.1 (on PyTorch), flax 0.12.8 and safetensors 0.8.0, on the CPU.
"""

import os
import pathlib
import sys
import tempfile

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"
HERE = pathlib.Path(__file__).parent


def batch(*shape):
    return some.normal(3, 2, shape).astype(np.float32)


def make_torch():
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    model = torch.nn.Sequential()
    model.add_module("conv", torch.nn.Conv2d(2, 3, 1))
    model.add_module("bn", torch.nn.BatchNorm2d(3, eps=1e-3, momentum=0.2))
    torch.nn.init.normal_(model.bn.weight, 1, 0.2)
    torch.nn.init.normal_(model.bn.bias)
    for _ in range(5):
        model(torch.from_numpy(batch(4, 2, 3, 3)))
    model.eval()
    x = torch.from_numpy(batch(2, 3, 2, 2))
    sample = {"sample.x": x, "sample.y": model.bn(x).detach()}
    with tempfile.TemporaryDirectory() as folder:
        # As docs/interop.md says: from a file .pt.
        torch.save(model.state_dict(), f"{folder}/model.pt")
        state = torch.load(f"{folder}/model.pt", weights_only=True)
        save_file({**state, **sample}, HERE / "torch.safetensors", metadata={"format": "pt"})


def make_keras():
    import keras
    from safetensors.numpy import save_file

    keras.utils.set_random_seed(1)
    bn = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3, name="bn")
    model = keras.Sequential([keras.layers.Input((3, 3, 2)), keras.layers.Conv2D(3, 1, name="conv"), bn])
    bn.gamma.assign(batch(3))
    bn.beta.assign(batch(3))
    for _ in range(5):
        model(batch(4, 3, 3, 2), training=True)
    x = batch(2, 2, 2, 3)
    sample = {"sample.x": x, "sample.y": keras.ops.convert_to_numpy(bn(x, training=False))}
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(HERE / "keras.weights.h5")
        for file in ["model.h5", "model.keras"]:
            # As docs/interop.md says: from a file .keras or .h5.
            model.save(f"{folder}/{file}")
            loaded = keras.saving.load_model(f"{folder}/{file}")
            weights = {w.path: np.ascontiguousarray(keras.ops.convert_to_numpy(w)) for w in loaded.weights}
            save_file({**weights, **sample}, HERE / "keras.safetensors")


def make_flax():
    import flax.linen as nn
    import jax
    from flax.traverse_util import flatten_dict
    from safetensors.flax import save_file

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            x = nn.Conv(3, (1, 1), name="conv")(x)
            return nn.BatchNorm(use_running_average=not train, momentum=0.8, epsilon=1e-4, name="bn")(x)

    model = Model()
    variables = model.init(jax.random.key(1), batch(4, 3, 3, 2), train=True)
    params = variables["params"]
    params["bn"] = {"scale": jax.numpy.asarray(batch(3)), "bias": jax.numpy.asarray(batch(3))}
    for _ in range(5):
        variables = {**variables, "params": params}
        _, updated = model.apply(variables, batch(4, 3, 3, 2), train=True, mutable=["batch_stats"])
        variables = {**variables, **updated}
    x = jax.numpy.asarray(batch(2, 2, 2, 3))
    bn = nn.BatchNorm(use_running_average=True, momentum=0.8, epsilon=1e-4)
    y = bn.apply({name: part["bn"] for name, part in variables.items() if "bn" in part}, x)
    # As docs/interop.md says.
    save_file({**flatten_dict(variables, sep="/"), "sample/x": x, "sample/y": y}, HERE / "flax.safetensors")


for framework in sys.argv[1:]:
    some = np.random.default_rng(1)
    globals()[f"make_{framework}"]()
