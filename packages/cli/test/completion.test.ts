// What shells are offered. bash itself completes here; zsh and fish check the syntax where they are, and else the quoting is counted.

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { fak, scratchFolder } from './harness.js'

const has = (shell: string) => spawnSync(shell, ['--version']).status === 0
const folder = scratchFolder()
const scripts: Record<string, string> = {}

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await fak(['completion', shell])
    expect([code, stderr]).toEqual([0, ''])
    scripts[shell] = stdout
    writeFileSync(join(folder, shell), stdout)
  }
  mkdirSync(join(folder, 'models', 'a folder'), { recursive: true })
  writeFileSync(join(folder, 'models', 'tiny model.gguf'), '')
})

describe.runIf(has('bash'))('bash', () => {
  /** What is offered for the last of the words. */
  const offered = (...words: string[]): string[] => {
    const list = ['fak', ...words].map((word) => `'${word}'`).join(' ')
    const script = `source ../bash; COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _fak; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], {
      cwd: join(folder, 'models'),
      encoding: 'utf8',
    })
    // compopt works only while bash completes for real.
    expect([status, stderr.replace(/^.*compopt: not currently executing completion function\n/gm, '')]).toEqual([0, ''])
    return stdout.split('\n').filter((line) => line !== '')
  }

  it.each([
    [['ch'], ['chat']],
    [['in'], ['inspect', 'info']],
    [['--ver'], ['--version']],
    [['chat', '--kv'], ['--kv-cache']],
    [
      ['chat', '--kv-cache', ''],
      ['f32', 'f16', 'q8_0'],
    ],
    [
      ['chat', '--kv-cache', '=', 'f'],
      ['f32', 'f16'],
    ],
    [
      ['chat', '--kv-cache', '='],
      ['f32', 'f16', 'q8_0'],
    ],
    [['chat', '--executor', 'n'], ['native']],
    [['chat', '-m', 'ti'], ['tiny model.gguf']],
    [['bench', '-n', ''], []],
    [
      ['inspect', ''],
      ['a folder', 'tiny model.gguf'],
    ],
    [['inspect', '--hash', 'sha'], []],
    [
      ['tokenize', '--special', ''],
      ['none', 'all'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [
      ['help', 'comp'],
      ['compare', 'completion'],
    ],
  ])('offers for %j', (words, expected) => {
    expect(offered(...words).sort()).toEqual([...expected].sort())
  })

  it('offers every option that help shows', async () => {
    for (const command of ['chat', 'eval', 'bench', 'inspect', 'edit', 'convert', 'compare', 'info', 'tokenize']) {
      const { stdout } = await fak([command, '--help'])
      const shown = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag)
      expect(offered(command, '-')).toEqual(expect.arrayContaining(shown))
    }
  })
})

describe.each(['zsh', 'fish'])('%s', (shell) => {
  it('is sound as far as can be told here', () => {
    if (has(shell)) return expect(spawnSync(shell, ['-n', join(folder, shell)]).status).toBe(0)
    // Outside of single quotes nothing is left that would open a string or an expansion.
    const stripped = scripts[shell]!.replace(/^#.*$/gm, '').replace(shell === 'fish' ? /\\'/g : /'\\''/g, '')
    const outside = stripped.replace(/'[^']*'/g, '')
    expect(outside).not.toContain("'")
    if (shell === 'fish') expect(outside).not.toMatch(/["$()\\]/)
  })

  it('knows every command, its options, choices and files', () => {
    const script = scripts[shell]!
    for (const command of ['chat', 'bench', 'inspect', 'convert', 'completion', 'help'])
      expect(script).toContain(command)
    if (shell === 'zsh') {
      expect(script).toContain(`'(-m --model)'{-m,--model}'[`)
      expect(script).toMatch(/--kv-cache'\[[^']*\]:value:\(f32 f16 q8_0\)'/)
      expect(script).toMatch(/inspect\) .*'\*:value:_files'/)
    } else {
      expect(script).toMatch(/seen_subcommand_from chat' -s m -l model -r -F -d '/)
      expect(script).toMatch(/seen_subcommand_from chat' -l kv-cache -r -f -a 'f32 f16 q8_0' -d '/)
      expect(script).toMatch(/seen_subcommand_from inspect' -F$/m)
    }
  })
})

it('an unknown shell is refused with those there are', async () => {
  const { code, stderr } = await fak(['completion', 'tcsh'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/Allowed choices are bash, zsh, fish/)
})
