import { describe, expect, it } from 'vitest'
import { fak, fixture } from './harness.js'

describe('wrong usage: exit 2 and one line', () => {
  it.each([
    [['chta'], /unknown command 'chta' \(Did you mean chat\?\) \(try: fak --help\)/],
    [['help', 'chta'], /unknown command 'chta' \(Did you mean chat\?\)/],
    [['chat', '--temprature', '1'], /--temprature' \(Did you mean --temperature\?\) \(try: fak chat --help\)/],
    [['eval', '--id', '1'], /Did you mean --ids\?/],
    [['chat', '-p'], /argument missing/],
    [['chat', '--json=yes', '-p', 'x'], /--json=yes/],
    [['chat', '-p', 'x', 'extra'], /too many arguments/],
    [['chat', '-p', 'x', '--temp', '--json'], /'--json' is invalid/],
    [['chat', '-p', 'x', '--temp', '2.1'], /Allowed: 0 to 2/],
    [['chat', '-p', 'x', '--temp', 'NaN'], /Allowed: 0 to 2/],
    [['chat', '-p', 'x', '--top-p', '0'], /Allowed: above 0, at most 1/],
    [['chat', '-p', 'x', '--top-k', '1.5'], /an integer from 0/],
    [['chat', '-p', 'x', '--seed', '-1'], /an integer from 0/],
    [['chat', '-p', 'x', '-n', '0'], /an integer from 1/],
    [['chat', '-p', 'x', '--stop', ''], /1 to 256 characters/],
    [['chat', '-p', 'x', '--context', '0'], /an integer from 1/],
    [
      ['chat', '-p', 'x', '--speculate', 'mtp', '-m', fixture('demo/demo-Q4_K_M.gguf')],
      /no draft head: the file has no nextn block/,
    ],
    [['chat', '-m', 'hf:owner', '-p', 'x'], /no repository: an owner and a name are needed/],
    [['chat', '-m', 'hf:owner/repo:Q4', '-p', 'x', '--pull', '--offline'], /exclude each other/],
    [['chat', '-m', 'hf:owner/repo:Quark', '-p', 'x'], /neither a stored type such as Q4_K_M nor a \.gguf file/],
    [['chat', '-m', '', '-p', 'x'], /empty string/],
    [['chat', '-p', 'x', '--executor', 'webgpu'], /Allowed: native, reference/],
    [['chat', '-p', 'x', '--executor', 'reference', '--isa', 'scalar'], /needs the native executor/],
    [['chat', '-p', 'x', '--executor', 'reference', '--threads', '2'], /one thread/],
    [['chat', '-p', 'x', '--isa', 'mmx'], /isa must be one of .*scalar.* got "mmx"/],
    [['eval'], /give --ids or --text/],
    [['eval', '--ids', '1,x'], /such as 1,2,3/],
    [['eval', '--ids', ''], /such as 1,2,3/],
    [['inspect'], /missing required argument/],
    [['tokenize', 'x', '--special', 'some'], /Allowed: none, all/],
  ])('%j', async (argv, message) => {
    const { code, stdout, stderr } = await fak(argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^fak: .*\(try: fak.*--help\)\n$/)
  })

  it.each(['0', '-1', '1.5', 'abc', '1e9', ' 2', ''])('--threads %j shows the allowed range', async (threads) => {
    const { code, stderr } = await fak(['chat', '-p', 'x', '--threads', threads])
    expect(code).toBe(2)
    expect(stderr).toContain('Allowed: an integer from 1 to 1024')
  })

  it('names a malformed environment variable', async () => {
    for (const [env, line] of [
      [{ FAK_THREADS: 'x' }, /FAK_THREADS is "x".*1 to 1024/],
      [{ FAK_ISA: 'mmx' }, /FAK_ISA must be one of scalar.*"mmx"/],
    ] as const) {
      const { code, stderr } = await fak(['chat', '-p', 'x'], { env })
      expect(code).toBe(2)
      expect(stderr).toMatch(line)
    }
  })

  it('never lets an argument act on the terminal, however long it is', async () => {
    const { code, stderr } = await fak(['chat', `--\u001b[31m${'x'.repeat(1 << 20)}\n\u0007`])
    expect(code).toBe(2)
    expect(stderr.length).toBeLessThan(1000)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    expect(stderr.slice(0, -1)).not.toMatch(/[\u0000-\u001f]/)
  })
})

describe('help', () => {
  it.each([['--help'], ['help'], []])('fak %s', async (...argv) => {
    const { code, stdout, stderr } = await fak(argv)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const command of ['chat', 'eval', 'bench', 'inspect', 'tokenize', 'info']) expect(stdout).toContain(command)
    expect(stdout).toContain('Exit codes')
    expect(stdout).not.toContain('\u001b')
  })

  it('is one screen for the program, in groups', async () => {
    const { stdout } = await fak(['--help'])
    expect(stdout.split('\n').length).toBeLessThanOrEqual(44)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    for (const group of ['Use a model:', 'Model files:', 'This machine:']) expect(stdout).toContain(`\n${group}\n`)
    expect(stdout).not.toContain('\nMore:\n')
  })

  it('of every command says how it is used and ends with examples', async () => {
    const { stdout } = await fak(['--help'])
    const commands = [...stdout.matchAll(/^ {2}(\w+) \[options\]/gm)].map(([, name]) => name!)
    expect(commands.length).toBeGreaterThanOrEqual(10)
    for (const command of commands) {
      const { code, stdout } = await fak([command, '--help'])
      expect(code).toBe(0)
      expect(stdout).toMatch(new RegExp(`^Usage: fak ${command}`))
      expect(stdout).toMatch(new RegExp(`\nExamples:\n(.*\n)*?.*fak ${command}`))
      expect(await fak(['help', command])).toMatchObject({ code: 0, stdout })
    }
  })

  it('groups the options of chat', async () => {
    const { stdout } = await fak(['chat', '--help'])
    for (const group of ['Thinking:', 'Conversation:', 'Sampling:', 'Execution:'])
      expect(stdout).toContain(`\n${group}\n`)
  })

  it('prints the version', async () => {
    expect((await fak(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
