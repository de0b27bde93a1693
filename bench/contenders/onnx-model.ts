/** An ONNX model of one BatchNormalization node: the few fields of onnx.proto that it takes. */
import protobuf from 'protobufjs';

const PROTO = `
  syntax = "proto2";
  message Dimension { optional int64 dim_value = 1; }
  message TensorShape { repeated Dimension dim = 1; }
  message TensorType { optional int32 elem_type = 1; optional TensorShape shape = 2; }
  message Type { optional TensorType tensor_type = 1; }
  message ValueInfo { optional string name = 1; optional Type type = 2; }
  message Attribute { optional string name = 1; optional float f = 2; optional int64 i = 3; optional int32 type = 20; }
  message Node { repeated string input = 1; repeated string output = 2; optional string op_type = 4;
    repeated Attribute attribute = 5; }
  message Tensor { repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8;
    optional bytes raw_data = 9; }
  message Graph { repeated Node node = 1; optional string name = 2; repeated Tensor initializer = 5;
    repeated ValueInfo input = 11; repeated ValueInfo output = 12; }
  message OperatorSet { optional string domain = 1; optional int64 version = 2; }
  message Model { optional int64 ir_version = 1; optional Graph graph = 7; repeated OperatorSet opset_import = 8; }
`;
/** Values of enumerations in onnx.proto. */
const FLOAT = 1;
const ATTRIBUTE = { float: 1, int: 2 };
/** The opset whose BatchNormalization has training_mode; IR version 8 is the one of its time. */
const OPSET = 15;
const IR_VERSION = 8;

export interface ModelOptions {
  readonly dims: readonly number[];
  readonly training: boolean;
  readonly epsilon: number;
  /** scale, bias, mean and variance, [c]. */
  readonly parameters: Readonly<Record<string, Float32Array>>;
}

/** Outputs are y and, in training, the running statistics after it. */
export function outputNames(training: boolean): string[] {
  return training ? ['y', 'running_mean', 'running_var'] : ['y'];
}

export function makeModel({ dims, training, epsilon, parameters }: ModelOptions): Uint8Array {
  const channels = Object.values(parameters)[0].length;
  const value = (name: string, shape: readonly number[]) => ({
    name,
    type: { tensor_type: { elem_type: FLOAT, shape: { dim: shape.map((extent) => ({ dim_value: extent })) } } },
  });
  const attribute = [{ name: 'epsilon', f: epsilon, type: ATTRIBUTE.float }];
  const mode = { name: 'training_mode', i: 1, type: ATTRIBUTE.int };
  const output = outputNames(training);
  const graph = {
    name: 'batch_normalization',
    node: [
      {
        op_type: 'BatchNormalization',
        input: ['x', ...Object.keys(parameters)],
        output,
        attribute: training ? [...attribute, mode] : attribute,
      },
    ],
    initializer: Object.entries(parameters).map(([name, values]) => ({
      name,
      dims: [channels],
      data_type: FLOAT,
      raw_data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    })),
    input: [value('x', dims)],
    output: output.map((name) => value(name, name === 'y' ? dims : [channels])),
  };
  const type = protobuf.parse(PROTO, { keepCase: true }).root.lookupType('Model');
  return type.encode({ ir_version: IR_VERSION, graph, opset_import: [{ domain: '', version: OPSET }] }).finish();
}
