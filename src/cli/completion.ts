/** Completion of a command line in four shells, written from the commands themselves. */
import type { Command } from 'commander'

interface Words {
  command: string
  about: string
  options: { flag: string; about: string }[]
}

const wordsOf = (program: Command): Words[] =>
  program.commands.map((command) => ({
    command: command.name(),
    about: firstLine(command.description()),
    options: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, short, description }) => ({ flag: long ?? short!, about: firstLine(description) })),
  }))

const firstLine = (text: string): string => text.split('\n')[0]!
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

function bash(all: readonly Words[]): string {
  const cases = all.map(({ command, options }) => {
    const flags = options.map(({ flag }) => flag).join(' ')
    return `    ${command}) words=${quoted(flags)} ;;`
  })
  return `_pare() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=''
  if [ "$COMP_CWORD" -eq 1 ]; then words=${quoted(all.map(({ command }) => command).join(' '))}; fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ "$COMP_CWORD" -gt 1 ] && [ "\${current#-}" = "$current" ]; then words=''; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _pare pare
`
}

function zsh(all: readonly Words[]): string {
  const described = (word: string, about: string): string => quoted(`${word}:${about.replaceAll(':', ' ')}`)
  const cases = all.map(({ command, options }) => {
    const flags = options.map(({ flag, about }) => described(flag, about)).join(' ')
    return `    ${command}) found=(${flags}) ;;`
  })
  return `#compdef pare
_pare() {
  local command="$words[2]"
  local -a found=()
  if (( CURRENT == 2 )); then
    found=(${all.map(({ command, about }) => described(command, about)).join(' ')})
    _describe command found
    return
  fi
  case "$command" in
${cases.join('\n')}
  esac
  if [[ "$PREFIX" == -* ]]; then _describe option found; else _files; fi
}
compdef _pare pare
`
}

function fish(all: readonly Words[]): string {
  const lines = all.flatMap(({ command, about, options }) => [
    `complete -c pare -n __fish_use_subcommand -f -a ${command} -d ${fishQuoted(about)}`,
    ...options.map(
      ({ flag, about: says }) =>
        `complete -c pare -n '__fish_seen_subcommand_from ${command}' -l ${flag.replace(/^-+/, '')} -d ${fishQuoted(says)}`,
    ),
  ])
  return `${lines.join('\n')}\n`
}

const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

function powershell(all: readonly Words[]): string {
  const list = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(', ')
  const cases = all.map(
    ({ command, options }) => `    '${command}' { @(${list(options.map(({ flag }) => flag))}) }`,
  )
  return `Register-ArgumentCompleter -Native -CommandName pare -ScriptBlock {
  param($word, $line, $position)
  $given = $line.CommandElements
  $words = if ($given.Count -le 1 -or ($given.Count -eq 2 -and $word)) {
    @(${list(all.map(({ command }) => command))})
  } else { switch ($given[1].Value) {
${cases.join('\n')}
  } }
  $words | Where-Object { $_ -like "$word*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`
}

export const SHELLS = { bash, zsh, fish, powershell } as const
export type Shell = keyof typeof SHELLS

/** The text to source in the shell's own start file. */
export const completionFor = (shell: Shell, program: Command): string => SHELLS[shell](wordsOf(program))
