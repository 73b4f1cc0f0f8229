/**
 * Every action a person can choose, once: the window's buttons, the shortcuts, the command palette and the native
 * menu are all made from this list. `shortcut` is written the way Electron writes accelerators.
 */
export const MENUS = ['file', 'edit', 'view', 'run', 'help'] as const
export type MenuName = (typeof MENUS)[number]

export const MENU_TITLES: Record<MenuName, string> = {
  file: 'File',
  edit: 'Edit',
  view: 'View',
  run: 'Run',
  help: 'Help',
}

export const STEP_IDS = ['model', 'data', 'goal', 'compress', 'compare', 'export'] as const
export type StepId = (typeof STEP_IDS)[number]

export const STEP_TITLES: Record<StepId, string> = {
  model: 'Model',
  data: 'Data',
  goal: 'Goal',
  compress: 'Compress',
  compare: 'Compare',
  export: 'Export',
}

export interface ActionDeclaration {
  id: string
  title: string
  menu: MenuName
  shortcut?: string
  /** A separator stands before it in the menu. */
  group?: true
  /** Other words people look for in the palette. */
  keywords?: string
}

export const ACTIONS = [
  { id: 'project.new', title: 'New project', menu: 'file', shortcut: 'CmdOrCtrl+N' },
  { id: 'model.open', title: 'Open a model…', menu: 'file', shortcut: 'CmdOrCtrl+O', keywords: 'onnx load' },
  {
    id: 'data.openFile',
    title: 'Open a data file…',
    menu: 'file',
    keywords: 'dataset npz csv parquet jsonl',
  },
  {
    id: 'data.openFolder',
    title: 'Open a data folder…',
    menu: 'file',
    shortcut: 'CmdOrCtrl+Shift+O',
    keywords: 'dataset images wav',
  },
  { id: 'sample.open', title: 'Try the sample', menu: 'file', keywords: 'demo example digits' },
  { id: 'recipe.import', title: 'Import a recipe…', menu: 'file', group: true, keywords: 'custom passes' },
  { id: 'recipe.export', title: 'Export the recipe…', menu: 'file', keywords: 'custom passes save' },
  { id: 'report.save', title: 'Save the comparison as HTML', menu: 'file', keywords: 'report' },
  {
    id: 'bundle.save',
    title: 'Save the bundle',
    menu: 'file',
    shortcut: 'CmdOrCtrl+S',
    keywords: 'export zip',
  },
  { id: 'project.home', title: 'All projects', menu: 'file', group: true, keywords: 'recent home' },
  { id: 'project.rename', title: 'Rename the project…', menu: 'file' },
  { id: 'project.remove', title: 'Remove the project…', menu: 'file', keywords: 'delete' },

  { id: 'goal.undo', title: 'Undo the recipe change', menu: 'edit', shortcut: 'CmdOrCtrl+Alt+Z' },
  { id: 'goal.redo', title: 'Redo the recipe change', menu: 'edit', shortcut: 'CmdOrCtrl+Alt+Shift+Z' },

  {
    id: 'palette',
    title: 'All commands…',
    menu: 'view',
    shortcut: 'CmdOrCtrl+K',
    keywords: 'palette search',
  },
  ...STEP_IDS.map((step, index) => ({
    id: `step.${step}` as const,
    title: `Go to ${STEP_TITLES[step]}`,
    menu: 'view' as const,
    shortcut: `CmdOrCtrl+${index + 1}`,
    ...(index === 0 ? { group: true as const } : {}),
  })),
  {
    id: 'text.larger',
    title: 'Larger text',
    menu: 'view',
    shortcut: 'CmdOrCtrl+Plus',
    group: true,
    keywords: 'zoom',
  },
  { id: 'text.smaller', title: 'Smaller text', menu: 'view', shortcut: 'CmdOrCtrl+-', keywords: 'zoom' },
  { id: 'text.reset', title: 'Normal text size', menu: 'view', shortcut: 'CmdOrCtrl+0', keywords: 'zoom' },
  { id: 'theme.system', title: 'Theme: as the system', menu: 'view', group: true },
  { id: 'theme.light', title: 'Theme: light', menu: 'view' },
  { id: 'theme.dark', title: 'Theme: dark', menu: 'view' },

  {
    id: 'run.start',
    title: 'Start compressing',
    menu: 'run',
    shortcut: 'CmdOrCtrl+Enter',
    keywords: 'run compress',
  },
  { id: 'run.cancel', title: 'Cancel the run', menu: 'run', shortcut: 'CmdOrCtrl+.', keywords: 'stop' },
  { id: 'run.resume', title: 'Resume the run', menu: 'run', keywords: 'continue' },
  {
    id: 'run.stopTraining',
    title: 'Stop now, keep the best',
    menu: 'run',
    keywords: 'end training search weights',
  },
  { id: 'queue.pause', title: 'Pause the queue', menu: 'run', group: true },
  { id: 'queue.resume', title: 'Go on with the queue', menu: 'run' },
  { id: 'queue.stopAfterCurrent', title: 'Finish this run, then stop', menu: 'run' },

  {
    id: 'settings',
    title: 'Settings…',
    menu: 'help',
    shortcut: 'CmdOrCtrl+,',
    keywords: 'preferences device',
  },
  { id: 'plugins', title: 'Plug-ins…', menu: 'help', keywords: 'extensions settings passes targets tasks' },
  { id: 'shortcuts', title: 'Keyboard shortcuts', menu: 'help', keywords: 'keys help' },
  { id: 'about', title: 'About Pare', menu: 'help', group: true, keywords: 'version licences' },
] as const satisfies readonly ActionDeclaration[]

export type ActionId = (typeof ACTIONS)[number]['id']

export const actionById = (id: string): ActionDeclaration | undefined =>
  ACTIONS.find((action) => action.id === id)
