"""How well a rule chooses a condition from what a user has: its labels, not the test images."""
