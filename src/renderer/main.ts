import './lib/jitless'
import './styles/tokens.css'
import './styles/base.css'
import { mount } from 'svelte'
import App from './App.svelte'
import { browserHost } from './host/browser'
import { electronHost } from './host/bridged'
import NoHost from './frame/NoHost.svelte'
import { applyRemembered } from './ui/theme.svelte'

applyRemembered()
const target = document.getElementById('app')!

try {
  const host = electronHost() ?? (await browserHost())
  mount(App, { target, props: { host } })
} catch (thrown) {
  mount(NoHost, { target, props: { thrown } })
}
