import type { Translation } from '../translation.ts'
import { whole } from '../view.ts'
import { padding, pooledAxes } from './convolution.ts'

const pool_max: Translation<'pool_max'> = (node, context) => {
  const { value, layouts, writer } = context
  const { strides, low, size, window, dilation } = node.attributes
  const view = value(node.inputs[0]!)
  const x = pooledAxes(view, view.shape, layouts)
  const extents = window.map((length, axis) => (length - 1) * dilation[axis]! + 1)
  const windows = { strides, low, size, window: extents, mostPadding: window.map((length) => length - 1) }
  const fit = padding(x, windows, Number.NEGATIVE_INFINITY, context)
  const attributes = {
    kernel_shape: window,
    strides,
    ...(dilation.some((apart) => apart !== 1) && { dilations: dilation }),
    ...(fit.pads.some((amount) => amount !== 0) && { pads: fit.pads }),
  }
  const result = writer.emit('MaxPool', [fit.tensor], attributes, {
    dtype: 'f32',
    shape: [...x.shape.slice(0, 2), ...size],
  })
  return layouts.reshape(whole(result), node.type.shape)
}

export const pooling = { pool_max }
