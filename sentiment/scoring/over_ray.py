"""Batch prediction on a Ray cluster by Ray Data, one file at a time per worker."""

import logging
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sentiment.errors import UserError
from sentiment.inference import Predictor
from sentiment.machine import available_cores
from sentiment.scoring.jobs import Job, Scored, total

Load = Callable[[Path, bool], Predictor]  # a model's folder, and whether it computes in half precision


@cache
def _loaded(load: Load, model: Path, mixed_precision: bool) -> Predictor:
    """Load a model once in each process."""
    return load(model, mixed_precision)


def _label(batch: dict[str, Any], load: Load) -> dict[str, Any]:
    """Run one job; an input error is returned as a value, because Ray would wrap an exception."""
    (job,) = batch["job"]
    try:
        done, error = job.run(_loaded(load, job.model, job.mixed_precision)), ""
    except UserError as failed:
        done, error = Scored(0, 0, 0), str(failed)
    return {**{name: [count] for name, count in done._asdict().items()}, "bytes": [job.size], "error": [error]}


def run_over_ray(jobs: Sequence[Job], load: Load, seen: Callable[[int], None] = lambda size: None) -> Scored:
    """Run jobs on the cluster of `RAY_ADDRESS`, or on this machine.

    The files and the model must be at the same paths on every machine. `load` is called by each worker.

    Raises:
        UserError: if Ray is not installed, or for an error in the request or the input of a job.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise UserError("--engine ray needs Ray: install it (pip install '.[ray]')") from None
    if not ray.is_initialized():
        local = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": available_cores(), "include_dashboard": False}
        ray.init(logging_level=logging.ERROR, log_to_driver=False, **local)
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    items = ray.data.from_items([{"job": job} for job in jobs], override_num_blocks=len(jobs))
    done = items.map_batches(_label, batch_size=1, fn_kwargs={"load": load})
    scored = []
    for one in done.iter_rows():
        if one["error"]:
            raise UserError(one["error"])
        scored.append(Scored(one["rows"], one["labelled"], one["abstained"]))
        seen(one["bytes"])
    return total(scored)
