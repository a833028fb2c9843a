"""Batch prediction of files of any size in constant memory, with all columns, resumable."""

from sentiment.scoring.jobs import Job, Scored, plan_jobs, run_jobs, text_chunks

__all__ = ["Job", "Scored", "plan_jobs", "run_jobs", "text_chunks"]
