import { describe, expect, test } from 'vitest'
import { checkText, codesOf, entryOf, inferText, outputType, programOf, variablesOf } from './check-text.ts'

const typeOf = (inputs: string, body: string, before = ''): string => {
  const text = `${before}\ninfer f(${inputs}) {\n  return ${body}\n}`
  return outputType(programOf(text), 'f')
}

describe('types of expressions', () => {
  test.each([
    ['x: f32[B, 1, 4], y: f32[3, 1]', 'x + y', 'f32[B, 3, 4]'],
    ['x: f32[B, 4]', '2 * x', 'f32[B, 4]'],
    ['x: f32[B, 4]', 'x > 0.0', 'bool[B, 4]'],
    ['x: i32[B]', 'x * 2', 'i32[B]'],
    ['x: i32[B]', 'x / 2', 'f32[B]'],
    ['x: f32[B, 4], w: f32[4, 7]', 'x @ w', 'f32[B, 7]'],
    ['x: f32[B, 5, 4], w: f32[4, 7]', 'x @ w', 'f32[B, 5, 7]'],
    ['x: f32[B, 5, 4], y: f32[B, 4, 6]', 'x @ y', 'f32[B, 5, 6]'],
    ['x: f32[4], y: f32[4]', 'x @ y', 'f32[]'],
    ['x: f32[B, 4]', 'sum(x)', 'f32[]'],
    ['x: f32[B, 4]', 'mean(x, axis = -1)', 'f32[B]'],
    ['x: f32[B, 4]', 'max(x, axis = 0)', 'f32[4]'],
    ['x: f32[B, 4]', 'argmax(x)', 'i32[B]'],
    ['x: f32[B, 3, 4]', 'flatten(x, from = 1)', 'f32[B, 12]'],
    ['x: f32[B, 3, 4]', 'flatten(x)', 'f32[12 * B]'],
    ['x: f32[B, 12]', 'reshape(x, [B, 3, -1])', 'f32[B, 3, 4]'],
    ['x: f32[B, 3, 4]', 'transpose(x)', 'f32[B, 4, 3]'],
    ['x: f32[B, 3, 4]', 'transpose(x, [2, 0, 1])', 'f32[4, B, 3]'],
    ['x: f32[B, 3]', 'expand_dims(x, 1)', 'f32[B, 1, 3]'],
    ['x: f32[B, 3], y: f32[B, 4]', 'concat([x, y], axis = 1)', 'f32[B, 7]'],
    ['x: f32[B, 6]', 'split(x, 3)[1]', 'f32[B, 2]'],
    ['t: f32[9, 3], ids: i32[B, T]', 'gather(t, ids)', 'f32[B, T, 3]'],
    ['label: i32[B]', 'one_hot(label, 5)', 'f32[B, 5]'],
    ['x: f32[B, 6]', 'x[..., 1:4]', 'f32[B, 3]'],
    ['x: f32[B, 6]', 'x[0]', 'f32[6]'],
    ['x: f32[B, 6]', 'rearrange(x, [b, (h, e)] -> [h, b, e], h = 2)', 'f32[2, B, 3]'],
    ['x: f32[B, 6]', 'rearrange(x, [..., (h, e)] -> [h, ..., e], e = 2)', 'f32[3, B, 2]'],
    ['x: f32[B, 6]', 'if x > 0.0 then x else 0.0', 'f32[B, 6]'],
    ['x: f32[B, 6]', 'float(x > 0.0)', 'f32[B, 6]'],
    ['x: f32[B, 6]', 'gradient(sum(x ^ 3), x)', 'f32[B, 6]'],
    ['x: f32[B, 6]', 'mean(x) * B', 'f32[]'],
    ['x: f32[B, T, 6]', 'x |> softmax', 'f32[B, T, 6]'],
  ])('%s: %s is %s', (inputs, body, type) => {
    expect(typeOf(inputs, body)).toBe(type)
  })
})

describe('mistakes in expressions', () => {
  test.each([
    ['x: f32[3], y: f32[4]', 'x * y', 'NN0203'],
    ['x: f32[B, 3], y: f32[T, 3]', 'x * y', 'NN0203'],
    ['x: f32[B, 4], w: f32[5, 7]', 'x @ w', 'NN0203'],
    ['x: f32[B], n: i32[B]', 'x + n', 'NN0205'],
    ['n: i32[B]', 'n + 0.5', 'NN0205'],
    ['x: f32[B, 7]', 'split(x, 2)', 'NN0203'],
    ['x: f32[B, 4]', 'mean(x, axis = 2)', 'NN0204'],
    ['x: f32[B, 4]', 'reshape(x, [B, 5])', 'NN0203'],
    ['x: f32[B, 4]', 'x[:, 4]', 'NN0222'],
    ['x: f32[B, 4]', 'x[7]', 'NN0222'],
  ])('%s: %s', (inputs, body, code) => {
    expect(codesOf(inferText(inputs, 'f32', body))).toContain(code)
  })
})

