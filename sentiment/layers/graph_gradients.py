"""Lifetime of custom gradients in TensorFlow graphs.

`tf.custom_gradient` enters each call that is traced in a registry of the process. The entry refers to the tensors of
the call, so the graph of every training would stay in memory until the process ends
(https://github.com/tensorflow/tensorflow/issues/97697). Here the graph owns its gradients, and the registry looks them
up in it.
"""

import weakref
from collections.abc import Callable
from functools import wraps
from itertools import chain
from typing import Any

ATTRIBUTE = "_gradient_op_type"  # of an operation: the name of its gradient in the registry
PREFIX = "CustomGradient-"  # of these names


class OwnedGradient:
    """The entry of a gradient that a graph owns.

    Args:
        graph: the owner.
        name: of the gradient.
    """

    def __init__(self, graph: Any, name: str) -> None:
        self.graph = weakref.ref(graph)
        self.name = name

    def __call__(self, operation: Any, *gradients: Any) -> Any:
        """Compute the gradients by the inputs of an operation, as the function does that was registered first."""
        graph = self.graph()
        if graph is None:
            raise LookupError(f"the graph of {self.name} was freed")
        return graph.custom_gradients[self.name](operation, *gradients)


def release_call(result: Any) -> None:
    """Let the graph own the gradient of one traced call.

    Args:
        result: an output of a function decorated with `tf.custom_gradient`. Eager tensors have no graph and are left
            as they are.
    """
    import tensorflow as tf

    if tf.is_symbolic_tensor(result):
        _hand_over(result.graph, result.op.get_attr(ATTRIBUTE).decode())


def releasing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function for `tf.function`: each graph that is traced of it owns all custom gradients in it.

    Those of Keras and of `tf.distribute` are among them.
    """
    import tensorflow as tf

    @tf.autograph.experimental.do_not_convert
    def release() -> None:
        _release_graph(tf.compat.v1.get_default_graph())

    @wraps(function)
    def traced(*values: Any) -> Any:
        result = function(*values)
        release()
        return result

    return traced


def _release_graph(graph: Any) -> None:
    definition = graph.as_graph_def()
    nodes = chain(definition.node, *(function.node_def for function in definition.library.function))
    for name in {node.attr[ATTRIBUTE].s.decode() for node in nodes if ATTRIBUTE in node.attr}:
        _hand_over(graph, name)


def _hand_over(graph: Any, name: str) -> None:
    from tensorflow.python.framework import ops

    entries = ops.gradient_registry._registry
    if not name.startswith(PREFIX) or name not in entries or isinstance(entries[name]["type"], OwnedGradient):
        return
    graph.custom_gradients = {**getattr(graph, "custom_gradients", {}), name: entries[name]["type"]}
    entries[name]["type"] = OwnedGradient(graph, name)
    weakref.finalize(graph, entries.pop, name, None)
