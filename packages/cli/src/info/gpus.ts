// Graphics adapters that the machine has. None is used: there is no executor for them yet, and the list says so.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A graphics adapter. */
export interface Gpu {
  readonly vendor: string
  /** PCI ids, or a name where there is one. */
  readonly device: string
}

/** PCI vendor ids, from the registry of the PCI-SIG. */
const VENDORS: Readonly<Record<string, string>> = {
  '0x10de': 'NVIDIA',
  '0x1002': 'AMD',
  '0x8086': 'Intel',
  '0x106b': 'Apple',
  '0x15ad': 'VMware (virtual)',
  '0x1af4': 'virtio (virtual)',
  '0x1234': 'QEMU (virtual)',
  '0x1414': 'Microsoft (virtual)',
}

/** Adapters found; `null` where this system is not searched. `root` is where `/sys` and `/proc` are. */
export function findGpus(platform: NodeJS.Platform, arch: string, root = '/'): readonly Gpu[] | null {
  if (platform === 'darwin') return arch === 'arm64' ? [{ vendor: 'Apple', device: 'built into the processor' }] : null
  if (platform !== 'linux') return null
  const found: Gpu[] = []
  const pci = join(root, 'sys/bus/pci/devices')
  for (const address of list(pci)) {
    // Class 03: display controllers (PCI Code and ID Assignment Specification).
    if (!read(join(pci, address, 'class')).startsWith('0x03')) continue
    const [vendor, device] = ['vendor', 'device'].map((name) => read(join(pci, address, name)))
    const model = /^Model:\s*(.+)$/m.exec(read(join(root, 'proc/driver/nvidia/gpus', address, 'information')))?.[1]
    found.push({ vendor: VENDORS[vendor!] ?? `PCI vendor ${vendor}`, device: model ?? `PCI device ${device}` })
  }
  return found
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return ''
  }
}
