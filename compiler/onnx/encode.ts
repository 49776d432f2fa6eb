/** The file format, by the published protobuf definitions. The only module that loads them. */
import { create, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { type Dim, formatDim, isConstant } from '../dimensions/dimension.ts'
import type { FinishedGraph, Stored } from './finish.ts'
import type { Names } from './names.ts'
import { type Attribute, isSubgraph, type OnnxNode, type OnnxType, type Subgraph, type Tensor } from './onnx-graph.ts'

export interface OnnxModel {
  readonly graph: FinishedGraph
  readonly names: Names
  /** The entry's. */
  readonly name: string
  readonly inputs: readonly Described[]
  readonly outputs: readonly Described[]
  readonly description: string
  readonly producerVersion: string
}

export interface Described {
  readonly tensor: Tensor
  readonly description?: string
}

/** Version 10 of the format is that of ONNX 1.16, operator set 21. */
const IR_VERSION = 10n
const OPERATOR_SET = 21n

const dataTypes = { f32: DataType.FLOAT, i32: DataType.INT32, i64: DataType.INT64, bool: DataType.BOOL } as const

export function encodeModel(model: OnnxModel): Uint8Array {
  const { graph, names } = model
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: OPERATOR_SET })],
      producerName: 'nnc',
      producerVersion: model.producerVersion,
      docString: model.description,
      graph: create(GraphProtoSchema, {
        name: model.name,
        docString: model.description,
        node: graph.nodes.map((node) => encodeNode(node, names)),
        initializer: graph.stored.map((stored) => encodeTensor(stored, names)),
        input: model.inputs.map((input) => encodeValue(input, names)),
        output: model.outputs.map((output) => encodeValue(output, names)),
      }),
    }),
  )
}

function nameOf(tensor: Tensor, names: Names): string {
  const name = names.tensors.get(tensor)
  if (name === undefined) throw new Error('internal: onnx: a tensor without a name')
  return name
}

function encodeNode(node: OnnxNode, names: Names): NodeProto {
  const { op, inputs, outputs, attributes, place } = node
  return create(NodeProtoSchema, {
    opType: op,
    name: names.nodes.get(outputs[0]!)!,
    input: inputs.map((input) => (input ? nameOf(input, names) : '')),
    output: outputs.map((output) => nameOf(output, names)),
    attribute: Object.entries(attributes).map(([name, value]) => encodeAttribute(name, value, names)),
    ...(place.line !== undefined && { docString: place.line }),
  })
}

function encodeAttribute(name: string, value: Attribute, names: Names): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) })
  if (isSubgraph(value))
    return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: encodeSubgraph(value, names) })
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) })
}

function encodeSubgraph({ name, inputs, outputs, scope }: Subgraph, names: Names): GraphProto {
  return create(GraphProtoSchema, {
    name,
    node: scope.nodes.map((node) => encodeNode(node, names)),
    input: inputs.map((tensor) => encodeValue({ tensor }, names)),
    output: outputs.map((tensor) => encodeValue({ tensor }, names)),
  })
}

function encodeValue({ tensor, description }: Described, names: Names): ValueInfoProto {
  const { dtype, shape } = tensor
  return create(ValueInfoProtoSchema, {
    name: nameOf(tensor, names),
    ...(description !== undefined && { docString: description }),
    type: create(TypeProtoSchema, {
      value: {
        case: 'tensorType',
        value: create(TypeProto_TensorSchema, {
          elemType: dataTypes[dtype],
          shape: create(TensorShapeProtoSchema, { dim: shape.map(encodeDimension) }),
        }),
      },
    }),
  })
}

function encodeDimension(dim: Dim) {
  return create(TensorShapeProto_DimensionSchema, {
    value: isConstant(dim) ? { case: 'dimValue', value: BigInt(dim) } : { case: 'dimParam', value: formatDim(dim) },
  })
}

function encodeTensor({ tensor, elements }: Stored, names: Names): TensorProto {
  const { dtype, shape } = tensor
  return create(TensorProtoSchema, {
    name: nameOf(tensor, names),
    dataType: dataTypes[dtype],
    dims: shape.map((dim) => BigInt(dim as number)),
    rawData: littleEndian(dtype, elements),
  })
}

function littleEndian(dtype: OnnxType, elements: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const width = { f32: 4, i32: 4, i64: 8, bool: 1 }[dtype]
  const bytes = new Uint8Array(elements.length * width)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < elements.length; at++) {
    const value = elements[at]!
    if (dtype === 'f32') view.setFloat32(at * 4, value, true)
    else if (dtype === 'i32') view.setInt32(at * 4, value, true)
    else if (dtype === 'i64') view.setBigInt64(at * 8, BigInt(value), true)
    else bytes[at] = value
  }
  return bytes
}
