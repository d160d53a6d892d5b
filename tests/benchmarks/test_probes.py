"""Every probe is timed at every place, and the table has them all."""

from benchmarks.probes import PLACES, measure, render

from layercut.probes import PROBES


def test_every_probe_has_seconds_at_every_place(monkeypatch):
    monkeypatch.setattr("benchmarks.probes.PLACES", dict.fromkeys(PLACES, (4, 2, 2)))
    result = measure(PROBES.names(), num_images=40, num_rounds=1)
    for way in ("together", "alone"):
        assert set(result[way]) == set(PROBES)
        assert all(set(seconds) == set(PLACES) and min(seconds.values()) > 0 for seconds in result[way].values())
    whole = sum(sum(seconds.values()) for seconds in result["together"].values())
    assert abs(result["total_seconds"] - whole) < 1e-9
    table = render({**result, "threads": 1})
    assert all(name in table for name in PROBES)
