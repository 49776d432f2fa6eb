import { shapeEqual } from '../../dimensions/dimension.ts'
import type { Tensor } from '../onnx-graph.ts'
import type { Translation } from '../translation.ts'
import { whole } from '../view.ts'
import { padding } from './convolution.ts'

const pool_max: Translation<'pool_max'> = (node, context) => {
  const { value, layouts, writer } = context
  const { strides, low, size, window, dilation } = node.attributes
  const view = value(node.inputs[0]!)
  const [first, ...spatial] = view.shape
  // ONNX has two axes before the spatial ones: those the first was made of, if there are two.
  const source = view.tensor.reshapedFrom ?? view.tensor
  const two = source.shape.length === spatial.length + 2 && shapeEqual(source.shape.slice(2), spatial)
  const leading = two ? source.shape.slice(0, 2) : [first!, 1]
  const x: Tensor = layouts.exact(layouts.reshape(view, [...leading, ...spatial]))
  const extents = window.map((length, axis) => (length - 1) * dilation[axis]! + 1)
  const windows = { strides, low, size, window: extents, mostPadding: window.map((length) => length - 1) }
  const fit = padding(x, windows, Number.NEGATIVE_INFINITY, context)
  const attributes = {
    kernel_shape: window,
    strides,
    ...(dilation.some((apart) => apart !== 1) && { dilations: dilation }),
    ...(fit.pads.some((amount) => amount !== 0) && { pads: fit.pads }),
  }
  const result = writer.emit('MaxPool', [fit.tensor], attributes, { dtype: 'f32', shape: [...leading, ...size] })
  return layouts.reshape(whole(result), node.type.shape)
}

export const pooling = { pool_max }
