import type { Translation } from '../translation.ts'
import { filled } from './movement.ts'

const input: Translation<'input'> = (node, { outside }) => outside('input', node.attributes.name)

const variable: Translation<'variable'> = (node, { outside }) => outside('variable', node.attributes.name)

const hyper: Translation<'hyper'> = (node, { outside }) => outside('hyper', node.attributes.name)

const constant: Translation<'constant'> = (node, context) =>
  filled(node.attributes.dtype, node.attributes.value, [], context)

export const leaves = { input, variable, hyper, constant }
