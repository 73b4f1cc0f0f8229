/**
 * Every number that steers a search, in one table, with what it does and where it is from; docs/policy.md is made of this.
 * "By hand" is what it says: guessed, and kept because searches of the eight reference models did well with it.
 */

interface Constant {
  value: number
  what: string
  /** Where it is from: what was measured, which rule of statistics, which cost it bounds, or that it was set by hand. */
  from: string
}

const BY_HAND = 'set by hand'
const TO_MEASURE = `${BY_HAND}; \`npm run bench -- portfolio\` prints what it is on its models`
const AFTER_VGG = `${BY_HAND}, after searches of the network of \`npm run bench -- over-parameterised\``

const TABLE = {
  reachTimes: {
    value: 4,
    what: 'times the floor, and as many points more as the next: whoever surely loses more than that is not looked at further, and nothing is built on it',
    from: `${BY_HAND}: training is expected to win back six tenths of a loss (learnedLoss), and a milder partner more`,
  },
  reachPoints: { value: 3, what: 'points beside it', from: `${BY_HAND}, for floors of next to nothing` },
  partners: {
    value: 6,
    what: 'recipes of the front that the next round builds on, and as many of those inside the limits',
    from: `${BY_HAND}: they make some sixty combinations, four times what a round tries`,
  },
  roundSize: {
    value: 16,
    what: 'recipes in a round, but for the first, the last, and those after the first that learns',
    from: `${BY_HAND}: eight turns of two cores, so that waiting for the last costs an eighth at most`,
  },
  learningRoundSize: {
    value: 8,
    what: 'recipes in those',
    from: `${AFTER_VGG}: four turns of two cores`,
  },
  firstLearningRound: {
    value: 3,
    what: 'round from which recipes may learn',
    from: 'cost: learning takes minutes where others take seconds',
  },
  lastRound: {
    value: 11,
    what: 'round that tries every single pass with every value',
    from: `${AFTER_VGG}: two rounds of sixteen and seven of eight come before it`,
  },
  neighbours: {
    value: 2,
    what: 'declared values tried on either side of a good one',
    from: `${BY_HAND}: the next alone stops at the first value that changes nothing`,
  },
  stepSize: {
    value: 0.9,
    what: 'share of the download expected of one value changed by a step',
    from: TO_MEASURE,
  },
  storedSize: { value: 0.85, what: 'share of the download expected of storing it smaller', from: TO_MEASURE },
  learnedLoss: { value: 0.4, what: 'share of the loss expected to be left after learning', from: TO_MEASURE },
  longerLoss: {
    value: 0.7,
    what: 'share of the loss expected to be left after learning longer',
    from: AFTER_VGG,
  },
  lossSoftening: {
    value: 0.5,
    what: 'points added to losses before one is divided by another',
    from: `${BY_HAND}: a loss of nothing has no ratio to another`,
  },
  lossDoubt: {
    value: 0.3,
    what: 'points by which an expected loss may be off: scale of the logistic curve of the chance to be inside the floor',
    from: `${AFTER_VGG}: its standard deviation is 0.54 points; that of a loss on 1,500 samples, one in forty of which changes, 0.4`,
  },
  room: {
    value: 0.5,
    what: 'share of the floor up to which what is inside it counts as surely inside: nothing larger is worth learning then',
    from: `${AFTER_VGG}: two recipes inside by a fifth of the floor or less were both over it on samples kept back`,
  },
  reserveShare: {
    value: 0.1,
    what: 'share of the time kept for timing, confirming and the reports',
    from: 'cost: latencies, samples kept back and up to three reports',
  },
  reserveSeconds: {
    value: 20,
    what: 'seconds of it at least',
    from: 'cost: each of them starts the models anew',
  },
  reserveMost: { value: 0.3, what: 'share of it at most', from: BY_HAND },
  timingShare: { value: 0.3, what: 'share of that which timing may take', from: BY_HAND },
  patience: {
    value: 2,
    what: 'times the limit that a search goes on while nothing is kept',
    from: `${BY_HAND}: no result is worse than a late one`,
  },
  learningShare: {
    value: 0.6,
    what: 'share of the time left that one recipe may learn for',
    from: `${BY_HAND}: another recipe must have time as well`,
  },
  screenSamples: {
    value: 128,
    what: 'calibration samples of the first look',
    from: 'statistics: one answer of 128 is 0.8 points, far below what ends a trial',
  },
  subsetSamples: {
    value: 200,
    what: 'validation samples of the second look',
    from: 'statistics: the 95% interval of 10 points lost is ±4 there',
  },
  confirmShare: {
    value: 0.4,
    what: 'share of the validation samples kept back',
    from: 'statistics: nearly as many as a search goes by, as of few samples one is more than most floors',
  },
  confirmLeast: {
    value: 20,
    what: 'samples kept back without which nothing is confirmed',
    from: 'statistics: a bootstrap interval of fewer is too short',
  },
  finalists: { value: 4, what: 'finalists held against them at a time', from: 'cost: models open at once' },
  finalGroups: {
    value: 3,
    what: 'times that many at most',
    from: 'statistics: the interval of the twelfth is 1.7 times as wide as that of the first',
  },
  finalGroupsTimed: {
    value: 12,
    what: 'the same with a limit on latency, where many may be too slow',
    from: BY_HAND,
  },
  timedBySize: { value: 8, what: 'trials of the front by size that are timed', from: 'cost: seconds each' },
  timedInAll: { value: 14, what: 'and of all', from: 'cost: seconds each' },
  timedFirst: {
    value: 4,
    what: 'timed apart, as they say how long the others take',
    from: 'finalists, above',
  },
  timingSeconds: {
    value: 4,
    what: 'seconds that a group of models is timed for at most',
    from: 'cost: of all a person waits for, what is shown least',
  },
  timedBytes: { value: 512e6, what: 'bytes of models that are timed together', from: 'cost: memory' },
  askedTogether: {
    value: 6,
    what: 'models asked beside the original for sensitivities',
    from: 'cost: each holds its own weights',
  },
  askedMost: {
    value: 64,
    what: 'samples each layer is asked with',
    from: `${BY_HAND}: what is asked is which layer is worse`,
  },
  askedLeast: { value: 4, what: 'and at least', from: BY_HAND },
  askedWork: {
    value: 1e11,
    what: 'multiply-accumulates for which all layers are asked',
    from: 'cost: some ten seconds of a core',
  },
  askedWeights: {
    value: 64,
    what: 'weights of the smallest layer that is asked',
    from: 'nothing is won by less',
  },
} as const satisfies Record<string, Constant>

type PolicyName = keyof typeof TABLE

export const POLICY_TABLE: Readonly<Record<PolicyName, Constant>> = TABLE

export const POLICY = Object.fromEntries(
  Object.entries(TABLE).map(([name, { value }]) => [name, value]),
) as Readonly<Record<PolicyName, number>>
