/** Whether a process of this machine is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // Somebody else's process may not be signalled, but it is there.
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
