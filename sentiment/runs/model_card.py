"""Model cards in Markdown, with YAML front matter.

A card may be published, so it contains only the last part of paths of data and models. The full paths are in
`config.json`, which repeats the run.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentiment.config import UNLABELLED_OF_CORPUS, PretrainConfig, RunConfig
from sentiment.console import visible
from sentiment.evaluation.many_classes import names_shown, rows_shown
from sentiment.measured import baseline_rows, mean_of, over_folds
from sentiment.pages import in_markdown


def model_card(name: str, config: RunConfig, measured: dict[str, Any]) -> str:
    """Return the text of a run's README.md.

    Args:
        name: of the run.
        config: the run's configuration.
        measured: the content of its metrics.json.
    """
    test, data, training = measured["test"], measured["dataset"], measured["training"]
    notes = _notes([*config.data.notes, *data["notes"]])
    of_data = visible(data["name"])
    front = {
        "library_name": "keras", "pipeline_tag": "text-classification",
        "model-index": [{"name": name, "results": [{
            "task": {"type": "text-classification"}, "dataset": {"name": of_data, "type": of_data},
            "metrics": [{"type": "accuracy", "value": round(test["accuracy"], 4)},
                        {"type": "f1", "value": round(test["macro_f1"], 4)}]}]}]}
    # JSON is YAML, and quotes names.
    return f"""---
{json.dumps(front, indent=2, ensure_ascii=False)}
---

# {in_markdown(name)}

{notes}A `{config.model.architecture}` classifier with the classes {in_markdown(names_shown(data["classes"]))}, \
trained with sentiment {measured["versions"]["sentiment"]}.

| | |
| --- | --- |
| data | {in_markdown(data["name"])}: {data["train_texts"]:,} training, {data["validation_texts"]:,} validation, \
{_measured_on(measured)} |
{_origins(config)}| parameters | {training["parameters"]:,} |
| epochs | {_epochs(config, training)} |
| seed | {config.runtime.seed} |
| devices, seconds, peak memory | {training["devices"]}, {measured["seconds"]["all"]:.0f} s, \
{measured["peak_memory_bytes"] / 1e9:.2f} GB |

## Results

| split | accuracy | macro F1 | log loss | calibration error | ROC AUC |
| --- | --- | --- | --- | --- | --- |
{_row("test", test)}
{_row("validation", measured["validation"])}

{_how_measured(measured)} The logits were divided by a temperature of \
{measured["calibration"]["temperature"]:.3f}, fitted on validation; without calibration, the calibration error on the
test split would be {measured["calibration"]["test_error_before"]:.4f}.

{_baselines(measured)}{_class_table(test)}

## Use

    python -m sentiment predict --model models/{name} "A text."

{_to_export(name, config)}    import tensorflow as tf
    tf.saved_model.load("models/{name}/export/1").serve(tf.constant(["A text."]))

{_again(name, training)}

## Limits

