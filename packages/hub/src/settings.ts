// Where things are, and who may be asked: the environment variables of Hugging Face's own tools, and FAK_HOME.

import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { FakError } from '@fak/tensor'

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_ENDPOINT = 'https://huggingface.co'
/** A token file longer than this holds no token. */
const MAX_TOKEN_CHARACTERS = 4096

/** The folder that holds everything @fak keeps: `FAK_HOME`, else the platform's folder for the data of programs. */
export function fakHome(env: Environment): string {
  if (isSet(env.FAK_HOME)) return resolve(env.FAK_HOME)
  const home = homedir()
  if (process.platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'fak')
  if (process.platform === 'darwin') return join(home, 'Library', 'Application Support', 'fak')
  return join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'fak')
}

/** The cache that Hugging Face's tools share: `HF_HUB_CACHE`, else `hub` in `HF_HOME`. */
export function hfCache(env: Environment): string {
  if (isSet(env.HF_HUB_CACHE)) return resolve(env.HF_HUB_CACHE)
  if (isSet(env.HUGGINGFACE_HUB_CACHE)) return resolve(env.HUGGINGFACE_HUB_CACHE)
  return join(hfHome(env), 'hub')
}

/** `HF_ENDPOINT`, else the hub itself; without a slash at the end. @throws FakError `BAD_ENVIRONMENT` */
export function hfEndpoint(env: Environment): string {
  const text = isSet(env.HF_ENDPOINT) ? env.HF_ENDPOINT : DEFAULT_ENDPOINT
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    // Not quoted: an address may hold a password.
    const reason = 'environment variable HF_ENDPOINT is no plain http or https address, such as https://huggingface.co'
    throw new FakError('BAD_ENVIRONMENT', { reason, field: 'HF_ENDPOINT' })
  }
  return url.href.replace(/\/+$/, '')
}

/** Whether `HF_HUB_OFFLINE` (or `TRANSFORMERS_OFFLINE`) forbids the network. */
export const hfOffline = (env: Environment): boolean => isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE)

/**
 * The access token: `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, else the file that `hf auth login` writes (`HF_TOKEN_PATH`, or `token`
 * in `HF_HOME`), unless `HF_HUB_DISABLE_IMPLICIT_TOKEN` says not to look there.
 *
 * @throws FakError `BAD_ENVIRONMENT` for what cannot be a token; the message does not show it
 */
export async function hfToken(env: Environment): Promise<string | undefined> {
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = env[name]?.trim()
    if (isSet(value)) return checked(value, `environment variable ${name}`, name)
  }
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined
  const file = isSet(env.HF_TOKEN_PATH) ? env.HF_TOKEN_PATH : join(hfHome(env), 'token')
  const text = (await readFile(file, 'utf8').catch(() => '')).trim()
  return text === '' ? undefined : checked(text, `the token file ${file}`, 'token')
}

function checked(token: string, where: string, field: string): string {
  if (token.length <= MAX_TOKEN_CHARACTERS && /^[!-~]+$/.test(token)) return token
  throw new FakError('BAD_ENVIRONMENT', { reason: `${where} does not hold an access token`, field })
}

const hfHome = (env: Environment): string =>
  isSet(env.HF_HOME) ? resolve(env.HF_HOME) : join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface')

const isSet = (value: string | undefined): value is string => value !== undefined && value !== ''
const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '')
