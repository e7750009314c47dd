// What the downloader asks of the file system; a test puts a disk of its own in its place.

import { constants, copyFile, type FileHandle, link, open, statfs } from 'node:fs/promises'

/** The file system, as far as a full disk matters. */
export interface Disk {
  /** Bytes that may still be written to the file system of a folder. */
  freeBytes(folder: string): Promise<number>
  /** Writes a whole piece at a position. */
  write(file: FileHandle, bytes: Uint8Array, position: number): Promise<void>
}

/** The disk of this machine. */
export const systemDisk: Disk = {
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  },
  async write(file, bytes, position) {
    for (let at = 0; at < bytes.length; ) {
      at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
    }
  },
}

/** Gives a file a second name, or copies it where the file systems differ or know no such thing. The name must be new. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  }
}

/** Makes names in a folder last over a power cut. Windows cannot open a folder, and needs no such thing. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