Its vocabulary has the {training["vocabulary"]:,} most frequent words of its training texts, and it reads at most
{config.text.max_length} words of a text (`{config.text.truncate}`). It labels any text in any language, but its
probabilities are meaningful only for texts like its training texts.
"""


def _notes(notes: Sequence[str]) -> str:
    return "".join(f"> **Note:** {in_markdown(note)}.\n\n" for note in notes)


def _measured_on(measured: dict[str, Any]) -> str:
    texts, folds = f"{measured['dataset']['test_texts']:,}", measured["folds"]
    return f"{texts} test texts" if folds is None else f"and {texts} test texts in {folds['count']} folds"


def _how_measured(measured: dict[str, Any]) -> str:
    """Return a sentence on how the test metrics were measured."""
    folds = measured["folds"]
    if folds is None:
        return "The test split was read once, after all choices had been made on validation."
    return (f"Each text was predicted by a model that was trained without it, in {folds['count']}-fold "
            f"cross-validation; {over_folds(folds)}. The model itself was trained on all texts.")


def _baselines(measured: dict[str, Any]) -> str:
    """Return the table of the baselines and the verdict, if they were measured."""
    if measured["baselines"] is None:
        return ""
    header, *rows = ("| " + " | ".join(row) + " |" for row in baseline_rows(measured))
    return "\n".join([header, "| --- " * header.count(" | ") + "| --- |", *rows, "",
                      f"{in_markdown(measured['baselines']['verdict'])}.", "", ""])


def _to_export(name: str, config: RunConfig) -> str:
    """Return the command that exports the SavedModel, if the run has none."""
    return "" if config.runtime.export else f"    python -m sentiment export models/{name} --format saved_model\n\n"


def _origins(config: RunConfig) -> str:
    """Return one row per additional source of a run: pretrained network, teacher and unlabelled texts."""
    training = config.training
    origins = {"starts from": training.pretrained, "distilled from": training.teacher,
               "unlabelled texts": "those of the corpus" if config.data.unlabelled == UNLABELLED_OF_CORPUS
               else config.data.named_unlabelled}
    return "".join(f"| {name} | {in_markdown(Path(value).name)} |\n" for name, value in origins.items() if value)


def _again(name: str, training: dict[str, Any]) -> str:
    """Return the command that repeats the run."""
    if "members" in training:
        members = " ".join(f"models/{member}" for member in training["members"])
        weights = " ".join(f"{weight:.4f}" for weight in training["members"].values())
        return (f"`python -m sentiment ensemble {members} --weights {weights} --output-dir models/again` "
                "repeats it.")
    return (f"`config.json` contains every option: `python train.py --config models/{name}/config.json --output-dir "
            "models/again`\nrepeats the training.")


def _epochs(config: RunConfig, training: dict[str, Any]) -> str:
    if "members" in training:
        return in_markdown(mean_of(training["members"]))
    if training["best_epoch"] is None:
        return "fitted at once by scikit-learn"
    return f"{training['epochs']}, the best was {training['best_epoch']} by {config.training.monitor}"


def _row(split: str, metrics: dict[str, Any]) -> str:
    values = [metrics[key] for key in ("accuracy", "macro_f1", "log_loss", "calibration_error", "roc_auc")]
    return f"| {split} | {' | '.join('-' if value is None else f'{value:.4f}' for value in values)} |"


def _class_table(metrics: dict[str, Any]) -> str:
    shown, note = rows_shown(metrics["classes"])
    rows = [f"| {in_markdown(name)} | {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} | "
            f"{row['texts']:,} |" for name, row in shown.items()]
    return "\n".join([*([note, ""] if note else []), "| class | precision | recall | F1 | texts |",
                      "| --- | --- | --- | --- | --- |", *rows])


def pretraining_card(name: str, config: PretrainConfig, measured: dict[str, Any]) -> str:
    """Return the text of the README.md of a pretrained network; the arguments are those of `model_card`."""
    data, training = measured["dataset"], measured["training"]
    kinds = {"language-model": "A language model", "autoencoder": "A sequence autoencoder"}
    rows = "\n".join(f"| {key.replace('_', ' ')} | {value:.1f} |" for key, value in measured["validation"].items())
    return f"""# {in_markdown(name)}

{_notes(data["notes"])}{kinds[config.pretraining.method]} for `{config.model.architecture}` classifiers, trained with \
sentiment {measured["versions"]["sentiment"]} without labels.

| | |
| --- | --- |
| data | {in_markdown(data["name"])}: {data["train_texts"]:,} training texts and \
{data["unlabelled_texts"]:,} unlabelled texts, {data["words"]:,} words |
| parameters | {training["parameters"]:,} |
| epochs | {training["epochs"]} |
| seed | {config.runtime.seed} |
| devices, seconds, peak memory | {training["devices"]}, {measured["seconds"]["all"]:.0f} s, \
{measured["peak_memory_bytes"] / 1e9:.2f} GB |

## On the validation split

| | |
| --- | --- |
{rows}

Perplexity is per word, over the whole vocabulary of {training["vocabulary"]:,} including the unknown token.

## Use

    python train.py --pretrained models/{name}

initialises a classifier with its vocabulary, embedding and recurrent layers.
"""
