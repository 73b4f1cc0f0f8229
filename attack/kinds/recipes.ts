import { stateAttack } from '../support/state-attack'

export const attack = stateAttack('damaged recipe files: read or refused', 1000, /\.recipe\.json$/)