describe('sizes of zero', () => {
  test.each([
    ['x: f32[4, 3]', 'x[2:2]', 'f32[0, 3]'],
    ['x: f32[4, 3]', 'concat([x[0:0], x])', 'f32[4, 3]'],
    ['x: f32[4, 3]', 'sum(x[1:1], axis = 0)', 'f32[3]'],
    ['x: f32[B, 0]', 'max(x, axis = 0)', 'f32[0]'],
    ['x: f32[Past, 3]', 'max(x, axis = 0)', 'f32[3]'],
    ['x: f32[Past, 3]', 'x[0:Past]', 'f32[Past, 3]'],
  ])('%s: %s is %s', (inputs, body, type) => {
    expect(outputType(programOf(`dim Past in 0..9\ninfer f(${inputs}) {\n  return ${body}\n}`), 'f')).toBe(type)
  })

  test.each([
    ['x: f32[4, 3]', 'max(x[2:2])'],
    ['x: f32[4, 3]', 'argmin(x[2:2], axis = 0)'],
    ['x: f32[4, 0]', 'min[i](x[0, i])'],
    ['x: f32[Past, 3]', 'x[0]'],
    ['x: f32[Past, 3]', 'x[0:8 / Past]'],
    ['x: f32[Past, 3]', 'x[0:8 % Past]'],
  ])('%s: %s is refused', (inputs, body) => {
    const [code, ...others] = codesOf(`dim Past in 0..9\ninfer f(${inputs}) {\n  return ${body}\n}`)
    expect([code, others]).toEqual([body === 'x[0]' ? 'NN0222' : 'NN0261', []])
  })

  test('a range may begin at 0, not lie the wrong way round', () => {
    const text = (range: string) => `dim N in ${range}\ninfer f(x: f32[N]) {\n  return sum(x)\n}`
    expect(codesOf(text('0..4'))).toEqual([])
    expect(codesOf(text('0..0'))).toEqual(['NN0250'])
    expect(codesOf(text('4..0'))).toEqual(['NN0250'])
  })
})

describe('generic dimensions', () => {
  test('are solved from arithmetic in the signature, in any order', () => {
    const text = `fn pairs(x: f32[2 * N + 1, M], y: f32[M, N]) -> f32[N, M] {
  return transpose(y)
}
infer f(x: f32[7, 5], y: f32[5, 3]) {
  return pairs(x, y)
}`
    expect(outputType(programOf(text), 'f')).toBe('f32[3, 5]')
    expect(codesOf(text.replace('f32[7, 5]', 'f32[8, 5]'))).toContain('NN0203')
  })

  test('`...` must agree among the inputs of a call', () => {
    expect(codesOf(inferText('x: f32[B, 4], y: f32[4]', 'f32', 'mean_squared_error(x, y)'))).toEqual(['NN0203'])
    expect(codesOf(inferText('x: f32[B, 4]', 'f32', 'mean_squared_error(x, 0.0)'))).toEqual([])
  })

  test('a number among tensors of any shape takes theirs', () => {
    expect(outputType(programOf('infer f(x: f32[B, 4]) {\n  return huber(x, 0.0)\n}'), 'f')).toBe('f32[]')
  })

  test('a layer of generic sizes reports its mistakes without being used', () => {
    expect(codesOf('layer L(Out)(x: f32[..., In]) -> f32[..., Out] {\n  return x\n}')).toEqual(['NN0208'])
    expect(codesOf('layer L(Out)(x: f32[..., In]) -> f32[..., Out] {\n  return x |> fc: Linear(Out)\n}')).toEqual([])
  })

  test('`where` decides about divisions of generic sizes', () => {
    const heads = `layer Heads(N)(x: f32[B, D]) -> f32[B, D] where D % N == 0 {
  let h = rearrange(x, [b, (n, e)] -> [b, n, e], n = N)
  return rearrange(h, [b, n, e] -> [b, (n, e)])
}
infer f(x: f32[B, 6]) {
  return x |> Heads(`
    expect(codesOf(`${heads}3)\n}`)).toEqual([])
    expect(codesOf(`${heads}4)\n}`)).toEqual(['NN0207'])
  })
})

