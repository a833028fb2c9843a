"""Files of any size, labelled in constant memory, with all their columns; what was interrupted goes on."""

from sentiment.scoring.jobs import Job, Scored, plan_jobs, run_jobs, text_chunks

__all__ = ["Job", "Scored", "plan_jobs", "run_jobs", "text_chunks"]
