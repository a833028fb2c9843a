"""Explanations as HTML: a page, and coloured words for other pages."""

from html import escape

import numpy as np

from sentiment.explain.attribution import LISTED, Explanation
from sentiment.pages import page

STRONGEST = 0.65  # the opacity of the strongest word, so that the letters stay readable
COLOURS = {"for": "31, 119, 180", "against": "214, 99, 0"}  # in a notebook, without the style sheet


def coloured_words(explanation: Explanation) -> str:
    """Return HTML of the words, coloured for or against the explained class."""
    return _words(explanation, explanation.attributions, ("for", "against"))


def notebook_html(explanation: Explanation) -> str:
    """Return HTML with inline styles."""
    words = _words(explanation, explanation.attributions, ("for", "against"), inline=True)
    return (f"<p><b>{escape(explanation.label)}</b>, probability {explanation.score:.4f}{_remark(explanation)}. "
            f"{_legend(explanation, inline=True)}</p>{_notes(explanation)}{words}")


def _notes(explanation: Explanation) -> str:
    return "".join(f"<p><b>Note:</b> {escape(note)}.</p>" for note in explanation.notes)


def _remark(explanation: Explanation) -> str:
    return f", {explanation.remark}" if explanation.remark else ""


def _legend(explanation: Explanation, *, inline: bool = False) -> str:
    kinds = (_coloured(f"{kind} it", kind, 0.5, inline=inline) for kind in ("for", "against"))
    return f"Contribution of each word to the logit of <b>{escape(explanation.explained)}</b>: {', '.join(kinds)}."


def _words(explanation: Explanation, values: np.ndarray, kinds: tuple[str, str], *, inline: bool = False) -> str:
    """Return the coloured words; `kinds` are the CSS classes of values above and below 0."""
    largest = max(float(np.abs(values).max(initial=0.0)), 1e-12)
    spans = [_coloured(word, kinds[int(value < 0)], STRONGEST * abs(value) / largest, f' title="{value:+.4f}"',
                       known=known, inline=inline)
             for word, known, value in zip(explanation.words, explanation.known, values, strict=True)]
    return f'<p class="words">{" ".join(spans)}</p>'


def _coloured(text: str, kind: str, opacity: float, more: str = "", *, known: bool = True, inline: bool) -> str:
    style = f"background: rgba({COLOURS[kind]}, {opacity:.2f})" if inline else f"--a:{opacity:.2f}"
    return f'<span class="{kind}{"" if known else " unknown"}" style="{style}"{more}>{escape(text)}</span>'


def _table(explanation: Explanation, heading: str) -> str:
    rows = explanation.strongest(LISTED)[heading]
    if not rows:
        return ""
    cells = "".join(f'<tr><td>{escape(explanation.words[row])}</td><td class="number">'
                    f"{explanation.attributions[row]:+.3f}</td></tr>" for row in rows)
    return f'<table><tr><th>{escape(heading)}</th><th class="number">logit</th></tr>{cells}</table>'


def _attention(explanation: Explanation) -> str:
    parts = []
    for layer in explanation.attention:
        kind = "the mean weight of each word, by head" if layer.matrix is not None else "the weight of each word"
        parts.append(f"<h2>Attention: {escape(layer.layer)}</h2><p class=soft>{kind}</p>")
        for number, weights in enumerate(layer.weights, start=1):
            if len(layer.weights) > 1:
                parts.append(f"<h3>{number} of {len(layer.weights)}</h3>")
            parts.append(_words(explanation, weights, ("seen", "seen")))
    return "".join(parts)


def explanation_page(explanation: Explanation) -> str:
    """Return an explanation as an HTML page."""
    unknown = ('<p class=soft>Words with a dotted line are not in the vocabulary.</p>'
               if not all(explanation.known) else "")
    title = f"{explanation.label}, probability {explanation.score:.4f}{_remark(explanation)}"
    return page(title, f"""
<h1>{escape(title)}</h1>
{_notes(explanation)}
<p class="soft">{_legend(explanation)}</p>
{coloured_words(explanation)}
{unknown}
<div class="tables">
{_table(explanation, "for")}
{_table(explanation, "against")}
</div>
<p class="soft">The words add up to {explanation.attributions.sum():+.3f}; the logit is {explanation.logit:+.3f}, and
{explanation.baseline:+.3f} without any word, a difference of {explanation.logit - explanation.baseline:+.3f}.</p>
{_attention(explanation)}
""")
