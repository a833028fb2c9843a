"""Ensembles of finished models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from sentiment.architectures import blocks
from sentiment.architectures.registry import Sizes, build
from sentiment.config import ModelConfig
from sentiment.layers import Ensemble, MemberIds

NAME = "ensemble"


@dataclass(frozen=True)
class Member:
    """Member of an ensemble: its configuration and sizes.

    Attributes:
        model: its configuration.
        sizes: its vocabulary and classes.
        head, tail: the number of words that it reads at the start and at the end of a long text.
    """

    model: ModelConfig
    sizes: Sizes
    head: int
    tail: int


def build_ensemble(members: Sequence[Member], sizes: Sizes) -> keras.Model:
    """Build an ensemble, from ids of the common vocabulary, int32 [batch, time], to the mean of the members' logits."""
    ids = blocks.ids_input()
    models = [build(member.model, member.sizes) for member in members]
    lookups = [MemberIds(sizes.vocabulary_size, member.head, member.tail, name=f"ids_{number}")
               for number, member in enumerate(members, start=1)]
    return keras.Model(ids, Ensemble(models, lookups, name=NAME)(ids), name=NAME)


def set_member(model: keras.Model, number: int, own_ids: np.ndarray, weights: list[Any]) -> None:
    """Set the weights of a member, and its ids of the common vocabulary, int32 [vocabulary]."""
    ensemble = model.get_layer(NAME)
    ensemble.lookups[number].own.assign(own_ids)
    ensemble.members[number].set_weights(weights)


def weigh_members(model: keras.Model, weights: Sequence[float]) -> None:
    """Set the weights of the mean of logits, which add up to 1, by scaling the members' last layers."""
    members = model.get_layer(NAME).members
    for member, weight in zip(members, weights, strict=True):
        blocks.scale_logits(member, weight * len(members))
