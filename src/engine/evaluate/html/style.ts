/** The look of the report page: the window's colours, light and dark, and print. */
export const STYLE = `
:root { color-scheme: light dark;
  --ground: light-dark(#f5f6f8, #111418); --surface: light-dark(#fff, #191d23);
  --sunken: light-dark(#eef0f4, #13171c); --line: light-dark(#e1e5eb, #2b323b);
  --text: light-dark(#171b21, #e8ebef); --muted: light-dark(#566171, #9ba6b4);
  --original: light-dark(#687387, #98a3b5); --compressed: light-dark(#0b8378, #3ec6b5);
  --on-compressed: light-dark(#fff, #0d2523);
  --good: light-dark(#1d7340, #69c98c); --bad: light-dark(#b3261e, #ff8f85);
  --warn: light-dark(#8a5300, #e6b357); --warn-soft: light-dark(#fbf0dc, #372b15); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Liberation Sans', sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
main { max-width: 920px; margin: 0 auto; padding: 48px 24px 64px; }
header p.kind { margin: 0 0 4px; color: var(--muted); font-size: 13px; }
h1 { margin: 0; font-size: 26px; line-height: 1.3; letter-spacing: -0.01em; font-weight: 650; text-wrap: balance; }
header p.lead { margin: 8px 0 0; color: var(--muted); max-width: 64ch; }
h2 { margin: 0 0 16px; font-size: 17px; font-weight: 650; }
h3 { margin: 24px 0 8px; font-size: 14px; font-weight: 600; }
section, .tiles > div { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; }
section { margin-top: 24px; padding: 24px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 16px; margin-top: 32px; }
.tiles > div { padding: 16px 20px; }
.tiles dt { color: var(--muted); font-size: 13px; }
.tiles dd { margin: 2px 0 0; font-size: 24px; font-weight: 650; letter-spacing: -0.01em; }
.tiles dd small { display: block; margin-top: 2px; font-size: 13px; font-weight: 400; letter-spacing: 0; color: var(--muted); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14px; overflow-wrap: normal; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: 9px 12px; text-align: right; vertical-align: top; border-top: 1px solid var(--line); font-weight: 400; }
thead th { border-top: 0; color: var(--muted); font-size: 13px; }
th:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
td small, th small { display: block; color: var(--muted); font-size: 12px; }
td.good { color: var(--good); } td.bad { color: var(--bad); } td.muted { color: var(--muted); }
.words td { text-align: left; }
p { margin: 0 0 12px; } p:last-child { margin-bottom: 0; }
p.muted, .muted { color: var(--muted); } p.small { font-size: 13px; }
ul.notes { margin: 0; padding: 0; list-style: none; }
ul.notes li { padding: 8px 12px 8px 14px; border-left: 3px solid var(--warn); background: var(--warn-soft); border-radius: 4px; }
ul.notes li + li { margin-top: 8px; }
ol.steps { margin: 0; padding-left: 22px; } ol.steps li { padding: 4px 0; } ol.steps li::marker { color: var(--muted); }
ol.steps small { display: block; color: var(--muted); font-size: 13px; }
code { font: 12px/1.5 ui-monospace, 'SF Mono', 'DejaVu Sans Mono', monospace; color: var(--muted); overflow-wrap: anywhere; }
figure + details { margin-top: 16px; } details summary { cursor: pointer; color: var(--muted); } details[open] summary { margin-bottom: 8px; }
figure { margin: 16px 0 0; } figure:first-of-type { margin-top: 0; }
figcaption { color: var(--muted); font-size: 13px; margin-bottom: 8px; }
svg { display: block; width: 100%; height: auto; font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
svg text { fill: var(--text); } svg .label { text-anchor: end; } svg .axis { fill: var(--muted); font-size: 12px; }
svg .end { text-anchor: end; } svg .number { fill: var(--muted); }
svg .original { fill: var(--original); stroke: var(--original); } svg .compressed { fill: var(--compressed); stroke: var(--compressed); }
svg rect.original, svg rect.compressed { stroke: none; } svg path { fill: none; stroke-width: 1.5; }
svg .line { stroke: var(--compressed); stroke-width: 2; } svg .axisline { stroke: var(--line); }
svg .cell { fill: var(--sunken); } svg .right { fill: var(--compressed); } svg .wrong { fill: var(--bad); }
svg .count { text-anchor: middle; font-size: 11px; } svg .light { fill: var(--on-compressed); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 24px; } .pair figure { margin: 0; } .pair + p { margin-top: 16px; }
.legend { display: flex; gap: 20px; margin-bottom: 12px; color: var(--muted); font-size: 13px; }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 3px; vertical-align: -1px; }
footer { margin-top: 32px; color: var(--muted); font-size: 13px; }
@media print { body { background: #fff; } main { padding: 0; } section, .tiles > div { break-inside: avoid; } }
@media (forced-colors: active) { svg * { forced-color-adjust: none; } }
`
