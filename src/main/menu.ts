/** The native menu, made from the one action registry. */
import { Menu, type MenuItemConstructorOptions } from 'electron'
import { ACTIONS, MENUS, MENU_TITLES, type ActionDeclaration, type MenuName } from '../contract/actions'

/** Items every desktop menu has and the system itself carries out. */
const NATIVE: Partial<Record<MenuName, MenuItemConstructorOptions[]>> = {
  edit: [
    { role: 'undo' },
    { role: 'redo' },
    { type: 'separator' },
    { role: 'cut' },
    { role: 'copy' },
    { role: 'paste' },
    { role: 'selectAll' },
    { type: 'separator' },
  ],
}

function items(menu: MenuName, choose: (action: string) => void): MenuItemConstructorOptions[] {
  const declared: readonly ActionDeclaration[] = ACTIONS
  return declared
    .filter((action) => action.menu === menu)
    .flatMap((action): MenuItemConstructorOptions[] => [
      ...(action.group ? [{ type: 'separator' as const }] : []),
      { label: action.title, accelerator: action.shortcut, click: () => choose(action.id) },
    ])
}

export function menuTemplate(
  platform: NodeJS.Platform,
  choose: (action: string) => void,
  installCommand: () => void,
): MenuItemConstructorOptions[] {
  const last: MenuItemConstructorOptions[] =
    platform === 'darwin' ? [] : [{ type: 'separator' }, { role: 'quit' }]
  // Of the desktop alone: whoever has the window of a browser started it by the command.
  const command: MenuItemConstructorOptions[] = [
    { type: 'separator' },
    { label: 'Install the “pare” command…', click: installCommand },
  ]
  const after: Partial<Record<MenuName, MenuItemConstructorOptions[]>> = { file: last, help: command }
  const menus = MENUS.map((menu) => ({
    label: MENU_TITLES[menu],
    submenu: [...(NATIVE[menu] ?? []), ...items(menu, choose), ...(after[menu] ?? [])],
  }))
  return platform === 'darwin' ? [{ role: 'appMenu' }, ...menus] : menus
}

export function installMenu(choose: (action: string) => void, installCommand: () => void): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, choose, installCommand)))
}
