import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openGguf } from '@fak/gguf/node'
import { describe, expect, it } from 'vitest'
import { fak, fixture, scratchFolder } from './harness.js'

const folder = scratchFolder()
const floats = (path: string) => {
  const bytes = readFileSync(path)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}
const json = async (...argv: string[]) => {
  const ran = await fak(['compare', ...argv, '--json'])
  return { ...ran, found: ran.code === 2 ? undefined : JSON.parse(ran.stdout) }
}
const odd = fixture('models/odd/model.f32.gguf')
const ids = '5,17,3,42,8'

/** A copy of the odd model with some numbers of one tensor changed. */
async function changed(tensor: string, change: (values: Float32Array) => void): Promise<string> {
  const bytes = readFileSync(odd)
  const file = await openGguf(odd)
  const { offset, byteLength } = file.tensors.get(tensor)!
  await file.close()
  const values = new Float32Array(new Uint8Array(bytes.subarray(offset, offset + byteLength)).buffer)
  change(values)
  bytes.set(new Uint8Array(values.buffer), offset)
  const path = join(folder, `${tensor}.${change.length}.gguf`)
  writeFileSync(path, bytes)
  return path
}

describe('fak compare', () => {
  it('finds no drift in the demo model, and says where it comes nearest', async () => {
    const { code, stdout, stderr } = await fak(['compare'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^kind +ops +own, largest +rms +at\n/)
    expect(stdout).toMatch(/^gatedDelta +3 +\S+e-7 /m)
    expect(stdout).toMatch(
      /^no op drifts: 72 ops, accumulated error \S+ at lm_head\nnearest to drifting: layers\.\S+, linear /m,
    )
    expect(stderr).toMatch(/^demo: reference, 1 thread \(a\), and native, \w+, \d+ threads? \(b\), \d+ tokens\n$/)
  })

  it('finds the same bits in two instruction sets, in decode steps', async () => {
    const argv = ['-m', fixture('quantized/quant-256.q4_k_m.gguf'), '--ids', ids, '--chunk', '2', '--threads', '2']
    const { code, found } = await json(...argv, '--a', 'native:scalar', '--b', 'native', '--all')
    expect(code).toBe(0)
    expect(found.suspect ?? found.drift).toBeUndefined()
    expect(found.a.executor).toBe('native, scalar, 2 threads')
    expect(
      found.ops.every((op: { tolerance: number; own: { differing: number } }) => op.tolerance + op.own.differing === 0),
    ).toBe(true)
  })

  it('runs both sides with the cache asked for', async () => {
    const logits = []
    for (const type of ['f32', 'f16', 'q8_0']) {
      const argv = ['--ids', '97,11,187,42', '--chunk', '1', '--kv-cache', type, '--tap', 'logits']
      const { code, found } = await json(...argv)
      expect([code, found.kvCache]).toEqual([0, type])
      const [a, b] = found.taps
      expect([a.side, b.side]).toEqual(['a', 'b'])
      logits.push(a.first, b.first)
      expect((await json(...argv, '--a', 'native:scalar', '--b', 'native')).code).toBe(0)
    }
    // Each type rounds otherwise, on either side.
    expect(new Set(logits.map(String)).size).toBe(6)
    expect((await fak(['compare', '--kv-cache', 'q4_0'])).code).toBe(2)
  })

  it('judges the ops of a mixture of experts', async () => {
    const { code, found } = await json('-m', fixture('models/moe-r3/model.f32.gguf'), '--ids', ids)
    expect(code).toBe(0)
    const kinds = found.kinds.map(({ kind }: { kind: string }) => kind)
    expect(kinds).toEqual(expect.arrayContaining(['route', 'expertLinear', 'combineExperts', 'gatedAdd']))
    for (const { kind, error } of found.kinds) expect(error, kind).toBeLessThan(2e-6)
  })

  it.each(['tied', 'untied-r3', 'odd', 'moe-r3'])(
    'takes a checkpoint and its GGUF file for one model: %s',
    async (name) => {
      const model = fixture(`models/${name}`)
      for (const [a, b] of [
        [model, join(model, 'model.f32.gguf')],
        [join(model, 'model.f32.gguf'), model],
      ]) {
        const { code, found } = await json('-m', a!, '--with', b!, '--ids', ids, '--all', '--tolerance', '1e-6')
        expect(found.drift).toBeUndefined()
        expect(code).toBe(0)
        // Value heads of the r3 model stand in another order in the two files, and nothing else tells that they were put right.
        const delta = found.ops.filter((op: { kind: string }) => op.kind === 'gatedDelta')
        expect(delta.length).toBeGreaterThan(0)
        for (const { accumulated } of delta) expect(accumulated.error).toBeLessThan(1e-5)
      }
    },
  )

  it('names the op whose weights are other ones, and not those after it', async () => {
    const other = await changed('blk.1.ffn_up.weight', (values) => {
      values[3]! += 0.5
    })
    for (const executor of ['native', 'reference']) {
      const argv = ['-m', odd, '--with', other, '--ids', ids, '--b', executor]
      const { code, found } = await json(...argv, '--all')
      expect(code).toBe(1)
      expect(found.drift).toMatchObject({ label: 'layers.1.mlp.up_proj', kind: 'linear', dtypes: ['F32'] })
      expect(found.drift.own.at.column).toBe(0)
      const wrong = found.ops.filter((op: { own: { error: number } }) => op.own.error > 1e-6)
      expect(wrong).toHaveLength(1)
      const people = await fak(['compare', ...argv])
      expect(people.code).toBe(1)
      expect(people.stdout).toMatch(
        /^layers\.1\.mlp\.up_proj drifts: linear F32, own error \S+, allowed 2\.0e-5\n {2}position \d, column 0: expected \S+, got \S+\n/m,
      )
      expect(people.stderr.split('\n')).toHaveLength(2)
    }
  })

  it('names the op that gives a value that is not finite', async () => {
    const other = await changed('blk.0.post_attention_norm.weight', (values) => values.fill(NaN, 1, 2))
    const { code, found } = await json('-m', odd, '--with', other, '--ids', ids)
    expect(code).toBe(1)
    expect(found.nonFinite).toMatchObject({ label: 'layers.0.post_attention_layernorm', side: 'b' })
    const people = await fak(['compare', '-m', odd, '--with', other, '--ids', ids])
    expect(people.stdout).toContain('gives a value that is not finite on side b alone; nothing after it was compared')
  })

  it('goes by the tolerance given', async () => {
    const model = fixture('quantized/quant-256.q4_k_m.gguf')
    const strict = await json('-m', model, '--ids', ids, '--tolerance', '1e-4')
    expect(strict.code).toBe(1)
    expect(strict.found.drift).toMatchObject({ kind: 'linear', tolerance: 1e-4 })
    const grown = await json('-m', model, '--ids', ids, '--accumulated', '1e-4')
    expect(grown.code).toBe(1)
    expect(grown.found.drift).toBeUndefined()
    expect(grown.found.grown.label).toBe(grown.found.suspect.label)
    expect((await fak(['compare', '-m', model, '--ids', ids, '--accumulated', '1e-4'])).stdout).toContain(
      'is beyond what is allowed',
    )
  })

  it('refuses files that are not of one model', async () => {
    const { code, stderr } = await fak(['compare', '-m', odd, '--with', fixture('models/tied'), '--ids', '1'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/not of one model.*\[COMPARE_MISMATCH\]\n$/)
  })
})

describe('fak compare --against', () => {
  const { prompt, hidden: shape } = JSON.parse(readFileSync(fixture('models/odd/oracle.json'), 'utf8')) as {
    prompt: number[]
    hidden: number[]
  }
  const [values, tokens, hidden] = shape as [number, number, number]
  const oracle = floats(fixture('models/odd/hidden.f32'))
  const size = tokens * hidden
  const argv = ['-m', odd, '--ids', prompt.slice(0, tokens).join(',')]
  const written = (name: string, numbers: Float32Array) => {
    const path = join(folder, name)
    writeFileSync(path, new Uint8Array(numbers.buffer))
    return path
  }

  it('agrees with what HF transformers computed, in every executor', async () => {
    for (const b of ['native', 'reference']) {
      const { code, found } = await json(
        ...argv,
        '--against',
        fixture('models/odd/hidden.f32'),
        '--b',
        b,
        '--tolerance',
        '1e-4',
      )
      expect(code).toBe(0)
      expect(found.layers.map(({ label }: { label: string }) => label)).toEqual([
        'embed_tokens',
        ...Array.from({ length: values - 2 }, (_, i) => `layers.${i}`),
        'norm',
      ])
    }
    // As `hidden_states` of transformers has it: the last layer's output only after the final norm.
    const short = Float32Array.from([
      ...oracle.subarray(0, (values - 2) * size),
      ...oracle.subarray((values - 1) * size),
    ])
    const { code, stdout } = await fak(['compare', ...argv, '--against', written('short.f32', short)])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^norm +\S+e-\d/m)
    expect(stdout).toContain('every value agrees within 0.001')
  })

  it('names the first layer that does not agree, and where', async () => {
    const wrong = oracle.slice()
    wrong[3 * size + 2 * hidden + 1]! += 9
    const path = written('wrong.f32', wrong)
    const { code, found } = await json(...argv, '--against', path)
    expect(code).toBe(1)
    expect(found.drift).toMatchObject({ label: 'layers.2', accumulated: { at: { row: 2, column: 1 } } })
    const people = await fak(['compare', ...argv, '--against', path])
    expect(people.code).toBe(1)
    expect(people.stdout).toMatch(/^layers\.2 is the first beyond 0\.001\n {2}position 2, column 1: expected/m)
  })

  it('refuses a file of another size', async () => {
    const path = written('cut.f32', oracle.slice(1))
    const { code, stderr } = await fak(['compare', ...argv, '--against', path])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /cut\.f32: has \d+ bytes; f32 values of these tokens take \d+ \(.*\) or \d+ \(.*\) \[COMPARE_BAD_FILE\]\n$/,
    )
    expect((await fak(['compare', ...argv, '--against', join(folder, 'none')])).stderr).toContain('[FILE_NOT_FOUND]')
  })
})

