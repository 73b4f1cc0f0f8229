/** The native menu, made from the one action registry. */
import { Menu, type MenuItemConstructorOptions } from 'electron'
import {
  actionById,
  ACTIONS,
  MENUS,
  MENU_TITLES,
  type ActionDeclaration,
  type ActionId,
  type MenuName,
} from '../contract/actions'

/** Where every app of macOS has them: in the menu that bears its name. */
const IN_APP_MENU = ['about', 'settings'] as const satisfies readonly ActionId[]

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

/** Those of a menu, but for what Macs have elsewhere. */
function items(
  menu: MenuName,
  choose: (action: string) => void,
  without: readonly ActionId[],
): MenuItemConstructorOptions[] {
  const declared: readonly (ActionDeclaration & { id: ActionId })[] = ACTIONS
  return declared
    .filter((action) => action.menu === menu && !without.includes(action.id))
    .flatMap((action): MenuItemConstructorOptions[] => [
      ...(action.group ? [{ type: 'separator' as const }] : []),
      itemOf(action.id, choose),
    ])
}

function itemOf(id: ActionId, choose: (action: string) => void): MenuItemConstructorOptions {
  const { title, shortcut } = actionById(id)!
  return { label: title, accelerator: shortcut, click: () => choose(id) }
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
  const mac = platform === 'darwin'
  const last: MenuItemConstructorOptions[] = mac
    ? [
        { type: 'separator' },
        { role: 'recentDocuments', label: 'Open recent', submenu: [{ role: 'clearRecentDocuments' }] },
        { role: 'close' },
      ]
    : [{ type: 'separator' }, { role: 'quit' }]
  // Of the desktop alone: whoever has the window of a browser started it by the command.
  const desktop: MenuItemConstructorOptions[] = [
    { type: 'separator' },
    { label: 'Install the “pare” command…', click: installCommand },
    ...(showReleases ? [{ label: 'Releases, in the browser…', click: showReleases }] : []),
  ]
  const after: Partial<Record<MenuName, MenuItemConstructorOptions[]>> = {
    file: last,
    view: [{ type: 'separator' }, { role: 'togglefullscreen' }],
    help: desktop,
  }
  const menus = MENUS.map((menu) => ({
    label: MENU_TITLES[menu],
    // By its role macOS puts its search into the menu of help.
    ...(menu === 'help' && { role: 'help' as const }),
    submenu: [
      ...(NATIVE[menu] ?? []),
      ...items(menu, choose, mac ? IN_APP_MENU : []),
      ...(after[menu] ?? []),
    ],
  }))
  if (!mac) return menus
  const separator = { type: 'separator' as const }
  const [about, settings] = IN_APP_MENU.map((id) => itemOf(id, choose))
  const own: MenuItemConstructorOptions = {
    role: 'appMenu',
    submenu: [
      about!,
      ...[separator, settings!],
      ...[separator, { role: 'services' as const }],
      ...[separator, { role: 'hide' as const }, { role: 'hideOthers' as const }, { role: 'unhide' as const }],
      ...[separator, { role: 'quit' as const }],
    ],
  }
  return [own, ...menus.slice(0, -1), { role: 'windowMenu' }, menus.at(-1)!]
}

export function installMenu(choose: (action: string) => void, desktop: Desktop): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, choose, desktop)))
}
