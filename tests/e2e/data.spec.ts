/** The Data step: kinds of data, the split, the finder of preprocessing, and going on without any. */
import { expectAccessible } from './axe'
import { writeKind } from './kinds-fixtures'
import { drop, expect, openSample, resource, step, test } from './shell'

test('signals are shown as signals, with the classes of the model', async ({ pare }) => {
  await pare.getByRole('button', { name: /^Bearing faults/ }).click()
  await expect(step(pare, 'Data')).toContainText('the original:')
  await step(pare, 'Data').click()
  await expect(pare.getByRole('heading', { level: 1 })).toContainText('516 samples')
  await expect(pare.getByRole('img', { name: /row/ }).first()).toBeVisible()
  await pare.getByRole('group', { name: 'Split' }).getByText('Calibration').click()
  await expect(pare.getByText(/of 96$/)).toBeVisible()
})

test('the finder tries the usual ways, ranks them, and says which is in use', async ({ pare }) => {
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await step(pare, 'Data').click()
  await pare.getByRole('button', { name: 'Find the right way' }).click()
  await expect(pare.getByRole('heading', { name: 'Ways that were tried, best first' })).toBeVisible({
    timeout: 60_000,
  })
  await expect(pare.getByText('in use', { exact: true })).toHaveCount(1)
})

test('the split is made again, unless the data came with one', async ({ pare, scratch }) => {
  await drop(pare, ...writeKind('csv', scratch))
  await expect(step(pare, 'Data')).toContainText('the original: 100')
  await step(pare, 'Data').click()
  const split = pare.getByRole('region', { name: 'Split', exact: true })
  await split.getByRole('button', { name: 'Change…' }).click()
  await split.getByRole('spinbutton', { name: /^Validation/ }).fill('50')
  await split.getByRole('button', { name: 'Split again' }).click()
  await expect(pare.getByRole('group', { name: 'Split' })).toContainText(/Validation\s*30/)
  await pare.getByTitle('All projects').click()
  await openSample(pare)
  await step(pare, 'Data').click()
  await expect(split).toContainText('As the data came, and kept so')
  await expect(split.getByRole('button', { name: 'Change…' })).toHaveCount(0)
})

test('the preprocessing is changed by hand, and proved again', async ({ pare }) => {
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original: 99')
  await step(pare, 'Data').click()
  const preprocessing = pare.getByRole('region', { name: 'Preprocessing', exact: true })
  await preprocessing.getByRole('button', { name: 'Change…' }).click()
  await preprocessing.getByRole('checkbox', { name: 'Invert' }).check()
  await preprocessing.getByRole('button', { name: 'Use and score' }).click()
  await expect(preprocessing).toContainText('inverted')
  await expect(step(pare, 'Data')).toContainText('the original only guesses')
})

test('the label, the task and the output judged are said, and the data is read anew', async ({
  pare,
  scratch,
}) => {
  await drop(pare, ...writeKind('csv', scratch))
  await expect(step(pare, 'Data')).toContainText('the original: 100')
  await step(pare, 'Data').click()
  const roles = pare.getByRole('region', { name: 'Labels and outputs', exact: true })
  await expect(roles).toContainText('classification')
  await roles.getByRole('button', { name: 'Change…' }).focus()
  await pare.keyboard.press('Enter')
  await roles.getByRole('combobox', { name: 'Task' }).selectOption('unlabelled')
  await expectAccessible(pare, 'the form of labels and outputs')
  await roles.getByRole('button', { name: 'Use and score' }).press('Enter')
  await expect(roles).toContainText('unlabelled')
  await expect(pare.getByText('No labels were found').or(pare.getByText('Likeness')).first()).toBeVisible()
  await roles.getByRole('button', { name: 'Change…' }).click()
  await roles.getByRole('combobox', { name: 'Task' }).selectOption({ label: 'As recognised' })
  await roles.getByRole('textbox', { name: /^Label/ }).fill('nothing')
  await roles.getByRole('button', { name: 'Use and score' }).click()
  await expect(pare.getByRole('alert').first()).toBeVisible()
  await roles.getByRole('button', { name: 'Change…' }).click()
  await expect(roles.getByRole('textbox', { name: /^Label/ })).toHaveValue('nothing')
  await roles.getByRole('textbox', { name: /^Label/ }).fill('')
  await roles.getByRole('button', { name: 'Use and score' }).click()
  await expect(step(pare, 'Data')).toContainText('the original: 100')
})

test('without data only fidelity is measured, and every screen says so', async ({ pare }) => {
  await drop(pare, resource('samples', 'digits', 'lenet5.onnx'))
  await expect(pare.getByRole('heading', { name: 'At a glance' })).toBeVisible()
  await step(pare, 'Data').click()
  await expect(pare.getByText('only fidelity to the original can be measured')).toBeVisible()
  await pare.getByRole('button', { name: 'Go on without data' }).click()
  await pare.getByRole('tab', { name: 'Presets' }).click()
  await pare.getByText('Safe', { exact: true }).click()
  await expect(step(pare, 'Goal')).toContainText('Safe')
  await pare.getByRole('button', { name: 'Start compressing' }).click()
  await pare.getByRole('button', { name: 'Go on to compare' }).click({ timeout: 60_000 })
  await expect(pare.getByRole('region', { name: 'Measured', exact: true }).first()).toContainText(
    'random inputs',
  )
})
