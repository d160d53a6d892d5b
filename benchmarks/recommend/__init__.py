"""What `layercut recommend` loses of the best of a study that was run as a whole."""
