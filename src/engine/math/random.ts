export { seeded, type Random } from '../runtime/random'
