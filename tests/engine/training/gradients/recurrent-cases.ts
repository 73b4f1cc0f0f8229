/** LSTM, GRU and RNN, written out step by step before gradients are taken. */
import { fixed, int, normal, type Case } from './cases'

/** T = 3, a batch of 2, 4 inputs, 3 hidden values. */
function recurrent(
  op: 'LSTM' | 'GRU' | 'RNN',
  title: string,
  {
    attributes,
    states = true,
    peepholes = false,
    bias = true,
    reads,
    both = false,
    lengths,
  }: {
    attributes?: Case['attributes']
    states?: boolean
    peepholes?: boolean
    bias?: boolean
    reads?: number
    both?: boolean
    lengths?: number[]
  } = {},
): Case {
  const [count, rows] = [both ? 2 : 1, 3 * { LSTM: 4, GRU: 3, RNN: 1 }[op]]
  const state = states ? normal(count, 2, 3) : null
  return {
    title: `${op} ${title}`,
    op,
    outputs: op === 'LSTM' ? 3 : 2,
    reads,
    inputs: [
      normal(3, 2, 4),
      normal(count, rows, 4),
      normal(count, rows, 3),
      bias ? normal(count, 2 * rows) : null,
      lengths ? fixed([2], lengths, 'int32') : null,
      state,
      ...(op === 'LSTM' ? [state, ...(peepholes ? [normal(count, 9)] : [])] : []),
    ],
    attributes: { hidden_size: int(3), ...(both && { direction: 'bidirectional' }), ...attributes },
  }
}

export const RECURRENT: readonly Case[] = [
  recurrent('LSTM', 'forward, with state'),
  recurrent('LSTM', 'reverse, without state or bias', {
    attributes: { direction: 'reverse' },
    states: false,
    bias: false,
  }),
  recurrent('LSTM', 'both directions, peepholes', { both: true, peepholes: true }),
  recurrent('LSTM', 'last hidden state, both directions', { both: true, reads: 1 }),
  recurrent('LSTM', 'last cell state, coupled gates', { attributes: { input_forget: int(1) }, reads: 2 }),
  recurrent('LSTM', 'other activations, lengths that are those of all', {
    attributes: { activations: ['Tanh', 'Sigmoid', 'Softplus'] },
    lengths: [3, 3],
  }),
  recurrent('GRU', 'forward, with state'),
  recurrent('GRU', 'both directions, reset after the product', {
    both: true,
    attributes: { linear_before_reset: int(1) },
  }),
  recurrent('GRU', 'reset after the product, no bias, last state', {
    attributes: { linear_before_reset: int(1) },
    bias: false,
    reads: 1,
  }),
  recurrent('RNN', 'both directions', { both: true }),
  recurrent('RNN', 'reverse, Sigmoid, last state', {
    attributes: { direction: 'reverse', activations: ['Sigmoid'] },
    reads: 1,
  }),
]
