"""From a pretrained model and a folder of images to a recommendation, in a budget of minutes.

`call` makes one, `outcome` reads it without torch.
"""