describe('settings', () => {
  const text = `const Hidden = 8
const Wide = 2 * Hidden
hyper lr = 0.1
model M(x: f32[Batch, 2]) -> f32[Batch, Wide] {
  return lr * (x |> fc: Linear(Wide))
}`
  test('override constants and defaults of hypers', () => {
    const program = programOf(text, { Hidden: 3, lr: 0.5 })
    expect(variablesOf(program)).toContain('parameter fc.w: f32[6, 2]')
    expect(program.hypers[0]?.default).toBe(0.5)
  })
  test('unknown ones are errors', () => {
    expect(checkText(text, { Hiden: 3 }).diagnostics[0]).toMatchObject({
      code: 'NN0248',
      hint: 'did you mean `Hidden`?',
    })
  })
})

describe('models and parameters', () => {
  test('a model called twice shares its parameters', () => {
    const program = programOf(`model M(x: f32[Batch, 3]) -> f32[Batch, 3] {
  return x |> fc: Linear(3)
}
infer twice(x: f32[Batch, 3]) -> f32[Batch, 3] {
  return M(M(x))
}`)
    expect(variablesOf(program)).toEqual(['parameter fc.w: f32[3, 3]', 'parameter fc.b: f32[3]'])
    const reads = entryOf(program, 'twice').values.filter(
      ({ form }) => form.kind === 'operation' && form.op === 'variable',
    )
    expect(reads).toHaveLength(2)
  })

  test('`use` shares, `repeat` does not, and several models prefix their names', () => {
    const program = programOf(`layer Block()(x: f32[B, C]) -> f32[B, C] {
  return x |> fc: Linear(C, bias = false)
}
model One(x: f32[Batch, 3]) -> f32[Batch, 3] {
  use block = Block()
  return block(block(x)) |> blocks: repeat(2) Block
}
model Two(x: f32[Batch, 3]) -> f32[Batch, 3] {
  return x |> Linear(3, bias = false) |> Linear(3, bias = false)
}`)
    expect(variablesOf(program)).toEqual([
      'parameter One.block.fc.w: f32[3, 3]',
      'parameter One.blocks.0.fc.w: f32[3, 3]',
      'parameter One.blocks.1.fc.w: f32[3, 3]',
      'parameter Two.linear.w: f32[3, 3]',
      'parameter Two.linear2.w: f32[3, 3]',
    ])
  })

  test('two stages of one name are an error', () => {
    expect(
      codesOf('model M(x: f32[Batch, 3]) -> f32[Batch, 3] {\n  return x |> fc: Linear(3) |> fc: Linear(3)\n}'),
    ).toEqual(['NN0202'])
  })

  test('a state read after its update has the new value', () => {
    const program = programOf(`layer Count()(x: f32[B, C]) -> f32[B, C] {
  state n: f32 = 0.0
  update n = n + 1.0
  update n = n + 1.0
  return x * n
}
model M(x: f32[Batch, 3]) -> f32[Batch, 3] {
  return x |> count: Count
}`)
    const entry = entryOf(program, 'M')
    expect(entry.updates.map(({ variable }) => variable)).toEqual(['count.n'])
    expect(entry.values.filter(({ form }) => form.kind === 'operation' && form.op === 'variable')).toHaveLength(1)
    expect(entry.values.filter(({ form }) => form.kind === 'operation' && form.op === 'add')).toHaveLength(2)
  })

  test('a model generic in its features takes their number from its use', () => {
    const program = programOf(`model M(x: f32[Batch, In]) -> f32[Batch, 1] {
  return x |> fc: Linear(1)
}
train fit(x: f32[Batch, 5], y: f32[Batch, 1]) {
  loss mean_squared_error(M(x), y)
  optimizer sgd(0.1)
}`)
    expect(outputType(program, 'M')).toBe('f32[Batch, 1]')
    expect(variablesOf(program)).toContain('parameter fc.w: f32[1, 5]')
  })
})

test.each([
  ['small', 1, 'f32[2]'],
  ['middle', 2, 'f32[2, 1]'],
  ['large', 3, 'f32[1, 2]'],
  ['else', 4, 'f32[2, 2]'],
])('a chain of conditions: %s', (_, n, type) => {
  const program = programOf(`fn pick(x: f32[2], n: int) {
  when n == 1 {
    return x
  } else when n == 2 {
    return expand_dims(x, axis = 1)
  } else when n == 3 {
    return expand_dims(x, axis = 0)
  } else {
    return stack([x, x])
  }
}
infer f(x: f32[2]) -> ${type} {
  return pick(x, ${n})
}`)
  expect(outputType(program, 'f')).toBe(type)
})
