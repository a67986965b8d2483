"""How the report's page looks: one column on a phone, two for the plots on a laptop, dark where the reader's screen is."""

STYLE = """
:root { --page: #f4f5f7; --card: #fff; --ink: #1c2127; --dim: #5c6570; --line: #e1e4e8; --bar: #cfe0f3; --good: #2e8b57; --poor: #c8741f }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171a; --card: #1d2125; --ink: #e6e9ec; --dim: #9aa4af; --line: #32383f; --bar: #26456b; --good: #4fb57d; --poor: #e59a4a }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 74rem; background: var(--page); color: var(--ink) }
body { font: 16px/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.9rem; overflow-wrap: anywhere }
h2 { margin: 0 0 .5rem; font-size: 1.2rem }
h3 { margin: 1rem 0 .3rem; font-size: 1rem }
p { margin: .2rem 0 .8rem; color: var(--dim) }
header p { margin-bottom: 1rem; overflow-wrap: anywhere }
section, .plot { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.2rem; margin: 0 0 1rem }
.verdict { border-left: 6px solid var(--poor) }
.verdict.good { border-left-color: var(--good) }
.verdict ul { list-style: none; padding: 0 }
ul, ol { margin: 0; padding-left: 1.3rem }
li { margin: .25rem 0; overflow-wrap: anywhere }
code { font-size: .82rem; background: var(--page); border: 1px solid var(--line); border-radius: 5px; padding: 0 .35rem }
code { display: inline-block; max-width: 100% }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; margin-bottom: 1rem }
.tiles strong { display: block; font-size: 2rem; line-height: 1.2 }
.tiles span { display: block }
.tiles small { overflow-wrap: anywhere }
small, figcaption { color: var(--dim); font-size: .82rem }
figcaption { margin-top: .4rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { color: var(--dim); font-weight: 500; font-size: .85rem }
td, th { padding: .35rem .8rem .35rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
td:first-child, th:first-child { text-align: left; unicode-bidi: plaintext; white-space: normal; min-width: 8rem; overflow-wrap: anywhere }
td[style] { width: 18%; background: linear-gradient(var(--bar), var(--bar)) left / calc(var(--share) * .93) 60% no-repeat }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); column-gap: 1rem }
.plots > div { min-width: 0 }
.wide img { min-width: 46rem }
.paper { background: #fff; border-radius: 8px; padding: .4rem; overflow-x: auto }
img { display: block; max-width: 100%; height: auto; margin: 0 auto }
.paper img { width: 100%; max-width: 60rem }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: 1rem .8rem }
.photos figure { margin: 0; min-width: 0 }
.photos img { width: 100%; border-radius: 6px }
.photos b, .photos span, .photos small { display: block; overflow-wrap: anywhere; line-height: 1.3 }
.photos figcaption b { color: var(--ink) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0 }
dt { color: var(--dim) }
dd { margin: 0; overflow-wrap: anywhere }
@media (max-width: 40rem) {
  section, .plot { padding: .9rem }
  td, th { padding-right: .5rem; font-size: .9rem }
  td:first-child, th:first-child { min-width: 5.5rem }
  dl { grid-template-columns: 1fr }
  dd { margin-bottom: .5rem }
}
"""
