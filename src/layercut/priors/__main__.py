"""`python -m layercut.priors build LEDGER ...`: the table of gains that recommendations start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from layercut.figures import words
from layercut.priors.learned import learned_from
from layercut.priors.table import gains_hash, write_gains


def main() -> None:
    """Read studies, write the table."""
    parser = argparse.ArgumentParser(prog="python -m layercut.priors", description=__doc__)
    commands = parser.add_subparsers(required=True)
    build = commands.add_parser("build", help="make a table from the ledgers of finished studies")
    build.add_argument("ledgers", type=Path, nargs="+", metavar="LEDGER", help="output directories or ledger files")
    build.add_argument("-o", "--output", type=Path, required=True, help="the table, a CSV file")
    arguments = parser.parse_args()
    gains = learned_from(arguments.ledgers)
    write_gains(arguments.output, gains)
    studies = words.count(len({gain.study for gain in gains}), "study", "studies")
    print(f"{len(gains)} gains of {studies} in {arguments.output} ({gains_hash(gains)})")  # noqa: T201


if __name__ == "__main__":
    main()
