"""`sentiment explain`: attribution of a prediction to its words."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.cli.shipped import log_default, model_and_texts
from sentiment.console import log, print_json, print_rich
from sentiment.errors import UserError
from sentiment.shipped import shipped_run
from sentiment.startup import import_tensorflow
from sentiment.text.rewriting import pieces

if TYPE_CHECKING:
    from sentiment.explain import Explanation

LISTED = 5
# Backgrounds from weak to strong: blue is for the class, orange against it, violet is attention.
FOR = ("", "#d3e4f3", "#9fc6e6", "#5a9bd0", "#1f6fb2")
AGAINST = ("", "#fbe3cc", "#f6bf8a", "#ea8f3c", "#c65d00")


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("explain", help="show the attribution of each word to a prediction, and attention")
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="the text")
    parser.add_argument("--model", help="the folder of a run (default: the included film-review model)")
    parser.add_argument("--class", dest="class_name", metavar="NAME",
                        help="explain this class (default: the predicted one)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write an HTML page to this file")
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")


def run(arguments: argparse.Namespace) -> None:
    """Explain one text."""
    model, texts = model_and_texts(arguments.model, arguments.texts)
    if len(texts) != 1:
        raise UserError(f"explain takes one text, in quotes, but got {len(texts)}")
    if model is None:
        log_default()
        model = str(shipped_run())
    from sentiment.artifacts import RunPaths

    RunPaths.open(model)  # a mistake in the path is reported before TensorFlow is imported
    import_tensorflow(devices=True)
    from sentiment.artifacts import load_classifier
    from sentiment.explain import explain, explanation_page

    classifier = load_classifier(model)
    classifier.warn()
    explanation = explain(classifier, texts[0], arguments.class_name)
    if not explanation.complete:
        log.warning(f"the attributions add up to {explanation.attributions.sum():+.3f}, which differs from the "
                    f"difference of the logits by {explanation.gap:.3f}")
    if arguments.html is not None:
        arguments.html.write_text(explanation_page(explanation), encoding="utf-8")
        log(f"written to {arguments.html}")
    if arguments.json:
        print_json(explanation.to_dict())
    elif arguments.html is None:
        show(explanation)


def show(explanation: "Explanation") -> None:
    """Print an explanation with the text in colour."""
    remark = f"  ({explanation.remark})" if explanation.remark else ""
    print_rich((f"{explanation.label} {explanation.score:.4f}", "bold"), (remark, ""))
    largest = max(float(abs(explanation.attributions).max()), 1e-12)
    styled = []
    for piece, place in pieces(explanation.text, explanation.spans):
        value = 0.0 if place is None else explanation.attributions[place]
        shades = FOR if value >= 0 else AGAINST
        shade = shades[round(abs(value) / largest * (len(shades) - 1))]
        styled.append((piece, f"black on {shade}" if shade else ""))
    print_rich(*styled)
    for name, rows in explanation.strongest(LISTED).items():
        if rows:
            listed = ", ".join(f"{explanation.words[row]} {explanation.attributions[row]:+.3f}" for row in rows)
            print_rich((f"{name} {explanation.explained}: ", "bold"), (listed, ""))
    print_rich((f"sum {explanation.attributions.sum():+.3f}, logit {explanation.logit:+.3f}, without words "
                f"{explanation.baseline:+.3f}", "dim"))
    for layer in explanation.attention:
        for number, weights in enumerate(layer.weights, start=1):
            of_all = f" {number}/{len(layer.weights)}" if len(layer.weights) > 1 else ""
            top = ", ".join(f"{explanation.words[row]} {weights[row]:.3f}" for row in weights.argsort()[::-1][:LISTED])
            print_rich((f"{layer.layer}{of_all}: ", "bold"), (top, ""))