describe('fak compare --tap', () => {
  it('shows values of both sides and writes those of side b', async () => {
    const file = join(folder, 'layer.f32')
    const argv = ['-m', odd, '--ids', ids, '--chunk', '3', '--tap', `layers.2=${file}`, '--tap', 'logits']
    const { code, found } = await json(...argv, '--tap', 'norm.weight')
    expect(code).toBe(0)
    const { hidden } = await openedShape()
    expect(found.taps.map((tap: { label: string; side: string }) => `${tap.label} ${tap.side}`)).toEqual(
      ['a', 'b'].flatMap((side) => ['layers.2', 'logits', 'norm.weight'].map((label) => `${label} ${side}`)),
    )
    const values = floats(file)
    const tap = found.taps.find((t: { label: string; side: string }) => t.label === 'layers.2' && t.side === 'b')
    expect(tap.shape).toEqual([5, hidden])
    expect(values).toHaveLength(5 * hidden)
    expect(tap.max).toBe(Math.max(...values))
    expect(tap.min).toBe(Math.min(...values))
    expect(tap.rms).toBeCloseTo(Math.hypot(...values) / Math.sqrt(values.length), 5)
    expect(tap.first).toEqual([...values.subarray(0, 6)])
    const { stdout } = await fak(['compare', ...argv])
    expect(stdout).toMatch(/^value +side +shape +min +max +mean +rms +first\nlayers\.2 +a +\[5, \d+\] /m)
  })

  it('refuses an unknown label with those that are near', async () => {
    const { code, stderr } = await fak(['compare', '-m', odd, '--ids', ids, '--tap', 'layer.2'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/no activation has the label "layer\.2"; the nearest are "layers\.2"/)
  })

  async function openedShape() {
    const file = await openGguf(odd)
    await file.close()
    return { hidden: file.tensors.get('output_norm.weight')!.shape[0]! }
  }
})

describe('fak compare, used wrongly or stopped', () => {
  it.each([
    [['--ids', '1', '--text', 'x'], /--ids or --text, not both/],
    [['--text', ''], /the text has no tokens/],
    [['--a', 'webgpu'], /Allowed: native, reference, or native:ISA/],
    [['--b', 'reference:scalar'], /Allowed: native, reference/],
    [['--b', 'native:'], /Allowed: native, reference/],
    [['--b', 'native:mmx'], /isa must be one of/],
    [['--chunk', '0'], /an integer from 1/],
    [['--tolerance', '-1'], /Allowed: 0 to/],
    [['--against', 'x', '--a', 'native'], /--a has no meaning with --against/],
    [['--against', 'x', '--with', 'y'], /--with has no meaning with --against/],
    [['--against', 'x', '--all'], /--all has no meaning with --against/],
    [['--tap', '=x'], /--tap needs LABEL/],
  ])('%j', async (argv, message) => {
    const { code, stdout, stderr } = await fak(['compare', ...argv])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  it('refuses more tokens than the model was made for', async () => {
    const { code, stderr } = await fak(['compare', '--ids', Array(5000).fill('1').join(',')])
    expect(code).toBe(2)
    expect(stderr).toMatch(/5000 tokens are more than the \d+ the model was made for/)
  })

  it('ends with 130 at Ctrl-C', async () => {
    // The reference executor takes seconds for as many tokens, so the signal meets it at work.
    const running = fak(['compare', '--ids', Array(400).fill('7').join(',')], {
      onStart: (control) => setTimeout(() => control.signal('SIGINT'), 300),
    })
    const { code, stdout, stderr } = await running
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: '' })
  })
})
