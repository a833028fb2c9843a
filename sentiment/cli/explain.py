"""`sentiment explain`: attribution of a prediction to its words."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.cli.options import load, open_run
from sentiment.cli.shipped import log_default, model_and_texts
from sentiment.console import log, print_json, print_rich
from sentiment.errors import UserError
from sentiment.shipped import shipped_export, shipped_run
from sentiment.startup import import_tensorflow
from sentiment.text.rewriting import pieces

if TYPE_CHECKING:
    import numpy as np

    from sentiment.explain import Explanation
    from sentiment.inference.erasure import WordWeights

METHODS = ("gradients", "erasure")
LISTED = 5
# Backgrounds from weak to strong: blue is for the class, orange against it, violet is attention.
FOR = ("", "#d3e4f3", "#9fc6e6", "#5a9bd0", "#1f6fb2")
AGAINST = ("", "#fbe3cc", "#f6bf8a", "#ea8f3c", "#c65d00")


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("explain", help="show the attribution of each word to a prediction, and attention")
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="the text")
    parser.add_argument("--model", help="the folder of a run, or of an export for ONNX Runtime or LiteRT (default: the "
                        "included film-review model)")
    parser.add_argument("--method", choices=METHODS, help="gradients: integrated gradients and attention, of a run; "
                        "erasure: the effect of replacing each word by the unknown token, for an export without "
                        "TensorFlow (default: gradients of a run, erasure of an export)")
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
        model = str(shipped_export() if arguments.method == "erasure" else shipped_run())
    is_run = open_run(model) is not None  # a mistake in the path is reported before TensorFlow is imported
    if (arguments.method or METHODS[not is_run]) == "erasure":
        if arguments.html is not None:
            raise UserError("--html needs --method gradients, and the folder of a run")
        _erasure(model, texts[0], arguments)
    elif is_run:
        _gradients(model, texts[0], arguments)
    else:
        raise UserError(f"{model} is an export, which has no gradients: pass the folder of the run, or --method "
                        "erasure")


def _erasure(model: str, text: str, arguments: argparse.Namespace) -> None:
    from sentiment.inference.erasure import word_weights

    found = word_weights(load(model), text, arguments.class_name)
    if arguments.json:
        print_json(found.to_dict())
    else:
        _show_words(found, found.weights, found.prediction.best, found.prediction.score, found.prediction.remark)


def _gradients(model: str, text: str, arguments: argparse.Namespace) -> None:
    import_tensorflow(devices=True)
    from sentiment.artifacts import load_classifier
    from sentiment.explain import explain, explanation_page

    classifier = load_classifier(model)
    classifier.warn()
    explanation = explain(classifier, text, arguments.class_name)
    if not explanation.complete:
        log.warning(f"the attributions add up to {explanation.attributions.sum():+.3f}, which differs from the "
                    f"difference of the logits by {explanation.gap:.3f}")
    if arguments.html is not None:
        arguments.html.write_text(explanation_page(explanation), encoding="utf-8")
        log(f"written to {arguments.html}")
    if arguments.json:
        print_json(explanation.to_dict())
    elif arguments.html is None:
        _show(explanation)


def _show(explanation: "Explanation") -> None:
    """Print the attributions, their sum, and the words with most attention."""
    _show_words(explanation, explanation.attributions, explanation.label, explanation.score, explanation.remark)
    print_rich((f"sum {explanation.attributions.sum():+.3f}, logit {explanation.logit:+.3f}, without words "
                f"{explanation.baseline:+.3f}", "dim"))
    for layer in explanation.attention:
        for number, weights in enumerate(layer.weights, start=1):
            of_all = f" {number}/{len(layer.weights)}" if len(layer.weights) > 1 else ""
            top = ", ".join(f"{explanation.words[row]} {weights[row]:.3f}" for row in weights.argsort()[::-1][:LISTED])
            print_rich((f"{layer.layer}{of_all}: ", "bold"), (top, ""))


def _show_words(found: "Explanation | WordWeights", values: "np.ndarray", label: str, score: float, remark: str
                ) -> None:
    """Print a prediction, the text in colour by the values of its words, and the words with the largest values."""
    from sentiment.inference.erasure import strongest

    print_rich((f"{label} {score:.4f}", "bold"), (f"  ({remark})" if remark else "", ""))
    largest = max(float(abs(values).max()), 1e-12)
    styled = []
    for piece, place in pieces(found.text, found.spans):
        value = 0.0 if place is None else values[place]
        shades = FOR if value >= 0 else AGAINST
        shade = shades[round(abs(value) / largest * (len(shades) - 1))]
        styled.append((piece, f"black on {shade}" if shade else ""))
    print_rich(*styled)
    for name, rows in strongest(values, len(values)).items():
        listed = [f"{found.words[row]} {values[row]:+.3f}" for row in rows[:LISTED]]
        if rows[LISTED:]:
            listed.append(f"{len(rows) - LISTED} more {values[rows[LISTED:]].sum():+.3f}")
        if listed:
            print_rich((f"{name} {found.explained}: ", "bold"), (", ".join(listed), ""))
