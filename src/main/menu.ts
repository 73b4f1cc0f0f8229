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

/** What the desktop does by itself, beside the actions of the window. */
interface Desktop {
  installCommand(): void
  /** Absent where nobody says where releases are. */
  showReleases?(): void
}

export function menuTemplate(
  platform: NodeJS.Platform,
  choose: (action: string) => void,
  { installCommand, showReleases }: Desktop,
): MenuItemConstructorOptions[] {
  const last: MenuItemConstructorOptions[] =
    platform === 'darwin' ? [] : [{ type: 'separator' }, { role: 'quit' }]
  // Of the desktop alone: whoever has the window of a browser started it by the command.
  const desktop: MenuItemConstructorOptions[] = [
    { type: 'separator' },
    { label: 'Install the “pare” command…', click: installCommand },
    ...(showReleases ? [{ label: 'Releases, in the browser…', click: showReleases }] : []),
  ]
  const after: Partial<Record<MenuName, MenuItemConstructorOptions[]>> = { file: last, help: desktop }
  const menus = MENUS.map((menu) => ({
    label: MENU_TITLES[menu],
    submenu: [...(NATIVE[menu] ?? []), ...items(menu, choose), ...(after[menu] ?? [])],
  }))
  return platform === 'darwin' ? [{ role: 'appMenu' }, ...menus] : menus
}

export function installMenu(choose: (action: string) => void, desktop: Desktop): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, choose, desktop)))
}
