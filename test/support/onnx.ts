/** Reads the ONNX backend tests of one operator: the few fields of onnx.proto that they need. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

/** Field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
const PROTO = `
  syntax = "proto3";
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; repeated float float_data = 4; string name = 8; bytes raw_data = 9; }
  message Attribute { string name = 1; float f = 2; int64 i = 3; }
  message Node { repeated string input = 1; repeated string output = 2; string op_type = 4; repeated Attribute attribute = 5; }
  message Value { string name = 1; }
  message Graph { repeated Node node = 1; repeated Tensor initializer = 5; repeated Value input = 11; repeated Value output = 12; }
  message Model { Graph graph = 7; }
`;
const FLOAT = 1;

interface TensorProto {
  dims: number[];
  dataType: number;
  floatData: number[];
  name: string;
  rawData: Uint8Array;
}

interface ModelProto {
  graph: {
    node: { input: string[]; output: string[]; opType: string; attribute: { name: string; f: number; i: number }[] }[];
    initializer: TensorProto[];
    input: { name: string }[];
    output: { name: string }[];
  };
}

export interface OnnxTensor {
  readonly shape: number[];
  readonly data: Float32Array;
}

/** One test: the only node of a graph, with its tensors in the order of the operator. */
export interface OnnxCase {
  readonly title: string;
  readonly operator: string;
  readonly attributes: ReadonlyMap<string, number>;
  readonly inputs: OnnxTensor[];
  readonly outputs: OnnxTensor[];
}

const root = protobuf.parse(PROTO).root;

function decode<Message>(type: string, file: string): Message {
  const message = root.lookupType(type);
  const options = { longs: Number, defaults: true, arrays: true };
  return message.toObject(message.decode(readFileSync(file)), options) as Message;
}

function toTensor({ name, dims, dataType, floatData, rawData }: TensorProto): OnnxTensor {
  if (dataType !== FLOAT) throw new Error(`"${name}" is of type ${dataType}, not float`);
  const data = rawData.length > 0 ? new Float32Array(Uint8Array.from(rawData).buffer) : Float32Array.from(floatData);
  return { shape: dims, data };
}

/** The test in a folder, as the ONNX repository lays it out: model.onnx, test_data_set_0/input_0.pb ... */
export function readOnnxCase(folder: string, title: string): OnnxCase {
  const { graph } = decode<ModelProto>('Model', join(folder, title, 'model.onnx'));
  const [node] = graph.node;
  const known = new Map(graph.initializer.map((tensor) => [tensor.name, toTensor(tensor)]));
  const read = (kind: string, values: { name: string }[]) => {
    for (const [index, { name }] of values.entries()) {
      const file = join(folder, title, 'test_data_set_0', `${kind}_${index}.pb`);
      known.set(name, toTensor(decode<TensorProto>('Tensor', file)));
    }
  };
  read(
    'input',
    graph.input.filter(({ name }) => !known.has(name)),
  );
  read('output', graph.output);
  const find = (name: string) => known.get(name)!;
  return {
    title,
    operator: node.opType,
    attributes: new Map(node.attribute.map(({ name, f, i }) => [name, f || i])),
    inputs: node.input.map(find),
    outputs: node.output.filter((name) => known.has(name)).map(find),
  };
}

export function readOnnxCases(folder: string): OnnxCase[] {
  return readdirSync(folder)
    .sort()
    .map((title) => readOnnxCase(folder, title));
}
