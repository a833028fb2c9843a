"""An explanation as a page of HTML, and its coloured words for other pages."""

from html import escape

import numpy as np

from sentiment.explain.attribution import LISTED, Explanation
from sentiment.pages import page

STRONGEST = 0.65  # the opacity of the strongest word, so that the letters stay readable


def coloured_words(explanation: Explanation) -> str:
    """Return HTML of the words, in colour for or against the class that is explained."""
    return _words(explanation, explanation.attributions, ("for", "against"))


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


def notebook_html(explanation: Explanation) -> str:
    """Return HTML for a notebook, which has no style of ours: words on blue for the class, on orange against it."""
    largest = max(float(np.abs(explanation.attributions).max(initial=0.0)), 1e-12)
    words = " ".join(
        f'<span style="background: rgba({"31, 111, 178" if value >= 0 else "198, 93, 0"}, '
        f'{STRONGEST * abs(value) / largest:.2f})" title="{value:+.4f}">{escape(word)}</span>'
        for word, value in zip(explanation.words, explanation.attributions, strict=True))
    return (f"<p><b>{escape(explanation.label)}</b> {explanation.score:.4f}, words for and against "
            f"<b>{escape(explanation.explained)}</b>:</p><p>{words}</p>")


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
    return page(title, f"""
<h1>{escape(title)}</h1>
<p class="soft">What each word adds to the logit of <b>{escape(explanation.explained)}</b>:
<span class="for" style="--a:.5">for it</span>, <span class="against" style="--a:.5">against it</span>.</p>
{coloured_words(explanation)}
{unknown}
<div class="tables">
{_table(explanation, "for", np.array(helped, int)) if helped else ""}
{_table(explanation, "against", np.array(hurt, int)) if hurt else ""}
</div>
<p class="soft">The words add up to {explanation.attributions.sum():+.3f}; the logit is {explanation.logit:+.3f}, and
{explanation.baseline:+.3f} without any word, a difference of {explanation.logit - explanation.baseline:+.3f}.</p>
{_attention(explanation)}
""")
