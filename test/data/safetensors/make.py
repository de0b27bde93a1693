"""Makes the files beside this one: python3 make.py

Needs numpy alone, and writes the files by the definition of the format. Where the library safetensors is installed
(these files were made with version 0.8.0), it writes them a second time, and they have to be equal.
"""

import json
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).parent
# In the order in which the format's own library lays them out: the largest elements first.
DTYPES = {
    "U64": "uint64",
    "I64": "int64",
    "F64": "float64",
    "C64": "complex64",
    "F32": "float32",
    "U32": "uint32",
    "I32": "int32",
    "BF16": "bfloat16",
    "F16": "float16",
    "U16": "uint16",
    "I16": "int16",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I8": "int8",
    "U8": "uint8",
    "F4": "float4_e2m1fn_x2",
    "BOOL": "bool",
}


def file_of(tensors, metadata=None):
    """The bytes of a file. `tensors` is (dtype, shape, bytes) by name."""
    order = list(DTYPES)
    header = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name in sorted(tensors, key=lambda name: (order.index(tensors[name][0]), name.encode())):
        dtype, shape, values = tensors[name]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    return with_header(json.dumps(header, separators=(",", ":"), ensure_ascii=False), data)


def with_header(text, data):
    header = text.encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def checked(name, tensors, metadata=None):
    written = file_of(tensors, metadata)
    try:
        import safetensors
    except ImportError:
        print(f"{name}: not compared, the library safetensors is not installed")
    else:
        kept = {key: np.frombuffer(values + b"\0", np.uint8) for key, (_, _, values) in tensors.items()}
        specs = {
            key: safetensors.TensorSpec(
                dtype=DTYPES[dtype],
                # As frameworks count four-bit elements: by bytes.
                shape=[*shape[:-1], shape[-1] // 2] if dtype == "F4" else shape,
                data_ptr=kept[key].ctypes.data,
                data_len=len(values),
            )
            for key, (dtype, shape, values) in tensors.items()
        }
        assert bytes(safetensors.serialize(specs, metadata=metadata)) == written, name
        safetensors.deserialize(written)
        print(f"{name}: equal to what the library writes")
    (HERE / name).write_bytes(written)


def halves():
    """Floats of 16 bits, and what float32 they are; not NaN, of which numpy changes bits."""
    ends = [1, 2, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0xFC00]
    bits = np.concatenate([np.arange(0, 0x7C01, 0x3FF), np.arange(0x8000, 0xFC01, 0x3FF), ends]).astype("<u2")
    count = [len(bits)]
    return {
        "f16": ("F16", count, bits.tobytes()),
        "f16.widened": ("F32", count, bits.view("<f2").astype("<f4").tobytes()),
        "bf16": ("BF16", count, bits.tobytes()),
        "bf16.widened": ("F32", count, (bits.astype("<u4") << 16).tobytes()),
    }


def every_dtype():
    some = np.random.default_rng(1)
    sizes = {dtype: 8 if "64" in dtype else 4 if "32" in dtype else 2 if "16" in dtype else 1 for dtype in DTYPES}
    tensors = {f"{dtype}.b": (dtype, [2, 3], some.bytes(6 * size)) for dtype, size in sizes.items()}
    tensors["F4.b"] = ("F4", [2, 4], some.bytes(4))
    tensors["BOOL.b"] = ("BOOL", [2, 3], bytes([0, 1, 1, 0, 1, 0]))
    for dtype, size in sizes.items():
        if dtype not in ("F4", "BOOL"):
            tensors[f"{dtype}.a"] = (dtype, [], some.bytes(size))
    return tensors


def names():
    """Names that mean something to JavaScript, are escaped in JSON, or are ordered otherwise in UTF-16 than UTF-8."""
    odd = ["__proto__", "constructor", "toString", "", "0", "10", "9", 'q"uote', "back\\slash", "line\nend"]
    odd += ["\x01", "\x7f", "é", "\uffee", "😀"]
    tensors = {name: ("F32", [1], np.array([i], "<f4").tobytes()) for i, name in enumerate(odd)}
    tensors["nothing"] = ("F32", [0, 3], b"")
    tensors["nothing of U8"] = ("U8", [2, 0], b"")
    return tensors


def layer():
    """A layer as PyTorch keeps it, of float32."""
    some = np.random.default_rng(2)
    values = {
        "bn.weight": some.uniform(0.5, 1.5, 4),
        "bn.bias": some.normal(0, 1, 4),
        "bn.running_mean": some.normal(0, 1, 4),
        "bn.running_var": some.uniform(0.5, 2, 4),
    }
    tensors = {name: ("F32", [4], array.astype("<f4").tobytes()) for name, array in values.items()}
    tensors["bn.num_batches_tracked"] = ("I64", [], np.array(7, "<i8").tobytes())
    return tensors


checked("empty.safetensors", {})
checked("halves.safetensors", halves())
checked("every-dtype.safetensors", every_dtype(), {"made by": "make.py"})
checked("names.safetensors", names(), {"z": "1", "a": 'é"\\\n\x01', "__proto__": "a name like any other"})
checked("layer.safetensors", layer(), {"format": "pt"})

# As a writer might do that knows nothing of alignment: names as they come, and spaces wherever JSON has them.
unaligned = '{ "b" : {"shape": [1], "dtype": "F64", "data_offsets": [1, 9]},\r\n'
unaligned += '\t"a": {"data_offsets":[0,1],"dtype":"U8","shape":[]} }\n'
(HERE / "unaligned.safetensors").write_bytes(
    struct.pack("<Q", len(unaligned)) + unaligned.encode() + b"\x05" + np.array([0.1], "<f8").tobytes()
)
