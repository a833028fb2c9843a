"""Bag-of-words baseline: TF-IDF of words and bigrams with logistic regression, by scikit-learn alone.

    python benchmarks/bag_of_words.py --dataset imdb

Trains on training and validation texts together, because nothing is chosen; prints the test accuracy and the seconds.
"""

import argparse
import sys
import time

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sentiment.config import DataConfig
from sentiment.data import load_corpus
from sentiment.errors import UserError


def main() -> None:
    """Train, test and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="auto")
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    corpus = load_corpus(DataConfig(dataset=options.dataset, data_dir=options.data_dir), seed=1)
    started = time.perf_counter()
    terms = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(terms, LogisticRegression(C=10, max_iter=1000))
    labels = np.concatenate([corpus.train.labels, corpus.validation.labels])
    model.fit([*corpus.train.texts, *corpus.validation.texts], labels)
    test = corpus.test.read()
    accuracy = model.score(test.texts, test.labels)
    print(f"{corpus.name}: test accuracy {accuracy:.4f}, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
