// The style of every page: light or dark as the reader has it, one column on a telephone.

/**
 * Colours are named here alone. `--hit` and `--miss` shade cells under text, so that ink on them keeps a contrast above 4.5; `--mark`
 * is for lines and dots. The margin of a figure is no wider than the padding of the page, or the page could be moved sideways
 * by the difference.
 */
export const STYLE = `
:root { color-scheme: light dark; --ink: #222; --soft: #555; --line: #ddd; --paper: #fff; --box: #f4f4f4; --hit: #9ccbf2; --miss: #f7b98c; --link: #0b57a4 }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --soft: #aaa; --line: #444; --paper: #1b1b1b; --box: #282828; --hit: #1d5c96; --miss: #8a4412; --link: #8ec5ff } }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1180px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line) } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
h1, h2, h3, p, dd, li, figcaption, pre, td:last-child { overflow-wrap: anywhere }
a { color: var(--link) } :focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; margin: .8rem 0; padding: 0; font-size: .9rem }
.lead { color: var(--soft); max-width: 46rem } .scroll { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line) } th:first-child, td:first-child, .text { text-align: left } td.text:last-child:not(:first-child) { min-width: 13rem } td:not(.text, :first-child) { white-space: nowrap }
figure { display: inline-block; margin: 0 1rem 1rem 0; max-width: 100%; vertical-align: top; overflow-x: auto }
figcaption { color: var(--soft); font-size: .85rem; max-width: 27.5rem }
img, svg { max-width: 100%; height: auto } .wide svg { max-width: none } .small { color: var(--soft); font-size: .85rem }
summary { cursor: pointer; color: var(--link); padding: .2rem 0 }
pre { background: var(--box); border-radius: 6px; padding: .7rem 1rem; white-space: pre-wrap; user-select: all; margin: .5rem 0 }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 } .card { border: 1px solid var(--line); border-radius: 6px; padding: .5rem 1rem }
.card b { display: block; font-size: 1.3rem }
.words { display: grid; grid-template-columns: max-content 1fr; gap: .5rem 1.2rem; margin: 1.2rem 0; max-width: 60rem }
.words dt { font-weight: 600 } .words dd { margin: 0 } .words ul { margin: 0; padding-left: 1.1rem }
@media (max-width: 600px) { .words { grid-template-columns: 1fr; gap: 0 } .words dd { margin: 0 0 .7rem } }
.matrix td, .matrix th { padding: 0; border: 1px solid var(--line); text-align: center; font-weight: 400 } .matrix th { padding: .15rem .4rem; max-width: 9rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.matrix .tall { vertical-align: bottom; height: 7rem } .matrix .tall span { writing-mode: vertical-rl; max-height: 6.6rem; overflow: hidden; text-overflow: ellipsis }
.cell { appearance: none; border: 0; margin: 0; font: inherit; color: inherit; cursor: pointer; padding: .25rem .4rem; min-width: 2.4rem; min-height: 1.9rem; width: 100% } .cell:hover { outline: 2px solid var(--link); outline-offset: -2px }
.hit { background: color-mix(in srgb, var(--hit) calc(var(--s) * 1%), var(--paper)) } .miss { background: color-mix(in srgb, var(--miss) calc(var(--s) * 1%), var(--paper)) }
[popover] { border: 1px solid var(--line); border-radius: 8px; background: var(--paper); color: var(--ink); width: 46rem; max-width: calc(100vw - 2rem); max-height: 85vh; overflow: auto; padding: 1rem }
[popover] h3 { margin-top: 0 } [popover]::backdrop { background: rgb(0 0 0 / .4) } .close { font: inherit; float: right; padding: .2rem .7rem; cursor: pointer }
.shots { display: flex; flex-wrap: wrap; gap: .7rem; list-style: none; margin: .6rem 0; padding: 0 } .shots li { max-width: 8.5rem; font-size: .85rem; line-height: 1.3 }
.strips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)) } .shots.strips li { max-width: 100%; width: auto } .strips img { display: block; image-rendering: pixelated }
.map { position: relative; width: 100%; max-width: 42rem; aspect-ratio: 4 / 3; border: 1px solid var(--line); margin: .5rem 0; container-type: inline-size }
.map i { position: absolute; width: .55rem; height: .55rem; margin: -.28rem; background: var(--c); border-radius: 50%; opacity: .8 } .map .s1 { border-radius: 0 } .map .s2 { border-radius: 0; rotate: 45deg }
.map i:hover { opacity: 1; outline: 2px solid var(--ink); z-index: 2 } .map i .shot { display: none; position: absolute; left: .7rem; bottom: .7rem; border: 1px solid var(--ink) } .map i:hover .shot { display: block }
.map .s2 .shot { rotate: -45deg } .map .left .shot { left: auto; right: .7rem }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; padding: 0; margin: .4rem 0; font-size: .9rem } .key i { display: inline-block; width: .7rem; height: .7rem; margin-right: .35rem; background: var(--c); border-radius: 50% } .key .s1 { border-radius: 0 } .key .s2 { border-radius: 0; rotate: 45deg }
.sheet { max-width: min(100%, 34rem) }
@media (max-width: 600px) { .matrix { font-size: .85rem } .matrix th { padding: .1rem .2rem; max-width: 5rem } .cell { min-width: 1.8rem; padding: .2rem .1rem } .corner { max-width: 3.5rem } .shots li { width: calc(33.3% - .7rem) } }
@media print { nav, .close { display: none } body { max-width: none; margin: 0 } section { break-inside: avoid-page } }`;
