"""Other ways to run the same trials, as a competent practitioner would write them; none imports layercut."""

RIVALS = {
    "plain": "benchmarks.rivals.plain",
    "in_memory": "benchmarks.rivals.in_memory",
    "lightning": "benchmarks.rivals.lightning_rival",
}
"""Contender name to the module that runs it."""
