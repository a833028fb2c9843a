"""Explanations as HTML: a page, and coloured texts for other pages."""

from html import escape

import numpy as np

from sentiment.explain.attribution import Explanation
from sentiment.inference.erasure import LISTED, strongest
from sentiment.pages import page, table_html
from sentiment.text.rewriting import pieces

STRONGEST = 0.65  # the opacity of the strongest word, so that the letters stay readable
STRONG = 0.2  # share of the largest value from which a word is underlined
# In a notebook, without the style sheet.
COLOURS = {"for": "31, 119, 180", "against": "214, 99, 0"}
LINES = {"for": "underline 2px solid", "against": "underline 1px wavy"}


def coloured_text(explanation: Explanation) -> str:
    """Return HTML of the text, each word in colour and underlined by what it adds to the class that is explained."""
    return _text(explanation, explanation.attributions, ("for", "against"))


def notebook_html(explanation: Explanation) -> str:
    """Return HTML with inline styles."""
    text = _text(explanation, explanation.attributions, ("for", "against"), inline=True)
    return (f"<p><b>{escape(explanation.label)}</b>, probability {explanation.score:.4f}{_remark(explanation)}. "
            f"{_legend(explanation, inline=True)}</p>{_notes(explanation)}{text}")


def _notes(explanation: Explanation) -> str:
    return "".join(f"<p><b>Note:</b> {escape(note)}.</p>" for note in explanation.notes)


def _remark(explanation: Explanation) -> str:
    return f", {explanation.remark}" if explanation.remark else ""


def _legend(explanation: Explanation, *, inline: bool = False) -> str:
    kinds = (_coloured(f"{kind} it", kind, 0.5 / STRONGEST, inline=inline) for kind in ("for", "against"))
    return f"Contribution of each word to the logit of <b>{escape(explanation.explained)}</b>: {', '.join(kinds)}."


def _text(explanation: Explanation, values: np.ndarray, kinds: tuple[str, str], *, inline: bool = False) -> str:
    """Return the text with its words in colour: `kinds` are the classes of values above and below 0."""
    largest = max(float(np.abs(values).max(initial=0.0)), 1e-12)
    shown = pieces(explanation.text, explanation.spans) if explanation.text.strip() else [(explanation.words[0], 0)]
    parts = []
    for piece, place in shown:
        if place is not None:
            value = float(values[place])
            parts.append(_coloured(piece, kinds[int(value < 0)], abs(value) / largest, f' title="{value:+.4f}"',
                                   known=explanation.known[place], inline=inline))
        elif any(map(str.isalnum, piece)):  # markup, or words beyond the maximum length
            style = ' style="opacity: 0.6; font-style: italic"' if inline else ""
            parts.append(f'<span class="unread" title="not read"{style}>{escape(piece)}</span>')
        else:
            parts.append(escape(piece))
    style = ' style="white-space: pre-wrap"' if inline else ""
    return f'<p class="words" dir="auto"{style}>{"".join(parts)}</p>'


def _coloured(text: str, kind: str, share: float, more: str = "", *, known: bool = True, inline: bool) -> str:
    """Return a word in the colour of its kind, as strong as its share of the largest value."""
    opacity, strong = f"{STRONGEST * share:.2f}", share >= STRONG and kind in LINES
    if inline:
        line = f"; text-decoration: {LINES[kind]}" if strong else ""
        frame = "" if known else "; outline: 1px dotted"
        style = f"background: rgba({COLOURS[kind]}, {opacity}){line}{frame}"
    else:
        style = f"--a:{opacity}"
    names = " ".join(name for name, so in ((kind, True), ("strong", strong), ("unknown", not known)) if so)
    return f'<span class="{names}" style="{style}"{more}>{escape(text)}</span>'


def _table(explanation: Explanation, heading: str) -> str:
    rows = [[escape(explanation.words[row]), f"{explanation.attributions[row]:+.3f}"]
            for row in strongest(explanation.attributions, LISTED)[heading]]
    title = f"Words {heading} {explanation.explained}"
    return f"<div><h2>{escape(title)}</h2>{table_html(title, ['word', 'logit'], rows)}</div>" if rows else ""


def _attention(explanation: Explanation) -> str:
    parts = []
    for layer in explanation.attention:
        kind = "the weight of each word" + (", the mean over all queries" if layer.matrix is not None else "")
        parts.append(f'<h2>Attention: {escape(layer.layer)}</h2><p class="soft">{kind}</p>')
        for number, weights in enumerate(layer.weights, start=1):
            if len(layer.weights) > 1:
                parts.append(f"<h3>{number} of {len(layer.weights)}</h3>")
            parts.append(_text(explanation, weights, ("seen", "seen")))
    return "".join(parts)


def explanation_page(explanation: Explanation) -> str:
    """Return an explanation as an HTML page."""
    text = coloured_text(explanation)
    more = ["Words in a dotted frame are not in the vocabulary."] if not all(explanation.known) else []
    more += ["Text in grey italics is not read by the model."] if "unread" in text else []
    title = f"{explanation.label}, probability {explanation.score:.4f}{_remark(explanation)}"
    return page(title, f"""
<main>
<h1>{escape(title)}</h1>
{_notes(explanation)}
<p class="soft">{_legend(explanation)} Strong words are underlined, those against with a wavy line.</p>
{text}
<p class="soft">{" ".join(more)}</p>
<div class="tables">
{_table(explanation, "for")}
{_table(explanation, "against")}
</div>
<p class="soft">The words add up to {explanation.attributions.sum():+.3f}; the logit is {explanation.logit:+.3f}, and
{explanation.baseline:+.3f} without any word, a difference of {explanation.logit - explanation.baseline:+.3f}.</p>
{_attention(explanation)}
</main>
""")
