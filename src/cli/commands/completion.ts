import { Argument } from 'commander'
import { completionFor, SHELLS, type Shell } from '../completion'
import { examples, type AddCommand } from '../command'

export const addCompletion: AddCommand = (program) => {
  program
    .command('completion')
    .description('words to complete, as a script for a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      examples(
        'pare completion bash >> ~/.bashrc',
        'pare completion fish > ~/.config/fish/completions/pare.fish',
      ),
    )
    .action((shell: Shell) => void process.stdout.write(completionFor(shell, program)))
}
