/** Names of metrics in the field's words, as reports write them. */
const NAMES: Readonly<Record<string, string>> = {
  accuracy: 'Accuracy',
  top5: 'Top-5 accuracy',
  f1: 'F1',
  map: 'Mean average precision',
  miou: 'Mean IoU',
  r2: 'R²',
  mae: 'Mean absolute error',
  rmse: 'Root mean square error',
  perplexity: 'Perplexity',
  loss: 'Loss',
  tokens: 'Tokens',
  cosine: 'Cosine to the original',
  likeness: 'R² to the original’s answers',
  sqnr: 'Signal to noise',
  agreement: 'Same answers as the original',
  maxAbsoluteError: 'Largest difference',
  retrievalAgreement: 'Same nearest neighbour',
  retrievalAccuracy: 'Nearest neighbour of the same class',
}

export const metricName = (metric: string): string => NAMES[metric] ?? metric
