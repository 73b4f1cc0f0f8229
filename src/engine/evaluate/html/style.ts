/** The look of the report page: the window's colours, light and dark, and print. */
export const STYLE = `
:root { color-scheme: light dark;
  --ground: light-dark(#f6f7f9, #0f1216); --surface: light-dark(#ffffff, #181c22);
  --surface-sunken: light-dark(#eef0f4, #13171c); --line: light-dark(#e3e7ed, #282e37);
  --text: light-dark(#14181e, #eceff3); --text-muted: light-dark(#4d5866, #a9b3c1);
  --original: light-dark(#2f3643, #d3daea); --candidate-1: light-dark(#0b8378, #2eb1a0);
  --candidate-2: light-dark(#a8440f, #c75a17); --candidate-3: light-dark(#ab66f5, #8f5fdc);
  --good: light-dark(#1d7340, #69c98c); --bad: light-dark(#b3261e, #ff8f85);
  --warn: light-dark(#8a5300, #e6b357); --warn-soft: light-dark(#fbf0dc, #372b15);
  --on: light-dark(#fff, #0d1418); }
.original { --own: var(--original); } .c1 { --own: var(--candidate-1); }
.c2 { --own: var(--candidate-2); } .c3 { --own: var(--candidate-3); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Liberation Sans', sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
main { max-width: 920px; margin: 0 auto; padding: 48px 24px 64px; }
header p.kind { margin: 0 0 4px; color: var(--text-muted); font-size: 13px; }
h1 { margin: 0; font-size: clamp(26px, 5vw, 38px); line-height: 1.1; letter-spacing: -0.03em; font-weight: 650; text-wrap: balance; }
header p.also { margin: 8px 0 0; } i { display: inline-block; width: 10px; height: 10px; margin-right: 6px; border-radius: 3px; background: var(--own); }
header p.lead { margin: 8px 0 0; color: var(--text-muted); max-width: 64ch; }
h2 { margin: 0 0 16px; font-size: 17px; font-weight: 650; }
h3 { margin: 24px 0 8px; font-size: 14px; font-weight: 600; }
section, .hero > div { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; }
section { margin-top: 24px; padding: 24px; }
.hero { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 16px; margin-top: 32px; }
.hero > div { display: grid; grid-row: span 3; grid-template-rows: subgrid; gap: 8px; padding: 20px; }
.hero h2 { margin: 0; color: var(--text-muted); font-size: 13px; font-weight: 600; }
.said { margin: 0; font-size: 24px; line-height: 1.15; letter-spacing: -0.02em; font-weight: 650; text-wrap: balance; }
.said.good { color: var(--good); } .said.bad { color: var(--warn); }
.hero ul { display: grid; gap: 12px; margin: 0; padding: 0; list-style: none; align-content: start; }
.hero li { display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; align-items: baseline; }
.hero li > span { color: var(--text-muted); font-size: 13px; } .hero b { font-weight: 600; }
.hero .track { grid-column: 1 / -1; height: 12px; border-radius: 4px; background: var(--surface-sunken); }
.track span { display: block; height: 100%; min-width: 2px; border-radius: 4px; background: var(--own); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14px; overflow-wrap: normal; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: 9px 12px; text-align: right; vertical-align: top; border-top: 1px solid var(--line); font-weight: 400; }
thead th { border-top: 0; color: var(--text-muted); font-size: 13px; }
th:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
td small, th small { display: block; color: var(--text-muted); font-size: 12px; }
td.good { color: var(--good); } td.bad { color: var(--bad); } td.muted { color: var(--text-muted); }
.words td { text-align: left; }
p { margin: 0 0 12px; } p:last-child { margin-bottom: 0; }
p.muted, .muted { color: var(--text-muted); } p.small { font-size: 13px; }
ul.notes { margin: 0; padding: 0; list-style: none; }
ul.notes li { padding: 8px 12px 8px 14px; border-left: 3px solid var(--warn); background: var(--warn-soft); border-radius: 4px; }
ul.notes li + li { margin-top: 8px; }
ol.steps { margin: 0; padding-left: 22px; } ol.steps li { padding: 4px 0; } ol.steps li::marker { color: var(--text-muted); }
ol.steps small { display: block; color: var(--text-muted); font-size: 13px; }
code { font: 12px/1.5 ui-monospace, 'SF Mono', 'DejaVu Sans Mono', monospace; color: var(--text-muted); overflow-wrap: anywhere; }
figure + details { margin-top: 16px; } details summary { cursor: pointer; color: var(--text-muted); } details[open] summary { margin-bottom: 8px; }
figure { margin: 16px 0 0; } figure:first-of-type { margin-top: 0; }
figcaption { color: var(--text-muted); font-size: 13px; margin-bottom: 8px; }
svg { display: block; width: 100%; height: auto; font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
svg text { fill: var(--text); } svg .label { text-anchor: end; } svg .axis { fill: var(--text-muted); font-size: 12px; }
svg .end { text-anchor: end; } svg .number { fill: var(--text-muted); }
svg rect[class] { fill: var(--own); } svg path { fill: none; stroke-width: 1.5; }
svg .line { stroke: var(--candidate-1); stroke-width: 2; } svg .axisline { stroke: var(--line); }
svg rect.cell { fill: var(--surface-sunken); } svg rect.right { fill: var(--own); } svg rect.wrong { fill: var(--bad); }
svg .count { text-anchor: middle; font-size: 11px; } svg .light { fill: var(--on); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 24px; } .pair figure { margin: 0; } .pair + p { margin-top: 16px; }
.legend { display: flex; gap: 20px; margin-bottom: 12px; color: var(--text-muted); font-size: 13px; }
footer { margin-top: 32px; color: var(--text-muted); font-size: 13px; }
@media print { body { background: #fff; } main { padding: 0; } section, .hero > div { break-inside: avoid; } * { print-color-adjust: exact; } }
@media (forced-colors: active) { svg *, i, .track span { forced-color-adjust: none; } }
`
