/** Resolves when timers, signals and input have had a turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resume) => {
    if (typeof setImmediate === 'function') setImmediate(resume)
    else setTimeout(resume, 0)
  })
}
