interface Lock {
  packages: Record<string, { version?: string; integrity?: string; dev?: boolean; devDependencies?: object }>
}

export function shrinkwrapOf<T extends Lock>(lock: T): T

export function pack(into: string): {
  filename: string
  size: number
  unpackedSize: number
  files: { path: string }[]
}
