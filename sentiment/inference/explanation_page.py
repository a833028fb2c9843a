"""An explanation as a page of HTML that needs nothing else: no script, no font, no network."""

from html import escape

import numpy as np

from sentiment.inference.explanation import Explanation

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
.tables { display: flex; flex-wrap: wrap; gap: 1rem 3rem; }
@media print { body { max-width: none; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
STRONGEST = 0.65  # the opacity of the strongest word, so that the letters stay readable
LISTED = 8


def _words(explanation: Explanation, values: np.ndarray, classes: tuple[str, str]) -> str:
    """Return the words in colour: `classes` are those of values above and below 0."""
    largest = max(float(np.abs(values).max(initial=0.0)), 1e-12)
    spans = []
    for word, known, value in zip(explanation.words, explanation.known, values, strict=True):
        kind = classes[0] if value >= 0 else classes[1]
        unknown = " unknown" if not known else ""
        spans.append(f'<span class="{kind}{unknown}" style="--a:{STRONGEST * abs(value) / largest:.2f}" '
                     f'title="{value:+.4f}">{escape(word)}</span>')
    return f'<p class="words">{" ".join(spans)}</p>'


def _table(explanation: Explanation, heading: str, rows: np.ndarray) -> str:
    cells = "".join(f'<tr><td>{escape(explanation.words[row])}</td><td class="number">'
                    f"{explanation.attributions[row]:+.3f}</td></tr>" for row in rows)
    return f'<table><tr><th>{escape(heading)}</th><th class="number">logit</th></tr>{cells}</table>'


def _attention(explanation: Explanation) -> str:
    parts = []
    for layer in explanation.attention:
        kind = "what each word gets on average, head by head" if layer.matrix is not None else "the weight of each word"
        parts.append(f"<h2>Attention: {escape(layer.layer)}</h2><p class=soft>{kind}</p>")
        for number, weights in enumerate(layer.weights, start=1):
            if len(layer.weights) > 1:
                parts.append(f"<h3>{number} of {len(layer.weights)}</h3>")
            parts.append(_words(explanation, weights, ("seen", "seen")))
    return "".join(parts)


def explanation_page(explanation: Explanation) -> str:
    """Return the page."""
    order = np.argsort(explanation.attributions)
    helped = [row for row in order[::-1][:LISTED] if explanation.attributions[row] > 0]
    hurt = [row for row in order[:LISTED] if explanation.attributions[row] < 0]
    unknown = ('<p class=soft>Words with a dotted line are not in the vocabulary.</p>'
               if not all(explanation.known) else "")
    title = f"{explanation.label}, probability {explanation.score:.4f}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="soft">What each word adds to the logit of <b>{escape(explanation.explained)}</b>:
<span class="for" style="--a:.5">for it</span>, <span class="against" style="--a:.5">against it</span>.</p>
{_words(explanation, explanation.attributions, ("for", "against"))}
{unknown}
<div class="tables">
{_table(explanation, "for", np.array(helped, int)) if helped else ""}
{_table(explanation, "against", np.array(hurt, int)) if hurt else ""}
</div>
<p class="soft">The words add up to {explanation.attributions.sum():+.3f}; the logit is {explanation.logit:+.3f}, and
{explanation.baseline:+.3f} without any word, a difference of {explanation.logit - explanation.baseline:+.3f}.</p>
{_attention(explanation)}
</body>
</html>
"""
