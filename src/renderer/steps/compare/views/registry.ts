/** How answers to a sample are drawn: one component a kind of view, its line here. */
import type { Component } from 'svelte'
import type { SampleDetail } from '../../../../contract/compare'
import type { SampleView } from '../../../../contract/sample-views'
import Boxes from './Boxes.svelte'
import Events from './Events.svelte'
import Masks from './Masks.svelte'
import Neighbours from './Neighbours.svelte'
import Numbers from './Numbers.svelte'
import Poses from './Poses.svelte'
import type { ViewProps } from './props'
import Text from './Text.svelte'

type Kind = SampleView['kind']

const VIEWS: { [K in Kind]: Component<ViewProps<K>> } = {
  boxes: Boxes,
  events: Events,
  masks: Masks,
  neighbours: Neighbours,
  numbers: Numbers,
  poses: Poses,
  text: Text,
}

/** All outputs of a sample are views of one kind. */
export const viewOf = ({ outputs }: SampleDetail): Component<ViewProps<Kind>> =>
  VIEWS[outputs[0]!.view.kind] as Component<ViewProps<Kind>>
