/**
 * A reader of ONNX backend test cases with one BatchNormalization node: the few fields of onnx.proto that these use.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

const PROTO = `
  syntax = "proto2";
  message TensorProto { repeated int64 dims = 1; optional int32 data_type = 2;
    repeated float float_data = 4 [packed = true];
    optional string name = 8; optional bytes raw_data = 9; }
  message AttributeProto { optional string name = 1; optional float f = 2; optional int64 i = 3; }
  message NodeProto { repeated string input = 1; repeated string output = 2; optional string op_type = 4;
    repeated AttributeProto attribute = 5; }
  message GraphProto { repeated NodeProto node = 1; repeated TensorProto initializer = 5; }
  message ModelProto { optional GraphProto graph = 7; }
`;
const root = protobuf.parse(PROTO, { keepCase: true }).root;
const FLOAT = 1;

interface TensorProto {
  dims: (number | { toNumber(): number })[];
  data_type: number;
  float_data: number[];
  name: string;
  raw_data: Uint8Array;
}
interface ModelProto {
  graph: {
    node: { input: string[]; output: string[]; op_type: string; attribute: AttributeProto[] }[];
    initializer: TensorProto[];
  };
}
interface AttributeProto {
  name: string;
  f: number;
  i: number | { toNumber(): number };
}

export interface OnnxTensor {
  readonly shape: number[];
  readonly data: Float32Array;
}

export interface OnnxCase {
  readonly name: string;
  readonly epsilon: number;
  /** ONNX' momentum: how much of the running statistics is kept. */
  readonly decay: number;
  readonly training: boolean;
  /** x, gamma, beta, mean, variance. */
  readonly inputs: OnnxTensor[];
  /** y and, in training, the running mean and variance after it. */
  readonly outputs: OnnxTensor[];
}

function decode<Message>(type: string, file: string): Message {
  return root.lookupType(type).decode(readFileSync(file)) as unknown as Message;
}

function toNumber(value: number | { toNumber(): number }): number {
  return typeof value === 'number' ? value : value.toNumber();
}

function toTensor({ dims, data_type, float_data, raw_data }: TensorProto): OnnxTensor {
  if (data_type !== FLOAT) throw new Error(`expected float tensors, got data type ${data_type}`);
  const view = new DataView(raw_data.buffer, raw_data.byteOffset, raw_data.byteLength);
  const raw = Float32Array.from({ length: raw_data.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
  return { shape: dims.map(toNumber), data: raw.length > 0 ? raw : Float32Array.from(float_data) };
}

export function readOnnxCase(folder: string, name: string): OnnxCase {
  const { graph } = decode<ModelProto>('ModelProto', join(folder, name, 'model.onnx'));
  const [node] = graph.node;
  if (graph.node.length !== 1 || node.op_type !== 'BatchNormalization') {
    throw new Error(`${name}: expected one BatchNormalization node, got ${graph.node.map((n) => n.op_type)}`);
  }
  const attribute = (wanted: string) => node.attribute.find((a) => a.name === wanted);
  const tensors = (kind: 'input' | 'output') => {
    const at = (i: number) => join(folder, name, 'test_data_set_0', `${kind}_${i}.pb`);
    const all: OnnxTensor[] = [];
    while (existsSync(at(all.length))) all.push(toTensor(decode<TensorProto>('TensorProto', at(all.length))));
    return all;
  };
  const given = tensors('input');
  const initial = new Map(graph.initializer.map((tensor) => [tensor.name, toTensor(tensor)]));
  const inputs = node.input.map((input) => initial.get(input) ?? given.shift()!);
  return {
    name,
    epsilon: attribute('epsilon')?.f ?? Math.fround(1e-5),
    decay: attribute('momentum')?.f ?? Math.fround(0.9),
    training: toNumber(attribute('training_mode')?.i ?? 0) === 1,
    inputs,
    outputs: tensors('output'),
  };
}

export function readOnnxCases(folder: string): OnnxCase[] {
  return readdirSync(folder)
    .sort()
    .map((name) => readOnnxCase(folder, name));
}
