/** Runs a program of ours without any network, and records what it asks the kernel for that could carry something off. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const CALLS =
  'socket,connect,bind,sendto,sendmsg,sendmmsg,open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,' +
  'rename,renameat,renameat2,link,linkat,symlink,symlinkat'
/** With those of another user an ordinary one may make a network of his own; root needs none. */
const UNSHARE = ['-n', ...(process.getuid?.() === 0 ? [] : ['-r'])]

const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** Why nothing can be traced here; undefined where it can. */
export function whyNotTraced(): string | undefined {
  if (process.platform !== 'linux') return 'strace and network namespaces are of Linux'
  if (!works('strace', '-f', '-o', '/dev/null', 'true')) return 'strace is not installed or may not be used'
  if (!works('unshare', ...UNSHARE, 'ip', 'link', 'set', 'lo', 'up'))
    return 'no network namespace can be made (unshare of util-linux, ip of iproute2)'
  return undefined
}

export interface Trace {
  status: number | null
  stdout: string
  stderr: string
  /** System calls on IP sockets or asking for an address, as strace words them. */
  internet: string[]
  /** Files and folders that were made or opened for writing. */
  written: string[]
  /** What lies in the folder for temporary files at the end. */
  left: string[]
}

/** A person's machine of which nothing has been used: folders for home, temporary files and work, all empty. */
export class Machine {
  readonly root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-machine-'))
  readonly home = this.folder('home')
  readonly temporary = this.folder('tmp')
  readonly work = this.folder('work')

  private folder(name: string): string {
    const folder = path.join(this.root, name)
    fs.mkdirSync(folder)
    return folder
  }

  /**
   * Runs Node. The environment is bare: ONNX Runtime is silent by itself where it believes to be in a test or on a
   * build server. What `before` starts with may use the loopback interface and is traced from `traced` on.
   */
  run(args: readonly string[], driver: readonly string[] = []): Trace {
    const log = path.join(this.root, 'strace.log')
    const strace = ['strace', '-f', '-y', '-qq', '-s', '512', '-e', `trace=${CALLS}`, '-o', log]
    const command = [...driver, ...strace, process.execPath, ...args]
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      [...UNSHARE, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...command],
      {
        encoding: 'utf8',
        cwd: this.work,
        env: { PATH: process.env.PATH, HOME: this.home, TMPDIR: this.temporary, PARE_NO_OPEN: '1' },
      },
    )
    const calls = whole(fs.readFileSync(log, 'utf8'))
    return {
      status,
      stdout,
      stderr,
      internet: calls.filter((call) => /AF_INET|\/nscd\//.test(call)),
      written: [...new Set(calls.flatMap((call) => writtenBy(call, this.work)))].sort(),
      left: fs.readdirSync(this.temporary),
    }
  }

  remove(): void {
    fs.rmSync(this.root, { recursive: true, force: true })
  }
}

/** One call a line, those joined that another thread interrupted in the record. */
function whole(log: string): string[] {
  const begun = new Map<string, string>()
  return log.split('\n').flatMap((line) => {
    const [, thread, call] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (thread === undefined || call === undefined) return []
    const half = /^(.*) <unfinished \.\.\.>$/.exec(call)?.[1]
    if (half !== undefined) {
      begun.set(thread, half)
      return []
    }
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(call)?.[1]
    return [rest === undefined ? call : (begun.get(thread) ?? '') + rest]
  })
}

/** What a successful call made or opened for writing, as absolute paths. */
function writtenBy(call: string, folder: string): string[] {
  const [, name, args, result] = /^(\w+)\((.*)\) += +(\S+)/.exec(call) ?? []
  if (name === undefined || args === undefined || !result || result.startsWith('-')) return []
  if (/^(open|creat)/.test(name)) {
    if (name !== 'creat' && !/O_(WRONLY|RDWR|CREAT|TRUNC)/.test(args)) return []
    const opened = /<(.*)>/.exec(result)?.[1] ?? ''
    return opened.startsWith('/') ? [opened.replace(/\(deleted\)$/, '')] : []
  }
  if (!/^(mkdir|mknod|rename|link|symlink)/.test(name)) return []
  const paths = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, quoted]) => quoted!)
  return [path.resolve(folder, paths.at(-1)!)]
}
