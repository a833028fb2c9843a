"""Lifetime of custom gradients in TensorFlow graphs.

`tf.custom_gradient` registers a gradient function for each traced call in a registry of the process. The function
refers to the tensors of the call, so the graph of every training would stay in memory until the process ends
(https://github.com/tensorflow/tensorflow/issues/97697). Here the graph owns its gradient functions, and the registry
looks them up there; when the graph is freed, their entries are removed.
"""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops

ATTRIBUTE = "_gradient_op_type"  # of an operation: the name of its gradient in the registry
PREFIX = "CustomGradient-"  # of these names


class OwnedGradient:
    """Registry entry of a gradient function that a graph owns.

    Args:
        graph: the owner.
        name: of the gradient.
    """

    def __init__(self, graph: Any, name: str) -> None:
        self.graph: Callable[[], Any] = weakref.ref(graph)
        self.name = name

    def __call__(self, operation: Any, *gradients: Any) -> Any:
        """Call the gradient function of the graph."""
        return self.graph().custom_gradients[self.name](operation, *gradients)


def release_call(result: Any) -> None:
    """Make the graph own the gradient of one traced call.

    Args:
        result: an output of a function decorated with `tf.custom_gradient`. Eager tensors have no graph and are
            unchanged.
    """
    if tf.is_symbolic_tensor(result):
        _hand_over(result.graph, result.op.get_attr(ATTRIBUTE).decode())


def released(result: Any) -> Any:
    """Call `release_call` and return the result."""
    release_call(result)
    return result


def releasing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function for `tf.function` so that each graph traced from it owns its custom gradients.

    These include the one of `tf.distribute`, which Keras's optimisers call, but not those of nested functions.
    """

    @tf.autograph.experimental.do_not_convert
    def release() -> None:
        graph = tf.compat.v1.get_default_graph()
        for operation in graph.get_operations():
            if operation.type == "IdentityN" and ATTRIBUTE in operation.node_def.attr:
                _hand_over(graph, operation.get_attr(ATTRIBUTE).decode())

    @wraps(function)
    def traced(*values: Any) -> Any:
        result = function(*values)
        release()
        return result

    return traced


def _hand_over(graph: Any, name: str) -> None:
    entries = ops.gradient_registry._registry
    if not name.startswith(PREFIX) or name not in entries or isinstance(entries[name]["type"], OwnedGradient):
        return
    graph.custom_gradients = {**getattr(graph, "custom_gradients", {}), name: entries[name]["type"]}
    entries[name]["type"] = OwnedGradient(graph, name)
    weakref.finalize(graph, entries.pop, name, None)
