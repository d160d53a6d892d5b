"""One module per kind of job: what a worker does with it."""

STAGE = "layercut.stages.run:run_job"
"""What executors call."""

PRELOADED = ("layercut.stages.run", "torch._dynamo")
"""What workers need imported; the latter, because torch's optimizers import it when they are first used."""
