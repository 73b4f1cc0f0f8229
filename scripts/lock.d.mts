interface LockedPackage {
  version?: string
  resolved?: string
  integrity?: string
  hasInstallScript?: boolean
  link?: boolean
}
export interface LockFile {
  lockfileVersion: number
  packages: Record<string, LockedPackage>
}
/** What is wrong with a lock file, one sentence each. */
export function faultsOf(lock: LockFile): string[]
/** The same of the checkout, and whether npm is told to run no scripts. */
export function checkLock(): string[]
