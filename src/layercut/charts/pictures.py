"""Pictures as files inside a page."""

from __future__ import annotations

import base64
import io

from PIL import Image

from layercut.charts.chart import Picture


def data_url(picture: Picture) -> str:
    """Return a picture as a PNG in a `data:` address; no pixel is lost."""
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
