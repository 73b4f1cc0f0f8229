import { stateAttack } from '../support/state-attack'

export const attack = stateAttack(
  'damaged settings, projects, queues and runs: the app starts and answers',
  1000,
  /^(?!.*\.recipe\.json$)/,
)
