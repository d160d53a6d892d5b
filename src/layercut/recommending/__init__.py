"""From a pretrained model and a folder of images to a recommendation, in a budget of minutes."""

from layercut.recommending.call import recommend
from layercut.recommending.outcome import Recommendation, read_recommendation

__all__ = ["Recommendation", "read_recommendation", "recommend"]
