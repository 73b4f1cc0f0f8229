/** Reading folders that somebody else made: nothing outside them is touched, however links point. */
import fs from 'node:fs/promises'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { naturalOrder } from './names'

export interface Listing {
  folders: string[]
  files: string[]
}

const IGNORED = /^(\.|__MACOSX$|Thumbs\.db$|desktop\.ini$)/i

/** A folder that may be listed, with links kept inside it. */
export class Folder {
  private constructor(
    readonly root: string,
    private readonly real: string,
  ) {}

  /** Throws `data/not-found` or `disk/denied`. */
  static async open(root: string): Promise<Folder> {
    return new Folder(root, await fs.realpath(root).catch((cause: unknown) => refuse(root, cause)))
  }

  /** Names in natural order; hidden files, links that lead outside and special files are left out. */
  async list(folder = this.root): Promise<Listing> {
    const listing: Listing = { folders: [], files: [] }
    const entries = await fs
      .readdir(folder, { withFileTypes: true })
      .catch((cause: unknown) => refuse(folder, cause))
    for (const entry of entries) {
      if (IGNORED.test(entry.name)) continue
      const full = path.join(folder, entry.name)
      const kind = entry.isSymbolicLink() ? await this.behindLink(full) : entry
      if (kind?.isDirectory()) listing.folders.push(entry.name)
      else if (kind?.isFile()) listing.files.push(entry.name)
    }
    listing.folders.sort(naturalOrder)
    listing.files.sort(naturalOrder)
    return listing
  }

  private async behindLink(link: string): Promise<{ isDirectory(): boolean; isFile(): boolean } | undefined> {
    try {
      const target = await fs.realpath(link)
      return this.contains(target) ? await fs.stat(target) : undefined
    } catch {
      return undefined
    }
  }

  private contains(real: string): boolean {
    const relative = path.relative(this.real, real)
    return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative)
  }

  /** A file named by untrusted text, or undefined where it is missing or lies outside. */
  async inside(name: string): Promise<string | undefined> {
    const full = path.resolve(this.root, name)
    const target = await fs.realpath(full).catch(() => undefined)
    return target !== undefined && this.contains(target) ? full : undefined
  }

  /** All files below, as paths relative to the root, in natural order. Links to folders are not followed. */
  async files(keep: (name: string) => boolean, depth = 8): Promise<string[]> {
    const found: string[] = []
    const walk = async (folder: string, left: number): Promise<void> => {
      const { folders, files } = await this.list(path.join(this.root, folder))
      for (const name of files) if (keep(name)) found.push(path.join(folder, name))
      if (left > 0)
        for (const name of folders)
          if (!(await this.isLink(folder, name))) await walk(path.join(folder, name), left - 1)
    }
    await walk('', depth)
    return found
  }

  private async isLink(folder: string, name: string): Promise<boolean> {
    return (await fs.lstat(path.join(this.root, folder, name))).isSymbolicLink()
  }
}

function refuse(where: string, cause: unknown): never {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'ENOENT' || code === 'ENOTDIR')
    throw new PareError('data/not-found', { path: where }, { cause })
  if (code === 'EACCES' || code === 'EPERM') throw new PareError('disk/denied', { path: where }, { cause })
  throw new PareError('data/unreadable', { path: where, reason: (cause as Error).message }, { cause })
}
