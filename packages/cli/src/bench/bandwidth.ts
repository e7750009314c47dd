// How fast this machine reads memory: threads that search large buffers for a byte that is not there. The search is the C
// library's vectorized memchr, which does nothing but read, so its rate is the memory's.

import { Worker } from 'node:worker_threads'

/** Far more than caches hold, so that every pass comes from memory. */
const BUFFER_BYTES = 256 * 2 ** 20
const PASSES = 5

// Buffers are written first: untouched pages would all be one page of zeros.
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const buffer = Buffer.alloc(workerData.bytes, 1)
  buffer.indexOf(2)
  parentPort.on('message', () => {
    buffer.indexOf(2)
    parentPort.postMessage('read')
  })
  parentPort.postMessage('ready')
`

/** Bytes per second that `threads` threads read together: the best of several passes over 256 MiB shared out among them. */
export async function measureBandwidth(threads: number): Promise<number> {
  const share = Math.floor(BUFFER_BYTES / threads)
  const workers = Array.from(
    { length: threads },
    () => new Worker(WORKER, { eval: true, workerData: { bytes: share } }),
  )
  const all = (act: (worker: Worker) => void) =>
    Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            worker.once('message', () => resolve())
            worker.once('error', reject)
            act(worker)
          }),
      ),
    )
  try {
    await all(() => {})
    let best = 0
    for (let pass = 0; pass < PASSES; pass++) {
      const start = performance.now()
      await all((worker) => worker.postMessage('read'))
      best = Math.max(best, (share * threads * 1000) / (performance.now() - start))
    }
    return best
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
