"""One module a kind of job: what a worker does with it."""
