"""Lifetime of custom gradients in TensorFlow graphs.

`tf.custom_gradient` enters each call that is traced in a registry of the process. The entry refers to the tensors of
the call, so the graph of every training would stay in memory until the process ends
(https://github.com/tensorflow/tensorflow/issues/97697).
"""

import weakref
from typing import Any

ATTRIBUTE = "_gradient_op_type"  # of the operation that names its gradient in the registry


def release_with_graph(result: Any) -> None:
    """Let the graph own the custom gradient of a traced call, so that both are freed together.

    Args:
        result: an output of a function decorated with `tf.custom_gradient`. Eager tensors have no graph and are left
            as they are.
    """
    import tensorflow as tf
    from tensorflow.python.framework import ops

    if tf.is_symbolic_tensor(result):
        entries, graph = ops.gradient_registry._registry, result.graph
        name = result.op.get_attr(ATTRIBUTE).decode()
        graph.custom_gradients = {**getattr(graph, "custom_gradients", {}), name: entries[name]["type"]}
        entries[name]["type"] = _weak(weakref.ref(graph), name)
        weakref.finalize(graph, entries.pop, name, None)


def _weak(graph: "weakref.ref[Any]", name: str) -> Any:
    """Return a gradient function that looks up the real one in its graph when it is called."""
    def gradient(operation: Any, *gradients: Any) -> Any:
        alive = graph()
        if alive is None:
            raise LookupError(f"the graph of {name} was freed")
        return alive.custom_gradients[name](operation, *gradients)

    return gradient
