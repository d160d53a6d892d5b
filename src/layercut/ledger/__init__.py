"""The append-only SQLite file of records."""

from layercut.ledger.export import parquet_available, write_csv, write_parquet
from layercut.ledger.of_one_study import open_results
from layercut.ledger.opening import LEDGER_NAME, ledger_path, run_of
from layercut.ledger.sqlite import Ledger
from layercut.ledger.status import StudyStatus, study_status

__all__ = [
    "LEDGER_NAME",
    "Ledger",
    "StudyStatus",
    "ledger_path",
    "open_results",
    "parquet_available",
    "run_of",
    "study_status",
    "write_csv",
    "write_parquet",
]
