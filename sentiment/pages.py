"""Pages of HTML that need nothing else: no script, no font, no network; for light and dark, phones and paper."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #1b1b1b; --soft: #595959; --line: #d0d0d0;
        --for: 31, 119, 180; --against: 214, 99, 0; --seen: 108, 80, 170; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181c; --ink: #ececec; --soft: #b0b0b0; --line: #44474d;
          --for: 70, 150, 225; --against: 225, 120, 30; --seen: 150, 120, 220; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 52rem; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--ink);
       font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; } p { margin: .25rem 0; } .soft { color: var(--soft); }
.words { line-height: 2.1; overflow-wrap: anywhere; }
.words span { padding: .15em .25em; border-radius: .25em; }
.for { background: rgba(var(--for), var(--a)); } .against { background: rgba(var(--against), var(--a)); }
.seen { background: rgba(var(--seen), var(--a)); }
.soft .for, .soft .against { color: var(--ink); padding: 0 .25em; border-radius: .25em; }
.unknown { text-decoration: underline dotted; text-underline-offset: .2em; }
table { border-collapse: collapse; } td, th { padding: .1rem .75rem .1rem 0; text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr { border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; } img { max-width: 100%; height: auto; }
.tables { display: flex; flex-wrap: wrap; gap: 1rem 3rem; }
section { break-inside: auto; } h2, h3 { break-after: avoid; } picture, tr { break-inside: avoid; }
@media print { :root { --page: #ffffff; --ink: #000000; --soft: #404040; --line: #a0a0a0; }
  body { max-width: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def page(title: str, body: str) -> str:
    """Return a page; `body` is HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
{body.strip()}
</body>
</html>
"""
