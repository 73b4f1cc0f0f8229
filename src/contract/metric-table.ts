/** Every metric: what it is called and how its values are written. A new one is its line here. */

interface MetricWords {
  /** In plain words, for the window. */
  title: string
  /** The field's term beside them. */
  term: string
  /** The field's name, as reports write it. */
  name: string
  /** Within a sentence: "the same accuracy". */
  said: string
  /**
   * `share`: of 1, a point is a hundredth, written in percent; `coefficient`: of 1, but no share of anything
   * countable; else an open-ended number, of which a point is one percent of the original's.
   */
  unit: 'share' | 'coefficient' | 'decibel' | 'number'
}

type Line = [unit: MetricWords['unit'], name: string, title: string, term: string, said?: string]

const LINES: Readonly<Record<string, Line>> = {
  accuracy: ['share', 'Accuracy', 'Right answers', 'accuracy'],
  top5: ['share', 'Top-5 accuracy', 'Right among the first five', 'top-5 accuracy'],
  f1: ['share', 'F1', 'Balanced over classes', 'macro F1'],
  map: ['share', 'Mean average precision', 'Ranked right', 'mean average precision'],
  boxMap: ['share', 'mAP@50–95', 'Found and placed right', 'mAP@50–95', 'mAP@50–95'],
  boxMap50: ['share', 'mAP@50', 'Found', 'mAP@50'],
  boxMap75: ['share', 'mAP@75', 'Found and placed well', 'mAP@75'],
  oksMap: ['share', 'OKS AP@50–95', 'Keypoints in their place', 'OKS AP@50–95', 'OKS AP@50–95'],
  oksMap50: ['share', 'OKS AP@50', 'Keypoints found', 'OKS AP@50'],
  oksMap75: ['share', 'OKS AP@75', 'Keypoints placed well', 'OKS AP@75'],
  pck: ['share', 'PCK@0.2', 'Keypoints right', 'PCK at 0.2 of the box'],
  matteMae: ['number', 'Mean absolute error', 'Mean error of a pixel', 'MAE', 'mean absolute error'],
  matteF: ['share', 'F-measure', 'Thing found', 'largest F-measure, β² = 0.3'],
  eventF1: ['share', 'F1 over events', 'Events found', 'event F1', 'F1 over events'],
  missed: ['share', 'Events missed', 'Missed', 'miss rate'],
  falseAlarms: ['number', 'False alarms', 'False alarms', 'count'],
  falseAlarmsPerHour: ['number', 'False alarms per hour', 'False alarms an hour', 'false accepts per hour'],
  delaySeconds: ['number', 'Delay in seconds', 'Found after seconds', 'mean detection delay'],
  delaySteps: ['number', 'Delay in samples', 'Found after samples', 'mean detection delay'],
  cer: ['share', 'Character error rate', 'Wrong characters', 'CER', 'character error rate'],
  wer: ['share', 'Word error rate', 'Wrong words', 'WER'],
  exact: ['share', 'Texts wholly right', 'Texts wholly right', 'exact match'],
  miou: ['share', 'Mean IoU', 'Overlap', 'mean IoU', 'mean IoU'],
  r2: ['coefficient', 'R²', 'Explained variance', 'R²', 'R²'],
  mae: ['number', 'Mean absolute error', 'Mean error', 'MAE'],
  rmse: ['number', 'Root mean square error', 'Root mean squared error', 'RMSE'],
  error95: [
    'number',
    '95th percentile of errors',
    'Error of 95 in 100',
    '95th percentile of absolute errors',
  ],
  error99: [
    'number',
    '99th percentile of errors',
    'Error of 99 in 100',
    '99th percentile of absolute errors',
  ],
  worstError: ['number', 'Largest error', 'Worst error', 'maximum absolute error'],
  psnr: ['decibel', 'PSNR', 'Picture over noise', 'PSNR', 'PSNR'],
  ssim: ['coefficient', 'SSIM', 'Alike in structure', 'SSIM'],
  entityF1: ['share', 'F1 over entities', 'Entities found', 'entity F1', 'F1 over entities'],
  precision: ['share', 'Precision', 'Right of those found', 'precision'],
  recall: ['share', 'Recall', 'Found of those there', 'recall'],
  ndcg10: ['share', 'nDCG@10', 'Ranked right', 'nDCG@10'],
  recall10: ['share', 'Recall@10', 'Found among the first ten', 'recall@10'],
  rankCorrelation: ['coefficient', 'Rank correlation to the original', 'Same ranking', 'Spearman’s ρ'],
  perplexity: ['number', 'Perplexity', 'Perplexity', 'lower is better'],
  loss: ['number', 'Loss', 'Loss', 'cross entropy'],
  tokens: ['number', 'Tokens', 'Tokens', 'tokens'],
  cosine: ['coefficient', 'Cosine to the original', 'Like the original', 'cosine similarity'],
  likeness: ['coefficient', 'R² to the original’s answers', 'Like the original', 'R² to its answers'],
  sqnr: ['decibel', 'Signal to noise', 'Signal over noise', 'SQNR'],
  agreement: ['share', 'Same answers as the original', 'Same answer as the original', 'agreement'],
  maxAbsoluteError: ['number', 'Largest difference', 'Largest difference', 'max absolute error'],
  retrievalAgreement: ['share', 'Same nearest neighbour', 'Same nearest neighbour', 'as with the original'],
  retrievalAccuracy: [
    'share',
    'Nearest neighbour of the same class',
    'Neighbour of the same class',
    'retrieval accuracy',
  ],
}

export function metricWords(metric: string): MetricWords {
  const line = Object.hasOwn(LINES, metric) ? LINES[metric] : undefined
  const [unit, name, title, term, said = metric] = line ?? ['number', metric, metric, metric]
  return { unit, name, title, term, said }
}
