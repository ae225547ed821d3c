"""From a model and a data module to fitted weights."""
